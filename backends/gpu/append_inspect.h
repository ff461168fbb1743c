/* The arguments of varlen_kv_append, and the search for violations in its metadata. */
#ifndef VARLEN_GPU_APPEND_INSPECT_H
#define VARLEN_GPU_APPEND_INSPECT_H

#include "work_share.h"
#include "inspect.h"
#include "sequence.h"

struct append_cache {
    gpu_tensor rows;
    int64_t page_bytes; /* if paged: from a page to the next */
};

struct append_arguments {
    gpu_tensor q; /* rotated in place */
    gpu_tensor k_new;
    gpu_tensor v_new;
    append_cache k_cache;
    append_cache v_cache;
    const int32_t *cu_seqlens_new;
    const int32_t *cu_seqlens_k; /* NULL if paged */
    const int32_t *seqused_k;
    const int32_t *leftpad_k;  /* NULL: none */
    const int32_t *page_table; /* NULL: packed */
    int32_t *seqused_k_out;    /* NULL: not wanted */
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
    int32_t rotary_interleaved;
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
    side.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_K;
    side.seqused_name = VARLEN_METADATA_SEQUSED_K;
    return side;
}

/* What a sequence has, and what it is to get. */
struct append_lengths {
    int64_t used;
    int64_t added;
};

GPU_DEVICE append_lengths append_lengths_of(const append_arguments &args, int32_t b)
{
    return {args.seqused_k[b], (int64_t)args.cu_seqlens_new[b + 1] - args.cu_seqlens_new[b]};
}

/* Room and rotary positions of what sequence b gets. */
GPU_DEVICE varlen_violation inspect_room(const append_arguments &args, int32_t b)
{
    const inspected_side side = cache_side(args);
    const append_lengths lengths = append_lengths_of(args, b);
    const int64_t capacity = smaller(side_slot(side, b), (int64_t)INT32_MAX); /* seqused_k_out is 32 bits wide */
    const int64_t positions = lengths.used - side_padding(side, b) + lengths.added;
    if (lengths.used + lengths.added > capacity)
        return make_violation(VARLEN_VIOLATION_CAPACITY, VARLEN_METADATA_SEQUSED_K, b, lengths.used + lengths.added,
                              capacity);
    if (lengths.added > 0 && args.rotary_dim > 0 && positions > args.rotary_positions)
        return make_violation(VARLEN_VIOLATION_POSITION, VARLEN_METADATA_SEQUSED_K, b, positions - 1,
                              args.rotary_positions);
    return {};
}

/* Columns of sequence b's row of the page table that new rows go through; none if its lengths are wrong. */
GPU_DEVICE gpu_span appended_columns(const append_arguments &args, int32_t b)
{
    const append_lengths lengths = append_lengths_of(args, b);
    if (!args.page_table || lengths.added <= 0 || lengths.used < 0 || inspect_room(args, b).rule)
        return {0, 0};
    return {divide((int32_t)lengths.used, args.page_size),
            divide((int32_t)(lengths.used + lengths.added) - 1, args.page_size) + 1};
}

GPU_DEVICE varlen_violation inspect_append_pages(const append_arguments &args, int32_t b, const gpu_span &columns,
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
    int32_t index = (int32_t)(uint32_t)place;
    switch ((int32_t)(place >> 32)) {
    case APPEND_STAGE_CU_SEQLENS_NEW: return inspect_cu_seqlens(new_side(args), index);
    case APPEND_STAGE_LENGTHS_NEW: return inspect_lengths(new_side(args), index);
    case APPEND_STAGE_CU_SEQLENS_K: return inspect_cu_seqlens(cache_side(args), index);
    case APPEND_STAGE_LENGTHS_K: return inspect_lengths(cache_side(args), index);
    }
    varlen_violation found = inspect_room(args, index);
    return found.rule ? found : inspect_append_pages(args, index, appended_columns(args, index), 1);
}

struct append_shared {
    uint64_t place;
    int32_t many;                      /* sequences of many columns, */
    int32_t sequences[AROUND_THREADS]; /* which are these */
};

/* The slots of AROUND_THREADS sequences from `begin` on. A thread inspects the columns of its sequence, if they are
 * few; those of the others are inspected by the whole block. */
GPU_DEVICE uint64_t inspect_slots(const append_arguments &args, int32_t begin, append_shared &shared)
{
    constexpr int32_t few = 4;
    const int32_t b = begin + thread_index();
    uint64_t first = no_violation;
    if (thread_index() == 0)
        shared.many = 0;
    block_barrier();
    if (b < args.batch) {
        gpu_span columns = appended_columns(args, b);
        if (columns.end - columns.begin > few)
            shared.sequences[atomic_add(&shared.many, 1)] = b;
        else if (inspect_room(args, b).rule || inspect_append_pages(args, b, columns, 1).rule)
            first = violation_place(APPEND_STAGE_SLOTS, b);
    }
    block_barrier();
    for (int32_t n = 0; n < shared.many; n++) {
        gpu_span columns = appended_columns(args, shared.sequences[n]);
        columns.begin += thread_index();
        if (inspect_append_pages(args, shared.sequences[n], columns, AROUND_THREADS).rule)
            first = smaller(first, violation_place(APPEND_STAGE_SLOTS, shared.sequences[n]));
    }
    block_barrier();
    return first;
}

/* The place of the first violation. All threads of the block call it. */
GPU_DEVICE uint64_t inspect_append(const append_arguments &args, append_shared &shared)
{
    uint64_t added = inspect_side<AROUND_THREADS>(new_side(args), args.batch, APPEND_STAGE_CU_SEQLENS_NEW);
    uint64_t cache = inspect_side<AROUND_THREADS>(cache_side(args), args.batch, APPEND_STAGE_CU_SEQLENS_K);
    uint64_t first = smaller(added, cache);
    for (int64_t begin = 0; begin < args.batch; begin += AROUND_THREADS)
        first = smaller(first, inspect_slots(args, (int32_t)begin, shared));
    return first_place(first, &shared.place);
}

#endif
