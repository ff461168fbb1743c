/* New keys and values, rotated, into a packed or paged cache. */
#ifndef VARLEN_GPU_KV_APPEND_H
#define VARLEN_GPU_KV_APPEND_H

#include "around/append_inspect.h"
#include "around/copied_rows.h"
#include "around/element_rows.h"

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
    float rows[AROUND_THREADS * 8]; /* that are being rotated */
};

/* Element `element` of a row of head_dim, after the rotation by the position whose cosines and sines are given. */
GPU_DEVICE float rotated_element(const append_arguments &args, const float *row, const float *cosines,
                                 const float *sines, int32_t element)
{
    if (element >= args.rotary_dim)
        return row[element];
    const int32_t half = args.rotary_dim / 2;
    const int32_t pair = args.rotary_interleaved ? element / 2 : element < half ? element : element - half;
    const int32_t first = args.rotary_interleaved ? 2 * pair : pair;
    const int32_t second = args.rotary_interleaved ? 2 * pair + 1 : pair + half;
    if (element == first)
        return row[first] * cosines[pair] - row[second] * sines[pair];
    return row[first] * sines[pair] + row[second] * cosines[pair];
}

/* Rotates `tokens` rows of `heads` heads; `to(place, row)` says where they go, which may be where they are. A pair's
 * elements need not be with one thread: rows lie in shared memory while they are rotated. */
template <typename T, typename TO>
GPU_DEVICE void rotate_rows(const append_arguments &args, const gpu_tensor &from, int32_t heads, int64_t to_head_bytes,
                            int32_t tokens, TO to)
{
    const element_place place = place_in_rows(args.head_dim);
    const int32_t bytes = place.column * (int)sizeof(T);
    float *row_elements = (float *)shared_memory() + place.row * args.head_dim;
    row_owner owner = make_row_owner(args.cu_seqlens_new, args.batch);
    pass_over_rows(place, tokens, heads, [&](bool active, int64_t row, int32_t head) {
        float values[8];
        if (active) {
            load_elements<T>(values, tensor_row(from, row, head) + bytes);
#pragma unroll
            for (int i = 0; i < 8; i++)
                row_elements[place.column + i] = values[i];
        }
        block_barrier();
        if (active) {
            append_place token = place_of_token(args, owner, row);
            int32_t padding = args.leftpad_k ? args.leftpad_k[token.sequence] : 0;
            int64_t table = (int64_t)(token.slot_row - padding) * (args.rotary_dim / 2);
#pragma unroll
            for (int i = 0; i < 8; i++)
                values[i] = rotated_element(args, row_elements, args.rotary_cos + table, args.rotary_sin + table,
                                            place.column + i);
            store_elements<T>(to(token, row) + head * to_head_bytes + bytes, values);
        }
        block_barrier();
    });
}

template <typename T> GPU_KERNEL(AROUND_THREADS, AROUND_BLOCKS) kv_append_kernel(GPU_ARGUMENTS(append_arguments) args)
{
    constexpr int elements = 16 / (int)sizeof(T); /* in a piece */
    append_shared &shared = *(append_shared *)shared_memory();
    const uint64_t violation = args.validate ? inspect_append(args, shared) : no_violation;
    if (violation != no_violation) {
        if (block_index() == 0 && thread_index() == 0)
            report_violation(args.mailbox, append_violation_at(args, violation));
        return;
    }
    block_barrier(); /* shared memory gets another use */
    const int32_t tokens = args.cu_seqlens_new[args.batch];
    append_rows(args, args.v_cache, args.v_new, args.value_dim / elements, tokens);
    if (!args.rotary_dim) {
        append_rows(args, args.k_cache, args.k_new, args.head_dim / elements, tokens);
        return;
    }
    rotate_rows<T>(args, args.k_new, args.kv_heads, args.k_cache.rows.head_bytes, tokens,
                   [&](const append_place &place, int64_t) { return cache_row(args, args.k_cache, place); });
    if (args.q_heads)
        rotate_rows<T>(args, args.q, args.q_heads, args.q.head_bytes, tokens,
                       [&](const append_place &, int64_t row) { return tensor_row(args.q, row, 0); });
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
