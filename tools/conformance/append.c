/* varlen_kv_append on a row's cache: what it must give; see append.h. */
#include "append.h"

#include "block_ints.h"
#include "dtypes.h"
#include "expected.h"
#include "slack.h"

#include <math.h>
#include <stdio.h>

/* A pair of elements and the row of the tables that turns it. */
typedef struct rotation {
    int32_t first; /* element */
    int32_t second;
    float cos;
    float sin;
} rotation;

static rotation rotation_at(const append_case *row, const append_values *values, int64_t position, int32_t pair)
{
    int32_t half = row->rotary_dim / 2, begin = row->rotary_begin;
    rotation turn = {.cos = values->cos[position * half + pair], .sin = values->sin[position * half + pair]};
    turn.first = begin + (row->rotary_interleaved ? 2 * pair : pair);
    turn.second = begin + (row->rotary_interleaved ? 2 * pair + 1 : pair + half);
    return turn;
}

/* Rows of heads before and after the rotation: what is expected, and a plain float32 program's. */
typedef struct rotated_rows {
    expected_rows turned;  /* elements rotary_begin .. rotary_begin + rotary_dim - 1 of each head */
    expected_rows as_were; /* the others */
    double *plain;         /* as `turned`, and so is */
    double *slack;
} rotated_rows;

/* The rotated elements of one head of one row: rotated, by a plain float32 program, and what float32 arithmetic is due.
 */
typedef struct turned_head {
    double *values;
    double *plain;
    double *slack;
} turned_head;

static void rotate_head(const append_case *row, const append_values *values, varlen_dtype dtype, int64_t position,
                        const double *given, const turned_head *head)
{
    for (int32_t pair = 0; pair < row->rotary_dim / 2; pair++) {
        rotation r = rotation_at(row, values, position, pair);
        double x = given[r.first], y = given[r.second];
        int32_t first = r.first - row->rotary_begin, second = r.second - row->rotary_begin;
        head->values[first] = x * r.cos - y * r.sin;
        head->values[second] = x * r.sin + y * r.cos;
        head->slack[first] = slack_of(fabs(x * r.cos) + fabs(y * r.sin));
        head->slack[second] = slack_of(fabs(x * r.sin) + fabs(y * r.cos));
        float x_cos = (float)x * r.cos, y_sin = (float)y * r.sin;
        float x_sin = (float)x * r.sin, y_cos = (float)y * r.cos;
        head->plain[first] = dtype_round(dtype, x_cos - y_sin);
        head->plain[second] = dtype_round(dtype, x_sin + y_cos);
    }
}

static bool is_turned(const append_case *row, int32_t element)
{
    return element >= row->rotary_begin && element < row->rotary_begin + row->rotary_dim;
}

/* A head's elements in two parts: those that are rotated, and the others. */
static void part_head(const append_case *row, int32_t dim, const double *head, double *turned, double *as_were)
{
    for (int32_t e = 0; e < dim; e++)
        *(is_turned(row, e) ? turned++ : as_were++) = head[e];
}

static void join_head(const append_case *row, int32_t dim, double *head, const double *turned, const double *as_were)
{
    for (int32_t e = 0; e < dim; e++)
        head[e] = *(is_turned(row, e) ? turned++ : as_were++);
}

/* `given` [total_new, heads, head_dim], whose rows of sequences are rotated to their positions. */
static rotated_rows rotate(case_trial *trial, const append_case *row, const append_metadata *metadata,
                           const append_values *values, const double *given, int32_t heads)
{
    int32_t dim = append_head_dim(row), turning = row->rotary_dim;
    int64_t owned = metadata->cu_seqlens_new[row->lens_new.count];
    double *scratch = TRIAL_TAKE(trial, turning, double);
    rotated_rows rows = {expected_make(trial, "rotated elements", owned, heads, turning),
                         expected_make(trial, "elements beside rotary_dim", owned, heads, dim - turning),
                         TRIAL_TAKE(trial, owned * heads * turning, double),
                         TRIAL_TAKE(trial, owned * heads * turning, double)};
    for (int32_t b = 0; b < row->lens_new.count; b++) {
        for (int64_t n = metadata->cu_seqlens_new[b]; n < metadata->cu_seqlens_new[b + 1]; n++) {
            int64_t position = metadata->seqused_k[b] - (metadata->leftpad_k ? metadata->leftpad_k[b] : 0) + n -
                               metadata->cu_seqlens_new[b];
            for (int64_t head = n * heads; head < (n + 1) * heads; head++) {
                const turned_head turned = {rows.turned.values + head * turning, rows.plain + head * turning,
                                            rows.slack + head * turning};
                rotate_head(row, values, trial->dtype, position, given + head * dim, &turned);
                part_head(row, dim, given + head * dim, scratch, rows.as_were.values + head * (dim - turning));
            }
        }
    }
    if (turning)
        expected_bound(trial, &rows.turned, &(bound_terms){0, owned, rows.plain, rows.slack, 2, trial->dtype});
    return rows;
}

