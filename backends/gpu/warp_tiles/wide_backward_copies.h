/* The copies of the backward pass of wide heads: slabs of keys and of the rows that they are multiplied by, side by
 * side, in the order in which a chunk of rows uses them. */
#ifndef VARLEN_GPU_WIDE_BACKWARD_COPIES_H
#define VARLEN_GPU_WIDE_BACKWARD_COPIES_H

#include "call/query_row.h"
#include "warp_tiles/tile_copies.h"
#include "warp_tiles/wide_backward_layout.h"

template <typename INSTANCE> struct wide_backward_copies {
    using T = typename INSTANCE::T;
    using slab = typename INSTANCE::key_tile;
    static constexpr int COLUMNS = INSTANCE::COLUMNS;
    static constexpr int ROWS = INSTANCE::ROWS;
    using key_shares = copy_shares<INSTANCE::THREADS, INSTANCE::KEYS>;
    using row_shares = copy_shares<INSTANCE::THREADS, ROWS>;
    static_assert(!key_shares::SOME_IDLE && !row_shares::SOME_IDLE, "each thread has pieces of both to finish");
    static constexpr int KEY_PIECES = key_shares::pieces(COLUMNS);
    static constexpr int ROW_PIECES = row_shares::pieces(COLUMNS);

    const backward_arguments &args;
    const backward_item &item;
    wide_backward_memory<INSTANCE> memory;
    int32_t head_slabs;
    int32_t value_slabs;
    int32_t coming_chunk; /* of the slabs that are copied next */
    int32_t coming_step;  /* of the chunk: see copy_slabs */
    slab_ring<KEY_PIECES + ROW_PIECES, INSTANCE::STAGES> ring;

    GPU_DEVICE wide_backward_copies(const backward_arguments &arguments, const backward_item &its_item)
        : args(arguments), item(its_item), memory{{shared_memory()}}
    {
        head_slabs = divide_up(args.problem.head_dim, (int32_t)COLUMNS);
        value_slabs = divide_up(args.problem.value_dim, (int32_t)COLUMNS);
        coming_chunk = item.first_chunk;
        coming_step = 0;
    }

    /* The statistics of a chunk of rows, if there is one, and where the rows are: by a thread for each. */
    GPU_DEVICE void locate_chunk(int32_t chunk) const
    {
        const int32_t row = thread_index();
        if (chunk >= item.end_chunk || row >= ROWS)
            return;
        const gpu_problem &problem = args.problem;
        const int32_t known = chunk % KNOWN_CHUNKS;
        const float *statistics = args.statistics + chunk_number(args, item, chunk) * 2 * ROWS;
        memory.statistics(known)[row] = statistics[row];
        memory.statistics(known)[ROWS + row] = statistics[ROWS + row];
        if (row >= rows_of_chunk<INSTANCE>(item, chunk))
            return;
        const query_row place = query_row_at(problem, item.kv_head, chunk * ROWS + row);
        const int64_t token = (int64_t)item.sequence.first_query + place.query;
        memory.q_rows(known)[row] = tensor_row(problem.q, token, place.head);
        memory.dout_rows(known)[row] = tensor_row(args.dout, token, place.head);
    }

    /* Begins to copy the next slabs of the coming chunk, if there is one: for S, for dP, for dV, and for dK and dQ. */
    template <typename COPIES> GPU_DEVICE void copy_slabs(COPIES &copies, int32_t stage)
    {
        if (coming_chunk >= item.end_chunk)
            return;
        const int32_t known = coming_chunk % KNOWN_CHUNKS;
        const int32_t after_scores = coming_step - head_slabs;
        const bool of_values = after_scores >= 0 && after_scores < 2 * value_slabs;
        const int32_t number = after_scores < 0             ? coming_step
                               : after_scores < value_slabs ? after_scores
                               : of_values                  ? after_scores - value_slabs
                                                            : after_scores - 2 * value_slabs;
        const int32_t column = number * COLUMNS;
        const int32_t dim = (of_values ? args.problem.value_dim : args.problem.head_dim) - column;
        const gpu_key_rows &keys = of_values ? memory.value_rows() : memory.key_rows();
        copy_rows<key_shares>(copies, 0, memory.keys(stage), item.keys, dim, [&](int32_t row) {
            return keys.data + (item.first_key + row) * keys.row_bytes + column * (int)sizeof(T);
        });
        const char *const *rows = of_values ? memory.dout_rows(known) : memory.q_rows(known);
        copy_rows<row_shares>(copies, KEY_PIECES, memory.rows(stage), rows_of_chunk<INSTANCE>(item, coming_chunk), dim,
                              [&](int32_t row) { return rows[row] + column * (int)sizeof(T); });
        coming_step++;
        if (coming_step == 2 * (head_slabs + value_slabs)) {
            coming_step = 0;
            coming_chunk++;
        }
    }

    /* There is a chunk. */
    GPU_DEVICE void begin()
    {
        const gpu_problem &problem = args.problem;
        if (thread_index() == 0) {
            memory.key_rows() = key_rows_of(problem, problem.k, 0, item.sequence, item.kv_head);
            memory.value_rows() = key_rows_of(problem, problem.v, 0, item.sequence, item.kv_head);
        }
        locate_chunk(item.first_chunk);
        block_barrier();
#pragma unroll
        for (int n = 0; n < ring.AHEAD; n++)
            ring.begin([&](auto &copies, int32_t stage) { copy_slabs(copies, stage); });
    }

    /* The stage of the next slabs, which are there. */
    GPU_DEVICE int32_t next()
    {
        return ring.next([&](auto &copies, int32_t stage) { copy_slabs(copies, stage); });
    }
};

#endif
