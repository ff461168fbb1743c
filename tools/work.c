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

int64_t visible_pairs_of(const varlen_attention *attention, int64_t queries, int64_t keys)
{
    const mask_reach reach = reach_of(attention);
    const int64_t shift = attention->alignment == VARLEN_ALIGN_TOP_LEFT ? 0 : keys - queries;
    int64_t pairs = 0;
    for (int64_t i = 0; i < queries; i++) {
        const int64_t position = i + shift;
        const int64_t first = position - reach.left > 0 ? position - reach.left : 0;
        const int64_t last = position + reach.right < keys - 1 ? position + reach.right : keys - 1;
        pairs += last >= first ? last - first + 1 : 0;
    }
    return pairs;
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
    const varlen_dtype kv_dtype = attention->kv_dtype ? attention->kv_dtype : attention->dtype;
    const double bytes =
        (q_rows * (double)varlen_dtype_size(attention->dtype) + k_rows * (double)varlen_dtype_size(kv_dtype)) * dims;
    const double lse = q_rows * sizeof(float);
    return (pass == VARLEN_PASS_BACKWARD ? 2 * bytes : bytes) + lse;
}
