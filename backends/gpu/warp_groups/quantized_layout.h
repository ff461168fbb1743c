/* What is where in a block of warp groups that works on the forward pass over quantised keys and values: as in
 * forward_layout.h, with places for bytes behind the matrices, which are widened to them. */
#ifndef VARLEN_GPU_WARP_GROUPS_QUANTIZED_LAYOUT_H
#define VARLEN_GPU_WARP_GROUPS_QUANTIZED_LAYOUT_H

#include "warp_groups/forward_layout.h"

/* Rows of bytes one behind the other, as a tensor copy without a swizzle leaves them. */
template <int ROWS_, int COLUMNS_> struct byte_matrix {
    static constexpr int ROWS = ROWS_;
    static constexpr int COLUMNS = COLUMNS_;
    static constexpr int PANEL = COLUMNS;
    static constexpr int PANELS = 1;
    static constexpr int PANEL_BYTES = ROWS * COLUMNS;
    static constexpr int BYTES = PANEL_BYTES;

    uint8_t *data;

    GPU_DEVICE uint8_t *panel(int) const
    {
        return data;
    }
};

template <typename T_, int HEAD_DIM_, int VALUE_DIM_, bool GENERAL, int ARCHITECTURE_> struct group_quantized_instance {
    using T = T_;
    static constexpr bool QUANTIZED = true;
    static constexpr int WIDENING_WARPS = 2; /* of a group: two have keys, two values */
    static constexpr int HALVES = 2;         /* of a chunk, which two groups may widen one each */
    static constexpr int FILLING = HALVES * WIDENING_WARPS * WARP;
    static constexpr int HEAD_DIM = HEAD_DIM_;
    static constexpr int VALUE_DIM = VALUE_DIM_;
    static constexpr group_quantized_tuning ITS_TUNING = group_quantized_tuning_of(HEAD_DIM, VALUE_DIM);
    static constexpr group_forward_tuning TUNING = ITS_TUNING.forward;
    static constexpr int GROUPS = TUNING.groups;
    static constexpr int THREADS = (GROUPS + 2) * GROUP;
    static constexpr int CHUNK_KEYS = TUNING.chunk_keys;
    static constexpr int KEY_STAGES = TUNING.stages;
    static constexpr int VALUE_STAGES = TUNING.stages;
    static constexpr int BYTE_STAGES = ITS_TUNING.byte_stages;
    static constexpr int TILE_PLACES = GROUPS * TUNING.query_stages;
    static constexpr int ITEMS = 4; /* known to the block at a time, at most */
    using rule = score_rule<GENERAL>;
    using query_matrix = shared_matrix<T, TILE_ROWS, HEAD_DIM>;
    using out_matrix = shared_matrix<T, TILE_ROWS, VALUE_DIM>; /* in the place of queries that are done with */
    using key_matrix = shared_matrix<T, CHUNK_KEYS, HEAD_DIM>;
    using value_matrix = shared_matrix<T, CHUNK_KEYS, VALUE_DIM>;
    using key_bytes_matrix = byte_matrix<CHUNK_KEYS, HEAD_DIM>;
    using value_bytes_matrix = byte_matrix<CHUNK_KEYS, VALUE_DIM>;
    static_assert(out_matrix::BYTES <= query_matrix::BYTES, "out takes the place of q");
    static_assert(query_matrix::ALIGNMENT <= 1024, "as shared memory is aligned");
    static_assert(HEAD_DIM == VALUE_DIM && KEY_STAGES == VALUE_STAGES, "keys and values are widened alike");
    static_assert(GROUPS == 2, "where one has no tile of an item, the other has the only one");

    static constexpr int SCALE_BYTES = CHUNK_KEYS * (int)sizeof(float);
    static constexpr int KEYS_AT = TILE_PLACES * query_matrix::BYTES;
    static constexpr int VALUES_AT = KEYS_AT + KEY_STAGES * key_matrix::BYTES;
    static constexpr int KEY_BYTES_AT = VALUES_AT + VALUE_STAGES * value_matrix::BYTES;
    static constexpr int VALUE_BYTES_AT = KEY_BYTES_AT + BYTE_STAGES * key_bytes_matrix::BYTES;
    static constexpr int KEY_SCALES_AT = VALUE_BYTES_AT + BYTE_STAGES * value_bytes_matrix::BYTES;
    static constexpr int VALUE_SCALES_AT = KEY_SCALES_AT + KEY_STAGES * SCALE_BYTES;
    static constexpr int STATE_AT = VALUE_SCALES_AT + VALUE_STAGES * SCALE_BYTES;

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
    GPU_DEVICE static key_bytes_matrix key_bytes(int stage)
    {
        return {(uint8_t *)(shared_memory() + KEY_BYTES_AT + stage * key_bytes_matrix::BYTES)};
    }
    GPU_DEVICE static value_bytes_matrix value_bytes(int stage)
    {
        return {(uint8_t *)(shared_memory() + VALUE_BYTES_AT + stage * value_bytes_matrix::BYTES)};
    }
    GPU_DEVICE static float *key_scales(int stage)
    {
        return (float *)(shared_memory() + KEY_SCALES_AT + stage * SCALE_BYTES);
    }
    GPU_DEVICE static float *value_scales(int stage)
    {
        return (float *)(shared_memory() + VALUE_SCALES_AT + stage * SCALE_BYTES);
    }
};

template <typename INSTANCE> struct group_quantized_shared : group_forward_shared<INSTANCE> {
    stage_barriers key_bytes[INSTANCE::BYTE_STAGES];
    stage_barriers value_bytes[INSTANCE::BYTE_STAGES];

    GPU_DEVICE static group_quantized_shared &of_block()
    {
        return *(group_quantized_shared *)(shared_memory() + INSTANCE::STATE_AT);
    }

    /* By one thread. */
    GPU_DEVICE void create_barriers()
    {
        for (int stage = 0; stage < INSTANCE::BYTE_STAGES; stage++) {
            key_bytes[stage].create(INSTANCE::HALVES * INSTANCE::WIDENING_WARPS);
            value_bytes[stage].create(INSTANCE::HALVES * INSTANCE::WIDENING_WARPS);
        }
        group_forward_shared<INSTANCE>::create_barriers();
    }
};

template <typename INSTANCE>
constexpr int group_quantized_shared_bytes = INSTANCE::STATE_AT + (int)sizeof(group_quantized_shared<INSTANCE>);

template <typename INSTANCE>
constexpr bool quantized_fits_shared_memory = group_quantized_shared_bytes<INSTANCE> <=
                                              shared_memory_limit(ARCHITECTURE);

#endif
