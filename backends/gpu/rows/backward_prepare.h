/* Before the tiles of the backward pass: what they need of each query row, and the outputs that no tile writes. A
 * kernel of its own, but for small batches.
 *
 *     delta = dot(dout, out) - dlse;    dq of rows that see no key, and all rows outside sequences = 0 */
#ifndef VARLEN_GPU_BACKWARD_PREPARE_H
#define VARLEN_GPU_BACKWARD_PREPARE_H

#include "call/elements.h"
#include "call/query_row.h"
#include "plan/backward_arguments.h"
#include "plan/batch_rules.h"
#include "rows/dsinks.h"
#include "rows/outside.h"

enum {
    PREPARE_THREADS = 256,
    PREPARE_LANES = 8,  /* threads that share a row: whole lines of memory */
    PREPARE_BLOCKS = 3, /* per processor: the work is to wait for memory */
    PREPARE_ROWS_LIMIT = 128,
};

struct prepare_shared {
    float lse[PREPARE_ROWS_LIMIT];
    float delta[PREPARE_ROWS_LIMIT];
};

/* dot(dout, out) of one row, by PREPARE_LANES neighbouring threads, which all get it. */
template <typename T> GPU_DEVICE float product_of_row(const char *out, const char *dout, int32_t value_dim)
{
    float sum = 0.0f;
    for (int32_t column = thread_index() % PREPARE_LANES * 8; column < value_dim; column += PREPARE_LANES * 8) {
        float a[8];
        float b[8];
        load_elements<T>(a, out + column * (int)sizeof(T));
        load_elements<T>(b, dout + column * (int)sizeof(T));
#pragma unroll
        for (int i = 0; i < 8; i++)
            sum += a[i] * b[i];
    }
#pragma unroll
    for (int mask = 1; mask < PREPARE_LANES; mask *= 2)
        sum += warp_xor(sum, mask);
    return sum;
}

struct row_statistics {
    float lse; /* in units of log2 */
    float delta;
};

/* A row that sees nothing has no lse: all of its weights are masked, and a gradient of it means nothing. */
GPU_DEVICE row_statistics statistics_of_row(const backward_arguments &args, const gpu_sequence &sequence,
                                            const query_row &row, float product)
{
    const int64_t place = row.head * args.problem.metadata.total_q + sequence.first_query + row.query;
    const float lse = args.lse[place];
    if (lse == minus_infinity)
        return {0.0f, product};
    return {make_finite(lse * gpu_log2e), args.dlse ? product - args.dlse[place] : product};
}

/* lse and delta of the rows of a chunk, zeros past its end. */
template <typename T, int THREADS>
GPU_DEVICE void find_statistics(const backward_arguments &args, const row_chunk &chunk, int32_t kv_head,
                                prepare_shared &shared)
{
    const gpu_problem &problem = args.problem;
    for (int32_t row = thread_index() / PREPARE_LANES; row < args.cut.stored_rows; row += THREADS / PREPARE_LANES) {
        int32_t valid = smaller(row, chunk.rows - 1); /* all threads of a warp take part in the sums */
        query_row place = query_row_at(problem, kv_head, chunk.first_row + valid);
        int64_t token = (int64_t)chunk.sequence.first_query + place.query;
        const float product = product_of_row<T>(tensor_row(args.out, token, place.head),
                                                tensor_row(args.dout, token, place.head), problem.value_dim);
        if (thread_index() % PREPARE_LANES == 0) {
            row_statistics found = {0.0f, 0.0f};
            if (row < chunk.rows)
                found = statistics_of_row(args, chunk.sequence, place, product);
            shared.lse[row] = found.lse;
            shared.delta[row] = found.delta;
        }
    }
}

/* What the rows of a chunk see: nothing past its end, and then no key is seen by all. */
template <int THREADS>
GPU_DEVICE void find_chunk_spans(const backward_arguments &args, const row_chunk &chunk, int64_t number)
{
    const gpu_problem &problem = args.problem;
    const int32_t rows = args.cut.stored_rows;
    gpu_span *spans = args.spans.at(number, args.cut);
    const auto query = [&](int32_t row) { return divide(chunk.first_row + row, problem.group); };
    for (int32_t row = thread_index(); row < rows; row += THREADS)
        spans[row] = row < chunk.rows ? row_mask::keys_seen_by(problem, chunk.sequence, query(row), query(row) + 1)
                                      : gpu_span{0, 0};
    if (thread_index() > 0)
        return;
    spans[rows + 1] = chunk.keys;
    spans[rows] = chunk.rows == args.cut.chunk_rows
                      ? row_mask::keys_seen_by_all(problem, chunk.sequence, query(0), query(chunk.rows - 1) + 1)
                      : gpu_span{0, 0};
}

/* Rows of dq that see no key. */
template <int THREADS> GPU_DEVICE void clear_dq(const backward_arguments &args, const row_chunk &chunk, int32_t kv_head)
{
    const int32_t pieces = args.problem.head_dim / 8;
    for (int32_t n = thread_index(); n < chunk.rows * pieces; n += THREADS) {
        int32_t row = n / pieces;
        char *to = query_row_address(args.problem, args.dq, chunk.sequence, kv_head, chunk.first_row + row);
        store_16(to + (n - row * pieces) * 16, {{0, 0, 0, 0}});
    }
}

