/* The group that widens: two warps each turn bytes of keys, and of values, into the matrices that products read, and
 * put their scales beside them. */
#ifndef VARLEN_GPU_WARP_GROUPS_QUANTIZED_WIDEN_H
#define VARLEN_GPU_WARP_GROUPS_QUANTIZED_WIDEN_H

#include "call/quantized.h"
#include "warp_groups/forward_items.h"
#include "warp_groups/quantized_layout.h"

struct alignas(8) bytes_8 {
    uint32_t word[2];
};

/* How THREADS that widen a matrix share it: 8 bytes at a time, neighbours along rows. A thread's rows are a constant
 * distance apart, and lie alike wherever the swizzle repeats. */
template <typename FROM, typename TO, int THREADS> struct widening_share {
    using T = typename TO::element;
    static constexpr int ROW_PIECES = FROM::COLUMNS / 8;
    static constexpr int AT_ONCE = THREADS / ROW_PIECES; /* rows */
    static constexpr int STEPS = FROM::ROWS / AT_ONCE;
    static constexpr int PLACES = AT_ONCE < 8 ? 8 / AT_ONCE : 1; /* steps until the swizzle repeats */
    static_assert(THREADS % ROW_PIECES == 0 && FROM::ROWS % (AT_ONCE * PLACES) == 0, "rows are shared evenly");

    int32_t row; /* the first */
    int32_t column;

    GPU_DEVICE explicit widening_share(int32_t thread) : row(thread / ROW_PIECES), column(thread % ROW_PIECES * 8)
    {
    }

    /* By `pieces(bytes)`, which makes 16 bytes of 8. A few are loaded at once, since no load goes past a store; all at
     * once would be more instructions than stay at hand. */
    template <typename F> GPU_DEVICE void for_each(const FROM &from, const TO &to, F pieces) const
    {
        constexpr int together = 4;
        static_assert(STEPS % together == 0 && together % PLACES == 0, "whole batches, which lie alike");
        const uint8_t *source = from.data + row * FROM::COLUMNS + column;
        T *places[PLACES];
#pragma unroll
        for (int place = 0; place < PLACES; place++)
            places[place] = to.piece(row + place * AT_ONCE, column);
#pragma unroll 1
        for (int first = 0; first < STEPS; first += together) {
            bytes_8 bytes[together];
#pragma unroll
            for (int i = 0; i < together; i++)
                bytes[i] = *(const bytes_8 *)(source + i * AT_ONCE * FROM::COLUMNS);
#pragma unroll
            for (int i = 0; i < together; i++)
                store_16(places[i % PLACES] + i / PLACES * PLACES * AT_ONCE * TO::PANEL, pieces(bytes[i]));
            source += together * AT_ONCE * FROM::COLUMNS;
#pragma unroll
            for (int place = 0; place < PLACES; place++)
                places[place] += together * AT_ONCE * TO::PANEL;
        }
    }
};

/* A thread's share. What has no number is rare: a warp that finds some begins again. */
template <int THREADS, typename FROM, typename TO>
GPU_DEVICE void widen_matrix(const FROM &from, const TO &to, const widening &how, int32_t thread)
{
    using T = typename TO::element;
    const widening_share<FROM, TO, THREADS> share(thread);
    if (how.is_integer) {
        share.for_each(from, to,
                       [&](const bytes_8 &bytes) { return widen_int8s<T>(bytes.word[0], bytes.word[1], how); });
        return;
    }
    uint32_t special = 0;
    share.for_each(from, to, [&](const bytes_8 &bytes) {
        special |= special_bytes(bytes.word[0], bytes.word[1], how);
        return widen_float8s<T, false>(bytes.word[0], bytes.word[1], how);
    });
    if (warp_any(special != 0))
        share.for_each(from, to,
                       [&](const bytes_8 &bytes) { return widen_float8s<T, true>(bytes.word[0], bytes.word[1], how); });
}

/* Keys, or values, of all items that the block takes. */
template <typename FROM_, typename TO_> struct widened_side {
    using FROM = FROM_;
    using TO = TO_;
    const gpu_tensor &scales;
    int64_t scale_page_bytes;
    stage_barriers *bytes;  /* [BYTE_STAGES] */
    stage_barriers *places; /* [KEY_STAGES], as many as VALUE_STAGES */
    FROM (*bytes_at)(int stage);
    TO (*matrix_at)(int stage);
    float *(*scales_at)(int stage);
};

