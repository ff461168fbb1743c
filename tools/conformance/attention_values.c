/* The numbers in q, k, v and dout of an attention problem. */
#include "attention_batch.h"
#include "dtypes.h"
#include "oracle.h"

#include <math.h>
#include <string.h>

typedef enum value_role { ROLE_Q, ROLE_K, ROLE_V, ROLE_DOUT } value_role;

/* One row of heads of one tensor. */
typedef struct value_row {
    const attention_case *problem;
    value_role role;
    int32_t heads;
    int32_t dim;
    varlen_dtype dtype;
    double amplitude; /* see batch_amplitude */
} value_row;

/* q and k agree in the first half of their elements, up to a sign for each row and head, so that scores lie around two
 * far values; the second half makes them differ. All are integers: q.k is exact in any order of summation. */
static double huge_score_element(int32_t n, int32_t dim, double sign, random_source *source)
{
    if (n < dim / 2)
        return sign * (n % 3 ? 8 : -8);
    return (double)(random_below(source, 17) - 8);
}

static double large_logit_element(int32_t n, int32_t dim, double sign, random_source *source)
{
    if (n < dim / 2)
        return sign * (n % 3 ? 250 : -250);
    return (double)(random_below(source, 3) - 1);
}

/* All elements of a row and head are the same. */
static double sharp_element(const value_row *row, double sign, double fraction)
{
    return row->role == ROLE_Q ? sign * row->problem->q_size : fraction * row->problem->k_size;
}

static double largest_of_dtype(varlen_dtype dtype)
{
    return dtype == VARLEN_FLOAT16 ? 65504 : 3.38e38;
}

static double zero_element(const value_row *row, int32_t head, random_source *source)
{
    int64_t choice = random_below(source, 4);
    if ((row->role == ROLE_V && head == 0) || choice == 0)
        return -0.0;
    return choice == 1 ? 0.0 : random_normal(source);
}

/* What a row and head have in common. */
typedef struct value_head {
    int32_t head;
    double sign;
    double fraction; /* 1/16 to 1 */
} value_head;

/* Of the largest magnitude, the smallest, 0 and -0. */
static double end_element(varlen_dtype dtype, random_source *source)
{
    const double largest = dtype_largest(dtype), smallest = dtype_step(dtype, 0);
    const double sign = random_below(source, 2) ? 1 : -1;
    switch (random_below(source, 4)) {
    case 0: return dtype == VARLEN_INT8 && sign < 0 ? -128 : sign * largest;
    case 1: return sign * smallest * (double)(1 + random_below(source, 3));
    case 2: return sign * 0.0;
    default: return sign * largest / 2;
    }
}

static double element(const value_row *row, const value_head *head, int32_t n, random_source *source)
{
    if (row->role == ROLE_DOUT)
        return random_normal(source);
    const bool is_v = row->role == ROLE_V;
    switch (row->problem->values) {
    case VALUES_HUGE_SCORES: return is_v ? random_normal(source) : huge_score_element(n, row->dim, head->sign, source);
    case VALUES_LARGE_LOGITS:
        return is_v ? random_normal(source) : large_logit_element(n, row->dim, head->sign, source);
    case VALUES_SHARP: return is_v ? random_normal(source) : sharp_element(row, head->sign, head->fraction);
    case VALUES_ZEROS: return zero_element(row, head->head, source);
    case VALUES_LARGE_V: return is_v ? 6e4 * (2 * random_uniform(source) - 1) : random_normal(source);
    case VALUES_LARGEST_V:
        return is_v ? largest_of_dtype(row->dtype) * (2 * random_uniform(source) - 1) : random_normal(source);
    case VALUES_ENDS: return row->role == ROLE_Q ? random_normal(source) : end_element(row->dtype, source);
    case VALUES_TINY: return 0x1p-16 * random_normal(source);
    default: return random_normal(source);
    }
}

static void fill_row(const value_row *row, double *values, random_source *source)
{
    const varlen_dtype dtype = row->dtype;
    for (int32_t head = 0; head < row->heads; head++) {
        value_head common = {.head = head, .sign = random_below(source, 2) ? 1 : -1, .fraction = 1};
        if (row->problem->values == VALUES_SHARP)
            common.fraction = (double)(1 + random_below(source, 16)) / 16;
        for (int32_t n = 0; n < row->dim; n++)
            values[head * row->dim + n] =
                dtype_round(dtype, (float)(row->amplitude * element(row, &common, n, source)));
    }
}

static void fill_unowned(double *values, int64_t count)
{
    for (int64_t n = 0; n < count; n++)
        values[n] = NAN;
}

static void fill_queries(attention_batch *batch, const value_row *q, const value_row *dout, random_source *source)
{
    fill_unowned(batch->q, batch->q_rows * q->heads * q->dim);
    fill_unowned(batch->dout, batch->q_rows * dout->heads * dout->dim);
    for (int32_t b = 0; b < batch->attention.batch; b++) {
        for (int64_t i = 0; i < batch_queries(batch, b); i++) {
            int64_t row = batch_query_row(batch, b, i);
            fill_row(q, batch->q + row * q->heads * q->dim, source);
            fill_row(dout, batch->dout + row * dout->heads * dout->dim, source);
        }
    }
}

