/* P^T and dS^T of a chunk of rows against a group's keys. Sums stand the other way round than in call/score_steps.h: a
 * slot is a key, a column a row of queries. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_SCORES_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_SCORES_H

#include "warp_groups/backward_layout.h"
#include "warp_groups/forward_mask.h"

/* What mask_group_scores asks: of the rows of a sequence, those that see a key. */
struct rows_of_keys {
    const gpu_problem &problem;
    const backward_item &item;
    int32_t group;
    int32_t first_row; /* of the chunk */

    GPU_DEVICE int32_t first_key() const
    {
        return first_row;
    }

    GPU_DEVICE gpu_span seen(int slot) const
    {
        const int32_t key = group * TILE_ROWS + group_row() + slot * 8; /* of the tile */
        if (key >= item.keys)
            return {0, 0};
        const gpu_span queries =
            queries_that_see(problem, item.sequence, item.first_key + key, item.first_key + key + 1);
        const int32_t heads = (int32_t)problem.group.divisor;
        return {queries.begin * heads, queries.end * heads};
    }
};

/* Whether an lse of the chunk is huge: see lse_is_huge. The same for all threads of a warp, which look at some each. */
template <int ROWS> GPU_DEVICE bool has_huge_lse(const chunk_statistics<ROWS> &statistics)
{
    bool huge = false;
#pragma unroll
    for (int row = 0; row < ROWS; row += WARP)
        huge = huge || lse_is_huge(statistics.lse[row + group_lane()]);
    return warp_any(huge);
}

/* Masked S becomes P. A weight is 1 at most: where an lse is huge, its rounding must not make it infinite. */
template <bool HUGE_LSE, int ROWS>
GPU_DEVICE void weigh_columns(group_sums<ROWS> &scores, const chunk_statistics<ROWS> &statistics, float multiplier)
{
    scores.for_each_run([&](int, int column, float *run) {
#pragma unroll
        for (int i = 0; i < group_sums<ROWS>::RUN; i++) {
            const float exponent = run[i] * multiplier - statistics.lse[column + i];
            run[i] = exp2_fast(HUGE_LSE ? fminf(exponent, 0.0f) : exponent);
        }
    });
}

/* dP becomes dS. */
template <int ROWS>
GPU_DEVICE void differentiate_columns(group_sums<ROWS> &gradients, group_sums<ROWS> &weights,
                                      const chunk_statistics<ROWS> &statistics)
{
    gradients.for_each_run_with(weights, [&](int, int column, float *gradient, float *weight) {
#pragma unroll
        for (int i = 0; i < group_sums<ROWS>::RUN; i++)
            gradient[i] = weight[i] * (gradient[i] - statistics.delta[column + i]);
    });
}

#endif
