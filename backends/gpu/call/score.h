/* From a product q.k to a score: scale, softcap and ALiBi, their derivative, and dropout, for one element or a run. */
#ifndef VARLEN_GPU_SCORE_H
#define VARLEN_GPU_SCORE_H

#include "call/philox.h"
#include "call/query_row.h"

/* What a score is made of besides the product. */
struct score_row {
    int32_t position; /* p of docs/semantics.md, as far as it goes */
    float slope;      /* of ALiBi */
};

GPU_DEVICE float alibi_slope(const gpu_problem &problem, const gpu_sequence &sequence, int32_t head)
{
    if (!problem.alibi_slopes)
        return 0.0f;
    constexpr float limit = 0x1p95f; /* so that no distance makes it infinite */
    const float slope = problem.alibi_slopes[sequence.index * problem.alibi_batch_stride + head];
    return slope > limit ? limit : slope < -limit ? -limit : slope;
}

GPU_DEVICE score_row score_row_of(const gpu_problem &problem, const gpu_sequence &sequence, const query_row &place)
{
    const int64_t position = (int64_t)place.query + sequence.shift;
    return {(int32_t)smaller(position, (int64_t)INT32_MAX), alibi_slope(problem, sequence, place.head)};
}

/* Scale, softcap and ALiBi. */
GPU_DEVICE float score_of(const gpu_problem &problem, const score_row &row, int32_t key, float product)
{
    float score = product * problem.scale;
    if (problem.softcap > 0.0f)
        score = problem.softcap * tanh_accurate(score / problem.softcap);
    const uint32_t ahead = (uint32_t)row.position - (uint32_t)key;
    return score - row.slope * (float)(row.position < key ? 0u - ahead : ahead);
}

/* The derivative of softcap at a product q.k, which may be the -infinity of a mask. */
GPU_DEVICE float softcap_slope(const gpu_problem &problem, float product)
{
    if (problem.softcap <= 0.0f)
        return 1.0f;
    float t = tanh_accurate(fmaxf(product, -FLT_MAX) * problem.scale / problem.softcap); /* a scale may be 0 */
    return 1.0f - t * t;
}

GPU_DEVICE philox_key dropout_key(const gpu_problem &problem)
{
    uint64_t seed = problem.dropout_state ? problem.dropout_state[0] : problem.dropout_seed;
    uint64_t offset = problem.dropout_state ? problem.dropout_state[1] : problem.dropout_offset;
    return philox_call_key(seed, offset);
}

/* Clears the weights of a run of keys, `first` and following, that are dropped; the others are multiplied by `kept`. A
 * run does not cross a multiple of 4, for which Philox makes the words at once. */
template <int RUN>
GPU_DEVICE void drop_run(const gpu_problem &problem, philox_key key, const gpu_sequence &sequence, const query_row &row,
                         int32_t first, float kept, float *run)
{
    static_assert(4 % RUN == 0, "runs lie within four keys");
    philox_words words =
        philox({{(uint32_t)first / 4, (uint32_t)row.query, (uint32_t)row.head, (uint32_t)sequence.index}}, key);
#pragma unroll
    for (int i = 0; i < RUN; i++) {
        int w = first % 4 + i;
        uint32_t word = w == 0 ? words.word[0] : w == 1 ? words.word[1] : w == 2 ? words.word[2] : words.word[3];
        run[i] = word < problem.dropout_threshold ? 0.0f : run[i] * kept;
    }
}

#endif
