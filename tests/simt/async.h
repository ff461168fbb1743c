/* What a block has of asynchronous machinery: barriers that count arrivals and bytes, copies and stores, products of
 * warp groups. All of it completes as late as it may, where it is waited for. */
#ifndef SIMT_ASYNC_H
#define SIMT_ASYNC_H

#include "group.h"

#include <deque>
#include <functional>
#include <map>

struct simt_arrivals {
    int32_t count; /* of a phase */
    int32_t missing;
    int32_t expected_bytes;
    int32_t copied_bytes; /* of copies that are on their way */
    int64_t phase;        /* that is going on */
    bool seen;            /* the phase before has been waited for */
    int32_t waiting;      /* threads, for the phase that is going on */
    bool announced;       /* by barriers_created() */
    int32_t creator;
    std::vector<std::function<void()>> copies; /* which land at the end of the phase */
};

struct simt_named_barrier {
    int32_t threads; /* 0: not in use */
    int32_t arrived;
    int64_t generation;
};

struct simt_store {
    simt_reading reading;
    std::function<void(const simt_reading &)> write;
};

struct simt_store_group {
    std::vector<simt_store> stores;
    bool read;
};

struct simt_warp_products {
    int64_t fences;
    size_t instructions; /* so far */
    std::vector<simt_instruction> open;
    std::deque<std::vector<simt_instruction>> groups;
};

struct simt_async {
    simt_shared shared;
    std::map<int32_t, simt_arrivals> barriers; /* by place */
    simt_named_barrier named[16];
    std::map<int32_t, std::deque<simt_store_group>> stores; /* of threads that store; the last is open */
    std::vector<simt_warp_products> products;               /* by warp */
    std::map<int32_t, std::vector<uint64_t>> history;       /* of each group's instructions */
    std::vector<int32_t> registers;                         /* of a thread, by warp */
    int64_t register_limit;                                 /* what the block's threads began with */

    explicit simt_async(const simt_block &block);
};

/* Of the running thread's block. */
simt_async &simt_asynchronous();

/* Fail if something is left undone. */
void simt_async_thread_ends();
void simt_async_block_ends(simt_block *block);

#endif
