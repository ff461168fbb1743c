/* The arguments of varlen_kv_append, and the search for violations in its metadata. */
#ifndef VARLEN_GPU_APPEND_INSPECT_H
#define VARLEN_GPU_APPEND_INSPECT_H

#include "around/work_share.h"
#include "call/inspect.h"
#include "call/sequence.h"

struct append_cache {
    gpu_tensor rows;
    int64_t page_bytes; /* if paged: from a page to the next */
};

/* Columns of rows that are rotated: all of them, or those around the rotated ones. */
struct rotated_columns {
    gpu_tensor rows; /* from the first of the columns on */
    int32_t dim;     /* how many columns */
    int32_t begin;   /* the first that turns */
};

struct append_arguments {
    rotated_columns q; /* in place */
    gpu_tensor k_new;
    gpu_tensor v_new;
    append_cache k_cache;
    append_cache v_cache;  /* no data: keys alone are appended, or the cache has no rows */
    append_cache k_scales; /* a float for each row of each head; no data: all are 1 */
    append_cache v_scales;
    const int32_t *cu_seqlens_new;
    const int32_t *cu_seqlens_k; /* NULL if paged */
    const int32_t *seqused_k;
    const int32_t *leftpad_k; /* NULL: none */
    const int32_t *page_table;
    int32_t *seqused_k_out; /* NULL: not wanted */
    const float *rotary_cos;
    const float *rotary_sin;
    int64_t rotary_positions;
    int64_t total_new;
    int64_t total_k;
    int64_t page_count;
    int32_t batch;
    int32_t kv_heads;
    int32_t q_heads; /* 0: no queries to rotate */
    int32_t head_dim;
    int32_t value_dim;
    int32_t rotary_dim; /* 0: no rotation */
    int32_t rotary_begin;
    int32_t rotary_interleaved;
    int32_t cache_dtype;  /* of a quantised cache: a varlen_dtype; 0: it is not */
    int32_t scales_given; /* whether its scales are read, not written */
    int32_t paged;        /* whether page_size > 0 */
    int32_t page_table_width;
    fast_divisor page_size;
    int32_t validate;
    violation_mailbox mailbox;
};

/* In the order in which the first violation is looked for. */
enum append_stage {
    APPEND_STAGE_CU_SEQLENS_NEW,
    APPEND_STAGE_LENGTHS_NEW,
    APPEND_STAGE_CU_SEQLENS_K,
    APPEND_STAGE_LENGTHS_K,
    APPEND_STAGE_SLOTS, /* index: the sequence. Capacity, positions, pages */
};

GPU_DEVICE inspected_side new_side(const append_arguments &args)
{
    inspected_side side = {};
    side.cu_seqlens = args.cu_seqlens_new;
    side.total = args.total_new;
    side.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_NEW;
    return side;
}

GPU_DEVICE inspected_side cache_side(const append_arguments &args)
{
    inspected_side side = {};
    side.cu_seqlens = args.cu_seqlens_k;
    side.seqused = args.seqused_k;
    side.leftpad = args.leftpad_k;
    side.total = args.total_k;
    side.paged_rows = (int64_t)args.page_size.divisor * args.page_table_width;
    side.page_table_width = args.page_table_width;
    side.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_K;
    side.seqused_name = VARLEN_METADATA_SEQUSED_K;
    side.leftpad_name = VARLEN_METADATA_LEFTPAD_K;
    return side;
}

/* Of both sides: the sequence that ends here has `used` keys, and gets the rows between two elements of cu_seqlens_new.
 */
struct append_element {
    inspected_element added;
    inspected_element cache;
};

GPU_DEVICE append_element append_element_at(const append_arguments &args, int32_t index)
{
    return {side_element(new_side(args), index), side_element(cache_side(args), index)};
}

GPU_DEVICE int64_t rows_added(const append_element &element)
{
    return (int64_t)element.added.value - element.added.before;
}

/* Room and rotary positions of what a sequence gets. */
GPU_DEVICE varlen_violation inspect_room(const append_arguments &args, const append_element &element)
{
    const int32_t b = element.added.index - 1;
    const inspected_side side = cache_side(args);
    const int64_t slot = side.cu_seqlens ? (int64_t)element.cache.value - element.cache.before : side.paged_rows;
    const int64_t keys = element.cache.used + rows_added(element);
    const int64_t positions = keys - element.cache.padding;
    if (b < 0)
        return {};
    if (keys > slot)
        return slot_violation(side, VARLEN_VIOLATION_CAPACITY, VARLEN_VIOLATION_PAGED_CAPACITY, b, keys, slot);
    if (keys > INT32_MAX) /* seqused_k_out is 32 bits wide */
        return make_violation(VARLEN_VIOLATION_COUNT, VARLEN_METADATA_SEQUSED_K, b, keys, INT32_MAX);
    if (rows_added(element) > 0 && args.rotary_dim > 0 && positions > args.rotary_positions)
        return make_violation(VARLEN_VIOLATION_POSITION, VARLEN_METADATA_SEQUSED_K, b, positions - 1,
                              args.rotary_positions);
    return {};
}

