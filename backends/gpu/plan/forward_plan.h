/* What an item of the forward pass is: a tile of query rows of one sequence and kv head against the keys that it sees,
 * or, where a few rows face many keys, against a part of them. */
#ifndef VARLEN_GPU_FORWARD_PLAN_H
#define VARLEN_GPU_FORWARD_PLAN_H

#include "call/mask.h"
#include "plan/plan.h"
#include "tuning.h"

enum {
    DECODE_ROWS = PLAN_TUNING.decode_rows,
    DECODE_KEYS = PLAN_TUNING.decode_keys,
    DECODE_TILE_ROWS = 16, /* the fewest of a tile: what the matrix units of warps take */
    SPLIT_SHORTEST = PLAN_TUNING.split_shortest,
    SPLIT_INVARIANT = PLAN_TUNING.split_invariant,
    SPLIT_PARTS_INVARIANT = PLAN_TUNING.split_parts_invariant,
};

struct alignas(64) forward_item {
    gpu_sequence sequence;
    int32_t first_row;
    int32_t rows;  /* of the tile */
    gpu_span keys; /* that some row of the tile sees, of the item's part */
    int32_t decodes;
    int32_t part;
    int32_t parts;
    int32_t partial; /* for each kv head: partial results before this tile's first part */
    int32_t kv_head; /* of who took it */
    int32_t exists;  /* to whoever took it: 0, no item is left */
};

struct forward_policy {
    using item_type = forward_item;

    fast_divisor group;
    int32_t kv_heads;
    int32_t tile_rows;        /* of sequences that are not decoded */
    int32_t decode_tile_rows; /* of those that are; also what partial results have room for */
    int32_t decode_rows;      /* of a sequence that is decoded, at most */
    int32_t batch_invariant;  /* whether parts go by a sequence's own length */
    int32_t wanted_items;     /* that keep the device busy */

    GPU_DEVICE int32_t rows(const gpu_sequence &sequence) const
    {
        return sequence.queries * (int32_t)group.divisor;
    }

    GPU_DEVICE bool decodes(const gpu_sequence &sequence) const
    {
        return rows(sequence) <= decode_tile_rows || (rows(sequence) <= decode_rows && sequence.keys > DECODE_KEYS);
    }

    GPU_DEVICE int32_t rows_each(const gpu_sequence &sequence) const
    {
        return decodes(sequence) ? decode_tile_rows : tile_rows;
    }

    GPU_DEVICE int32_t tiles(const gpu_sequence &sequence) const
    {
        return divide_up(rows(sequence), rows_each(sequence));
    }

    /* Keys of one part; at least those of the sequence if they are not split. */
    GPU_DEVICE int32_t part_keys(const gpu_sequence &sequence, int32_t split) const
    {
        if (!decodes(sequence))
            return sequence.keys;
        if (!batch_invariant)
            return split;
        int32_t longest = divide_up(sequence.keys, (int32_t)SPLIT_PARTS_INVARIANT);
        return larger(divide_up(longest, (int32_t)PLAN_WORK) * PLAN_WORK, (int32_t)SPLIT_INVARIANT);
    }

    GPU_DEVICE int32_t parts(const gpu_sequence &sequence, int32_t split) const
    {
        int32_t keys = part_keys(sequence, split);
        return sequence.keys > keys ? divide_up(sequence.keys, keys) : 1;
    }

    GPU_DEVICE int64_t work(const gpu_sequence &sequence) const
    {
        if (!decodes(sequence))
            return 0;
        return (int64_t)(tiles(sequence) * divide_up(sequence.keys, (int32_t)PLAN_WORK)) * kv_heads;
    }

    GPU_DEVICE int32_t choose_split(int64_t work) const
    {
        const int64_t split = divide_up(work, (int64_t)wanted_items) * PLAN_WORK;
        return (int32_t)smaller(larger(split, (int64_t)SPLIT_SHORTEST), (int64_t)INT32_MAX);
    }

    GPU_DEVICE plan_counts counts(const gpu_sequence &sequence, int32_t split) const
    {
        int32_t items = tiles(sequence) * parts(sequence, split);
        return {items, parts(sequence, split) > 1 ? items : 0};
    }

    GPU_DEVICE int64_t weight(const gpu_sequence &sequence, int32_t split, int32_t most_seen) const
    {
        return rows_each(sequence) * (int64_t)smaller(part_keys(sequence, split), most_seen);
    }

    GPU_DEVICE void narrow(const gpu_problem &, forward_item &) const
    {
    }

    /* Tiles of a sequence start with the last, which sees the most keys under a causal mask. */
    GPU_DEVICE forward_item item(const gpu_problem &problem, const gpu_sequence &sequence, int32_t split, int32_t index,
                                 int32_t partial) const
    {
        forward_item item = {};
        item.sequence = sequence;
        item.decodes = decodes(sequence);
        item.parts = parts(sequence, split);
        int32_t tile = item.parts == 1 ? index : index / item.parts;
        item.part = index - tile * item.parts;
        item.partial = partial + tile * item.parts;
        item.first_row = (tiles(sequence) - 1 - tile) * rows_each(sequence);
        item.rows = smaller(rows_each(sequence), rows(sequence) - item.first_row);
        item.keys = row_mask::keys_seen_by(problem, sequence, divide(item.first_row, group),
                                           divide(item.first_row + item.rows - 1, group) + 1);
        if (item.parts > 1) {
            int64_t begin = (int64_t)item.part * part_keys(sequence, split);
            item.keys.begin = larger(item.keys.begin, (int32_t)begin);
            item.keys.end = (int32_t)smaller((int64_t)item.keys.end, begin + part_keys(sequence, split));
        }
        if (item.keys.begin >= item.keys.end)
            item.keys = {0, 0};
        return item;
    }
};

/* The number of an item's first part among the partial results of all kv heads. */
GPU_DEVICE int32_t first_partial(const gpu_problem &problem, const forward_item &item)
{
    return item.partial * problem.kv_heads + item.kv_head * item.parts;
}

/* The keys of an item that some of its rows first .. end - 1, counted in the tile, see. */
template <typename MASK>
GPU_DEVICE gpu_span item_keys(const gpu_problem &problem, const forward_item &item, int32_t first, int32_t end)
{
    gpu_span seen = MASK::keys_seen_by(problem, item.sequence, divide(item.first_row + first, problem.group),
                                       divide(item.first_row + end - 1, problem.group) + 1);
    seen = {larger(seen.begin, item.keys.begin), smaller(seen.end, item.keys.end)};
    return seen.begin < seen.end ? seen : gpu_span{0, 0};
}

#endif
