/* What is where in a block of warp groups that works on the forward pass. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_LAYOUT_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_LAYOUT_H

#include "async_platform.h"
#include "call/score_rule.h"
#include "group_tuning.h"
#include "plan/forward_arguments.h"
#include "plan/group_boxes.h"
#include "warp_groups/stages.h"

/* What the kernels get. A row's extent, in the maps of keys, values and out, is as long as a box; a further dimension
 * with the same stride places it: rows of a box past the end of a sequence, or of what is used of a page, lie outside.
 *
 *     q          [kv_heads][total_q][group][head_dim]
 *     k, v       [page, if paged][kv_heads][start][row][dim]
 *     out        [kv_heads][start][row][group][value_dim] */
struct group_forward_arguments {
    forward_arguments call;
    group_boxes boxes;
    tensor_map q;
    tensor_map k;
    tensor_map v;
    tensor_map out;
};

template <typename T_, int HEAD_DIM_, int VALUE_DIM_, bool GENERAL, int ARCHITECTURE_> struct group_forward_instance {
    using T = T_;
    static constexpr bool QUANTIZED = false; /* keys and values */
    static constexpr int FILLING = 1;        /* arrivals when a place for keys, or values, is full */
    static constexpr int HEAD_DIM = HEAD_DIM_;
    static constexpr int VALUE_DIM = VALUE_DIM_;
    static constexpr group_forward_tuning TUNING = group_forward_tuning_of(HEAD_DIM, VALUE_DIM, GENERAL);
    static constexpr int GROUPS = TUNING.groups;
    static constexpr int THREADS = (GROUPS + 1) * GROUP;
    static constexpr int CHUNK_KEYS = TUNING.chunk_keys;
    static constexpr int KEY_STAGES = TUNING.stages;
    static constexpr int VALUE_STAGES = TUNING.stages;
    static constexpr int TILE_PLACES = GROUPS * TUNING.query_stages;
    static constexpr int ITEMS = 8; /* known to the block at a time, at most */
    using rule = score_rule<GENERAL>;
    using query_matrix = shared_matrix<T, TILE_ROWS, HEAD_DIM>;
    using out_matrix = shared_matrix<T, TILE_ROWS, VALUE_DIM>; /* in the place of queries that are done with */
    using key_matrix = shared_matrix<T, CHUNK_KEYS, HEAD_DIM>;
    using value_matrix = shared_matrix<T, CHUNK_KEYS, VALUE_DIM>;
    static_assert(out_matrix::BYTES <= query_matrix::BYTES, "out takes the place of q");
    static_assert(query_matrix::ALIGNMENT <= 1024, "as shared memory is aligned");

    static constexpr int KEYS_AT = TILE_PLACES * query_matrix::BYTES;
    static constexpr int VALUES_AT = KEYS_AT + KEY_STAGES * key_matrix::BYTES;
    static constexpr int STATE_AT = VALUES_AT + VALUE_STAGES * value_matrix::BYTES;

    GPU_DEVICE static query_matrix queries(int place)
    {
        return {(T *)(shared_memory() + place * query_matrix::BYTES)};
    }
    GPU_DEVICE static out_matrix out(int place)
    {
        return {queries(place).data};
    }
    GPU_DEVICE static key_matrix keys(int stage)
    {
        return {(T *)(shared_memory() + KEYS_AT + stage * key_matrix::BYTES)};
    }
    GPU_DEVICE static value_matrix values(int stage)
    {
        return {(T *)(shared_memory() + VALUES_AT + stage * value_matrix::BYTES)};
    }
};

/* What each row of a group's tile sees, where that takes more to tell than a band. */
template <bool BY_ROWS, int GROUPS> struct tile_spans {
    gpu_span spans[GROUPS][TILE_ROWS];
    uint64_t trees[GROUPS][TILE_ROWS]; /* words of a tree mask, if there is one */
};
template <int GROUPS> struct tile_spans<false, GROUPS> {
};

