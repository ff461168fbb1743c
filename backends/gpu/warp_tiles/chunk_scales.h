/* Scales of a chunk of quantised keys and values on their way to shared memory: a thread fetches its share while the
 * chunk before is multiplied. */
#ifndef VARLEN_GPU_CHUNK_SCALES_H
#define VARLEN_GPU_CHUNK_SCALES_H

#include "call/sequence.h"
#include "plan/forward_arguments.h"
#include "platform.h"

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

template <int THREADS, int KEYS> struct fetched_scales {
    static constexpr int EACH = (2 * KEYS + THREADS - 1) / THREADS; /* of a thread */

    float own[EACH] = {};

    /* Of key number n of the chunk, or of its value, n being KEYS more. */
    GPU_DEVICE static float load(const gpu_problem &problem, const forward_item &item, int32_t n, int32_t first)
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

    /* Of keys of an item from `first` on. */
    GPU_DEVICE void fetch(const gpu_problem &problem, const forward_item &item, int32_t first)
    {
#pragma unroll
        for (int i = 0; i < EACH; i++)
            own[i] = load(problem, item, i * THREADS + thread_index(), first);
    }

    /* When nobody needs the chunk before any longer. */
    GPU_DEVICE void store(chunk_scales<KEYS> &to) const
    {
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            const int32_t n = i * THREADS + thread_index();
            if (n < 2 * KEYS)
                to.of[n] = own[i];
        }
    }
};

#endif