/* Columns of a sequence's row of the page table that new rows go through; none if its lengths are wrong. */
GPU_DEVICE gpu_span appended_columns(const append_arguments &args, const append_element &element)
{
    const int64_t added = rows_added(element);
    const int32_t used = element.cache.used;
    if (!args.paged || element.added.index == 0 || added <= 0 || used < 0 || inspect_room(args, element).rule)
        return {0, 0};
    return {divide(used, args.page_size), divide((int32_t)(used + added - 1), args.page_size) + 1};
}

/* Columns begin, begin + step, ... */
GPU_DEVICE varlen_violation inspect_columns(const append_arguments &args, int32_t b, const gpu_span &columns,
                                            int32_t step)
{
    const inspected_pages pages = {args.page_table, args.page_table_width, (int32_t)args.page_size.divisor,
                                   args.page_count};
    varlen_violation found = {};
    for (int32_t column = columns.begin; column < columns.end && !found.rule; column += step)
        found = inspect_page(pages, b, column);
    return found;
}

/* The violation at a place, for those who report it. */
GPU_DEVICE varlen_violation append_violation_at(const append_arguments &args, uint64_t place)
{
    const int32_t index = (int32_t)(uint32_t)place;
    switch ((int32_t)(place >> 32)) {
    case APPEND_STAGE_CU_SEQLENS_NEW: return inspect_cu_seqlens(new_side(args), index);
    case APPEND_STAGE_LENGTHS_NEW: return inspect_lengths(new_side(args), index);
    case APPEND_STAGE_CU_SEQLENS_K: return inspect_cu_seqlens(cache_side(args), index);
    case APPEND_STAGE_LENGTHS_K: return inspect_lengths(cache_side(args), index);
    }
    const append_element element = append_element_at(args, index + 1);
    const varlen_violation found = inspect_room(args, element);
    return found.rule ? found : inspect_columns(args, index, appended_columns(args, element), 1);
}

enum {
    APPEND_AT_ONCE = 4,     /* elements to a thread */
    APPEND_OWN_COLUMNS = 4, /* that the thread of a sequence inspects by itself; more are for the whole block */
};

struct append_shared {
    uint64_t place;
    int32_t long_count; /* sequences of more columns, */
    int32_t long_sequences[AROUND_THREADS * APPEND_AT_ONCE];
};

GPU_DEVICE uint64_t inspect_append_element(const append_arguments &args, const append_element &element,
                                           append_shared &shared)
{
    const int32_t index = element.added.index;
    uint64_t first = no_violation;
    note_violation(first, inspect_cu_seqlens(new_side(args), element.added), APPEND_STAGE_CU_SEQLENS_NEW, index);
    note_violation(first, inspect_lengths(new_side(args), element.added), APPEND_STAGE_LENGTHS_NEW, index - 1);
    note_violation(first, inspect_cu_seqlens(cache_side(args), element.cache), APPEND_STAGE_CU_SEQLENS_K, index);
    note_violation(first, inspect_lengths(cache_side(args), element.cache), APPEND_STAGE_LENGTHS_K, index - 1);
    note_violation(first, inspect_room(args, element), APPEND_STAGE_SLOTS, index - 1);
    const gpu_span columns = appended_columns(args, element);
    if (columns.end - columns.begin > APPEND_OWN_COLUMNS)
        shared.long_sequences[atomic_add(&shared.long_count, 1)] = index - 1;
    else
        note_violation(first, inspect_columns(args, index - 1, columns, 1), APPEND_STAGE_SLOTS, index - 1);
    return first;
}

/* The columns of the sequences that were left for the whole block. */
GPU_DEVICE uint64_t inspect_long_sequences(const append_arguments &args, const append_shared &shared)
{
    uint64_t first = no_violation;
    for (int32_t n = 0; n < shared.long_count; n++) {
        const int32_t b = shared.long_sequences[n];
        gpu_span columns = appended_columns(args, append_element_at(args, b + 1));
        columns.begin += thread_index();
        note_violation(first, inspect_columns(args, b, columns, AROUND_THREADS), APPEND_STAGE_SLOTS, b);
    }
    return first;
}

/* The place of the first violation. All threads of the block call it. */
GPU_DEVICE uint64_t inspect_append(const append_arguments &args, append_shared &shared)
{
    uint64_t first = no_violation;
    for (int64_t begin = 0; begin <= args.batch; begin += AROUND_THREADS * APPEND_AT_ONCE) {
        append_element elements[APPEND_AT_ONCE]; /* element 0, which is no sequence's end, where there are no more */
        if (thread_index() == 0)
            shared.long_count = 0;
        block_barrier();
#pragma unroll
        for (int i = 0; i < APPEND_AT_ONCE; i++) {
            const int64_t index = begin + i * AROUND_THREADS + thread_index();
            elements[i] = append_element_at(args, index <= args.batch ? (int32_t)index : 0);
        }
#pragma unroll
        for (int i = 0; i < APPEND_AT_ONCE; i++)
            first = smaller(first, inspect_append_element(args, elements[i], shared));
        block_barrier();
        first = smaller(first, inspect_long_sequences(args, shared));
        block_barrier();
    }
    return first_place(first, &shared.place);
}

#endif
