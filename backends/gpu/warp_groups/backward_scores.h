/* P^T and dS^T of a chunk of rows against a group's keys. Sums stand the other way round than in call/score_steps.h: a
 * slot is a key, a column a row of queries. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_SCORES_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_SCORES_H

#include "warp_groups/backward_layout.h"
#include "warp_groups/forward_mask.h"

/* What of the scores a group has: columns are its rows of the chunk. */
template <typename INSTANCE> struct backward_part {
    const gpu_problem &problem;
    const backward_item &item;
    const chunk_statistics<INSTANCE::ROWS> &statistics;
    const gpu_span *spans; /* of the chunk's rows, as chunk_spans has them; NULL: a band tells all */
    int32_t group;
    int32_t first_row; /* of the group's, counted in the sequence */

    GPU_DEVICE float lse(int column) const
    {
        return statistics.lse[INSTANCE::score_row(group) + column];
    }

    GPU_DEVICE float delta(int column) const
    {
        return statistics.delta[INSTANCE::score_row(group) + column];
    }

    GPU_DEVICE int32_t first_key_of_group() const
    {
        return item.first_key + INSTANCE::score_key(group);
    }

    GPU_DEVICE int32_t key_of_tile(int slot) const
    {
        return INSTANCE::score_key(group) + group_row() + slot * 8;
    }

    GPU_DEVICE int32_t key(int slot) const
    {
        return item.first_key + key_of_tile(slot);
    }

    /* Whether all rows of the chunk see so many keys of the sequence, from `first` on, where rows have spans. */
    GPU_DEVICE bool all_rows_see(int32_t first, int32_t keys) const
    {
        const gpu_span all = spans[INSTANCE::ROWS];
        return all.begin <= first && all.end >= first + keys;
    }

    /* Past the end, the last one: dout and statistics are zeros there. */
    GPU_DEVICE query_row row(int column) const
    {
        return query_row_at(problem, item.kv_head, smaller(first_row + column, item.rows - 1));
    }

    /* The next two are what mask_group_scores asks: of the rows of a sequence, those that see a key. */
    GPU_DEVICE int32_t first_key() const
    {
        return first_row;
    }

    GPU_DEVICE gpu_span seen(int slot) const
    {
        if (key_of_tile(slot) >= item.keys)
            return {0, 0};
        const gpu_span queries = band_mask::queries_that_see(problem, item.sequence, key(slot), key(slot) + 1);
        const int32_t heads = (int32_t)problem.group.divisor;
        return {queries.begin * heads, queries.end * heads};
    }
};

/* Each column by its row's own span. */
template <int ROWS, typename INSTANCE>
GPU_DEVICE void mask_columns_by_row(group_sums<ROWS> &scores, const backward_part<INSTANCE> &part)
{
    scores.for_each_run([&](int slot, int column, float *run) {
        const int32_t key = part.key(slot);
#pragma unroll
        for (int i = 0; i < group_sums<ROWS>::RUN; i++) {
            const gpu_span seen = part.spans[INSTANCE::score_row(part.group) + column + i];
            if (key < seen.begin || key >= seen.end)
                run[i] = minus_infinity;
        }
    });
}

/* Products that a row does not see become -infinity. */
template <int ROWS, typename INSTANCE>
GPU_DEVICE void mask_columns(group_sums<ROWS> &scores, const backward_part<INSTANCE> &part)
{
    if constexpr (INSTANCE::rule::mask::BY_ROWS) {
        if (part.spans) {
            mask_columns_by_row(scores, part);
            return;
        }
    }
    mask_group_scores(scores, part);
}

/* Steps on scores of the plain rule; see score_rule.h. */
template <typename INSTANCE> struct plain_column_steps {
    static constexpr int ROWS = INSTANCE::SCORE_ROWS;
    using sums = group_sums<ROWS>;
    using part_type = backward_part<INSTANCE>;

    GPU_DEVICE explicit plain_column_steps(const gpu_problem &)
    {
    }

    /* Whether an lse of the chunk is huge: see lse_is_huge. The same for all threads of a warp, which look at some
     * each. */
    GPU_DEVICE static bool has_huge_lse(const part_type &part)
    {
        bool huge = false;
#pragma unroll
        for (int row = 0; row < ROWS; row += WARP)
            huge = huge || lse_is_huge(part.lse(row + group_lane()));
        return warp_any(huge);
    }

    /* A weight is 1 at most: where an lse is huge, its rounding must not make it infinite. */
    template <bool HUGE_LSE> GPU_DEVICE static void weigh_all(sums &scores, const part_type &part)
    {
        const float multiplier = part.problem.multiplier;
        scores.for_each_run([&](int, int column, float *run) {
#pragma unroll
            for (int i = 0; i < sums::RUN; i++) {
                const float exponent = run[i] * multiplier - part.lse(column + i);
                run[i] = exp2_fast(HUGE_LSE ? fminf(exponent, 0.0f) : exponent);
            }
        });
    }

    /* Masked S becomes P. Registers for the operand are free when `make_room` has been called. */
    template <typename T, typename F>
    GPU_DEVICE void weigh(group_operand<T, ROWS> &weights, sums &scores, const part_type &part, F make_room) const
    {
        if (has_huge_lse(part))
            weigh_all<true>(scores, part);
        else
            weigh_all<false>(scores, part);
        make_room();
        group_round(weights, scores);
    }

    /* dP becomes dS. */
    GPU_DEVICE void differentiate(sums &gradients, sums &weights, const part_type &part) const
    {
        gradients.for_each_run_with(weights, [&](int, int column, float *gradient, float *weight) {
#pragma unroll
            for (int i = 0; i < sums::RUN; i++)
                gradient[i] = weight[i] * (gradient[i] - part.delta(column + i));
        });
    }
};

