/* What is where in a block of warp groups that works on the backward pass. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_LAYOUT_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_LAYOUT_H

#include "async_platform.h"
#include "call/score_rule.h"
#include "group_tuning.h"
#include "plan/backward_arguments.h"
#include "plan/group_boxes.h"
#include "warp_groups/stages.h"

/* What the kernels get. In all maps a row's extent is as long as a box, and a further dimension with the same stride
 * places it: rows of a box past the end of a sequence lie outside, are zeros, and are not written.
 *
 *     q, dout, dq      [kv_heads][start][row][group][dim]    boxes of a chunk
 *     k, v             [kv_heads][start][row][dim]           boxes of a tile
 *     dk, dv           [kv_heads][start][row][dim]           boxes of TILE_ROWS */
struct group_backward_arguments {
    backward_arguments call;
    int32_t chunk_queries; /* whose rows, with the heads of their group, are call.cut.chunk_rows */
    tensor_map q;
    tensor_map dout;
    tensor_map k;
    tensor_map v;
    tensor_map dq;
    tensor_map dk;
    tensor_map dv;
};

/* Each group has TILE_ROWS keys of a tile: those rows of S^T and dP^T, of dK and of dV. Of dQ, it has a part: TILE_ROWS
 * of the rows where a chunk has as many for each group, or else some of the columns. Where they share keys, a tile has
 * no more than TILE_ROWS, and a group has some columns of each: of S^T and dP^T, which are rows of the chunk, and of
 * the others.
 *
 * Without DQ, dq is found by another kernel (dq_layout.h), and groups have nothing to do with each other's keys. */
template <typename T_, int HEAD_DIM_, int VALUE_DIM_, bool GENERAL_, int ARCHITECTURE_, bool DQ_ = true>
struct group_backward_instance {
    using T = T_;
    static constexpr int HEAD_DIM = HEAD_DIM_;
    static constexpr int VALUE_DIM = VALUE_DIM_;
    static constexpr bool GENERAL = GENERAL_; /* see score_rule.h */
    using rule = score_rule<GENERAL>;
    static constexpr bool DQ = DQ_;
    static constexpr group_backward_tuning TUNING = group_backward_tuning_of(HEAD_DIM, VALUE_DIM, GENERAL, DQ);
    static constexpr int GROUPS = TUNING.groups;
    static constexpr int THREADS = (GROUPS + 1) * GROUP;
    static constexpr bool SHARED_KEYS = TUNING.shared_keys;
    static constexpr int KEYS = SHARED_KEYS ? TILE_ROWS : GROUPS * TILE_ROWS;
    static constexpr int ROWS = TUNING.chunk_rows;
    static constexpr int STAGES = TUNING.stages;
    static constexpr int KEY_STAGES = TUNING.key_stages;
    static constexpr int ITEMS = 2;                                       /* known to the block at a time */
    static constexpr int SCORE_ROWS = SHARED_KEYS ? ROWS / GROUPS : ROWS; /* of a group */
    static constexpr int DK_COLUMNS = SHARED_KEYS ? HEAD_DIM / GROUPS : HEAD_DIM;
    static constexpr int DV_COLUMNS = SHARED_KEYS ? VALUE_DIM / GROUPS : VALUE_DIM;
    static constexpr bool DQ_BY_ROWS = !DQ || ROWS == GROUPS * TILE_ROWS;
    static constexpr int DQ_COLUMNS = DQ_BY_ROWS ? HEAD_DIM : HEAD_DIM / GROUPS;     /* of a part */
    static constexpr int HEAD_SWIZZLE = widest_swizzle(DK_COLUMNS * (int)sizeof(T)); /* a group has whole panels */
    static constexpr int VALUE_SWIZZLE = widest_swizzle(DV_COLUMNS * (int)sizeof(T));
    using query_matrix = shared_matrix<T, ROWS, HEAD_DIM, HEAD_SWIZZLE>;
    using dout_matrix = shared_matrix<T, ROWS, VALUE_DIM, VALUE_SWIZZLE>;
    using key_matrix = shared_matrix<T, KEYS, HEAD_DIM, HEAD_SWIZZLE>; /* and of dk, when keys are done with */
    using value_matrix = shared_matrix<T, KEYS, VALUE_DIM, VALUE_SWIZZLE>;
    using gradient_matrix = shared_matrix<T, KEYS, ROWS>;               /* dS^T, and P^T */
    using dq_matrix = shared_matrix<T, ROWS, DQ_COLUMNS, HEAD_SWIZZLE>; /* of a part, or of all parts by rows */
    static_assert(query_matrix::ALIGNMENT <= 1024, "as shared memory is aligned");
    static_assert(DQ_BY_ROWS || ROWS == TILE_ROWS, "a product has all rows of a part of dQ");
    static_assert(DQ || !SHARED_KEYS, "groups that share keys find dQ");

    static constexpr int DQ_FLOATS = TILE_ROWS * DQ_COLUMNS;                /* of a part */
    static constexpr int DQ_PLACES = DQ && !SHARED_KEYS ? GROUPS : 0;       /* for a part each */
    static constexpr int GRADIENT_STAGES = DQ ? STAGES : 0;                 /* of dS^T, */
    static constexpr int WEIGHT_STAGES = SHARED_KEYS ? GRADIENT_STAGES : 0; /* and of P^T */
    static constexpr int VALUES_AT = KEY_STAGES * key_matrix::BYTES;
    static constexpr int QUERIES_AT = VALUES_AT + KEY_STAGES * value_matrix::BYTES;
    static constexpr int DOUTS_AT = QUERIES_AT + STAGES * query_matrix::BYTES;
    static constexpr int INPUTS_END = DOUTS_AT + STAGES * dout_matrix::BYTES;
    static constexpr int GRADIENTS_AT = INPUTS_END;
    static constexpr int WEIGHTS_AT = GRADIENTS_AT + GRADIENT_STAGES * gradient_matrix::BYTES;
    static constexpr int DQ_AT = WEIGHTS_AT + WEIGHT_STAGES * gradient_matrix::BYTES;
    static constexpr int STATE_AT = DQ_AT + DQ_PLACES * DQ_FLOATS * (int)sizeof(float);

