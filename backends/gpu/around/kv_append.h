/* New keys and values, rotated and quantised, into a packed or paged cache. */
#ifndef VARLEN_GPU_KV_APPEND_H
#define VARLEN_GPU_KV_APPEND_H

#include "around/append_inspect.h"
#include "around/copied_rows.h"
#include "around/element_rows.h"
#include "around/quantize.h"

/* A new token and where it goes. */
struct append_place {
    int32_t sequence;
    int32_t slot_row;
};

GPU_DEVICE append_place place_of_token(const append_arguments &args, row_owner &owner, int64_t row)
{
    find_owner(owner, row);
    return {owner.sequence, args.seqused_k[owner.sequence] + (int32_t)row - owner.begin};
}

GPU_DEVICE char *cache_row(const append_arguments &args, const append_cache &cache, const append_place &place)
{
    if (!args.paged)
        return tensor_row(cache.rows, (int64_t)args.cu_seqlens_k[place.sequence] + place.slot_row, 0);
    quotient_and_rest slot = divide_with_rest(place.slot_row, args.page_size);
    int32_t page = args.page_table[(int64_t)place.sequence * args.page_table_width + slot.quotient];
    return tensor_row(cache.rows, slot.rest, 0) + page * cache.page_bytes;
}

/* The first `tokens` rows of `added` to their places in the cache. */
GPU_DEVICE void append_rows(const append_arguments &args, const append_cache &cache, const gpu_tensor &added,
                            int32_t pieces, int32_t tokens)
{
    const copied_rows rows = {
        tokens, cache.rows.head_bytes, added.head_bytes, {(uint32_t)args.kv_heads, (uint32_t)pieces}};
    row_owner owner = make_row_owner(args.cu_seqlens_new, args.batch);
    copy_whole_rows<words_16>(rows, [&](int64_t row) {
        append_place place = place_of_token(args, owner, row);
        return row_pair{cache_row(args, cache, place), tensor_row(added, row, 0)};
    });
}

union append_memory {
    append_shared inspection;
    float rows[LONGEST_ELEMENT_ROW]; /* that are being rotated, one or several */
};

GPU_DEVICE rotated_columns whole_rows(const append_arguments &args, const gpu_tensor &rows)
{
    return {rows, args.head_dim, args.rotary_begin};
}

/* Element `element` of rotated columns, after the rotation by the position whose cosines and sines are given. `row`
 * and `element` count from the first that turns. */
GPU_DEVICE float rotated_element(const append_arguments &args, const float *row, const float *cosines,
                                 const float *sines, int32_t element)
{
    if ((uint32_t)element >= (uint32_t)args.rotary_dim)
        return row[element];
    const int32_t half = args.rotary_dim / 2;
    const int32_t pair = args.rotary_interleaved ? element / 2 : element < half ? element : element - half;
    const int32_t first = args.rotary_interleaved ? 2 * pair : pair;
    const int32_t second = args.rotary_interleaved ? 2 * pair + 1 : pair + half;
    if (element == first)
        return row[first] * cosines[pair] - row[second] * sines[pair];
    return row[first] * sines[pair] + row[second] * cosines[pair];
}

/* The row of the rotary tables for a token. */
GPU_DEVICE int64_t rotary_row(const append_arguments &args, const append_place &token)
{
    const int32_t padding = args.leftpad_k ? args.leftpad_k[token.sequence] : 0;
    return (int64_t)(token.slot_row - padding) * (args.rotary_dim / 2);
}

/* Loads a thread's elements of row `row` of a head, rotated if the rows are; all threads of the block call it. A pair's
 * elements need not be with one thread: rows lie in shared memory while they are rotated. */
template <typename T>
GPU_DEVICE void load_rotated(const append_arguments &args, const rotated_columns &from, const element_place &place,
                             bool active, int64_t row, int32_t head, const append_place &token, float (&values)[8])
{
    float *row_elements = (float *)shared_memory() + place.row * from.dim;
    if (active) {
        load_elements<T>(values, tensor_row(from.rows, row, head) + place.column * (int)sizeof(T));
#pragma unroll
        for (int i = 0; i < 8; i++)
            row_elements[place.column + i] = values[i];
    }
    block_barrier();
    if (active) {
        const int64_t table = rotary_row(args, token);
#pragma unroll
        for (int i = 0; i < 8; i++)
            values[i] = rotated_element(args, row_elements + from.begin, args.rotary_cos + table,
                                        args.rotary_sin + table, place.column - from.begin + i);
    }
    block_barrier();
}

/* Rotates `tokens` rows of `heads` heads; `to(place, row)` says where they go, which may be where they are. */
template <typename T, typename TO>
GPU_DEVICE void rotate_rows(const append_arguments &args, const rotated_columns &from, int32_t heads,
                            int64_t to_head_bytes, int32_t tokens, TO to)
{
    const element_place place = place_in_rows(from.dim);
    row_owner owner = make_row_owner(args.cu_seqlens_new, args.batch);
    pass_over_rows(place, tokens, heads, [&](bool active, int64_t row, int32_t head) {
        float values[8];
        const append_place token = active ? place_of_token(args, owner, row) : append_place{};
        load_rotated<T>(args, from, place, active, row, head, token, values);
        if (active)
            store_elements<T>(to(token, row) + head * to_head_bytes + place.column * (int)sizeof(T), values);
    });
}