/* Arrivals of a computing warp that leaves keys, or values: one thread's for all, or, beside quantised ones, whose
 * scales threads have read, each for itself. */
template <typename INSTANCE> constexpr int LEAVING = INSTANCE::QUANTIZED ? WARP : 1;

/* Behind the matrices: of the forward pass, or of the sweep for dq. */
template <typename INSTANCE> struct group_forward_shared : tile_spans<INSTANCE::rule::mask::BY_ROWS, INSTANCE::GROUPS> {
    stage_barriers keys[INSTANCE::KEY_STAGES];
    stage_barriers values[INSTANCE::VALUE_STAGES];
    stage_barriers queries[INSTANCE::TILE_PLACES];
    item_place<forward_item> items[INSTANCE::ITEMS];
    int32_t arrivals[INSTANCE::GROUPS];

    GPU_DEVICE static group_forward_shared &of_block()
    {
        return *(group_forward_shared *)(shared_memory() + INSTANCE::STATE_AT);
    }

    /* By one thread. Each computing warp empties keys, values and items, and warps that copy empty items too; of
     * queries, one thread for its group. */
    GPU_DEVICE void create_barriers()
    {
        constexpr int warps = INSTANCE::GROUPS * (GROUP / WARP);
        constexpr int copying_warps = 3;
        constexpr int widening_warps = INSTANCE::QUANTIZED ? GROUP / WARP : 0;
        constexpr int emptying = warps * LEAVING<INSTANCE>;
        for (int stage = 0; stage < INSTANCE::KEY_STAGES; stage++)
            keys[stage].create(emptying, INSTANCE::FILLING);
        for (int stage = 0; stage < INSTANCE::VALUE_STAGES; stage++)
            values[stage].create(emptying, INSTANCE::FILLING);
        for (int place = 0; place < INSTANCE::TILE_PLACES; place++)
            queries[place].create(1);
        for (int n = 0; n < INSTANCE::ITEMS; n++)
            items[n].create(warps + copying_warps + widening_warps);
        barriers_created();
    }
};

template <typename INSTANCE>
constexpr int group_forward_shared_bytes = INSTANCE::STATE_AT + (int)sizeof(group_forward_shared<INSTANCE>);

template <typename INSTANCE>
constexpr bool forward_fits_shared_memory = group_forward_shared_bytes<INSTANCE> <= shared_memory_limit(ARCHITECTURE);

/* Keys that some row of an item's tile sees. */
template <typename MASK>
GPU_DEVICE gpu_span keys_of_tile(const group_forward_arguments &args, const forward_item &item, int32_t tile)
{
    const int32_t first = tile * args.boxes.tile_rows;
    return item_keys<MASK>(args.call.problem, item, first, smaller(first + args.boxes.tile_rows, item.rows));
}

/* The chunks that a span of keys lies in. */
template <int CHUNK_KEYS> GPU_DEVICE gpu_span chunks_of(const gpu_span &keys)
{
    return {keys.begin / CHUNK_KEYS, divide_up(keys.end, (int32_t)CHUNK_KEYS)};
}

/* Whether so few keys of the last chunk are seen that it is multiplied apart. */
template <int CHUNK_KEYS> GPU_DEVICE bool ends_with_few(const gpu_span &keys)
{
    return keys.end > keys.begin && (keys.end - 1) % CHUNK_KEYS < CHUNK_KEYS / 2;
}

/* Chunks before the last that is not multiplied apart: in each turn of a loop, one is weighed while that behind it is
 * multiplied. */
template <int CHUNK_KEYS> GPU_DEVICE gpu_span looped_chunks(const gpu_span &keys)
{
    const gpu_span chunks = chunks_of<CHUNK_KEYS>(keys);
    return {chunks.begin, chunks.end - 1 - (ends_with_few<CHUNK_KEYS>(keys) ? 1 : 0)};
}

#endif