/* A thread's scales of a chunk: read while the chunk behind it is widened. */
template <int KEYS, int THREADS> struct scales_ahead {
    static constexpr int EACH = KEYS / THREADS;
    static_assert(KEYS % THREADS == 0, "scales are shared evenly");
    float at[EACH];

    /* 0 for keys past the item's last one; of an item without keys, none is read. */
    GPU_DEVICE void load(const gpu_key_rows &rows, const forward_item &item, int32_t first, int32_t thread)
    {
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            const int32_t key = first + i * THREADS + thread;
            at[i] = key < 0 || key >= item.keys.end ? 0.0f : rows.data ? *(const float *)key_row(rows, key) : 1.0f;
        }
    }

    GPU_DEVICE void store(float *to, int32_t thread) const
    {
#pragma unroll
        for (int i = 0; i < EACH; i++)
            to[i * THREADS + thread] = at[i];
    }
};

template <typename INSTANCE, typename SIDE>
GPU_DEVICE void widen_side(const group_forward_arguments &args, group_quantized_shared<INSTANCE> &shared,
                           const SIDE &side)
{
    constexpr int THREADS = INSTANCE::FILLING_WARPS * WARP;
    constexpr int KEYS = INSTANCE::CHUNK_KEYS;
    const gpu_problem &problem = args.call.problem;
    const int32_t thread = thread_index() % THREADS;
    const widening how = widening_of<typename INSTANCE::T>(problem.kv_dtype);
    stage_turn<INSTANCE::BYTE_STAGES> from;
    stage_turn<INSTANCE::KEY_STAGES> to;
    for_each_item(shared, item_turn<INSTANCE>(args), [&](const forward_item &item) {
        const gpu_span chunks = chunks_of<KEYS>(item.keys);
        gpu_key_rows rows = {};
        if (side.scales.data)
            rows = key_rows_of(problem, side.scales, side.scale_page_bytes, item.sequence, item.kv_head);
        scales_ahead<KEYS, THREADS> next;
        next.load(rows, item, (chunks.end - 1) * KEYS, thread);
        for (int32_t chunk = chunks.end - 1; chunk >= chunks.begin; chunk--) {
            const scales_ahead<KEYS, THREADS> scales = next;
            if (chunk > chunks.begin)
                next.load(rows, item, (chunk - 1) * KEYS, thread);
            side.bytes[from.stage].full.wait(from.parity);
            side.places[to.stage].empty.wait(to.parity ^ 1);
            widen_matrix<THREADS>(side.bytes_at(from.stage), side.matrix_at(to.stage), how, thread);
            scales.store(side.scales_at(to.stage), thread);
            fence_shared();
            side.bytes[from.stage].leave();
            side.places[to.stage].full.arrive();
            from.advance();
            to.advance();
        }
    });
}

template <typename INSTANCE>
GPU_DEVICE void group_quantized_widen(const group_forward_arguments &args, group_quantized_shared<INSTANCE> &shared)
{
    const gpu_problem &problem = args.call.problem;
    static_assert(INSTANCE::KEY_STAGES == INSTANCE::VALUE_STAGES, "both sides go through as many places");
    if (warp_first(thread_index() / WARP) % 4 < INSTANCE::FILLING_WARPS)
        widen_side(args, shared,
                   widened_side<typename INSTANCE::key_bytes_matrix, typename INSTANCE::key_matrix>{
                       problem.k_scales, problem.k_scale_page_bytes, shared.key_bytes, shared.keys, INSTANCE::key_bytes,
                       INSTANCE::keys, INSTANCE::key_scales});
    else
        widen_side(args, shared,
                   widened_side<typename INSTANCE::value_bytes_matrix, typename INSTANCE::value_matrix>{
                       problem.v_scales, problem.v_scale_page_bytes, shared.value_bytes, shared.values,
                       INSTANCE::value_bytes, INSTANCE::values, INSTANCE::value_scales});
}

#endif