    GPU_DEVICE static key_matrix keys(int stage)
    {
        return {(T *)(shared_memory() + stage * key_matrix::BYTES)};
    }
    GPU_DEVICE static value_matrix values(int stage)
    {
        return {(T *)(shared_memory() + VALUES_AT + stage * value_matrix::BYTES)};
    }
    GPU_DEVICE static query_matrix queries(int stage)
    {
        return {(T *)(shared_memory() + QUERIES_AT + stage * query_matrix::BYTES)};
    }
    GPU_DEVICE static dout_matrix douts(int stage)
    {
        return {(T *)(shared_memory() + DOUTS_AT + stage * dout_matrix::BYTES)};
    }
    GPU_DEVICE static gradient_matrix gradients(int stage)
    {
        return {(T *)(shared_memory() + GRADIENTS_AT + stage * gradient_matrix::BYTES)};
    }

    /* Where groups share keys; otherwise P stays in registers. */
    GPU_DEVICE static gradient_matrix weights(int stage)
    {
        static_assert(SHARED_KEYS, "there are no others");
        return {(T *)(shared_memory() + WEIGHTS_AT + stage * gradient_matrix::BYTES)};
    }

    /* The first key and row of a group's scores, and columns of its dK and dV. */
    GPU_DEVICE static int score_key(int group)
    {
        return SHARED_KEYS ? 0 : group * TILE_ROWS;
    }
    GPU_DEVICE static int score_row(int group)
    {
        return SHARED_KEYS ? group * SCORE_ROWS : 0;
    }
    GPU_DEVICE static int dk_column(int group)
    {
        return SHARED_KEYS ? group * DK_COLUMNS : 0;
    }
    GPU_DEVICE static int dv_column(int group)
    {
        return SHARED_KEYS ? group * DV_COLUMNS : 0;
    }

    /* Where a part begins in a chunk's dQ. */
    GPU_DEVICE static int dq_row(int part)
    {
        return DQ_BY_ROWS ? part * TILE_ROWS : 0;
    }
    GPU_DEVICE static int dq_column(int part)
    {
        return DQ_BY_ROWS ? 0 : part * DQ_COLUMNS;
    }

    /* A part on its way out: floats to be added, or, where no other tile adds any, dq itself. Then parts by rows lie in
     * one matrix, in the place of the first. Where groups share keys, there is no room: floats are added from
     * registers, and dq goes through the place of the chunk's queries. */
    GPU_DEVICE static float *dq_sums(int part)
    {
        return (float *)(shared_memory() + DQ_AT) + part * DQ_FLOATS;
    }
    GPU_DEVICE static dq_matrix dq(int part)
    {
        return {(T *)dq_sums(DQ_BY_ROWS ? 0 : part)};
    }
};

/* Of the rows of a chunk. */
template <int ROWS> struct alignas(16) chunk_statistics {
    float lse[ROWS]; /* in units of log2 */
    float delta[ROWS];
};

/* Behind the matrices. */
template <typename INSTANCE> struct group_backward_shared {
    chunk_statistics<INSTANCE::ROWS> statistics[INSTANCE::STAGES];
    stage_barriers keys[INSTANCE::KEY_STAGES];
    stage_barriers values[INSTANCE::KEY_STAGES];
    stage_barriers queries[INSTANCE::STAGES]; /* with their statistics */
    stage_barriers douts[INSTANCE::STAGES];
    stage_barriers dq[INSTANCE::GROUPS]; /* filled by a group */
    item_place<backward_item> items[INSTANCE::ITEMS];

    GPU_DEVICE static group_backward_shared &of_block()
    {
        return *(group_backward_shared *)(shared_memory() + INSTANCE::STATE_AT);
    }

    /* By one thread. Each computing warp empties places of dO and of items, each of its threads those of rows with
     * their statistics, and one thread of each group those of keys and values; all warps that copy empty items too. */
    GPU_DEVICE void create_barriers()
    {
        constexpr int warps_each = GROUP / WARP;
        constexpr int warps = INSTANCE::GROUPS * warps_each;
        constexpr int copying_warps = GROUP / WARP - (INSTANCE::DQ ? 0 : 1);
        for (int stage = 0; stage < INSTANCE::KEY_STAGES; stage++) {
            keys[stage].create(INSTANCE::GROUPS);
            values[stage].create(INSTANCE::GROUPS);
        }
        for (int stage = 0; stage < INSTANCE::STAGES; stage++) {
            queries[stage].create(warps * WARP);
            douts[stage].create(warps);
        }
        for (int group = 0; group < INSTANCE::GROUPS; group++) {
            dq[group].full.create(warps_each);
            dq[group].empty.create(1);
        }
        for (int n = 0; n < INSTANCE::ITEMS; n++)
            items[n].create(warps + copying_warps);
        barriers_created();
    }
};

template <typename INSTANCE>
constexpr int group_backward_shared_bytes = INSTANCE::STATE_AT + (int)sizeof(group_backward_shared<INSTANCE>);

template <typename INSTANCE>
constexpr bool fits_shared_memory = group_backward_shared_bytes<INSTANCE> <= shared_memory_limit(ARCHITECTURE);

#endif
