/* A block's shared memory as asynchronous operations see it. Threads write it in the ordinary way and must fence what
 * those operations are to read; copies write it at some time before they are waited for; products and stores read it at
 * some time before they are. Each of these is told here, and whoever comes too early fails. */
#ifndef SIMT_SHARED_TRACK_H
#define SIMT_SHARED_TRACK_H

#include "machine.h"

/* Of what a copy or a thread has written: the bytes of its swizzle, 0, or not known. */
constexpr int simt_any_layout = -1;

struct simt_shared {
    struct piece { /* 16 bytes */
        int16_t layout;
        bool on_its_way; /* by a copy that has not been waited for */
        int16_t readers; /* products and stores that are under way */
    };

    char *base;
    int32_t bytes;
    std::vector<char> known;                   /* what has been written by means that are told here */
    std::vector<int16_t> unfenced;             /* by word: 1 + the thread that wrote it and has not fenced since */
    std::vector<std::vector<int32_t>> written; /* the words that a thread has not fenced, some twice; by 1 + thread */
    std::vector<piece> pieces;

    explicit simt_shared(const simt_block &block);

    /* The place in shared memory, in bytes; fails if it is not there. `what` says what names it. */
    int32_t offset(const void *address, int32_t size, const char *what) const;

    /* The running thread has written in the ordinary way. */
    void wrote(int32_t at, int32_t size);
    void fence();

    /* A copy begins, after which the piece holds NaNs; and it lands. */
    void begin_write(int32_t at);
    void end_write(int32_t at, const char (&content)[16], int layout);

    /* An asynchronous operation may read the piece from now on; and it has. The content must be the same then. */
    void begin_read(int32_t at, int layout, const char *reader);
    void end_read(int32_t at, const char *content, const char *reader);
};

/* Pieces that one operation reads. */
struct simt_reading {
    const char *reader;
    std::vector<int32_t> places;
    std::vector<char> content; /* 16 bytes each */

    /* So many more pieces are to begin. */
    void expect(int count);

    /* Returns the number of the piece. */
    size_t begin(simt_shared &shared, int32_t at, int layout);
    void end(simt_shared &shared) const;
};

/* Where a byte lies whose place without a swizzle is `at`. */
inline int32_t simt_swizzled(int32_t at, int swizzle)
{
    return swizzle ? at ^ (at / 128 % (swizzle / 16)) * 16 : at;
}

#endif
