/* The rules for the metadata of attention, and which of its rows are in no sequence. */
#ifndef VARLEN_GPU_BATCH_RULES_H
#define VARLEN_GPU_BATCH_RULES_H

#include "call/inspect.h"
#include "call/sequence.h"

/* In the order in which the first violation is looked for. */
enum plan_stage {
    STAGE_CU_SEQLENS_Q,
    STAGE_LENGTHS_Q,
    STAGE_CU_SEQLENS_K,
    STAGE_LENGTHS_K,
    STAGE_PAGES, /* index: the sequence */
};

GPU_DEVICE inspected_side queries_side(const gpu_metadata &metadata)
{
    inspected_side side = {};
    side.cu_seqlens = metadata.cu_seqlens_q;
    side.seqused = metadata.seqused_q;
    side.total = metadata.total_q;
    side.maximum = metadata.max_seqlen_q;
    side.maximum_is_known = metadata.max_seqlen_q > 0;
    side.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_Q;
    side.seqused_name = VARLEN_METADATA_SEQUSED_Q;
    return side;
}

GPU_DEVICE inspected_side keys_side(const gpu_metadata &metadata)
{
    inspected_side side = {};
    side.cu_seqlens = metadata.cu_seqlens_k;
    side.seqused = metadata.seqused_k;
    side.leftpad = metadata.leftpad_k;
    side.total = metadata.total_k;
    side.paged_rows = (int64_t)metadata.page_size.divisor * metadata.page_table_width;
    side.page_table_width = metadata.page_table_width;
    side.maximum = metadata.max_seqlen_k;
    side.maximum_is_known = metadata.max_seqlen_k > 0;
    side.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_K;
    side.seqused_name = VARLEN_METADATA_SEQUSED_K;
    return side;
}

GPU_DEVICE inspected_pages pages_of(const gpu_metadata &metadata)
{
    inspected_pages pages = {};
    pages.table = metadata.page_table;
    pages.width = metadata.page_table_width;
    pages.page_size = (int32_t)metadata.page_size.divisor;
    pages.page_count = metadata.page_count;
    return pages;
}

/* Columns of a sequence's row of the page table that are in use; none if its lengths are wrong. */
GPU_DEVICE gpu_span used_columns(const gpu_metadata &metadata, int32_t b)
{
    inspected_side keys = keys_side(metadata);
    if (inspect_lengths(keys, b).rule || side_padding(keys, b) == side_used(keys, b))
        return {0, 0};
    return {divide((int32_t)side_padding(keys, b), metadata.page_size),
            divide((int32_t)side_used(keys, b) - 1, metadata.page_size) + 1};
}

/* The violation at a place, for those who report it. */
GPU_DEVICE varlen_violation violation_at(const gpu_metadata &metadata, uint64_t place)
{
    int32_t index = (int32_t)(uint32_t)place;
    switch ((int32_t)(place >> 32)) {
    case STAGE_CU_SEQLENS_Q: return inspect_cu_seqlens(queries_side(metadata), index);
    case STAGE_LENGTHS_Q: return inspect_lengths(queries_side(metadata), index);
    case STAGE_CU_SEQLENS_K: return inspect_cu_seqlens(keys_side(metadata), index);
    case STAGE_LENGTHS_K: return inspect_lengths(keys_side(metadata), index);
    }
    gpu_span columns = used_columns(metadata, index);
    varlen_violation found = {};
    for (int32_t column = columns.begin; column < columns.end && !found.rule; column++)
        found = inspect_page(pages_of(metadata), index, column);
    return found;
}

/* The sequence that ends at elements of both sides: what sequence_at reads. It is made before anybody knows whether the
 * batch keeps the rules, and then not used. */
GPU_DEVICE gpu_sequence sequence_of(const gpu_problem &problem, const inspected_element &queries,
                                    const inspected_element &keys)
{
    const gpu_metadata &metadata = problem.metadata;
    const int32_t used_keys = metadata.seqused_k ? keys.used : wrapped_difference(keys.value, keys.before);
    gpu_sequence sequence = {};
    sequence.index = queries.index - 1;
    sequence.first_query = queries.before;
    sequence.queries = metadata.seqused_q ? queries.used : wrapped_difference(queries.value, queries.before);
    sequence.first_key = wrapped_sum(keys.before, keys.padding);
    sequence.keys = wrapped_difference(used_keys, keys.padding);
    sequence.shift = problem.top_left ? 0 : wrapped_difference(sequence.keys, sequence.queries);
    return sequence;
}

/* Whether the slot that ends at an element, or what comes behind the last slot, has rows that are not in use. */
GPU_DEVICE bool has_gap(const inspected_side &side, const inspected_element &element, int32_t batch)
{
    if (!side.cu_seqlens)
        return false;
    const int64_t slot = (int64_t)element.value - element.before;
    return (side.seqused && element.used < slot) || element.padding > 0 ||
           (element.index == batch && element.value < side.total);
}

#endif