/* `got` [owned rows, heads, head_dim] against its two parts. */
static void check_rotated(case_trial *trial, const append_case *row, const char *tensor, const rotated_rows *rows,
                          const double *got)
{
    int64_t heads = rows->turned.rows * rows->turned.heads;
    int32_t turning = rows->turned.dim, rest = rows->as_were.dim;
    double *turned = TRIAL_TAKE(trial, heads * turning, double), *as_were = TRIAL_TAKE(trial, heads * rest, double);
    for (int64_t head = 0; head < heads; head++)
        part_head(row, turning + rest, got + head * (turning + rest), turned + head * turning, as_were + head * rest);
    char name[64], rest_name[64];
    snprintf(name, sizeof name, "%s, %s", tensor, rows->turned.name);
    snprintf(rest_name, sizeof rest_name, "%s, %s", tensor, rows->as_were.name);
    expected_rows first = rows->turned, second = rows->as_were;
    first.name = name;
    second.name = rest_name;
    expected_check(trial, &first, turned);
    expected_check(trial, &second, as_were);
}

/* Both parts of each head. */
static const double *all_elements(case_trial *trial, const append_case *row, const rotated_rows *rows)
{
    int64_t heads = rows->turned.rows * rows->turned.heads;
    int32_t turning = rows->turned.dim, rest = rows->as_were.dim;
    double *values = TRIAL_TAKE(trial, heads * (turning + rest), double);
    for (int64_t head = 0; head < heads; head++)
        join_head(row, turning + rest, values + head * (turning + rest), rows->turned.values + head * turning,
                  rows->as_were.values + head * rest);
    return values;
}

/* The rows of the cache that new rows went to, in the order of the new rows. */
static double *load_new_rows(case_trial *trial, const append_case *row, const append_metadata *metadata,
                             const strided_tensor *cache)
{
    int64_t size = (int64_t)cache->shape.heads * cache->shape.dim;
    double *rows = TRIAL_TAKE(trial, metadata->cu_seqlens_new[row->lens_new.count] * size, double);
    for (int32_t b = 0; b < row->lens_new.count; b++)
        for (int64_t n = metadata->cu_seqlens_new[b]; n < metadata->cu_seqlens_new[b + 1]; n++)
            tensor_load_row(cache, append_cache_row(row, metadata, b, n - metadata->cu_seqlens_new[b]),
                            rows + n * size);
    return rows;
}

static void check_seqused(case_trial *trial, const append_case *row, const append_metadata *metadata,
                          const append_call *call)
{
    if (!call->seqused_k_out)
        return;
    int32_t *expected = TRIAL_TAKE(trial, row->lens_new.count, int32_t);
    for (int32_t b = 0; b < row->lens_new.count; b++)
        expected[b] = metadata->seqused_k[b] + row->lens_new.at[b];
    block_expect_ints(trial, call->seqused_k_out, expected, row->lens_new.count);
}

/* The rotated rows of q; its rows of no sequence are left for block_list_check. */
static double *load_queries(case_trial *trial, const append_case *row, const append_metadata *metadata,
                            const strided_tensor *q)
{
    int64_t owned = metadata->cu_seqlens_new[row->lens_new.count], size = (int64_t)row->q_heads * q->shape.dim;
    double *rows = TRIAL_TAKE(trial, owned * size, double);
    for (int64_t n = 0; n < owned; n++)
        tensor_load_row(q, n, rows + n * size);
    return rows;
}

void append_run(case_trial *trial, const void *case_row)
{
    const append_case *row = case_row;
    append_metadata metadata = append_metadata_make(trial, row);
    append_values values = append_values_make(trial, row, &metadata);
    append_call call = append_prepare(trial, row, &metadata, &values);
    trial_expect_ok_or_skip(trial, append_submit(&call), "varlen_kv_append");
    block_list_download(&call.blocks);
    check_seqused(trial, row, &metadata, &call);

    int32_t heads = append_kv_heads(row);
    rotated_rows k = rotate(trial, row, &metadata, &values, values.k, heads);
    expected_rows v = expected_make(trial, "v_cache", k.turned.rows, heads, append_value_dim(row));
    v.values = values.v;
    double *k_got = load_new_rows(trial, row, &metadata, &call.k_cache);
    double *v_got = row->keys_alone ? NULL : load_new_rows(trial, row, &metadata, &call.v_cache);
    double *q_got = row->q_heads ? load_queries(trial, row, &metadata, &call.q) : NULL;
    if (row->cache_dtype) {
        const append_quantized keys = {"k_cache", &call.k_scale,        all_elements(trial, row, &k),
                                       k_got,     append_head_dim(row), row->rotary_dim > 0};
        const append_quantized given = {"v_cache", &call.v_scale, values.v, v_got, append_value_dim(row), false};
        append_check_quantized(trial, row, &metadata, &keys);
        if (v_got)
            append_check_quantized(trial, row, &metadata, &given);
        block_list_check(&call.blocks);
    } else {
        block_list_check(&call.blocks);
        check_rotated(trial, row, "k_cache", &k, k_got);
        if (v_got)
            expected_check(trial, &v, v_got);
    }
    if (q_got) {
        rotated_rows q = rotate(trial, row, &metadata, &values, values.q, row->q_heads);
        check_rotated(trial, row, "q", &q, q_got);
    }
}
