/* What a problem of attention comes to: see work.h. */
#include "work.h"

/* How far a query sees from its position. */
typedef struct mask_reach {
    int64_t left;
    int64_t right;
} mask_reach;

static mask_reach reach_of(const varlen_attention *attention)
{
    const int64_t far = INT64_MAX / 4; /* an unbounded side, with room to add a position */
    switch (attention->mask) {
    case VARLEN_MASK_CAUSAL: return (mask_reach){far, 0};
    case VARLEN_MASK_WINDOW:
        return (mask_reach){attention->window_left == VARLEN_UNBOUNDED ? far : attention->window_left,
                            attention->window_right == VARLEN_UNBOUNDED ? far : attention->window_right};
    default: return (mask_reach){far, far};
    }
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Keys begin .. end - 1; none if end is not above begin. */
typedef struct key_span {
    int64_t begin;
    int64_t end;
} key_span;

/* What mask, window and chunks show to the query at `position`. */
static key_span shown_keys(const varlen_attention *attention, int64_t position, int64_t keys)
{
    const mask_reach reach = reach_of(attention);
    const int64_t chunk = attention->attention_chunk;
    key_span shown = {larger(position - reach.left, 0), smaller(position + reach.right + 1, keys)};
    if (chunk > 0 && position < 0)
        return (key_span){0, 0};
    if (chunk > 0) {
        shown.begin = larger(shown.begin, position / chunk * chunk);
        shown.end = smaller(shown.end, (position / chunk + 1) * chunk);
    }
    return shown;
}

int64_t visible_keys_of(const varlen_attention *attention, int64_t position, int64_t queries, int64_t keys,
                        const row_masks *rows)
{
    const int64_t tree_begin = rows->tree_mask ? larger(keys - queries, 0) : keys;
    const int64_t first_bit = keys - queries;
    key_span seen = shown_keys(attention, position, keys);
    if (rows->key_begin)
        seen.begin = larger(seen.begin, *rows->key_begin);
    if (rows->key_end)
        seen.end = smaller(seen.end, *rows->key_end);
    int64_t count = larger(smaller(seen.end, tree_begin) - seen.begin, 0);
    for (int64_t j = larger(seen.begin, tree_begin); j < seen.end; j++)
        count += (int64_t)(*rows->tree_mask >> (j - first_bit) & 1);
    return count;
}

int64_t visible_pairs_at(const varlen_attention *attention, int64_t position, int64_t queries, int64_t keys,
                         const row_masks *rows)
{
    row_masks row = *rows;
    int64_t pairs = 0;
    for (int64_t i = 0; i < queries; i++) {
        pairs += visible_keys_of(attention, position + i, queries, keys, &row);
        row.key_begin += row.key_begin != NULL;
        row.key_end += row.key_end != NULL;
        row.tree_mask += row.tree_mask != NULL;
    }
    return pairs;
}

int64_t visible_pairs_of(const varlen_attention *attention, int64_t queries, int64_t keys, const row_masks *rows)
{
    const int64_t position = attention->alignment == VARLEN_ALIGN_TOP_LEFT ? 0 : keys - queries;
    return visible_pairs_at(attention, position, queries, keys, rows);
}

double work_flops(const varlen_attention *attention, const attention_work *work, varlen_pass pass)
{
    const double dims = (double)attention->head_dim + attention->value_dim;
    const double forward = 2.0 * (double)work->visible_pairs * attention->q_heads * dims;
    return pass == VARLEN_PASS_BACKWARD ? 2.5 * forward : forward;
}

double work_bytes(const varlen_attention *attention, const attention_work *work, varlen_pass pass)
{
    const double q_rows = (double)work->queries * attention->q_heads;
    const double k_rows = (double)work->keys * attention->kv_heads;
    const double dims = (double)attention->head_dim + attention->value_dim;
    const double elements = (q_rows + k_rows) * dims;
    const double lse = q_rows * sizeof(float);
    return (double)varlen_dtype_size(attention->dtype) * (pass == VARLEN_PASS_BACKWARD ? 2 * elements : elements) + lse;
}
