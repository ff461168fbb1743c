/* Backward attention of one item (Dao, FlashAttention-2, 2023): a tile of keys against the blocks of query rows that
 * see it. Warps stand in another grid for each product, so that each reads as little shared memory as it can:
 *
 *     copy keys and values, and the first two blocks of rows of q, dout, lse and delta
 *     for each block of rows:
 *         S = Q K^T,  dP = dO V^T               [row][key]
 *         P = exp2(transform, mask(S) - lse)    weights again, from forward's lse
 *         dS = P * (dP - delta)                 and the derivative of softcap; dropout goes to dP, and to P after dS
 *         P and dS, rounded, to shared memory
 *         dV += P^T dO,  dK += dS^T Q           [key][dim], kept in registers
 *         dQ = dS K                             [row][dim], added to a sum over tiles
 *         wait for the next block, begin to copy the one behind it
 *     dk = scale * dK, dv = dV */
#ifndef VARLEN_GPU_BACKWARD_TILE_H
#define VARLEN_GPU_BACKWARD_TILE_H

#include "call/score.h"
#include "finish/stored_sums.h"
#include "plan/backward_plan.h"
#include "warp_tiles/backward_layout.h"

/* A warp's sums in global memory lie in the order in which its threads hold them: four floats of each, side by side. */
template <int ROWS, int COLUMNS> GPU_DEVICE void add_flat_sums(float *to, warp_sums<ROWS, COLUMNS> &sums)
{
    constexpr int count = ROWS * COLUMNS / WARP;
    float flat[count / 4][4];
    int n = 0;
    sums.for_each_run([&](int, int, float *run) {
#pragma unroll
        for (int i = 0; i < sums.RUN; i++, n++)
            flat[n / 4][n % 4] = run[i];
    });
#pragma unroll
    for (int i = 0; i < count / 4; i++)
        atomic_add_4(to + (i * WARP + thread_index() % WARP) * 4, flat[i]);
}

