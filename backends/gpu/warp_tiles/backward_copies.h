/* The copies of the backward pass: the item's keys and values, then one chunk of rows of q and dout after another, with
 * their statistics. */
#ifndef VARLEN_GPU_BACKWARD_COPIES_H
#define VARLEN_GPU_BACKWARD_COPIES_H

#include "warp_tiles/backward_layout.h"
#include "warp_tiles/tile_copies.h"

/* The query rows that one thread copies, one after the other, without a division. */
struct row_walk {
    const char *row;
    int32_t head; /* of the group */
};

GPU_DEVICE void walk_on(row_walk &walk, const row_stride &stride, int32_t group)
{
    walk.row += stride.bytes;
    walk.head += stride.heads;
    if (walk.head >= group) {
        walk.row += stride.carry_bytes;
        walk.head -= group;
    }
}

template <typename INSTANCE> struct backward_copies {
    static constexpr int THREADS = INSTANCE::THREADS;
    static constexpr int ROWS = INSTANCE::ROWS;
    static constexpr int STAGES = INSTANCE::STAGES;
    using shares = copy_shares<THREADS, ROWS>;
    static constexpr int Q_PIECES = shares::pieces(INSTANCE::HEAD_DIM);
    static constexpr int DOUT_PIECES = shares::pieces(INSTANCE::VALUE_DIM);

    /* A chunk of rows on its way to shared memory. */
    struct chunk_copies {
        copy_batch<Q_PIECES + DOUT_PIECES, 0, STAGES == 1> rows;
        copy_batch<1, 0, STAGES == 1> statistics;
    };

    const backward_arguments &args;
    const backward_item &item;
    backward_memory<INSTANCE> memory;
    row_walk q_walk; /* this thread's share of the rows that are copied next */
    row_walk dout_walk;
    chunk_copies coming;

    GPU_DEVICE backward_copies(const backward_arguments &arguments, const backward_item &its_item)
        : args(arguments), item(its_item), memory{shared_memory()}
    {
        q_walk = walk_from(args.problem.q);
        dout_walk = walk_from(args.dout);
    }

    GPU_DEVICE row_walk walk_from(const gpu_tensor &tensor) const
    {
        const query_row place = query_row_at(args.problem, 0, item.first_chunk * ROWS + shares::first_row());
        const int32_t head = item.kv_head * (int32_t)args.problem.group.divisor + place.head;
        return {tensor_row(tensor, (int64_t)item.sequence.first_query + place.query, head), place.head};
    }

    GPU_DEVICE void copy_keys_and_values() const
    {
        const gpu_problem &problem = args.problem;
        const int32_t end = item.first_key + item.keys;
        using key_shares = copy_shares<THREADS, INSTANCE::KEYS>;
        single_copies single;
        copy_keys<key_shares>(single, 0, memory.k(), key_rows_of(problem, problem.k, 0, item.sequence, item.kv_head),
                              item.first_key, end, problem.head_dim);
        copy_keys<key_shares>(single, 0, memory.v(), key_rows_of(problem, problem.v, 0, item.sequence, item.kv_head),
                              item.first_key, end, problem.value_dim);
    }

    /* What this thread copies of the statistics, if anything. */
    GPU_DEVICE static int statistics_piece()
    {
        return thread_index() * 4;
    }

    /* Begins to copy the next chunk of rows. */
    GPU_DEVICE void copy_chunk(chunk_copies &copies, int32_t chunk)
    {
        const int stage = stage_of<INSTANCE>(item, chunk);
        const gpu_problem &problem = args.problem;
        const int32_t group = (int32_t)problem.group.divisor;
#pragma unroll
        for (int step = 0; step < shares::STEPS && !shares::idle(); step++) {
            const int32_t row = shares::first_row() + step * shares::AT_ONCE;
            const bool exists = chunk * ROWS + row < item.rows;
            copy_row(copies.rows, step * (INSTANCE::HEAD_DIM / 64), memory.q(stage), row, shares::column(), q_walk.row,
                     exists, problem.head_dim);
            copy_row(copies.rows, Q_PIECES + step * (INSTANCE::VALUE_DIM / 64), memory.dout(stage), row,
                     shares::column(), dout_walk.row, exists, problem.value_dim);
            walk_on(q_walk, args.q_stride, group);
            walk_on(dout_walk, args.dout_stride, group);
        }
        const int piece = statistics_piece();
        if (piece < 2 * ROWS)
            copies.statistics.copy(0, memory.statistics(stage) + piece,
                                   args.statistics + chunk_number(args, item, chunk) * 2 * ROWS + piece);
        copies.rows.begun();
    }

    /* LATER chunks of rows may still be on their way. */
    template <int LATER> GPU_DEVICE static void finish(chunk_copies &copies)
    {
        if (shares::idle())
            copies_wait<LATER>(); /* for keys and values */
        else
            copies.rows.template finish<LATER>();
        if (statistics_piece() < 2 * ROWS)
            copies.statistics.template finish<LATER>();
    }

    /* Until keys, values and the first chunk of rows are there; the next is on its way. */
    GPU_DEVICE void begin()
    {
        chunk_copies first;
        copy_keys_and_values();
        copy_chunk(first, item.first_chunk);
        if (item.first_chunk + 1 < item.end_chunk)
            copy_chunk(coming, item.first_chunk + 1);
        else
            copies_commit();
        finish<1>(first);
        block_barrier();
    }

    /* Until the chunk of rows after this one is there, and nobody needs P, dS and the rows of this one any more. */
    GPU_DEVICE void await_next(int32_t chunk)
    {
        if (STAGES == 1)
            block_barrier();
        if (chunk + 1 < item.end_chunk)
            finish<0>(coming);
        block_barrier();
    }

    /* Begins to copy the one after the next. */
    GPU_DEVICE void copy_ahead(int32_t chunk)
    {
        if (chunk + 2 < item.end_chunk)
            copy_chunk(coming, chunk + 2);
    }
};

#endif