/* Keys or values on their way into a quantised cache. */
struct quantized_side {
    const gpu_tensor &added;
    const append_cache &cache;
    const append_cache &scales; /* no data: all are 1 */
    int32_t dim;
    bool rotated;
};

/* The scale of the largest of a row's magnitudes, of which each of its threads has left one. */
GPU_DEVICE float scale_of_row(const uint32_t *magnitudes, int32_t threads, int32_t dtype)
{
    uint32_t largest = 0;
    for (int32_t n = 0; n < threads; n++)
        largest = larger(largest, magnitudes[n]);
    return quantized_scale(largest, dtype);
}

/* A thread's elements of one row, and for the row, its scale. */
GPU_DEVICE void store_quantized(const append_arguments &args, const quantized_side &side, const append_place &token,
                                int32_t head, int32_t column, const float (&values)[8], const uint32_t *magnitudes)
{
    const int64_t head_bytes = head * side.scales.rows.head_bytes;
    float *given = side.scales.rows.data ? (float *)(cache_row(args, side.scales, token) + head_bytes) : nullptr;
    const float scale = !args.scales_given ? scale_of_row(magnitudes, side.dim / 8, args.cache_dtype)
                        : given            ? *given
                                           : 1.0f;
    char *to = cache_row(args, side.cache, token) + head * side.cache.rows.head_bytes + column;
    store_piece(to, quantize_8(values, scale, args.cache_dtype));
    if (!args.scales_given && column == 0)
        *given = scale;
}

/* The first `tokens` rows of what is new. */
template <typename T>
GPU_DEVICE void quantize_rows(const append_arguments &args, const quantized_side &side, int32_t tokens)
{
    const element_place place = place_in_rows(side.dim);
    uint32_t *magnitudes = (uint32_t *)shared_memory() + place.row * (side.dim / 8);
    row_owner owner = make_row_owner(args.cu_seqlens_new, args.batch);
    pass_over_rows(place, tokens, args.kv_heads, [&](bool active, int64_t row, int32_t head) {
        float values[8] = {};
        const append_place token = active ? place_of_token(args, owner, row) : append_place{};
        if (side.rotated)
            load_rotated<T>(args, whole_rows(args, side.added), place, active, row, head, token, values);
        else if (active)
            load_elements<T>(values, tensor_row(side.added, row, head) + place.column * (int)sizeof(T));
        uint32_t own = 0;
#pragma unroll
        for (int i = 0; i < 8; i++)
            own = larger(own, magnitude_bits(values[i]));
        if (active)
            magnitudes[place.column / 8] = own;
        block_barrier();
        if (active)
            store_quantized(args, side, token, head, place.column, values, magnitudes);
        block_barrier();
    });
}

/* Into a cache of their own dtype. */
template <typename T> GPU_DEVICE void append_as_they_are(const append_arguments &args, int32_t tokens)
{
    constexpr int elements = 16 / (int)sizeof(T); /* in a piece */
    if (args.v_cache.rows.data)
        append_rows(args, args.v_cache, args.v_new, args.value_dim / elements, tokens);
    if (args.rotary_dim)
        rotate_rows<T>(args, whole_rows(args, args.k_new), args.kv_heads, args.k_cache.rows.head_bytes, tokens,
                       [&](const append_place &place, int64_t) { return cache_row(args, args.k_cache, place); });
    else
        append_rows(args, args.k_cache, args.k_new, args.head_dim / elements, tokens);
}

template <typename T> GPU_KERNEL(AROUND_THREADS, AROUND_BLOCKS) kv_append_kernel(GPU_ARGUMENTS(append_arguments) args)
{
    append_shared &shared = *(append_shared *)shared_memory();
    const uint64_t violation = args.validate ? inspect_append(args, shared) : no_violation;
    if (violation != no_violation) {
        if (block_index() == 0 && thread_index() == 0)
            report_violation(args.mailbox, append_violation_at(args, violation));
        return;
    }
    block_barrier(); /* shared memory gets another use */
    const int32_t tokens = args.cu_seqlens_new[args.batch];
    if (args.cache_dtype) {
        if (args.v_cache.rows.data)
            quantize_rows<T>(args, {args.v_new, args.v_cache, args.v_scales, args.value_dim, false}, tokens);
        quantize_rows<T>(args, {args.k_new, args.k_cache, args.k_scales, args.head_dim, args.rotary_dim > 0}, tokens);
    } else {
        append_as_they_are<T>(args, tokens);
    }
    if (args.rotary_dim && args.q_heads)
        rotate_rows<T>(args, args.q, args.q_heads, args.q.rows.head_bytes, tokens,
                       [&](const append_place &, int64_t row) { return tensor_row(args.q.rows, row, 0); });
}

/* seqused_k_out, by one block and behind the kernel above: the array may be seqused_k itself, which all blocks of that
 * kernel read. In place, lengths are left alone together with the cache; elsewhere they become 0. */
GPU_KERNEL(AROUND_THREADS, 1) append_lengths_kernel(GPU_ARGUMENTS(append_arguments) args)
{
    append_shared &shared = *(append_shared *)shared_memory();
    const bool valid = !args.validate || inspect_append(args, shared) == no_violation;
    const bool in_place = args.seqused_k_out == args.seqused_k;
    for (int32_t b = thread_index(); b < args.batch; b += AROUND_THREADS)
        if (valid)
            args.seqused_k_out[b] = args.seqused_k[b] + args.cu_seqlens_new[b + 1] - args.cu_seqlens_new[b];
        else if (!in_place)
            args.seqused_k_out[b] = 0;
}

#endif
