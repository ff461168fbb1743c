/* Batches that need no plan: a few sequences whose items can each have a block of threads of their own. A launch of one
 * more kernel would cost such a call as much as its arithmetic. Every block of the computing kernel inspects the whole
 * batch, a few words that all of them read from the cache, and finds the item that has the block's number; items stand
 * in order of the sequences, since none waits for another. Nothing is written to the workspace. */
#ifndef VARLEN_GPU_SMALL_BATCH_H
#define VARLEN_GPU_SMALL_BATCH_H

#include "plan_kernel.h"

enum {
    SMALL_BATCH = 16,             /* sequences, at most: fewer than threads of a block */
    SMALL_BATCH_SPLIT = INT32_MAX /* for a policy: keys are not split */
};

/* Shared memory; nobody needs it any more when the item has been found. */
template <int THREADS> struct small_batch_memory {
    uint64_t place;
    found_gaps gaps;
    block_scan_memory<THREADS> scan;
};

/* Both sides' words are read before any rule is looked at. */
GPU_DEVICE uint64_t inspect_small_batch(const gpu_metadata &metadata)
{
    const int32_t index = thread_index();
    uint64_t first = no_violation;
    if (index > metadata.batch)
        return first;
    const inspected_side queries = queries_side(metadata);
    const inspected_side keys = keys_side(metadata);
    const inspected_element of_queries = side_element(queries, index);
    const inspected_element of_keys = side_element(keys, index);
    inspect_element(first, queries, of_queries, STAGE_CU_SEQLENS_Q);
    inspect_element(first, keys, of_keys, STAGE_CU_SEQLENS_K);
    return first;
}

/* By all threads of every block. */
template <int THREADS>
GPU_DEVICE batch_findings small_batch_findings(const gpu_metadata &metadata, int32_t validate,
                                               small_batch_memory<THREADS> &memory)
{
    static_assert((int)SMALL_BATCH < THREADS, "a thread for each element of cu_seqlens");
    const int32_t b = thread_index();
    if (b == 0)
        memory.gaps = gaps_before_search(metadata);
    const uint64_t place = first_place(validate ? inspect_small_batch(metadata) : no_violation, &memory.place);
    if (place != no_violation)
        return {place, 0};
    if (b < metadata.batch)
        find_gaps(metadata, b, memory.gaps);
    block_barrier();
    return {place, memory.gaps.in_queries | memory.gaps.in_keys};
}

/* The item of this block, into shared memory: as from plan_next_item. */
template <int THREADS, typename POLICY>
GPU_DEVICE void small_batch_item(const gpu_problem &problem, const POLICY &policy, typename POLICY::item_type &item,
                                 small_batch_memory<THREADS> &memory)
{
    const quotient_and_rest place = divide_with_rest(block_index(), problem.kv_heads_divisor);
    gpu_sequence sequence = {};
    int32_t items = 0;
    if (thread_index() < problem.metadata.batch) {
        sequence = sequence_at(problem, thread_index());
        items = policy.counts(sequence, SMALL_BATCH_SPLIT).items;
    }
    if (thread_index() == 0)
        item.exists = 0;
    const int32_t index = place.quotient - block_scan(memory.scan, items).before;
    if (index >= 0 && index < items) {
        item = policy.item(problem, sequence, SMALL_BATCH_SPLIT, index, 0);
        item.kv_head = place.rest;
        item.exists = 1;
    }
    block_barrier();
}

#endif
