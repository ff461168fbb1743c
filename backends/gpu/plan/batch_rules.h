/* The rules for the metadata of attention, and which of its rows are in no sequence. */
#ifndef VARLEN_GPU_BATCH_RULES_H
#define VARLEN_GPU_BATCH_RULES_H

#include "call/inspect.h"
#include "call/mask.h"

/* In the order in which the first violation is looked for. */
enum plan_stage {
    STAGE_CU_SEQLENS_Q,
    STAGE_LENGTHS_Q,
    STAGE_CU_SEQLENS_K,
    STAGE_LENGTHS_K,
    STAGE_PAGES, /* index: the sequence, as in the next two */
    STAGE_ROWS,
    STAGE_SHARED_KEYS,
};

GPU_DEVICE inspected_side queries_side(const gpu_metadata &metadata)
{
    inspected_side side = {};
    side.cu_seqlens = metadata.cu_seqlens_q;
    side.seqused = metadata.seqused_q;
    side.leftpad = metadata.leftpad_q;
    side.total = metadata.total_q;
    side.maximum = metadata.max_seqlen_q;
    side.maximum_is_known = metadata.max_seqlen_q > 0;
    side.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_Q;
    side.seqused_name = VARLEN_METADATA_SEQUSED_Q;
    side.leftpad_name = VARLEN_METADATA_LEFTPAD_Q;
    return side;
}

GPU_DEVICE inspected_side keys_side(const gpu_metadata &metadata)
{
    inspected_side side = {};
    side.cu_seqlens = metadata.cu_seqlens_k;
    side.starts = metadata.key_starts;
    side.seqused = metadata.seqused_k;
    side.leftpad = metadata.leftpad_k;
    side.total = metadata.total_k;
    side.paged_rows = (int64_t)metadata.page_size.divisor * metadata.page_table_width;
    side.page_table_width = metadata.page_table_width;
    side.maximum = metadata.max_seqlen_k;
    side.maximum_is_known = metadata.max_seqlen_k > 0;
    side.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_K;
    side.seqused_name = VARLEN_METADATA_SEQUSED_K;
    side.leftpad_name = VARLEN_METADATA_LEFTPAD_K;
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

/* Rows of k that are a sequence's, where key_starts says where they begin; none if its lengths are wrong. */
GPU_DEVICE gpu_span started_keys(const gpu_metadata &metadata, int32_t b)
{
    const int64_t start = metadata.key_starts[b];
    const int64_t begin = start + (metadata.leftpad_k ? metadata.leftpad_k[b] : 0);
    const int64_t end = start + metadata.seqused_k[b];
    return begin >= 0 && begin < end && end <= metadata.total_k ? gpu_span{(int32_t)begin, (int32_t)end}
                                                                : gpu_span{0, 0};
}

/* The first sequence before b that has some of its keys; b if none has. */
GPU_DEVICE int32_t sharer_before(const gpu_metadata &metadata, int32_t b)
{
    const gpu_span keys = started_keys(metadata, b);
    int32_t other = 0;
    while (other < b) {
        const gpu_span others = started_keys(metadata, other);
        if (keys.begin < others.end && others.begin < keys.end)
            break;
        other++;
    }
    return other;
}

/* Told of the one that begins later. */
GPU_DEVICE varlen_violation shared_keys_violation(const gpu_metadata &metadata, int32_t b)
{
    const int32_t other = sharer_before(metadata, b);
    const bool later = started_keys(metadata, b).begin >= started_keys(metadata, other).begin;
    const int32_t named = later ? b : other;
    const int32_t first = later ? other : b;
    varlen_violation violation = make_violation(VARLEN_VIOLATION_SHARED, VARLEN_METADATA_KEY_STARTS, named,
                                                started_keys(metadata, named).begin, started_keys(metadata, first).end);
    violation.column = first;
    return violation;
}

/* key_begin or key_end of a row. */
GPU_DEVICE varlen_violation inspect_row_bound(varlen_metadata name, const int32_t *bounds, int32_t row, int32_t keys)
{
    const int32_t value = bounds ? bounds[row] : 0;
    if (value < 0)
        return make_violation(VARLEN_VIOLATION_NEGATIVE, name, row, value, 0);
    return value > keys ? make_violation(VARLEN_VIOLATION_RANGE, name, row, value, keys) : varlen_violation{};
}

/* What the rows of a sequence say that they see, in the order in which it is looked at. By the thread that reports. */
GPU_DEVICE varlen_violation inspect_rows(const gpu_problem &problem, int32_t b)
{
    const gpu_sequence sequence = sequence_at(problem, b);
    varlen_violation found = {};
    if (problem.tree_mask && sequence.queries > TREE_QUERIES)
        return make_violation(VARLEN_VIOLATION_TREE, VARLEN_METADATA_TREE_MASK, b, sequence.queries, TREE_QUERIES);
    const int32_t end = sequence.first_query + sequence.queries;
    for (int32_t row = sequence.first_query; row < end && !found.rule; row++)
        found = inspect_row_bound(VARLEN_METADATA_KEY_BEGIN, problem.key_begin, row, sequence.keys);
    for (int32_t row = sequence.first_query; row < end && !found.rule; row++)
        found = inspect_row_bound(VARLEN_METADATA_KEY_END, problem.key_end, row, sequence.keys);
    return found;
}

/* The violation at a place, for those who report it. */
GPU_DEVICE varlen_violation violation_at(const gpu_problem &problem, uint64_t place)
{
    const gpu_metadata &metadata = problem.metadata;
    int32_t index = (int32_t)(uint32_t)place;
    switch ((int32_t)(place >> 32)) {
    case STAGE_CU_SEQLENS_Q: return inspect_cu_seqlens(queries_side(metadata), index);
    case STAGE_LENGTHS_Q: return inspect_lengths(queries_side(metadata), index);
    case STAGE_CU_SEQLENS_K: return inspect_cu_seqlens(keys_side(metadata), index);
    case STAGE_LENGTHS_K: return inspect_lengths(keys_side(metadata), index);
    case STAGE_ROWS: return inspect_rows(problem, index);
    case STAGE_SHARED_KEYS: return shared_keys_violation(metadata, index);
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
    const int32_t used_queries = metadata.seqused_q ? queries.used : wrapped_difference(queries.value, queries.before);
    const int32_t used_keys = metadata.seqused_k ? keys.used : wrapped_difference(keys.value, keys.before);
    gpu_sequence sequence = {};
    sequence.index = queries.index - 1;
    sequence.first_query = wrapped_sum(queries.before, queries.padding);
    sequence.queries = wrapped_difference(used_queries, queries.padding);
    sequence.first_key = wrapped_sum(keys.before, keys.padding);
    sequence.keys = wrapped_difference(used_keys, keys.padding);
    if (metadata.query_positions && sequence.index >= 0)
        sequence.shift = metadata.query_positions[sequence.index];
    else
        sequence.shift = problem.top_left ? 0 : wrapped_difference(sequence.keys, sequence.queries);
    return sequence;
}

/* Whether the slot that ends at an element, or what comes behind the last slot, has rows that are not in use. */
GPU_DEVICE bool has_gap(const inspected_side &side, const inspected_element &element, int32_t batch)
{
    if (!side.cu_seqlens)
        return side.starts != nullptr;
    const int64_t slot = (int64_t)element.value - element.before;
    return (side.seqused && element.used < slot) || element.padding > 0 ||
           (element.index == batch && element.value < side.total);
}

#endif
