/* Which keys the rows of one warp see, in the forward pass. */
#ifndef VARLEN_GPU_WARP_KEYS_H
#define VARLEN_GPU_WARP_KEYS_H

#include "call/score_rule.h"
#include "plan/forward_arguments.h"
#include "platform.h"

struct warp_keys {
    gpu_span seen;   /* by some row of the warp; empty for warps that have no rows */
    gpu_span common; /* seen by all of them */
};

/* Of the item's rows first .. end - 1, counted in the tile, of which there is one at least. */
template <typename MASK>
GPU_DEVICE warp_keys find_warp_keys(const gpu_problem &problem, const forward_item &item, int32_t first, int32_t end)
{
    const gpu_span seen = item_keys<MASK>(problem, item, first, end);
    const gpu_span common =
        MASK::keys_seen_by_all(problem, item.sequence, divide(item.first_row + first, problem.group),
                               divide(item.first_row + end - 1, problem.group) + 1);
    return {seen, {larger(common.begin, seen.begin), smaller(common.end, seen.end)}};
}

/* What the score steps ask of a warp's rows, of its keys from `first` on. A WORK has row_of_slot and keys_of_warp. */
template <typename WORK> struct warp_score_rows {
    const WORK &work;
    const gpu_problem &problem;
    const gpu_sequence &sequence;
    int32_t first;

    GPU_DEVICE int32_t first_key() const
    {
        return first;
    }

    GPU_DEVICE query_row row(int slot) const
    {
        return work.row_of_slot(slot);
    }

    GPU_DEVICE gpu_span seen(int slot) const
    {
        const gpu_span limits = work.keys_of_warp().seen;
        const int32_t query = row(slot).query;
        const gpu_span seen = WORK::mask::keys_seen_by(problem, sequence, query, query + 1);
        return {larger(seen.begin, limits.begin), smaller(seen.end, limits.end)};
    }

    GPU_DEVICE uint64_t tree(int slot) const
    {
        return problem.tree_mask[(int64_t)sequence.first_query + row(slot).query];
    }
};

#endif
