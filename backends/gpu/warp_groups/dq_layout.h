/* What is where in a block of warp groups that finds dq by itself: as in the forward pass, with dO beside queries. */
#ifndef VARLEN_GPU_WARP_GROUPS_DQ_LAYOUT_H
#define VARLEN_GPU_WARP_GROUPS_DQ_LAYOUT_H

#include "plan/backward_arguments.h"
#include "warp_groups/forward_layout.h"

/* What the kernel gets: that of the forward pass, with dq in the place of out, and
 *
 *     dout       [kv_heads][total_q][group][value_dim] */
struct group_dq_arguments : group_forward_arguments {
    tensor_map dout;
    const float *statistics; /* these four as in backward_arguments */
    int64_t row_chunks;
    int32_t chunk_rows;
    int32_t stored_rows;
};

template <typename T_, int HEAD_DIM_, int VALUE_DIM_, bool GENERAL, int ARCHITECTURE_> struct group_dq_instance {
    using T = T_;
    static constexpr bool QUANTIZED = false;
    static constexpr int FILLING = 1;
    static constexpr int HEAD_DIM = HEAD_DIM_;
    static constexpr int VALUE_DIM = VALUE_DIM_;
    static constexpr group_dq_sweep_tuning TUNING = group_dq_sweep_tuning_of(HEAD_DIM, VALUE_DIM, GENERAL);
    static constexpr int GROUPS = TUNING.groups;
    static constexpr int THREADS = (GROUPS + 1) * GROUP;
    static constexpr int CHUNK_KEYS = TUNING.chunk_keys;
    static constexpr int KEY_STAGES = TUNING.key_stages;
    static constexpr int VALUE_STAGES = TUNING.value_stages;
    static constexpr int TILE_PLACES = TUNING.tile_places;
    static constexpr int ITEMS = 8; /* known to the block at a time, at most */
    using rule = score_rule<GENERAL>;
    using query_matrix = shared_matrix<T, TILE_ROWS, HEAD_DIM>; /* and of dq, when queries are done with */
    using dout_matrix = shared_matrix<T, TILE_ROWS, VALUE_DIM>;
    using key_matrix = shared_matrix<T, CHUNK_KEYS, HEAD_DIM>;
    using value_matrix = shared_matrix<T, CHUNK_KEYS, VALUE_DIM>;
    static_assert(query_matrix::ALIGNMENT <= 1024, "as shared memory is aligned");

    static constexpr int DOUTS_AT = TILE_PLACES * query_matrix::BYTES;
    static constexpr int KEYS_AT = DOUTS_AT + TILE_PLACES * dout_matrix::BYTES;
    static constexpr int VALUES_AT = KEYS_AT + KEY_STAGES * key_matrix::BYTES;
    static constexpr int STATE_AT = VALUES_AT + VALUE_STAGES * value_matrix::BYTES;

    GPU_DEVICE static query_matrix queries(int place)
    {
        return {(T *)(shared_memory() + place * query_matrix::BYTES)};
    }
    GPU_DEVICE static dout_matrix douts(int place)
    {
        return {(T *)(shared_memory() + DOUTS_AT + place * dout_matrix::BYTES)};
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

#endif
