/* A chunk of quantised keys and values on its way to shared memory: its bytes and scales are fetched while the chunk
 * before it is multiplied, then widened by the threads that fetched them. */
#ifndef VARLEN_GPU_QUANTIZED_CHUNK_H
#define VARLEN_GPU_QUANTIZED_CHUNK_H

#include "call/quantized.h"
#include "plan/forward_arguments.h"
#include "platform.h"

/* How threads share rows of so many bytes, in pieces of 16: neighbours along the rows. */
template <int THREADS, int ROWS, int DIM> struct byte_shares {
    static constexpr int ROW_PIECES = DIM / 16;
    static constexpr int PIECES = ROWS * ROW_PIECES;
    static constexpr int STEPS = (PIECES + THREADS - 1) / THREADS;

    GPU_DEVICE static int32_t number(int step)
    {
        return step * THREADS + thread_index();
    }
    GPU_DEVICE static bool exists(int step)
    {
        return PIECES % THREADS == 0 || number(step) < PIECES;
    }
    GPU_DEVICE static int32_t row(int step)
    {
        return number(step) / ROW_PIECES;
    }
    GPU_DEVICE static int32_t column(int step)
    {
        return number(step) % ROW_PIECES * 16;
    }
};

/* Behind the stage. */
template <int KEYS> struct chunk_scales {
    float of[2 * KEYS]; /* keys, then values; 0 past the last one that is seen */

    GPU_DEVICE const float *keys() const
    {
        return of;
    }
    GPU_DEVICE const float *values() const
    {
        return of + KEYS;
    }
};

template <int THREADS, int KEYS, int HEAD_DIM, int VALUE_DIM> struct quantized_chunk {
    using key_shares = byte_shares<THREADS, KEYS, HEAD_DIM>;
    using value_shares = byte_shares<THREADS, KEYS, VALUE_DIM>;
    using pieces_type = fetched_pieces<key_shares::STEPS + value_shares::STEPS, THREADS>;
    static constexpr int SCALES = (2 * KEYS + THREADS - 1) / THREADS; /* of a thread */
    static constexpr int BYTES = (int)sizeof(chunk_scales<KEYS>) + pieces_type::BYTES;

    chunk_scales<KEYS> &shared;
    pieces_type pieces;
    float scales[SCALES] = {};

    GPU_DEVICE explicit quantized_chunk(char *memory)
        : shared(*(chunk_scales<KEYS> *)memory), pieces(memory + sizeof(chunk_scales<KEYS>))
    {
    }

    template <typename SHARES>
    GPU_DEVICE void fetch_rows(int number, const gpu_key_rows &rows, int32_t first, int32_t end, int32_t dim)
    {
#pragma unroll
        for (int step = 0; step < SHARES::STEPS; step++) {
            const int32_t key = first + SHARES::row(step);
            const int32_t column = SHARES::column(step);
            const bool valid = SHARES::exists(step) && key < end && column < dim;
            pieces.fetch(number + step, valid ? key_row(rows, key) + column : nullptr, valid);
        }
    }

    /* Of key number n of the chunk, or of its value, n being KEYS more. */
    GPU_DEVICE static float load_scale(const gpu_problem &problem, const forward_item &item, int32_t n, int32_t first)
    {
        const bool is_value = n >= KEYS;
        const int32_t key = first + n - (is_value ? KEYS : 0);
        const gpu_tensor &all = is_value ? problem.v_scales : problem.k_scales;
        if (n >= 2 * KEYS || key >= item.keys.end)
            return 0.0f;
        if (!all.data)
            return 1.0f;
        const gpu_key_rows rows =
            key_rows_of(problem, all, is_value ? problem.v_scale_page_bytes : problem.k_scale_page_bytes, item.sequence,
                        item.kv_head);
        return *(const float *)key_row(rows, key);
    }

    /* Keys of an item from `first` on. */
    GPU_DEVICE void begin(const gpu_problem &problem, const forward_item &item, const gpu_key_rows &keys,
                          const gpu_key_rows &values, int32_t first)
    {
        fetch_rows<key_shares>(0, keys, first, item.keys.end, problem.head_dim);
        fetch_rows<value_shares>(key_shares::STEPS, values, first, item.keys.end, problem.value_dim);
        pieces.begun();
#pragma unroll
        for (int i = 0; i < SCALES; i++)
            scales[i] = load_scale(problem, item, i * THREADS + thread_index(), first);
    }

    template <typename SHARES, typename T, int DIM>
    GPU_DEVICE void widen_rows(int number, const shared_tile<T, DIM> &tile, const widening &how) const
    {
#pragma unroll
        for (int step = 0; step < SHARES::STEPS; step++) {
            if (!SHARES::exists(step))
                continue;
            const words_16 bytes = pieces.piece(number + step);
#pragma unroll
            for (int upper = 0; upper < 2; upper++)
                store_16(tile.piece(SHARES::row(step), SHARES::column(step) + upper * 8),
                         widen<T>(bytes.word[2 * upper], bytes.word[2 * upper + 1], how));
        }
    }

    /* When the stage is no longer needed. */
    template <typename T>
    GPU_DEVICE void finish(const shared_tile<T, HEAD_DIM> &keys, const shared_tile<T, VALUE_DIM> &values, int32_t dtype)
    {
        const widening how = widening_of<T>(dtype);
        pieces.wait();
        widen_rows<key_shares>(0, keys, how);
        widen_rows<value_shares>(key_shares::STEPS, values, how);
#pragma unroll
        for (int i = 0; i < SCALES; i++) {
            const int32_t n = i * THREADS + thread_index();
            if (n < 2 * KEYS)
                shared.of[n] = scales[i];
        }
    }
};

#endif