static void fill_keys(attention_batch *batch, const value_row *k, const value_row *v, random_source *source)
{
    int64_t k_size = (int64_t)k->heads * k->dim, v_size = (int64_t)v->heads * v->dim;
    const double *first = NULL;
    fill_unowned(batch->k, batch->k_rows * k_size);
    fill_unowned(batch->v, batch->k_rows * v_size);
    for (int32_t b = 0; b < batch->attention.batch; b++) {
        for (int64_t j = 0; j < batch_keys(batch, b); j++) {
            int64_t row = batch_key_row(batch, b, j);
            double *key = batch->k + row * k_size;
            if (!isnan(*key))
                continue; /* on a page that two sequences share */
            fill_row(v, batch->v + row * v_size, source);
            if (k->problem->values == VALUES_EQUAL_SCORES && first)
                memcpy(key, first, (size_t)k_size * sizeof *key);
            else
                fill_row(k, key, source);
            first = key;
        }
    }
}

void batch_fill_values(attention_batch *batch, const attention_case *row, random_source *source)
{
    const varlen_attention *attention = &batch->attention;
    int32_t value_dim = attention->value_dim ? attention->value_dim : attention->head_dim;
    const varlen_dtype dtype = attention->dtype, kv_dtype = batch_kv_dtype(batch);
    const double k_amplitude = batch_amplitude(kv_dtype, row->k_scales);
    const double v_amplitude = batch_amplitude(kv_dtype, row->v_scales);
    const value_row q = {row, ROLE_Q, attention->q_heads, attention->head_dim, dtype, 1};
    const value_row k = {row, ROLE_K, attention->kv_heads, attention->head_dim, kv_dtype, k_amplitude};
    const value_row v = {row, ROLE_V, attention->kv_heads, value_dim, kv_dtype, v_amplitude};
    const value_row dout = {row, ROLE_DOUT, attention->q_heads, value_dim, dtype, 1};
    fill_queries(batch, &q, &dout, source);
    fill_keys(batch, &k, &v, source);
}

static bool has_lse(const sequence *s, int64_t i, int32_t head)
{
    bool has = s->sinks && s->sinks[head] > -INFINITY;
    for (int64_t j = 0; j < s->keys && !has; j++)
        has = oracle_sees(s, i, j);
    return has;
}

void batch_fill_dlse(memory_pool *pool, attention_batch *batch, random_source *source)
{
    const int32_t heads = batch->attention.q_heads;
    fill_unowned(batch->dlse, batch->q_rows * heads);
    for (int32_t b = 0; b < batch->attention.batch; b++) {
        const sequence s = batch_sequence(pool, batch, b);
        double *dlse = batch->dlse + batch_query_row(batch, b, 0) * heads;
        for (int64_t n = 0; n < s.queries * heads; n++)
            if (has_lse(&s, n / heads, (int32_t)(n % heads)))
                dlse[n] = (float)random_normal(source);
    }
}

/* A dense [pages, page_rows, heads, dim] tensor of which some dimension is expanded. */
typedef struct expansion {
    layout_kind kind;
    int64_t rows;
    int64_t page_rows;
    int32_t heads;
    int32_t dim;
} expansion;

/* The row whose values row `row` has after expansion. */
static int64_t source_row(const expansion *e, int64_t row)
{
    if (e->kind == LAYOUT_EXPANDED_TOKENS)
        return row / e->page_rows * e->page_rows;
    return e->kind == LAYOUT_EXPANDED_PAGES ? row % e->page_rows : row;
}

/* Values that are no sequence's become those of one, since they are the same. */
static void expand(double *values, const expansion *e)
{
    const int64_t size = (int64_t)e->heads * e->dim;
    for (int64_t row = 0; row < e->rows; row++) {
        double *source = values + source_row(e, row) * size;
        if (isnan(*source) && !isnan(values[row * size]))
            memcpy(source, values + row * size, (size_t)size * sizeof *values);
    }
    for (int64_t row = 0; row < e->rows; row++) {
        const double *source = values + source_row(e, row) * size;
        for (int32_t head = 0; head < e->heads; head++)
            memmove(values + row * size + head * e->dim,
                    source + (e->kind == LAYOUT_EXPANDED_HEADS ? 0 : head * e->dim), (size_t)e->dim * sizeof *values);
    }
}

void batch_expand_values(attention_batch *batch, tensor_layout layout)
{
    const varlen_attention *attention = &batch->attention;
    const int32_t value_dim = attention->value_dim ? attention->value_dim : attention->head_dim;
    const expansion q = {layout.kind, batch->q_rows, batch->q_rows, attention->q_heads, attention->head_dim};
    const expansion k = {layout.kind, batch->k_rows, batch->k_page_rows, attention->kv_heads, attention->head_dim};
    const expansion v = {layout.kind, batch->k_rows, batch->k_page_rows, attention->kv_heads, value_dim};
    if (layout_expands(layout, "q"))
        expand(batch->q, &q);
    if (layout_expands(layout, "k"))
        expand(batch->k, &k);
    if (layout_expands(layout, "v"))
        expand(batch->v, &v);
    if (layout.v_in_k)
        for (int64_t row = 0; row < batch->k_rows * attention->kv_heads; row++)
            memcpy(batch->v + row * value_dim, batch->k + row * attention->head_dim,
                   (size_t)value_dim * sizeof *batch->v);
}
