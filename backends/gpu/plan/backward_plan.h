/* What the backward pass is cut into: items, which are tiles of keys of one sequence and kv head, and blocks of query
 * rows. A tile's dk and dv are sums over blocks, kept by the item; a block's dq is a sum over tiles. */
#ifndef VARLEN_GPU_BACKWARD_PLAN_H
#define VARLEN_GPU_BACKWARD_PLAN_H

#include "call/rows.h"
#include "plan/plan_kernel.h"

/* How one kernel cuts. */
struct backward_shape {
    int32_t tile_keys;
    int32_t block_rows;
    int32_t head_dim;    /* that rows of the accumulator of dq have */
    int32_t copied_rows; /* at a time: see row_stride */
};

/* From a query row to the one `copied_rows` behind it, without a division: on by `bytes` and `heads`, and, where that
 * passes the last head of the group, to the next token. */
struct row_stride {
    int64_t bytes;
    int64_t carry_bytes;
    int32_t heads;
};

struct row_walk {
    const char *row;
    int32_t head; /* of the group */
};

GPU_DEVICE void walk_on(row_walk &walk, const row_stride &stride, int32_t group)
{
    walk.row += stride.bytes;
    walk.head += stride.heads;
    if (walk.head >= group) {
        walk.row += stride.carry_bytes;
        walk.head -= group;
    }
}

struct alignas(64) backward_item {
    gpu_sequence sequence;
    int32_t tile; /* of the sequence */
    int32_t first_key;
    int32_t keys;
    int32_t first_block; /* blocks of the sequence that see some of the keys */
    int32_t end_block;
    int32_t first_whole; /* blocks all of whose rows see all keys of a whole tile; none if end is at or below first */
    int32_t end_whole;
    int32_t rows;       /* of the sequence */
    int64_t block_base; /* number of the sequence's block 0, */
    int64_t sum_base;   /* and among those whose dq is summed */
    int32_t kv_head;    /* of who took it */
    int32_t exists;     /* to whoever took it: 0, no item is left */
};

struct backward_arguments {
    gpu_problem problem;
    gpu_plan plan;
    backward_item *items;
    backward_shape shape;
    gpu_tensor out;
    gpu_tensor dout;
    gpu_tensor dq;
    gpu_tensor dk;
    gpu_tensor dv;
    row_stride q_stride;
    row_stride dout_stride;
    const float *lse;
    float *dsinks;      /* NULL: not wanted */
    float *dsink_parts; /* [q_heads][row_blocks] */
    float *statistics;  /* [kv_heads][row_blocks][2][block_rows]: lse in units of log2, then delta */
    float *dq_sums;     /* [kv_heads][sum_blocks][block_rows * head_dim]: in whatever order suits the threads */
    int32_t *turns;     /* [kv_heads][sum_blocks]: tiles that have added to dq_sums; NULL: in any order */
    int64_t row_blocks; /* of all sequences, under one kv head */
    int64_t sum_blocks; /* of those whose dq is summed */
    violation_mailbox mailbox;
    int32_t validate;
    int32_t one_tile_each; /* no sequence has more keys than a tile: no dq is summed */
};

/* Queries that see every key in first .. end - 1. */
GPU_DEVICE gpu_span queries_that_see_all(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first,
                                         int32_t end)
{
    gpu_span span = {0, sequence.queries};
    if (problem.window_right != VARLEN_UNBOUNDED)
        span.begin = clamped((int64_t)end - 1 - problem.window_right - sequence.shift, sequence.queries);
    if (problem.window_left != VARLEN_UNBOUNDED)
        span.end = clamped((int64_t)first + 1 + problem.window_left - sequence.shift, sequence.queries);
    return span;
}

/* Blocks of sequence b begin with this number: no two sequences overlap, whatever the lengths before b. Each that has
 * blocks begins a row behind the one before. */
GPU_DEVICE int64_t first_row_block(const gpu_problem &problem, int32_t block_rows, int32_t b)
{
    const int32_t query = problem.metadata.cu_seqlens_q[b];
    return (int64_t)query * problem.group.divisor / block_rows + smaller(b, query);
}

/* How much lower that number is where only blocks of sequences that have more keys than a tile count. */
GPU_DEVICE int32_t blocks_without_sums(const gpu_problem &problem, const backward_shape &shape, int32_t b)
{
    const int32_t before = smaller(b, problem.metadata.cu_seqlens_q[b]);
    return before - smaller(before, problem.metadata.cu_seqlens_k[b] / (shape.tile_keys + 1));
}

/* The keys that some row of a block sees. */
GPU_DEVICE gpu_span keys_of_rows(const gpu_problem &problem, const gpu_sequence &sequence, int32_t first_row,
                                 int32_t rows)
{
    gpu_span seen = keys_seen_by(problem, sequence, divide(first_row, problem.group),
                                 divide(first_row + rows - 1, problem.group) + 1);
    return seen.begin < seen.end ? seen : gpu_span{0, 0};
}

