/* How a block works on an item of the forward pass: sizes, and what is where in shared memory. */
#ifndef VARLEN_GPU_FORWARD_LAYOUT_H
#define VARLEN_GPU_FORWARD_LAYOUT_H

#include "call/score_rule.h"
#include "plan/forward_arguments.h"
#include "platform.h"
#include "tuning.h"
#include "warp_tiles/quantized_chunk.h"
#include "warp_tiles/warp_keys.h"

enum { FORWARD_WARPS = 8 }; /* of a block, at most */

/* What all threads of a block know of the item they are at; behind the tiles in shared memory, since registers are for
 * sums. */
struct forward_shared {
    forward_item item;
    gpu_key_rows keys;
    gpu_key_rows values;
    int32_t arrivals;
    warp_keys warps[FORWARD_WARPS];
    query_row rows[FORWARD_ROWS];
    char *q_rows[FORWARD_ROWS];
    char *out_rows[FORWARD_ROWS];
};

/* How a block works on a tile. Warps stand in ROW_WARPS x KEY_WARPS; those beyond only help to copy. */
template <int THREADS_, int ROW_WARPS_, int KEY_WARPS_, int WARP_ROWS_, int CHUNK_KEYS_> struct forward_layout {
    static constexpr int THREADS = THREADS_;
    static constexpr int ROW_WARPS = ROW_WARPS_;
    static constexpr int KEY_WARPS = KEY_WARPS_;
    static constexpr int WARP_ROWS = WARP_ROWS_;
    static constexpr int ROWS = ROW_WARPS * WARP_ROWS;
    static constexpr int CHUNK_KEYS = CHUNK_KEYS_;
    static constexpr int WARP_KEYS = CHUNK_KEYS / KEY_WARPS;
};

/* Shared memory: rows of q, unless they are in registers, and one or two chunks of keys and of values. When the last
 * chunk has been multiplied, out goes where q was, if by way of shared memory at all, and what warps have to merge
 * where keys and values were. */
template <typename INSTANCE, typename LAYOUT> struct forward_memory {
    using T = typename INSTANCE::T;
    using key_tile = shared_tile<T, INSTANCE::HEAD_DIM>;
    using value_tile = std::conditional_t<INSTANCE::TUNING.interleaved_values, interleaved_tile<T, INSTANCE::VALUE_DIM>,
                                          shared_tile<T, INSTANCE::VALUE_DIM>>;
    using out_tile = shared_tile<T, INSTANCE::VALUE_DIM>;
    static constexpr int VALUE_DIM = INSTANCE::VALUE_DIM;
    static constexpr int STAGES = INSTANCE::TUNING.stages;
    static constexpr int Q_BYTES = INSTANCE::TUNING.queries_in_registers ? 0 : key_tile::bytes(LAYOUT::ROWS);
    static constexpr int K_BYTES = key_tile::bytes(LAYOUT::CHUNK_KEYS);
    static constexpr int V_BYTES = value_tile::bytes(LAYOUT::CHUNK_KEYS);
    static constexpr int TILE_BYTES = STAGES * (K_BYTES + V_BYTES);
    using quantized_type =
        quantized_chunk<LAYOUT::THREADS, LAYOUT::CHUNK_KEYS, INSTANCE::HEAD_DIM, INSTANCE::VALUE_DIM>;
    static constexpr int STAGE_BYTES = TILE_BYTES + (INSTANCE::QUANTIZED ? quantized_type::BYTES : 0);
    static constexpr int MERGE_STRIDE = VALUE_DIM + 4; /* floats; rows in different banks */
    static constexpr int MERGE_BYTES = LAYOUT::KEY_WARPS > 1
                                           ? LAYOUT::KEY_WARPS *LAYOUT::ROWS *(MERGE_STRIDE + 2) * (int)sizeof(float)
                                           : 0;
    static constexpr int BYTES = Q_BYTES + (MERGE_BYTES > STAGE_BYTES ? MERGE_BYTES : STAGE_BYTES);
    static_assert(!INSTANCE::TUNING.out_by_shared_memory || out_tile::bytes(LAYOUT::ROWS) <= Q_BYTES,
                  "out takes the place of q");

    char *base;

    GPU_DEVICE key_tile q() const
    {
        return {(T *)base};
    }
    GPU_DEVICE key_tile k(int stage) const
    {
        return {(T *)(base + Q_BYTES + stage * K_BYTES)};
    }
    GPU_DEVICE value_tile v(int stage) const
    {
        return {(T *)(base + Q_BYTES + STAGES * K_BYTES + stage * V_BYTES)};
    }
    /* Of a quantised chunk: its scales, and what has been fetched. */
    GPU_DEVICE char *quantized() const
    {
        return base + Q_BYTES + TILE_BYTES;
    }
    GPU_DEVICE out_tile out() const
    {
        return {(T *)base};
    }
    GPU_DEVICE float *merge() const
    {
        return (float *)(base + Q_BYTES);
    }
};

/* Numbers of one byte are widened on their way to the one stage that there is, in its plain order. Where they come by
 * way of registers, a unit of CDNA has those of one wave. */
constexpr forward_tuning quantized_tuning(forward_tuning tuning, int architecture)
{
    tuning.stages = 1;
    tuning.interleaved_values = false;
    if (warp_threads(architecture) == 64 && tuning.warps > 4)
        tuning.warps = tuning.short_row_warps = 4;
    return tuning;
}

/* One kernel, for one architecture: see tuning.h. QUANTIZED are keys and values. */
template <typename T_, int HEAD_DIM_, int VALUE_DIM_, bool GENERAL, int ARCHITECTURE_, bool QUANTIZED_ = false>
struct forward_instance {
    using T = T_;
    static constexpr bool QUANTIZED = QUANTIZED_;
    static constexpr int HEAD_DIM = HEAD_DIM_;
    static constexpr int VALUE_DIM = VALUE_DIM_;
    using rule = score_rule<GENERAL>;
    static constexpr forward_tuning ITS_TUNING = forward_tuning_of(HEAD_DIM, VALUE_DIM, ARCHITECTURE_);
    static constexpr forward_tuning TUNING = QUANTIZED ? quantized_tuning(ITS_TUNING, ARCHITECTURE_) : ITS_TUNING;
    static constexpr int THREADS = TUNING.warps * warp_threads(ARCHITECTURE_);
    using prefill = forward_layout<THREADS, TUNING.warps, 1, TUNING.warp_rows, TUNING.chunk_keys>;
    using short_prefill = forward_layout<THREADS, TUNING.short_row_warps, 1, 16, TUNING.chunk_keys>;
    using decode = forward_layout<THREADS, 1, TUNING.decode_warps, DECODE_TILE_ROWS, TUNING.decode_keys>;
    using prefill_memory = forward_memory<forward_instance, prefill>;
    using decode_memory = forward_memory<forward_instance, decode>;
    static constexpr int MEMORY_BYTES =
        prefill_memory::BYTES > decode_memory::BYTES ? prefill_memory::BYTES : decode_memory::BYTES;
    static constexpr int SHARED_BYTES = MEMORY_BYTES + (int)sizeof(forward_shared);
    static_assert(TUNING.warps <= FORWARD_WARPS && prefill::ROWS <= FORWARD_ROWS && prefill::ROWS <= THREADS,
                  "a thread for each row");
    static_assert(SHARED_BYTES <= shared_memory_limit(ARCHITECTURE_), "a block's shared memory");
};

#endif
