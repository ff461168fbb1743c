/* mask_scores for sums of a group: one comparison with a constant for each, and one more only where the first keys of
 * some row are not seen. ROWS is that of call/score_steps.h. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_MASK_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_MASK_H

#include "call/score_steps.h"
#include "groups/group_products.h"

template <typename SUMS, typename ROWS> GPU_DEVICE void mask_group_scores(SUMS &scores, const ROWS &rows)
{
    constexpr int SLOTS = SUMS::SLOTS;
    constexpr int RUN = SUMS::RUN;
    const int32_t own = group_column();
    int32_t from[SLOTS];
    int32_t to[SLOTS];
    bool begins = false;
#pragma unroll
    for (int slot = 0; slot < SLOTS; slot++) {
        const gpu_span seen = rows.seen(slot);
        from[slot] = seen.begin - rows.first_key() - own;
        to[slot] = seen.end - rows.first_key() - own;
        begins = begins || from[slot] > 0;
    }
    scores.for_each_run([&](int slot, int column, float *run) {
#pragma unroll
        for (int i = 0; i < RUN; i++)
            if (column - own + i >= to[slot])
                run[i] = minus_infinity;
    });
    if (!warp_any(begins))
        return;
    scores.for_each_run([&](int slot, int column, float *run) {
#pragma unroll
        for (int i = 0; i < RUN; i++)
            if (column - own + i < from[slot])
                run[i] = minus_infinity;
    });
}

#endif
