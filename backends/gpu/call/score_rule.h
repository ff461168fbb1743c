/* What becomes of products q.k in a kernel, in both passes. What few calls use is in kernels of their own, so that the
 * others need not carry it: a kernel has one of two rules. */
#ifndef VARLEN_GPU_SCORE_RULE_H
#define VARLEN_GPU_SCORE_RULE_H

#include "call/mask.h"
#include "call/softmax.h"
#include "call/softmax_gradient.h"

#include <type_traits>

/* Scale, which is part of the multiplier, and the mask of a band. */
struct plain_rule {
    using mask = band_mask;
    template <typename T> using exponent = fused_exponent<T>;

    /* Whether anything but the mask becomes of products before they are weighed, or of weights. */
    GPU_DEVICE static constexpr bool has_steps(const gpu_problem &)
    {
        return false;
    }

    /* What drop() needs; without dropout, nothing is written. */
    GPU_DEVICE static void find_key(philox_key &, const gpu_problem &)
    {
    }

    template <typename SUMS, typename ROWS> GPU_DEVICE static void transform(SUMS &, const ROWS &)
    {
    }

    template <typename SUMS, typename ROWS> GPU_DEVICE static void drop(SUMS &, const ROWS &, const philox_key &)
    {
    }

    /* Forward, behind the mask's edge. */
    template <typename SUMS, typename ROWS> GPU_DEVICE static void mask_pairs(SUMS &, const ROWS &)
    {
    }

    /* Backward, when masked products are there, and when dP is, too. */
    template <typename SUMS, typename ROWS> GPU_DEVICE static void weigh(SUMS &weights, const ROWS &rows)
    {
        weigh_scores(weights, rows);
    }

    template <typename SUMS, typename ROWS>
    GPU_DEVICE static void differentiate(SUMS &gradients, SUMS &weights, const ROWS &rows)
    {
        differentiate_scores(gradients, weights, rows);
    }
};

/* Any scale, softcap, ALiBi, mask and dropout. What a problem has none of takes no time. */
struct general_rule {
    using mask = row_mask;
    template <typename T> using exponent = exact_exponent<T>;

    GPU_DEVICE static bool has_steps(const gpu_problem &problem)
    {
        return problem.transforms || problem.dropout_threshold;
    }

    GPU_DEVICE static void find_key(philox_key &key, const gpu_problem &problem)
    {
        if (problem.dropout_threshold)
            key = dropout_key(problem);
    }

    template <typename SUMS, typename ROWS> GPU_DEVICE static void transform(SUMS &scores, const ROWS &rows)
    {
        if (rows.problem.transforms)
            transform_scores(scores, rows);
    }

    template <typename SUMS, typename ROWS>
    GPU_DEVICE static void drop(SUMS &weights, const ROWS &rows, const philox_key &key)
    {
        if (rows.problem.dropout_threshold)
            drop_weights(weights, rows, key);
    }

    template <typename SUMS, typename ROWS> GPU_DEVICE static void mask_pairs(SUMS &scores, const ROWS &rows)
    {
        if (rows.problem.tree_mask)
            mask_tree(scores, rows);
    }

    template <typename SUMS, typename ROWS> GPU_DEVICE static void weigh(SUMS &weights, const ROWS &rows)
    {
        if (!has_steps(rows.problem))
            weigh_scores(weights, rows);
    }

    template <typename SUMS, typename ROWS>
    GPU_DEVICE static void differentiate(SUMS &gradients, SUMS &weights, const ROWS &rows)
    {
        if (has_steps(rows.problem))
            differentiate_products(gradients, weights, rows);
        else
            differentiate_scores(gradients, weights, rows);
    }
};

template <bool GENERAL> using score_rule = std::conditional_t<GENERAL, general_rule, plain_rule>;

#endif
