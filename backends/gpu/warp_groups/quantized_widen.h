/* Bytes of keys and values become the matrices that products read. One group does nothing else, and puts their scales
 * beside them: two of its warps have keys, two values. Where a group that computes has no tile of an item, as but one
 * has of a decoded sequence, it widens the second half of the item's chunks (quantized_tile.h). */
#ifndef VARLEN_GPU_WARP_GROUPS_QUANTIZED_WIDEN_H
#define VARLEN_GPU_WARP_GROUPS_QUANTIZED_WIDEN_H

#include "call/quantized.h"
#include "warp_groups/forward_items.h"
#include "warp_groups/quantized_layout.h"

struct alignas(8) bytes_8 {
    uint32_t word[2];
};

/* Of a chunk: all of them, or a half. */
struct row_span {
    int32_t first;
    int32_t count;
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

    int32_t row; /* of the first */
    int32_t column;

    GPU_DEVICE explicit widening_share(int32_t thread) : row(thread / ROW_PIECES), column(thread % ROW_PIECES * 8)
    {
    }

    /* This thread's share of `rows`, by `pieces(bytes)`, which makes 16 bytes of 8. A few are loaded at once, since no
     * load goes past a store; all at once would be more instructions than stay at hand. */
    template <typename F> GPU_DEVICE void for_each(const FROM &from, const TO &to, const row_span &rows, F pieces) const
    {
        constexpr int together = 4;
        static_assert(STEPS % (2 * together) == 0 && together % PLACES == 0, "whole batches, which lie alike");
        const uint8_t *source = from.data + (rows.first + row) * FROM::COLUMNS + column;
        T *places[PLACES];
#pragma unroll
        for (int place = 0; place < PLACES; place++)
            places[place] = to.piece(rows.first + row + place * AT_ONCE, column);
#pragma unroll 1
        for (int done = 0; done < rows.count; done += together * AT_ONCE) {
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
GPU_DEVICE void widen_matrix(const FROM &from, const TO &to, const row_span &rows, const widening &how, int32_t thread)
{
    using T = typename TO::element;
    const widening_share<FROM, TO, THREADS> share(thread);
    if (how.is_integer) {
        share.for_each(from, to, rows,
                       [&](const bytes_8 &bytes) { return widen_int8s<T>(bytes.word[0], bytes.word[1], how); });
        return;
    }
    uint32_t special = 0;
    share.for_each(from, to, rows, [&](const bytes_8 &bytes) {
        special |= special_bytes(bytes.word[0], bytes.word[1], how);
        return widen_float8s<T, false>(bytes.word[0], bytes.word[1], how);
    });
    if (warp_any(special != 0))
        share.for_each(from, to, rows,
                       [&](const bytes_8 &bytes) { return widen_float8s<T, true>(bytes.word[0], bytes.word[1], how); });
}

/* What a thread widens: keys, or values. */
template <typename INSTANCE> struct widened_side {
    using T = typename INSTANCE::T;
    using from_type = typename INSTANCE::key_bytes_matrix;
    using to_type = typename INSTANCE::key_matrix;
    static constexpr int THREADS = INSTANCE::WIDENING_WARPS * WARP;
    static constexpr int HALF = INSTANCE::CHUNK_KEYS / INSTANCE::HALVES;

    int32_t thread; /* of those that widen the same */
    stage_barriers *bytes;
    stage_barriers *places;
    uint8_t *first_bytes;
    char *first_matrix;
    widening how;

    GPU_DEVICE static bool has_keys()
    {
        return warp_first(thread_index() / WARP) % (GROUP / WARP) < INSTANCE::WIDENING_WARPS;
    }

    GPU_DEVICE widened_side(const gpu_problem &problem, group_quantized_shared<INSTANCE> &shared)
        : thread(thread_index() % THREADS), bytes(has_keys() ? shared.key_bytes : shared.value_bytes),
          places(has_keys() ? shared.keys : shared.values),
          first_bytes((has_keys() ? INSTANCE::key_bytes(0) : INSTANCE::value_bytes(0)).data),
          first_matrix((char *)(has_keys() ? INSTANCE::keys(0) : INSTANCE::values(0)).data),
          how(widening_of<T>(problem.kv_dtype))
    {
    }

    /* When a chunk's bytes have come, and nobody needs what is in its place. */
    GPU_DEVICE void await(const stage_turn<INSTANCE::BYTE_STAGES> &from, const stage_turn<INSTANCE::KEY_STAGES> &to)
    {
        bytes[from.stage].full.wait(from.parity);
        places[to.stage].empty.wait(to.parity ^ 1);
    }

    GPU_DEVICE void widen(int32_t from, int32_t to, const row_span &rows) const
    {
        widen_matrix<THREADS>(from_type{first_bytes + from * from_type::BYTES},
                              to_type{(T *)(first_matrix + to * to_type::BYTES)}, rows, how, thread);
    }

    /* A half has been widened, by this thread and others. */
    GPU_DEVICE void half_done(int32_t from, int32_t to)
    {
        bytes[from].leave();
        places[to].full.arrive();
    }
};

/* Whether the second half of an item's chunk is widened by the group that has no tile of it: not of the first ones,
 * while it may still be at the item before. Chunks are counted from the last on. */
template <typename INSTANCE>
GPU_DEVICE bool widens_halves(const group_forward_arguments &args, const forward_item &item, int32_t chunk)
{
    return item.rows <= args.boxes.tile_rows && chunk >= INSTANCE::KEY_STAGES;
}

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

template <typename INSTANCE> GPU_DEVICE float *first_scales()
{
    return widened_side<INSTANCE>::has_keys() ? INSTANCE::key_scales(0) : INSTANCE::value_scales(0);
}

template <typename INSTANCE> GPU_DEVICE gpu_key_rows scale_rows_of(const gpu_problem &problem, const forward_item &item)
{
    const bool has_keys = widened_side<INSTANCE>::has_keys();
    const gpu_tensor &scales = has_keys ? problem.k_scales : problem.v_scales;
    const int64_t page_bytes = has_keys ? problem.k_scale_page_bytes : problem.v_scale_page_bytes;
    if (!scales.data)
        return {};
    return key_rows_of(problem, scales, page_bytes, item.sequence, item.kv_head);
}

/* The group that does nothing else. */
template <typename INSTANCE>
GPU_DEVICE void group_quantized_widen(const group_forward_arguments &args, group_quantized_shared<INSTANCE> &shared)
{
    using side_type = widened_side<INSTANCE>;
    using scales_type = scales_ahead<INSTANCE::CHUNK_KEYS, side_type::THREADS>;
    constexpr int KEYS = INSTANCE::CHUNK_KEYS;
    const gpu_problem &problem = args.call.problem;
    side_type side(problem, shared);
    float *const scales_at = first_scales<INSTANCE>();
    stage_turn<INSTANCE::BYTE_STAGES> from;
    stage_turn<INSTANCE::KEY_STAGES> to;
    for_each_item(shared, item_turn<INSTANCE>(args), [&](const forward_item &item) {
        const gpu_span chunks = chunks_of<KEYS>(item.keys);
        const gpu_key_rows rows = scale_rows_of<INSTANCE>(problem, item);
        scales_type next;
        next.load(rows, item, (chunks.end - 1) * KEYS, side.thread);
        for (int32_t chunk = chunks.end - 1; chunk >= chunks.begin; chunk--) {
            const bool half = widens_halves<INSTANCE>(args, item, chunks.end - 1 - chunk);
            const scales_type scales = next;
            if (chunk > chunks.begin)
                next.load(rows, item, (chunk - 1) * KEYS, side.thread);
            side.await(from, to);
            side.widen(from.stage, to.stage, {0, half ? side_type::HALF : KEYS});
            scales.store(scales_at + to.stage * KEYS, side.thread);
            fence_shared();
            side.half_done(from.stage, to.stage);
            if (!half)
                side.half_done(from.stage, to.stage);
            from.advance();
            to.advance();
        }
    });
}

#endif
