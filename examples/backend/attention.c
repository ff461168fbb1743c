#include "attention.h"

#include <math.h>

#include "elements.h"
#include "sequences.h"

enum { LARGEST_DIM = 256 };

static int32_t kv_head(const varlen_attention *attention, int32_t h)
{
    return h / (attention->q_heads / attention->kv_heads);
}

/* Elements from the start of a tensor to row `row` of head h. */
static int64_t row_offset(const varlen_tensor *tensor, int64_t row, int32_t h)
{
    return row * tensor->token_stride + h * tensor->head_stride;
}

static double dot(varlen_dtype dtype, const varlen_tensor *a, int64_t at_a, const varlen_tensor *b, int64_t at_b,
                  int32_t dim)
{
    double sum = 0;
    for (int32_t d = 0; d < dim; d++)
        sum += load(dtype, a->data, at_a + d) * load(dtype, b->data, at_b + d);
    return sum;
}

/* scale * q.k, then softcap and ALiBi. *slope becomes what softcap leaves of a change of the product. */
static double score(const sequence *of, int32_t h, int64_t i, int64_t j, double *slope)
{
    const varlen_attention *attention = of->attention;
    const varlen_inputs *inputs = of->inputs;
    double s = (double)attention->softmax_scale *
               dot(attention->dtype, &inputs->q, row_offset(&inputs->q, of->first_q + i, h), &inputs->k,
                   key_offset(of, &inputs->k, inputs->k_page_stride, j, kv_head(attention, h)), attention->head_dim);
    const double cap = (double)attention->softcap;
    *slope = 1;
    if (cap > 0) {
        const double t = tanh(s / cap);
        s = cap * t;
        *slope = 1 - t * t;
    }
    return s - alibi(of, h, i, j);
}

/* ---- Forward ----------------------------------------------------------------------------------------------------- */

/* One query of one head: the largest score first, so that no weight is above 1. */
static void attend(const sequence *of, const varlen_forward_args *args, int32_t h, int64_t i)
{
    const varlen_attention *attention = of->attention;
    const varlen_inputs *inputs = of->inputs;
    double largest = inputs->sinks ? (double)inputs->sinks[h] : (double)-INFINITY, slope, out[LARGEST_DIM] = {0};
    for (int64_t j = 0; j < of->keys; j++)
        if (sees(of, i, j))
            largest = fmax(largest, score(of, h, i, j, &slope));
    if (largest == (double)-INFINITY)
        return; /* it sees nothing */
    double sum = inputs->sinks ? exp((double)inputs->sinks[h] - largest) : 0;
    for (int64_t j = 0; j < of->keys; j++) {
        if (!sees(of, i, j))
            continue;
        const double weight = exp(score(of, h, i, j, &slope) - largest);
        const int64_t value = key_offset(of, &inputs->v, inputs->v_page_stride, j, kv_head(attention, h));
        sum += weight;
        for (int32_t d = 0; d < attention->value_dim; d++)
            out[d] += weight * load(attention->dtype, inputs->v.data, value + d);
    }
    for (int32_t d = 0; d < attention->value_dim; d++)
        store(attention->dtype, args->out.data, row_offset(&args->out, of->first_q + i, h) + d, out[d] / sum);
    if (args->lse)
        args->lse[h * attention->total_q + of->first_q + i] =
            (float)fmax(-0x1.fffffep127, fmin(largest + log(sum), 0x1.fffffep127));
}

/* What rows have that belong to no sequence. */
static void clear(varlen_dtype dtype, const varlen_tensor *tensor, int64_t rows, int32_t heads, int32_t dim)
{
    for (int64_t row = 0; row < rows; row++)
        for (int32_t h = 0; h < heads; h++)
            for (int32_t d = 0; d < dim; d++)
                store(dtype, tensor->data, row_offset(tensor, row, h) + d, 0);
}

void attention_forward(const varlen_attention *attention, const varlen_forward_args *args)
{
    clear(attention->dtype, &args->out, attention->total_q, attention->q_heads, attention->value_dim);
    for (int64_t row = 0; args->lse && row < attention->q_heads * attention->total_q; row++)
        args->lse[row] = -INFINITY;
    for (int32_t b = 0; b < attention->batch; b++) {
        const sequence of = sequence_of(attention, args->inputs, b);
        for (int32_t h = 0; h < attention->q_heads; h++)
            for (int64_t i = 0; i < of.queries; i++)
                attend(&of, args, h, i);
    }
}

/* ---- Backward ---------------------------------------------------------------------------------------------------- */

/* What one query adds to the gradients of lse and of out, in one number: delta of docs/semantics.md. */
static double delta(const sequence *of, const varlen_backward_args *args, int32_t h, int64_t i)
{
    const int64_t row = of->first_q + i;
    const double product = dot(of->attention->dtype, &args->dout, row_offset(&args->dout, row, h), &args->out,
                               row_offset(&args->out, row, h), of->attention->value_dim);
    return args->dlse ? product - (double)args->dlse[h * of->attention->total_q + row] : product;
}

/* The weight of a pair, and the gradient of its product q.k. */
typedef struct pair {
    double weight, gradient;
} pair;