/* A block of rows. */
struct backward_rows {
    gpu_sequence sequence;
    int32_t first_row;
    int32_t rows; /* 0: there is no such block */
    gpu_span keys;
};

/* Block `index` of a sequence. */
GPU_DEVICE backward_rows backward_rows_of(const gpu_problem &problem, int32_t block_rows, const gpu_sequence &sequence,
                                          int64_t index)
{
    backward_rows block = {};
    block.sequence = sequence;
    const int64_t first = index * block_rows;
    const int64_t rows = (int64_t)sequence.queries * problem.group.divisor;
    if (first >= rows)
        return block;
    block.first_row = (int32_t)first;
    block.rows = (int32_t)smaller(rows - first, (int64_t)block_rows);
    block.keys = keys_of_rows(problem, sequence, block.first_row, block.rows);
    return block;
}

/* Whether a number is at or past that of the sequence's first block. Many are asked, so there is no division. */
GPU_DEVICE bool row_blocks_begin_by(const gpu_problem &problem, int32_t block_rows, int32_t b, int64_t number)
{
    const int32_t query = problem.metadata.cu_seqlens_q[b];
    return (int64_t)query * problem.group.divisor < (number + 1 - smaller(b, query)) * block_rows;
}

/* The block that has a number among those of all sequences. */
GPU_DEVICE backward_rows backward_rows_at(const gpu_problem &problem, int32_t block_rows, int64_t number)
{
    int32_t low = 0;
    int32_t high = problem.metadata.batch - 1;
    while (low < high) {
        int32_t middle = low + (high - low + 1) / 2;
        if (row_blocks_begin_by(problem, block_rows, middle, number))
            low = middle;
        else
            high = middle - 1;
    }
    return backward_rows_of(problem, block_rows, sequence_at(problem, low),
                            number - first_row_block(problem, block_rows, low));
}

/* Whether dq of a sequence's rows is the sum over several tiles. */
GPU_DEVICE bool dq_is_summed(const gpu_sequence &sequence, const backward_shape &shape)
{
    return sequence.keys > shape.tile_keys;
}

struct backward_policy {
    using item_type = backward_item;

    fast_divisor group;
    backward_shape shape;

    GPU_DEVICE int64_t work(const gpu_sequence &) const
    {
        return 0;
    }

    GPU_DEVICE int32_t choose_split(int64_t) const
    {
        return 0;
    }

    GPU_DEVICE int64_t weight(const gpu_sequence &sequence, int32_t) const
    {
        return (int64_t)sequence.queries * group.divisor;
    }

    GPU_DEVICE plan_counts counts(const gpu_sequence &sequence, int32_t) const
    {
        return {divide_up(sequence.keys, shape.tile_keys), 0};
    }

    /* Tiles of a sequence go in order: those that wait for others are taken after them. */
    GPU_DEVICE backward_item item(const gpu_problem &problem, const gpu_sequence &sequence, int32_t, int32_t index,
                                  int32_t) const
    {
        backward_item item = {};
        item.sequence = sequence;
        item.tile = index;
        item.first_key = index * shape.tile_keys;
        item.keys = smaller(shape.tile_keys, sequence.keys - item.first_key);
        gpu_span queries = queries_that_see(problem, sequence, item.first_key, item.first_key + item.keys);
        item.first_block = queries.begin * (int32_t)group.divisor / shape.block_rows;
        item.end_block = divide_up(queries.end * (int32_t)group.divisor, shape.block_rows);
        item.rows = sequence.queries * (int32_t)group.divisor;
        if (item.keys == shape.tile_keys) {
            gpu_span whole = queries_that_see_all(problem, sequence, item.first_key, item.first_key + item.keys);
            item.first_whole = divide_up(whole.begin * (int32_t)group.divisor, shape.block_rows);
            item.end_whole = whole.end * (int32_t)group.divisor / shape.block_rows;
        }
        item.block_base = first_row_block(problem, shape.block_rows, sequence.index);
        item.sum_base = item.block_base - blocks_without_sums(problem, shape, sequence.index);
        return item;
    }
};

/* Number of an item's block among those of all kv heads. */
GPU_DEVICE int64_t block_number(const backward_arguments &args, const backward_item &item, int32_t block)
{
    return item.kv_head * args.row_blocks + item.block_base + block;
}

/* Likewise, among those whose dq is summed. */
GPU_DEVICE int64_t sum_number(const backward_arguments &args, const backward_item &item, int32_t block)
{
    return item.kv_head * args.sum_blocks + item.sum_base + block;
}

GPU_DEVICE int64_t sum_number_of_rows(const backward_arguments &args, const backward_rows &block, int64_t number,
                                      int32_t kv_head)
{
    return kv_head * args.sum_blocks + number - blocks_without_sums(args.problem, args.shape, block.sequence.index);
}

#endif
