/* Partial results combined by their lse; see docs/semantics.md. */
#ifndef VARLEN_GPU_MERGE_H
#define VARLEN_GPU_MERGE_H

#include "around/element_rows.h"
#include "call/problem.h"

struct merge_arguments {
    gpu_tensor partial_out; /* of part 0 */
    gpu_tensor out;
    const float *partial_lse;  /* [parts, heads, tokens] */
    float *lse;                /* NULL: not wanted */
    int64_t partial_out_bytes; /* from a part to the next */
    int64_t partial_lse_stride;
    int64_t tokens;
    int32_t parts;
    int32_t heads;
    int32_t value_dim;
};

/* Eight elements of a row, as the sum of its parts weighted by exp(lse - maximum). */
struct merged_row {
    float sum[8];
    float weight;
    float maximum;
};

/* What a weight of 1 is held as: sums of as many parts stay in float's range. */
constexpr float MERGE_ONE = 0x1p-16f;

/* -infinity if the part saw nothing, which FlashAttention-2 marks by +infinity. */
GPU_DEVICE float lse_of_part(const merge_arguments &args, const float *lse, int32_t part)
{
    const float own = lse[part * args.partial_lse_stride];
    return own == -minus_infinity ? minus_infinity : own;
}

template <typename PARTIAL>
GPU_DEVICE merged_row merge_parts(const merge_arguments &args, int64_t token, int32_t head, int32_t column)
{
    const float *lse = args.partial_lse + head * args.tokens + token;
    const char *part = tensor_row(args.partial_out, token, head) + column * (int)sizeof(PARTIAL);
    merged_row row = {{}, 0.0f, minus_infinity};
#pragma unroll 4
    for (int32_t p = 0; p < args.parts; p++) {
        const float own = lse_of_part(args, lse, p);
        row.maximum = own > row.maximum || own != own ? own : row.maximum; /* NaN stays */
    }
    if (row.maximum == minus_infinity)
        return row;
#pragma unroll 4
    for (int32_t p = 0; p < args.parts; p++) {
        float weight = exp2_fast((lse_of_part(args, lse, p) - row.maximum) * gpu_log2e) * MERGE_ONE;
        float values[8] = {};
        if (weight > 0.0f) /* a part that saw nothing may hold anything */
            load_elements<PARTIAL>(values, part + p * args.partial_out_bytes);
        row.weight += weight;
#pragma unroll
        for (int i = 0; i < 8; i++)
            row.sum[i] += weight * values[i];
    }
    return row;
}

/* The result may take a part's place. A thread reads its elements of all parts before it writes them; the lse of a row,
 * which all its threads read, is written behind a barrier. */
template <typename T, typename PARTIAL>
GPU_KERNEL(AROUND_THREADS, AROUND_BLOCKS)
merge_kernel(GPU_ARGUMENTS(merge_arguments) args)
{
    const element_place place = place_in_rows(args.value_dim);
    pass_over_rows(place, args.tokens, args.heads, [&](bool active, int64_t token, int32_t head) {
        merged_row row = {{}, 0.0f, minus_infinity};
        if (active)
            row = merge_parts<PARTIAL>(args, token, head, place.column);
        if (args.lse)
            block_barrier();
        if (!active)
            return;
        const bool empty = row.maximum == minus_infinity;
        const float share = empty ? 0.0f : 1.0f / row.weight;
#pragma unroll
        for (int i = 0; i < 8; i++)
            row.sum[i] *= share;
        store_elements<T>(tensor_row(args.out, token, head) + place.column * (int)sizeof(T), row.sum);
        if (args.lse && place.column == 0)
            args.lse[head * args.tokens + token] =
                empty ? minus_infinity : row.maximum + log2_accurate(row.weight / MERGE_ONE) / gpu_log2e;
    });
}

#endif