template <typename INSTANCE> struct backward_work {
    using T = typename INSTANCE::T;
    using scores_grid = typename INSTANCE::scores;
    using dk_grid = typename INSTANCE::dk;
    using dv_grid = typename INSTANCE::dv;
    using dq_grid = typename INSTANCE::dq;
    using scores_type = typename scores_grid::sums;
    static constexpr int SLOTS = scores_type::SLOTS;
    static constexpr int ROWS = INSTANCE::ROWS;
    static constexpr int KEYS = INSTANCE::KEYS;
    static constexpr int THREADS = INSTANCE::THREADS;
    static constexpr int STAGES = INSTANCE::STAGES;
    using shares = copy_shares<THREADS, ROWS>;
    static constexpr int Q_PIECES = shares::pieces(INSTANCE::HEAD_DIM);
    static constexpr int DOUT_PIECES = shares::pieces(INSTANCE::VALUE_DIM);

    /* A block of rows on its way to shared memory. */
    struct block_copies {
        copy_batch<Q_PIECES + DOUT_PIECES, 0, STAGES == 1> rows;
        copy_batch<1, 0, STAGES == 1> statistics;
    };

    const backward_arguments &args;
    const backward_item &item;
    char *memory;
    row_walk q_walk; /* this thread's share of the rows that are copied next */
    row_walk dout_walk;
    block_copies copies;
    typename dk_grid::sums dk;
    typename dv_grid::sums dv;

    GPU_DEVICE backward_work(const backward_arguments &arguments, const backward_item &its_item)
        : args(arguments), item(its_item), memory(shared_memory())
    {
        q_walk = walk_from(args.problem.q);
        dout_walk = walk_from(args.dout);
    }

    GPU_DEVICE row_walk walk_from(const gpu_tensor &tensor) const
    {
        const query_row place = query_row_at(args.problem, 0, item.first_block * ROWS + shares::first_row());
        const int32_t head = item.kv_head * (int32_t)args.problem.group.divisor + place.head;
        return {tensor_row(tensor, (int64_t)item.sequence.first_query + place.query, head), place.head};
    }

    GPU_DEVICE typename INSTANCE::key_tile k() const
    {
        return {(T *)(memory + INSTANCE::K_PLACE)};
    }
    GPU_DEVICE typename INSTANCE::value_tile v() const
    {
        return {(T *)(memory + INSTANCE::V_PLACE)};
    }
    GPU_DEVICE typename INSTANCE::key_tile q(int stage) const
    {
        return {(T *)(memory + INSTANCE::Q_PLACE + stage * INSTANCE::Q_BYTES)};
    }
    GPU_DEVICE typename INSTANCE::value_tile dout(int stage) const
    {
        return {(T *)(memory + INSTANCE::DOUT_PLACE + stage * INSTANCE::DOUT_BYTES)};
    }
    GPU_DEVICE typename INSTANCE::weight_tile p() const
    {
        return {(T *)(memory + INSTANCE::P_PLACE)};
    }
    GPU_DEVICE typename INSTANCE::weight_tile ds() const
    {
        return {(T *)(memory + INSTANCE::DS_PLACE)};
    }
    GPU_DEVICE float *statistics(int stage) const
    {
        return (float *)(memory + INSTANCE::STATISTICS_PLACE) + stage * 2 * ROWS;
    }

    GPU_DEVICE void copy_tile() const
    {
        const gpu_problem &problem = args.problem;
        const int32_t end = item.first_key + item.keys;
        using key_shares = copy_shares<THREADS, KEYS>;
        single_copies single;
        copy_keys<key_shares>(single, 0, k(), key_rows_of(problem, problem.k, 0, item.sequence, item.kv_head),
                              item.first_key, end, problem.head_dim);
        copy_keys<key_shares>(single, 0, v(), key_rows_of(problem, problem.v, 0, item.sequence, item.kv_head),
                              item.first_key, end, problem.value_dim);
    }

    GPU_DEVICE int32_t rows_of_block(int32_t block) const
    {
        return smaller((int32_t)ROWS, item.rows - block * ROWS);
    }

    /* What this thread copies of a block's statistics, if anything. */
    GPU_DEVICE static int statistics_piece()
    {
        return thread_index() * 4;
    }

    GPU_DEVICE int stage_of(int32_t block) const
    {
        return (block - item.first_block) % STAGES;
    }

    /* Begins to copy the next block of rows. */
    GPU_DEVICE void copy_block(block_copies &to_copy, int32_t block)
    {
        const int stage = stage_of(block);
        const gpu_problem &problem = args.problem;
        const int32_t group = (int32_t)problem.group.divisor;
#pragma unroll
        for (int step = 0; step < shares::STEPS && !shares::idle(); step++) {
            const int32_t row = shares::first_row() + step * shares::AT_ONCE;
            const bool exists = block * ROWS + row < item.rows;
            copy_row(to_copy.rows, step * (INSTANCE::HEAD_DIM / 64), q(stage), row, shares::column(), q_walk.row,
                     exists, problem.head_dim);
            copy_row(to_copy.rows, Q_PIECES + step * (INSTANCE::VALUE_DIM / 64), dout(stage), row, shares::column(),
                     dout_walk.row, exists, problem.value_dim);
            walk_on(q_walk, args.q_stride, group);
            walk_on(dout_walk, args.dout_stride, group);
        }
        const int piece = statistics_piece();
        if (piece < 2 * ROWS)
            to_copy.statistics.copy(0, statistics(stage) + piece,
                                    args.statistics + block_number(args, item, block) * 2 * ROWS + piece);
        to_copy.rows.begun();
    }

    /* LATER blocks may still be on their way. */
    template <int LATER> GPU_DEVICE static void finish_copies(block_copies &copied)
    {
        if (shares::idle())
            copies_wait<LATER>(); /* for keys and values */
        else
            copied.rows.template finish<LATER>();
        if (statistics_piece() < 2 * ROWS)
            copied.statistics.template finish<LATER>();
    }

    /* The row of a block that a slot of this thread stands for; past the block's end, its last one. */
    GPU_DEVICE score_row row_of_slot(int32_t block, int slot) const
    {
        int32_t row = smaller(scores_grid::row() + scores_type::slot_row(slot), rows_of_block(block) - 1);
        return score_row_at(args.problem, item.sequence, item.kv_head, block * ROWS + row);
    }

    /* Whether this warp's part of a block is seen by any row, and whether by all of them. */
    struct visibility {
        bool any;
        bool all;
    };

    GPU_DEVICE visibility visibility_of(int32_t block) const
    {
        const gpu_problem &problem = args.problem;
        const int32_t row = scores_grid::row();
        const int32_t end_row = smaller(row + scores_grid::WARP_ROWS, rows_of_block(block));
        const int32_t first_key = item.first_key + scores_grid::column();
        const int32_t end_key = first_key + scores_grid::WARP_COLUMNS;
        if (row >= end_row)
            return {false, false};
        gpu_span some = keys_of_rows(problem, item.sequence, block * ROWS + row, end_row - row);
        gpu_span every = keys_seen_by_all(problem, item.sequence, divide(block * ROWS + row, problem.group),
                                          divide(block * ROWS + end_row - 1, problem.group) + 1);
        return {first_key < some.end && end_key > some.begin,
                end_row == row + scores_grid::WARP_ROWS && first_key >= every.begin && end_key <= every.end};
    }

    /* Scores of keys that a row does not see, and of rows past the end, become -infinity. */
    GPU_DEVICE void mask(scores_type &scores, int32_t block) const
    {
        gpu_span seen[SLOTS];
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++) {
            score_row row = row_of_slot(block, slot);
            bool valid = scores_grid::row() + scores_type::slot_row(slot) < rows_of_block(block);
            seen[slot] = {row.first_key, valid ? row.last_key + 1 : row.first_key};
        }
        const int32_t first = item.first_key + scores_grid::column();
        scores.for_each_run([&](int slot, int column, float *run) {
#pragma unroll
            for (int i = 0; i < scores_type::RUN; i++) {
                int32_t key = first + column + i;
                if (key < seen[slot].begin || key >= seen[slot].end)
                    run[i] = minus_infinity;
            }
        });
    }

    GPU_DEVICE float lse_of_slot(int stage, int slot) const
    {
        return statistics(stage)[scores_grid::row() + scores_type::slot_row(slot)];
    }

    GPU_DEVICE float delta_of_slot(int stage, int slot) const
    {
        return statistics(stage)[ROWS + scores_grid::row() + scores_type::slot_row(slot)];
    }

    /* Whether an lse, which has been rounded, may lie so far below a score that a weight is not about 1, but infinite.
     */
    GPU_DEVICE static bool lse_is_huge(float lse)
    {
        constexpr float limit = 0x1p20f;
        return magnitude(lse) > limit;
    }

    /* Scores of such rows become relative to it, and at most 0. */
    GPU_DEVICE void subtract_huge(scores_type &scores, float (&lse)[SLOTS]) const
    {
        const float unit = 1.0f / args.problem.multiplier;
        float subtrahend[SLOTS];
        float limit[SLOTS];
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++) {
            const bool huge = lse_is_huge(lse[slot]);
            subtrahend[slot] = huge ? make_finite(lse[slot] * unit) : 0.0f; /* a mask's -infinity stays */
            limit[slot] = huge ? 0.0f : FLT_MAX;
            lse[slot] = huge ? 0.0f : lse[slot];
        }
        scores.for_each_run([&](int slot, int, float *run) {
#pragma unroll
            for (int i = 0; i < scores_type::RUN; i++)
                run[i] = fminf(run[i] - subtrahend[slot], limit[slot]);
        });
    }

    /* S becomes P. */
    GPU_DEVICE void weigh(scores_type &weights, int stage) const
    {
        float lse[SLOTS];
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            lse[slot] = lse_of_slot(stage, slot);
        const float multiplier = args.problem.multiplier;
        bool huge = false;
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            huge = huge || lse_is_huge(lse[slot]);
        if (warp_any(huge))
            subtract_huge(weights, lse);
        weights.for_each_run([&](int slot, int, float *weight) {
#pragma unroll
            for (int i = 0; i < scores_type::RUN; i++)
                weight[i] = exp2_fast(weight[i] * multiplier - lse[slot]);
        });
    }

    /* dP becomes dS. */
    GPU_DEVICE void differentiate(scores_type &gradients, scores_type &weights, int stage) const
    {
        float delta[SLOTS];
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
            delta[slot] = delta_of_slot(stage, slot);
        gradients.for_each_run_with(weights, [&](int slot, int, float *gradient, float *weight) {
#pragma unroll
            for (int i = 0; i < scores_type::RUN; i++)
                gradient[i] = weight[i] * (gradient[i] - delta[slot]);
        });
    }

    /* Both, for any score rule. dS needs P itself, dV the weights that were kept. */
    GPU_DEVICE void weigh_general(scores_type &weights, scores_type &gradients, int32_t block, int stage) const
    {
        const gpu_problem &problem = args.problem;
        const float kept = 1.0f / (1.0f - problem.dropout_p);
        const int32_t first = item.first_key + scores_grid::column();
        philox_key key = {};
        if (problem.dropout_threshold)
            key = dropout_key(problem);
        weights.for_each_run_with(gradients, [&](int slot, int column, float *weight, float *gradient) {
            const score_row row = row_of_slot(block, slot);
            const int32_t run_key = first + column;
            float drop[scores_type::RUN];
#pragma unroll
            for (int i = 0; i < scores_type::RUN; i++)
                drop[i] = 1.0f;
            if (problem.dropout_threshold)
                drop_run<scores_type::RUN>(problem, key, item.sequence, row.query, row.head, run_key, kept, drop);
#pragma unroll
            for (int i = 0; i < scores_type::RUN; i++) {
                float slope = softcap_slope(problem, weight[i]); /* the mask has been here */
                float score =
                    weight[i] == minus_infinity ? minus_infinity : score_of(problem, row, run_key + i, weight[i]);
                /* An lse that has been rounded may lie below a huge score. */
                float p = exp2_fast(fminf(score * gpu_log2e - lse_of_slot(stage, slot), 0.0f));
                gradient[i] = p * slope * (gradient[i] * drop[i] - delta_of_slot(stage, slot));
                weight[i] = p * drop[i];
            }
        });
    }

    /* P and dS of this warp's part of a block, into shared memory. */
    GPU_DEVICE void find_weights(int32_t block, int stage) const
    {
        if (scores_grid::THREADS < INSTANCE::THREADS && thread_index() >= scores_grid::THREADS)
            return;
        visibility seen = {true, true};
        if (block < item.first_whole || block >= item.end_whole)
            seen = visibility_of(block);
        scores_type weights;
        scores_type gradients;
        weights.clear();
        gradients.clear();
        if (seen.any) {
            multiply_rows(weights, q(stage), scores_grid::row(), k(), scores_grid::column());
            if (!seen.all)
                mask(weights, block);
            if constexpr (INSTANCE::GENERAL) {
                multiply_rows(gradients, dout(stage), scores_grid::row(), v(), scores_grid::column());
                weigh_general(weights, gradients, block, stage);
            } else {
                weigh(weights, stage);
                multiply_rows(gradients, dout(stage), scores_grid::row(), v(), scores_grid::column());
                differentiate(gradients, weights, stage);
            }
        }
        store_sums(p(), scores_grid::row(), scores_grid::column(), weights);
        store_sums(ds(), scores_grid::row(), scores_grid::column(), gradients);
    }

    /* Those of this warp. */
    GPU_DEVICE static float *dq_sums_of(const backward_arguments &arguments, int64_t block)
    {
        constexpr int warp_floats = dq_grid::WARP_ROWS * dq_grid::WARP_COLUMNS;
        return arguments.dq_sums + block * ROWS * INSTANCE::HEAD_DIM + thread_index() / WARP * warp_floats;
    }

    /* With turns, tiles add to a block in order of their number. */
    GPU_DEVICE void add_dq(typename dq_grid::sums &dq, int32_t block) const
    {
        if (!args.turns) {
            add_flat_sums(dq_sums_of(args, sum_number(args, item, block)), dq);
            return;
        }
        int32_t *turns = args.turns + sum_number(args, item, block);
        gpu_span keys = keys_of_rows(args.problem, item.sequence, block * ROWS, rows_of_block(block));
        const int32_t turn = item.tile - keys.begin / KEYS;
        if (thread_index() == 0)
            while (load_volatile(turns) != turn) {
            }
        block_barrier();
        fence();
        add_flat_sums(dq_sums_of(args, sum_number(args, item, block)), dq);
        fence();
        block_barrier();
        if (thread_index() == 0)
            store_volatile(turns, turn + 1);
    }

    /* Rows of an output from the rows of a tile. */
    template <typename TILE, typename ADDRESS>
    GPU_DEVICE static void store_rows(const TILE &tile, int32_t rows, int32_t dim, ADDRESS address)
    {
        const int32_t pieces = dim / 8;
        for (int32_t n = thread_index(); n < rows * pieces; n += THREADS) {
            int32_t row = n / pieces;
            int32_t column = (n - row * pieces) * 8;
            store_16(address(row) + column * (int)sizeof(T), load_16(tile.piece(row, column)));
        }
    }

    /* The part of a matrix that a warp has, into rows of an output. */
    template <typename GRID, typename ADDRESS>
    GPU_DEVICE static void store_part(typename GRID::sums &sums, int32_t rows, int32_t dim, ADDRESS address)
    {
        const int column = GRID::column();
        store_sums_to_rows<T>(sums, rows - GRID::row(), dim - column,
                              [&](int32_t row) { return address(GRID::row() + row) + column * (int)sizeof(T); });
    }

    /* Where no other tile adds to it. By way of shared memory, it takes the place of q, which nobody needs any more. */
    GPU_DEVICE void store_dq(typename dq_grid::sums &dq, int32_t block) const
    {
        const gpu_problem &problem = args.problem;
        const auto address = [&](int32_t row) {
            return query_row_address(problem, args.dq, item.sequence, item.kv_head, block * ROWS + row);
        };
        scale(dq, problem.scale);
        if constexpr (INSTANCE::TUNING.results_by_shared_memory) {
            const typename INSTANCE::key_tile tile = q(stage_of(block));
            store_sums(tile, dq_grid::row(), dq_grid::column(), dq);
            block_barrier();
            store_rows(tile, rows_of_block(block), problem.head_dim, address);
            block_barrier(); /* dq has left the place of q */
        } else {
            store_part<dq_grid>(dq, rows_of_block(block), problem.head_dim, address);
        }
    }

    template <typename SUMS> GPU_DEVICE static void scale(SUMS &sums, float factor)
    {
        sums.for_each_run([&](int, int, float *run) {
#pragma unroll
            for (int i = 0; i < SUMS::RUN; i++)
                run[i] *= factor;
        });
    }

    /* Until the next block is there, and nobody needs P, dS and the rows of this one any more. */
    GPU_DEVICE void await_next(int32_t block)
    {
        if (STAGES == 1)
            block_barrier();
        if (block + 1 < item.end_block)
            finish_copies<0>(copies);
        block_barrier();
    }

    /* A block that is in shared memory; then begins to copy the one after the next. */
    GPU_DEVICE void multiply_block(int32_t block)
    {
        const int stage = stage_of(block);
        find_weights(block, stage);
        block_barrier(); /* P and dS are there */
        multiply_columns<ROWS>(dv, p(), dv_grid::row(), dout(stage), dv_grid::column());
        multiply_columns<ROWS>(dk, ds(), dk_grid::row(), q(stage), dk_grid::column());
        typename dq_grid::sums dq;
        dq.clear();
        multiply_tiles<KEYS>(dq, ds(), dq_grid::row(), k(), dq_grid::column());
        if (dq_is_summed(item.sequence, args.shape)) {
            add_dq(dq, block);
            await_next(block);
        } else {
            await_next(block);
            store_dq(dq, block);
        }
        if (block + 2 < item.end_block)
            copy_block(copies, block + 2);
    }

    /* dk and dv. */
    GPU_DEVICE void store_tile()
    {
        const gpu_problem &problem = args.problem;
        const int64_t first = (int64_t)item.sequence.first_key + item.first_key;
        const auto dk_row = [&](int32_t row) { return tensor_row(args.dk, first + row, item.kv_head); };
        const auto dv_row = [&](int32_t row) { return tensor_row(args.dv, first + row, item.kv_head); };
        scale(dk, problem.scale);
        if constexpr (INSTANCE::TUNING.results_by_shared_memory) {
            block_barrier(); /* keys and values are no longer needed */
            store_sums(k(), dk_grid::row(), dk_grid::column(), dk);
            store_sums(v(), dv_grid::row(), dv_grid::column(), dv);
            block_barrier();
            store_rows(k(), item.keys, problem.head_dim, dk_row);
            store_rows(v(), item.keys, problem.value_dim, dv_row);
        } else {
            store_part<dk_grid>(dk, item.keys, problem.head_dim, dk_row);
            store_part<dv_grid>(dv, item.keys, problem.value_dim, dv_row);
        }
    }

    /* The tile and its first block; the next is on its way. */
    GPU_DEVICE void begin()
    {
        block_copies first;
        copy_tile();
        copy_block(first, item.first_block);
        if (item.first_block + 1 < item.end_block)
            copy_block(copies, item.first_block + 1);
        else
            copies_commit();
        finish_copies<1>(first);
        block_barrier();
    }

    GPU_DEVICE void multiply_all()
    {
        dk.clear();
        dv.clear();
        if (item.first_block < item.end_block)
            begin();
        for (int32_t block = item.first_block; block < item.end_block; block++)
            multiply_block(block);
        store_tile();
    }
};

#endif