/* Of the general rule. Where a problem has nothing but a mask of rows, it takes the plain steps. */
template <typename INSTANCE> struct general_column_steps {
    static constexpr int ROWS = INSTANCE::SCORE_ROWS;
    static constexpr int OWN_ROWS = ROWS / 4; /* that a thread has sums of */
    using sums = group_sums<ROWS>;
    using part_type = backward_part<INSTANCE>;

    philox_key key = {};
    uint32_t dropped[sums::SLOTS]; /* by a thread's own rows: a bit for each */

    GPU_DEVICE explicit general_column_steps(const gpu_problem &problem)
    {
        general_rule::find_key(key, problem);
    }

    /* Of a thread's own rows. */
    GPU_DEVICE static int column_of(int own)
    {
        return own / 2 * 8 + group_column() + own % 2;
    }

    /* Philox makes the words of four keys, which neighbouring threads have. Each of these makes those of one row in
     * four, and sends the others theirs. */
    GPU_DEVICE void find_dropped(const part_type &part)
    {
        const gpu_problem &problem = part.problem;
        const int own_key = group_lane() / 4 % 4;
#pragma unroll
        for (int slot = 0; slot < sums::SLOTS; slot++) {
            dropped[slot] = 0;
            for (int first = 0; first < OWN_ROWS && problem.dropout_threshold; first += 4) {
                const query_row row = part.row(column_of(first + own_key));
                const philox_words words = philox({{(uint32_t)part.key(slot) / 4, (uint32_t)row.query,
                                                    (uint32_t)row.head, (uint32_t)part.item.sequence.index}},
                                                  key);
#pragma unroll
                for (int other = 0; other < 4; other++) {
                    const int w = own_key ^ other; /* theirs, and the row in four that they have made words of */
                    const uint32_t sent = w == 0   ? words.word[0]
                                          : w == 1 ? words.word[1]
                                          : w == 2 ? words.word[2]
                                                   : words.word[3];
                    const uint32_t word = other == 0 ? sent : (uint32_t)warp_xor((int32_t)sent, other * 4);
                    dropped[slot] |= (uint32_t)(word < problem.dropout_threshold) << (first + w);
                }
            }
        }
    }

    template <typename T, typename F>
    GPU_DEVICE void weigh(group_operand<T, ROWS> &weights, sums &scores, const part_type &part, F make_room)
    {
        if (general_rule::has_steps(part.problem))
            weigh_by_steps(weights, scores, part, make_room);
        else
            plain_column_steps<INSTANCE>(part.problem).weigh(weights, scores, part, make_room);
    }

    GPU_DEVICE void differentiate(sums &gradients, sums &slopes, const part_type &part) const
    {
        if (general_rule::has_steps(part.problem))
            differentiate_by_steps(gradients, slopes, part);
        else
            plain_column_steps<INSTANCE>(part.problem).differentiate(gradients, slopes, part);
    }

    /* Masked products become P times softcap's derivative; the weights are those that were kept. */
    template <typename T, typename F>
    GPU_DEVICE void weigh_by_steps(group_operand<T, ROWS> &weights, sums &scores, const part_type &part, F make_room)
    {
        const gpu_problem &problem = part.problem;
        const float kept = 1.0f / (1.0f - problem.dropout_p);
        float *products = scores.registers.touch();
        make_room();
        uint32_t *pairs = weights.registers.touch();
        find_dropped(part);
#pragma unroll
        for (int own = 0; own < OWN_ROWS; own += 2) {
#pragma unroll
            for (int slot = 0; slot < sums::SLOTS; slot++) {
                float *run = products + own * 2 + slot * 2;
                float weight[2];
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    const int column = column_of(own) + i;
                    const score_row row = score_row_of(problem, part.item.sequence, part.row(column));
                    const float slope = softcap_slope(problem, run[i]); /* the mask has been here */
                    const float score =
                        run[i] == minus_infinity ? minus_infinity : score_of(problem, row, part.key(slot), run[i]);
                    const float p = exp2_fast(fminf(score * gpu_log2e - part.lse(column), 0.0f));
                    weight[i] = dropped[slot] >> (own + i) & 1 ? 0.0f : p * kept;
                    run[i] = p * slope;
                }
                pairs[own + slot] = element_pair<T>(weight[0], weight[1]);
            }
        }
    }

    GPU_DEVICE void differentiate_by_steps(sums &gradients, sums &slopes, const part_type &part) const
    {
        const float kept = 1.0f / (1.0f - part.problem.dropout_p);
        float *of_weights = gradients.registers.touch();
        const float *of_scores = slopes.registers.touch();
#pragma unroll
        for (int own = 0; own < OWN_ROWS; own++) {
#pragma unroll
            for (int slot = 0; slot < sums::SLOTS; slot++) {
                const int n = own / 2 * 4 + slot * 2 + own % 2;
                const float drop = dropped[slot] >> own & 1 ? 0.0f : kept;
                of_weights[n] = of_scores[n] * (of_weights[n] * drop - part.delta(column_of(own)));
            }
        }
    }
};

template <typename INSTANCE>
using column_steps =
    std::conditional_t<INSTANCE::GENERAL, general_column_steps<INSTANCE>, plain_column_steps<INSTANCE>>;

#endif
