/* Pieces of device memory between guard zones, with a copy on the host of what they should hold. After a call, whatever
 * the call had no business with must still be as the copy says.
 *
 * A block is one window of memory, or, where strides reach past 2^31 elements, several far apart: nothing between the
 * windows is ever touched. */
#ifndef VARLEN_TESTS_DEVICE_BLOCK_H
#define VARLEN_TESTS_DEVICE_BLOCK_H

#include "session.h"

enum {
    BLOCK_GUARD = 320,       /* bytes before and after the contents of each window, which are so aligned to 64 alone */
    BLOCK_INPUT_FILL = 0xFF, /* a NaN in every dtype */
    BLOCK_OUTPUT_FILL = 0xA5 /* the canaries around outputs */
};

typedef struct device_block device_block;
struct device_block {
    const char *name;
    unsigned char *data;  /* on the device: the contents of the first window */
    unsigned char *image; /* on the host: windows one after the other, guards included */
    unsigned char *seen;  /* likewise: what block_list_download found */
    int64_t windows;
    int64_t window_size;   /* bytes of contents */
    int64_t window_stride; /* bytes on the device from the contents of a window to the next */
    device_block *older;
};

typedef struct block_list {
    device_session *session;
    device_block *newest;
} block_list;

/* A block filled with one byte. Skips the case if the device has no room for it. */
device_block *block_add(block_list *list, const char *name, int64_t size, uint8_t fill);
device_block *block_add_windows(block_list *list, const char *name, int64_t windows, int64_t window_size,
                                int64_t window_stride, uint8_t fill);

/* A block that holds a copy of `size` bytes; NULL for NULL. */
device_block *block_add_copy(block_list *list, const char *name, const void *contents, int64_t size);

/* Where the byte `offset` of the contents on the device lies in `image` or `seen`. */
unsigned char *block_at(const device_block *block, unsigned char *copy, int64_t offset);

void *block_data(const device_block *block); /* on the device; NULL for NULL */

void block_list_upload(const block_list *list);
void block_list_download(const block_list *list);

/* Takes what was seen as it should be: for contents that calls may use freely. */
void block_accept(device_block *block);

/* Fails the case unless what was seen is what should be there. */
void block_list_check(const block_list *list);

#endif