static pair pair_of(const sequence *of, const varlen_backward_args *args, int32_t h, int64_t i, int64_t j,
                    double row_delta)
{
    const varlen_attention *attention = of->attention;
    const varlen_inputs *inputs = of->inputs;
    const int64_t row = of->first_q + i;
    double slope;
    const double weight = exp(score(of, h, i, j, &slope) - (double)args->lse[h * attention->total_q + row]);
    const double dweight =
        dot(attention->dtype, &args->dout, row_offset(&args->dout, row, h), &inputs->v,
            key_offset(of, &inputs->v, inputs->v_page_stride, j, kv_head(attention, h)), attention->value_dim);
    return (pair){weight, (double)attention->softmax_scale * slope * weight * (dweight - row_delta)};
}

static void add_row(double *sum, double factor, varlen_dtype dtype, const varlen_tensor *rows, int64_t at, int32_t dim)
{
    for (int32_t d = 0; d < dim; d++)
        sum[d] += factor * load(dtype, rows->data, at + d);
}

static void store_row(varlen_dtype dtype, const varlen_tensor *rows, int64_t at, const double *sum, int32_t dim)
{
    for (int32_t d = 0; d < dim; d++)
        store(dtype, rows->data, at + d, sum[d]);
}

static void differentiate_query(const sequence *of, const varlen_backward_args *args, int32_t h, int64_t i)
{
    const varlen_attention *attention = of->attention;
    const varlen_inputs *inputs = of->inputs;
    const float lse = args->lse[h * attention->total_q + of->first_q + i];
    if (lse == -INFINITY)
        return;
    const double row_delta = delta(of, args, h, i);
    double dq[LARGEST_DIM] = {0};
    for (int64_t j = 0; j < of->keys; j++)
        if (sees(of, i, j))
            add_row(dq, pair_of(of, args, h, i, j, row_delta).gradient, attention->dtype, &inputs->k,
                    key_offset(of, &inputs->k, inputs->k_page_stride, j, kv_head(attention, h)), attention->head_dim);
    store_row(attention->dtype, &args->dq, row_offset(&args->dq, of->first_q + i, h), dq, attention->head_dim);
}

/* Of one key, over all queries of all heads that read it. */
static void differentiate_key(const sequence *of, const varlen_backward_args *args, int32_t h_kv, int64_t j)
{
    const varlen_attention *attention = of->attention;
    const varlen_inputs *inputs = of->inputs;
    const int32_t group = attention->q_heads / attention->kv_heads;
    double dk[LARGEST_DIM] = {0}, dv[LARGEST_DIM] = {0};
    for (int32_t h = h_kv * group; h < (h_kv + 1) * group; h++)
        for (int64_t i = 0; i < of->queries; i++) {
            const int64_t row = of->first_q + i;
            if (!sees(of, i, j))
                continue;
            const pair at = pair_of(of, args, h, i, j, delta(of, args, h, i));
            add_row(dk, at.gradient, attention->dtype, &inputs->q, row_offset(&inputs->q, row, h), attention->head_dim);
            add_row(dv, at.weight, attention->dtype, &args->dout, row_offset(&args->dout, row, h),
                    attention->value_dim);
        }
    store_row(attention->dtype, &args->dk, key_offset(of, &args->dk, 0, j, h_kv), dk, attention->head_dim);
    store_row(attention->dtype, &args->dv, key_offset(of, &args->dv, 0, j, h_kv), dv, attention->value_dim);
}

static double differentiate_sink(const sequence *of, const varlen_backward_args *args, int32_t h)
{
    double sum = 0;
    for (int64_t i = 0; i < of->queries; i++) {
        const double lse = (double)args->lse[h * of->attention->total_q + of->first_q + i];
        if (lse != (double)-INFINITY)
            sum -= exp((double)args->inputs->sinks[h] - lse) * delta(of, args, h, i);
    }
    return sum;
}

void attention_backward(const varlen_attention *attention, const varlen_backward_args *args)
{
    clear(attention->dtype, &args->dq, attention->total_q, attention->q_heads, attention->head_dim);
    clear(attention->dtype, &args->dk, attention->total_k, attention->kv_heads, attention->head_dim);
    clear(attention->dtype, &args->dv, attention->total_k, attention->kv_heads, attention->value_dim);
    for (int32_t b = 0; b < attention->batch; b++) {
        const sequence of = sequence_of(attention, args->inputs, b);
        for (int32_t h = 0; h < attention->q_heads; h++)
            for (int64_t i = 0; i < of.queries; i++)
                differentiate_query(&of, args, h, i);
        for (int32_t h = 0; h < attention->kv_heads; h++)
            for (int64_t j = 0; j < of.keys; j++)
                differentiate_key(&of, args, h, j);
    }
    for (int32_t h = 0; args->dsinks && h < attention->q_heads; h++) {
        double sum = 0;
        for (int32_t b = 0; b < attention->batch; b++) {
            const sequence of = sequence_of(attention, args->inputs, b);
            sum += differentiate_sink(&of, args, h);
        }
        args->dsinks[h] = (float)sum;
    }
}