template <int THREADS> GPU_DEVICE void clear_dq_sums(const backward_arguments &args, int64_t place)
{
    const int32_t floats = args.cut.stored_rows * args.cut.head_dim;
    float *sums = args.dq_sums + place * floats;
    for (int32_t n = thread_index() * 4; n < floats; n += THREADS * 4)
        store_16(sums + n, {{0, 0, 0, 0}});
    if (args.turns && thread_index() == 0)
        args.turns[place] = 0;
}

/* A chunk of rows, and its number among those of all sequences. */
template <typename T, int THREADS>
GPU_DEVICE void prepare_rows(const backward_arguments &args, const row_chunk &chunk, int64_t number, int32_t kv_head,
                             prepare_shared &shared)
{
    const int64_t place = kv_head * args.row_chunks + number;
    const int32_t rows = args.cut.stored_rows;
    if (chunk.rows > 0) {
        find_statistics<T, THREADS>(args, chunk, kv_head, shared);
        block_barrier();
        for (int32_t row = thread_index(); row < rows; row += THREADS) {
            args.statistics[place * 2 * rows + row] = shared.lse[row];
            args.statistics[(place * 2 + 1) * rows + row] = shared.delta[row];
        }
    }
    /* Of a small batch, the block of each kv head needs them at once, and writes the same. */
    if (args.spans.of_rows && (kv_head == 0 || !args.plan.header) && chunk.rows > 0)
        find_chunk_spans<THREADS>(args, chunk, number);
    if (args.dsinks)
        find_dsink_parts<THREADS>(args, chunk, kv_head, number, shared.lse, shared.delta);
    if (chunk.keys.end == 0)
        clear_dq<THREADS>(args, chunk, kv_head);
    else if (dq_is_summed(chunk.sequence, args.cut))
        clear_dq_sums<THREADS>(args, sum_number_of_rows(args, chunk, number, kv_head));
    block_barrier(); /* `shared` is free again */
}

struct backward_outputs {
    gpu_output dq;
    gpu_output dk;
    gpu_output dv;
};

GPU_DEVICE backward_outputs backward_outputs_of(const backward_arguments &args)
{
    const gpu_problem &problem = args.problem;
    const int64_t total_q = problem.metadata.total_q;
    const int64_t total_k = problem.metadata.total_k;
    return {{args.dq, nullptr, total_q, problem.q_heads, problem.head_dim * 2},
            {args.dk, nullptr, total_k, problem.kv_heads, problem.head_dim * 2},
            {args.dv, nullptr, total_k, problem.kv_heads, problem.value_dim * 2}};
}

/* What a call with bad metadata does. */
template <int THREADS> GPU_DEVICE void backward_refuse(const backward_arguments &args, uint64_t place)
{
    const backward_outputs outputs = backward_outputs_of(args);
    clear_output(outputs.dq, THREADS);
    clear_output(outputs.dk, THREADS);
    clear_output(outputs.dv, THREADS);
    if (block_index() > 0)
        return;
    for (int32_t head = thread_index(); args.dsinks && head < args.problem.q_heads; head += THREADS)
        args.dsinks[head] = 0.0f;
    if (thread_index() == 0)
        report_violation(args.mailbox, violation_at(args.problem, place));
}

template <int THREADS> GPU_DEVICE void clear_backward_gaps(const backward_arguments &args, int32_t gaps)
{
    const gpu_metadata &metadata = args.problem.metadata;
    const backward_outputs outputs = backward_outputs_of(args);
    if (gaps & GAPS_IN_QUERIES)
        clear_gaps(outputs.dq, metadata.cu_seqlens_q, metadata.seqused_q, metadata.leftpad_q, metadata.batch, THREADS);
    if ((gaps & GAPS_IN_KEYS) && metadata.key_starts) { /* before any tile's are written: in no order */
        clear_output(outputs.dk, THREADS);
        clear_output(outputs.dv, THREADS);
    } else if (gaps & GAPS_IN_KEYS) {
        clear_gaps(outputs.dk, metadata.cu_seqlens_k, metadata.seqused_k, metadata.leftpad_k, metadata.batch, THREADS);
        clear_gaps(outputs.dv, metadata.cu_seqlens_k, metadata.seqused_k, metadata.leftpad_k, metadata.batch, THREADS);
    }
}

/* What belongs to no sequence. Returns whether there are sequences to work on. */
template <int THREADS> GPU_DEVICE bool prepare_batch(const backward_arguments &args, const batch_findings &findings)
{
    if (findings.place != no_violation) {
        backward_refuse<THREADS>(args, findings.place);
        return false;
    }
    clear_backward_gaps<THREADS>(args, findings.gaps);
    return args.problem.metadata.batch > 0;
}

template <typename T> GPU_KERNEL(PREPARE_THREADS, PREPARE_BLOCKS) prepare_kernel(GPU_ARGUMENTS(backward_arguments) args)
{
    const gpu_problem &problem = args.problem;
    prepare_shared &shared = *(prepare_shared *)shared_memory();
    let_next_kernel_start();
    wait_for_earlier_kernel();
    if (!prepare_batch<PREPARE_THREADS>(args, plan_findings(args.plan)))
        return;
    for (int64_t n = block_index(); n < args.row_chunks * problem.kv_heads; n += grid_blocks()) {
        const int64_t number = n / problem.kv_heads;
        const row_chunk chunk = row_chunk_at(problem, args.cut.chunk_rows, number);
        prepare_rows<T, PREPARE_THREADS>(args, chunk, number, (int32_t)(n - number * problem.kv_heads), shared);
    }
}

#endif
