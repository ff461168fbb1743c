#include "sequences.h"

#include <math.h>

sequence sequence_of(const varlen_attention *attention, const varlen_inputs *inputs, int32_t index)
{
    sequence of = {.attention = attention, .inputs = inputs, .index = index};
    of.first_q = inputs->cu_seqlens_q[index];
    of.queries = inputs->cu_seqlens_q[index + 1] - of.first_q;
    if (inputs->seqused_q)
        of.queries = inputs->seqused_q[index];
    if (inputs->leftpad_q) {
        of.first_q += inputs->leftpad_q[index];
        of.queries -= inputs->leftpad_q[index];
    }
    if (inputs->cu_seqlens_k) {
        of.first_k = inputs->cu_seqlens_k[index];
        of.keys = inputs->cu_seqlens_k[index + 1] - of.first_k;
    }
    if (inputs->key_starts)
        of.first_k = inputs->key_starts[index];
    if (inputs->seqused_k)
        of.keys = inputs->seqused_k[index];
    if (inputs->leftpad_k)
        of.skipped = inputs->leftpad_k[index];
    of.keys -= of.skipped;
    return of;
}

int64_t key_offset(const sequence *of, const varlen_tensor *tensor, int64_t page_stride, int64_t j, int32_t h)
{
    const int32_t page_size = of->attention->page_size;
    int64_t row = of->skipped + j, page = 0;
    if (page_size > 0) {
        page = of->inputs->page_table[(int64_t)of->index * of->attention->page_table_width + row / page_size];
        row %= page_size;
    }
    return page * page_stride + (of->first_k + row) * tensor->token_stride + h * tensor->head_stride;
}

static int64_t position(const sequence *of, int64_t i)
{
    if (of->inputs->query_positions)
        return i + of->inputs->query_positions[of->index];
    return of->attention->alignment == VARLEN_ALIGN_TOP_LEFT ? i : i + of->keys - of->queries;
}

bool sees(const sequence *of, int64_t i, int64_t j)
{
    const int64_t p = position(of, i);
    const int32_t left = of->attention->window_left, right = of->attention->window_right;
    return (left == VARLEN_UNBOUNDED || j >= p - left) && (right == VARLEN_UNBOUNDED || j <= p + right);
}

/* A slope beyond 2^95 counts as 2^95. */
double alibi(const sequence *of, int32_t h, int64_t i, int64_t j)
{
    const varlen_inputs *inputs = of->inputs;
    if (!inputs->alibi_slopes)
        return 0;
    const double slope = (double)inputs->alibi_slopes[of->index * inputs->alibi_batch_stride + h];
    return fmax(-0x1p95, fmin(slope, 0x1p95)) * fabs((double)(position(of, i) - j));
}
