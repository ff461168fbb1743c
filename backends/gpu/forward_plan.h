/* What an item of the forward pass is: a tile of query rows of one sequence and kv head against the keys that it sees,
 * or, where a few rows face many keys, against a part of them. */
#ifndef VARLEN_GPU_FORWARD_PLAN_H
#define VARLEN_GPU_FORWARD_PLAN_H

#include "plan_kernel.h"

/* Change speed only, but for SPLIT_*, which change last bits. */
enum {
    DECODE_ROWS = 64,           /* sequences of at most so many rows are decoded: small tiles, keys split */
    DECODE_TILE_ROWS = 16,      /* the smallest that matrix units take */
    SPLIT_STEP = 128,           /* parts are multiples of so many keys */
    SPLIT_SHORTEST = 256,       /* no part is shorter, unless it is the last */
    SPLIT_INVARIANT = 1024,     /* keys per part where a sequence's bits must not depend on the batch, */
    SPLIT_PARTS_INVARIANT = 16, /* as long as that makes no more parts than these */
};

struct forward_policy {
    fast_divisor group;
    int32_t kv_heads;
    int32_t tile_rows;       /* of sequences that are not decoded */
    int32_t batch_invariant; /* whether parts go by a sequence's own length */
    int32_t wanted_items;    /* that keep the device busy */

    GPU_DEVICE int32_t rows(const gpu_sequence &sequence) const
    {
        return sequence.queries * (int32_t)group.divisor;
    }

    GPU_DEVICE bool decodes(const gpu_sequence &sequence) const
    {
        return (int64_t)sequence.queries * group.divisor <= DECODE_ROWS;
    }

    GPU_DEVICE int32_t tiles(const gpu_sequence &sequence) const
    {
        return divide_up(rows(sequence), decodes(sequence) ? (int32_t)DECODE_TILE_ROWS : tile_rows);
    }

    /* Keys of one part; at least those of the sequence if they are not split. */
    GPU_DEVICE int32_t part_keys(const gpu_sequence &sequence, int32_t split) const
    {
        if (!decodes(sequence))
            return sequence.keys;
        if (!batch_invariant)
            return split;
        int32_t longest = divide_up(sequence.keys, (int32_t)SPLIT_PARTS_INVARIANT);
        return larger(divide_up(longest, (int32_t)SPLIT_STEP) * SPLIT_STEP, (int32_t)SPLIT_INVARIANT);
    }

    GPU_DEVICE int32_t parts(const gpu_sequence &sequence, int32_t split) const
    {
        int32_t keys = part_keys(sequence, split);
        return sequence.keys > keys ? divide_up(sequence.keys, keys) : 1;
    }

    GPU_DEVICE int64_t work(const gpu_sequence &sequence) const
    {
        return decodes(sequence) ? (int64_t)tiles(sequence) * sequence.keys * kv_heads : 0;
    }

    GPU_DEVICE int32_t choose_split(int64_t work) const
    {
        int64_t keys = divide_up(work, (int64_t)wanted_items * SPLIT_STEP) * SPLIT_STEP;
        return (int32_t)smaller(larger(keys, (int64_t)SPLIT_SHORTEST), (int64_t)INT32_MAX / 2);
    }

    GPU_DEVICE plan_counts counts(const gpu_sequence &sequence, int32_t split) const
    {
        int32_t items = tiles(sequence) * parts(sequence, split);
        return {items, parts(sequence, split) > 1 ? items : 0};
    }

    GPU_DEVICE int64_t weight(const gpu_sequence &sequence, int32_t split) const
    {
        int64_t rows_each = decodes(sequence) ? (int32_t)DECODE_TILE_ROWS : tile_rows;
        return rows_each * smaller(part_keys(sequence, split), sequence.keys);
    }
};

/* Held in shared memory, since registers are for sums. */
struct forward_item {
    gpu_sequence sequence;
    gpu_key_rows keys;
    gpu_key_rows values;
    int32_t exists; /* 0: no item is left */
    int32_t kv_head;
    int32_t first_row;
    int32_t rows; /* of the tile */
    int32_t decodes;
    int32_t part;
    int32_t parts;
    int32_t part_keys;
    int32_t partial; /* number of part 0's partial result, if there are several */
};

/* Tiles of a sequence start with the last, which sees the most keys under a causal mask. */
GPU_DEVICE forward_item forward_item_at(const gpu_problem &problem, const gpu_plan &plan, const forward_policy &policy,
                                        int32_t number)
{
    quotient_and_rest place = divide_with_rest(number, problem.kv_heads_divisor);
    int32_t rank = plan_rank_of(plan, problem.metadata.batch, place.quotient);
    forward_item item = {};
    item.sequence = sequence_at(problem, plan.order[rank]);
    item.exists = 1;
    item.kv_head = place.rest;
    item.keys = key_rows_of(problem, problem.k, problem.k_page_bytes, item.sequence, item.kv_head);
    item.values = key_rows_of(problem, problem.v, problem.v_page_bytes, item.sequence, item.kv_head);
    item.decodes = policy.decodes(item.sequence);
    item.part_keys = policy.part_keys(item.sequence, plan.header->split_keys);
    item.parts = policy.parts(item.sequence, plan.header->split_keys);
    int32_t tile_and_part = place.quotient - plan.first_item[rank];
    int32_t tile = tile_and_part / item.parts;
    item.part = tile_and_part - tile * item.parts;
    tile = policy.tiles(item.sequence) - 1 - tile;
    int32_t tile_rows = item.decodes ? (int32_t)DECODE_TILE_ROWS : policy.tile_rows;
    item.first_row = tile * tile_rows;
    item.rows = smaller(tile_rows, policy.rows(item.sequence) - item.first_row);
    item.partial = (plan.first_partial[rank] + tile * item.parts) * problem.kv_heads + item.kv_head * item.parts;
    return item;
}

/* The next item that no block has taken, in shared memory for all threads of the block. */
GPU_DEVICE void forward_take_item(const gpu_problem &problem, const gpu_plan &plan, const forward_policy &policy,
                                  forward_item *item)
{
    block_barrier(); /* nobody reads the last item any more */
    if (thread_index() == 0) {
        int32_t number = plan_take_item(plan);
        item->exists = 0;
        if (number < plan.header->items * problem.kv_heads)
            *item = forward_item_at(problem, plan, policy, number);
    }
    block_barrier();
}

/* The keys of an item that some of its rows first .. end - 1, counted in the tile, see. */
GPU_DEVICE gpu_span item_keys(const gpu_problem &problem, const forward_item &item, int32_t first, int32_t end)
{
    int32_t first_query = divide(item.first_row + first, problem.group);
    int32_t end_query = divide(item.first_row + end - 1, problem.group) + 1;
    gpu_span seen = keys_seen_by(problem, item.sequence, first_query, end_query);
    if (item.parts > 1) {
        int64_t begin = (int64_t)item.part * item.part_keys;
        seen.begin = larger(seen.begin, (int32_t)begin);
        seen.end = (int32_t)smaller((int64_t)seen.end, begin + item.part_keys);
    }
    return seen.begin < seen.end ? seen : gpu_span{0, 0};
}

#endif
