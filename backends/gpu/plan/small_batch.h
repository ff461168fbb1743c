/* Batches that need no plan: a few sequences whose items can each have a block of their own. A launch of one
 * more kernel would cost such a call as much as its arithmetic. The first warp of every block inspects the whole batch,
 * a few words that all of them read from the cache, and finds the item that has the block's number; items stand in
 * order of the sequences, since none waits for another.
 *
 * Such kernels run for a few microseconds, most of which they wait for instructions that they execute once: everything
 * here follows from one reading of the metadata. */
#ifndef VARLEN_GPU_SMALL_BATCH_H
#define VARLEN_GPU_SMALL_BATCH_H

#include "call/scan.h"
#include "plan/batch_rules.h"
#include "plan/plan.h"

static_assert((int)SMALL_BATCH < WARP, "a thread for each element of cu_seqlens");

/* What a thread of the first warp reads. */
struct small_batch_elements {
    inspected_element queries;
    inspected_element keys;
    bool exist; /* whether there are elements of this number */
    bool end_sequence;
};

GPU_DEVICE small_batch_elements read_small_batch(const gpu_metadata &metadata)
{
    const int32_t index = thread_index();
    small_batch_elements elements = {};
    elements.exist = index <= metadata.batch;
    elements.end_sequence = elements.exist && index > 0;
    if (elements.exist) {
        elements.queries = side_element(queries_side(metadata), index);
        elements.keys = side_element(keys_side(metadata), index);
    }
    return elements;
}

/* The first place that some thread of the warp found. */
GPU_DEVICE uint64_t first_place_of_warp(uint64_t mine)
{
    if (!warp_any(mine != no_violation))
        return no_violation;
#pragma unroll
    for (int mask = 1; mask < WARP; mask *= 2)
        mine = smaller(mine, warp_xor(mine, mask));
    return mine;
}

/* By all threads of the first warp, which all get it. */
GPU_DEVICE batch_findings small_batch_findings(const gpu_metadata &metadata, const small_batch_elements &elements,
                                               int32_t validate)
{
    const inspected_side queries = queries_side(metadata);
    const inspected_side keys = keys_side(metadata);
    uint64_t first = no_violation;
    if (validate && elements.exist) {
        inspect_element(first, queries, elements.queries, STAGE_CU_SEQLENS_Q);
        inspect_element(first, keys, elements.keys, STAGE_CU_SEQLENS_K);
    }
    const bool everything = metadata.batch == 0;
    const bool in_queries = elements.end_sequence && has_gap(queries, elements.queries, metadata.batch);
    const bool in_keys = elements.end_sequence && has_gap(keys, elements.keys, metadata.batch);
    return {first_place_of_warp(first), (warp_any(in_queries || everything) ? GAPS_IN_QUERIES : 0) |
                                            (warp_any(in_keys || everything) ? GAPS_IN_KEYS : 0)};
}

/* The item of this block, as from plan_next_item, and what there is to know of the batch, into shared memory. By all
 * threads of every block. */
template <typename POLICY>
GPU_DEVICE void small_batch_item(const gpu_problem &problem, const POLICY &policy, int32_t validate,
                                 batch_findings &findings, typename POLICY::item_type &item)
{
    if (thread_index() < WARP) {
        const small_batch_elements elements = read_small_batch(problem.metadata);
        const batch_findings found = small_batch_findings(problem.metadata, elements, validate);
        gpu_sequence sequence = {};
        int32_t items = 0;
        if (elements.end_sequence && found.place == no_violation) {
            sequence = sequence_of(problem, elements.queries, elements.keys);
            items = policy.counts(sequence, SMALL_BATCH_SPLIT).items;
        }
        const quotient_and_rest number = divide_with_rest(block_index(), problem.kv_heads_divisor);
        const int32_t index = number.quotient - warp_scan(items).before;
        if (thread_index() == 0) {
            findings = found;
            item.exists = 0;
        }
        warp_barrier();
        if (index >= 0 && index < items) {
            item = policy.item(problem, sequence, SMALL_BATCH_SPLIT, index, 0);
            item.kv_head = number.rest;
            item.exists = 1;
        }
    }
    block_barrier();
}

#endif
