/* An attention problem with its data on the host; see attention_batch.h. */
#include "attention_batch.h"

#include <math.h>

static int32_t or_else(int32_t given, int32_t otherwise)
{
    return given ? given : otherwise;
}

static int32_t at(const int_list *list, int32_t index)
{
    return index < list->count ? list->at[index] : 0;
}

static int32_t largest(const int_list *list)
{
    int32_t result = 0;
    for (int32_t n = 0; n < list->count; n++)
        if (list->at[n] > result)
            result = list->at[n];
    return result;
}

static varlen_attention problem_of(const case_trial *trial, const attention_case *row, const int_list *lens_k)
{
    varlen_attention attention = {.struct_size = sizeof attention,
                                  .dtype = trial->dtype,
                                  .batch = row->lens_q.count,
                                  .q_heads = or_else(row->q_heads, 4),
                                  .kv_heads = or_else(row->kv_heads, 2),
                                  .head_dim = or_else(row->head_dim, 64),
                                  .value_dim = row->value_dim,
                                  .softmax_scale = row->softmax_scale,
                                  .softcap = row->softcap,
                                  .mask = row->mask,
                                  .alignment = row->alignment,
                                  .window_left = row->window_left,
                                  .window_right = row->window_right,
                                  .attention_chunk = row->attention_chunk,
                                  .dropout_p = row->dropout_p,
                                  .page_size = row->page_size,
                                  .flags = row->flags};
    if (row->max_seqlen != MAX_SEQLEN_UNKNOWN) {
        int32_t loose = row->max_seqlen == MAX_SEQLEN_LOOSE ? 100 : 0;
        attention.max_seqlen_q = largest(&row->lens_q) + loose;
        attention.max_seqlen_k = largest(lens_k) + largest(&row->leftpad_k) + loose;
    }
    return attention;
}

/* Slots of pads, rows in use and free rows, one after the other: the sums where they start. */
static int32_t *slots(case_trial *trial, const int_list *pads, const int_list *used, const int_list *spare)
{
    int32_t *sums = TRIAL_TAKE(trial, used->count + 1, int32_t);
    for (int32_t b = 0; b < used->count; b++)
        sums[b + 1] = sums[b] + at(pads, b) + at(used, b) + at(spare, b);
    return sums;
}

static int32_t *used_rows(case_trial *trial, const int_list *pads, const int_list *used)
{
    int32_t *rows = TRIAL_TAKE(trial, used->count, int32_t);
    for (int32_t b = 0; b < used->count; b++)
        rows[b] = at(pads, b) + at(used, b);
    return rows;
}

/* NULL if none are given. */
static int32_t *numbers(case_trial *trial, const int_list *list, int32_t batch)
{
    if (!list->count)
        return NULL;
    int32_t *taken = TRIAL_TAKE(trial, batch, int32_t);
    for (int32_t b = 0; b < batch; b++)
        taken[b] = at(list, b);
    return taken;
}

/* Pages in no order, three of them nobody's. Entries past the ones in use are numbers that no page has. */
static void make_pages(case_trial *trial, attention_batch *batch, const attention_case *row, random_source *source)
{
    varlen_attention *attention = &batch->attention;
    int32_t width = 0, pages = 3, size = attention->page_size;
    for (int32_t b = 0; b < attention->batch; b++) {
        int32_t needed = (batch->seqused_k[b] + size - 1) / size;
        width = needed > width ? needed : width;
        pages += needed;
    }
    attention->page_count = pages;
    batch->k_page_rows = size;
    batch->k_rows = (int64_t)pages * size;
    if (row->without_table)
        return;
    attention->page_table_width = width + 1;
    int32_t *order = TRIAL_TAKE(trial, pages, int32_t);
    for (int32_t n = 0; n < pages; n++) {
        int64_t other = random_below(source, n + 1);
        order[n] = order[other];
        order[other] = n;
    }
    batch->page_table = TRIAL_TAKE(trial, attention->batch * (width + 1), int32_t);
    for (int32_t b = 0; b < attention->batch; b++) {
        int32_t *table = batch->page_table + b * (width + 1);
        for (int32_t n = 0; n <= width; n++) {
            if (n * (int64_t)size >= batch->seqused_k[b])
                table[n] = n % 2 ? INT32_MAX : -1;
            else
                table[n] = b > 0 && n < row->shared_pages ? batch->page_table[n] : *order++;
        }
    }
}

static void make_slots(case_trial *trial, attention_batch *batch, const attention_case *row, const int_list *lens_k)
{
    int32_t end = 0;
    if (batch->key_starts) {
        for (int32_t b = 0; b < lens_k->count; b++)
            if (batch->key_starts[b] + batch->seqused_k[b] > end)
                end = batch->key_starts[b] + batch->seqused_k[b];
    } else {
        batch->cu_seqlens_k = slots(trial, &row->leftpad_k, lens_k, &row->free_k);
        end = batch->cu_seqlens_k[lens_k->count];
    }
    batch->k_rows = batch->k_page_rows = end + row->slack_k;
    batch->attention.total_k = batch->k_rows;
}

static void make_metadata(case_trial *trial, attention_batch *batch, const attention_case *row, const int_list *lens_k,
                          random_source *source)
{
    batch->cu_seqlens_q = slots(trial, &row->leftpad_q, &row->lens_q, &row->free_q);
    batch->q_rows = batch->attention.total_q = batch->cu_seqlens_q[row->lens_q.count] + row->slack_q;
    if (row->free_q.count)
        batch->seqused_q = used_rows(trial, &row->leftpad_q, &row->lens_q);
    batch->leftpad_q = numbers(trial, &row->leftpad_q, lens_k->count);
    batch->leftpad_k = numbers(trial, &row->leftpad_k, lens_k->count);
    batch->query_positions = numbers(trial, &row->query_positions, lens_k->count);
    batch->key_starts = numbers(trial, &row->key_starts, lens_k->count);
    if (row->free_k.count || row->page_size || row->key_starts.count)
        batch->seqused_k = used_rows(trial, &row->leftpad_k, lens_k);
    if (row->page_size)
        make_pages(trial, batch, row, source);
    else
        make_slots(trial, batch, row, lens_k);
}

static void make_slopes(case_trial *trial, attention_batch *batch, slope_kind kind, random_source *source)
{
    int32_t heads = batch->attention.q_heads;
    static const float extremes[] = {3e38f, 1e30f, 1e-30f, -1e30f};
    int32_t sets = kind == SLOPES_PER_SEQUENCE ? batch->attention.batch : 1;
    batch->alibi_batch_stride = kind == SLOPES_PER_SEQUENCE ? heads + 3 : 0;
    batch->alibi_slopes = TRIAL_TAKE(trial, sets * (heads + 3), float);
    for (int32_t n = 0; n < sets * (heads + 3); n++) {
        int32_t head = n % (heads + 3);
        double slope = exp2(-8.0 * (head + 1) / heads) * (sets > 1 ? 0.5 + random_uniform(source) : 1);
        if (kind == SLOPES_EXTREME)
            slope = extremes[head % 4];
        batch->alibi_slopes[n] = head < heads ? (float)slope : NAN;
    }
}

static void make_sinks(case_trial *trial, attention_batch *batch, sink_kind kind, random_source *source)
{
    static const float extremes[] = {3e38f, -3e38f, -INFINITY, 1e30f};
    batch->sinks = TRIAL_TAKE(trial, batch->attention.q_heads, float);
    for (int32_t head = 0; head < batch->attention.q_heads; head++) {
        switch (kind) {
        case SINKS_VERY_NEGATIVE: batch->sinks[head] = -1e4f; break;
        case SINKS_DOMINANT: batch->sinks[head] = 30 + (float)head; break;
        case SINKS_EXTREME: batch->sinks[head] = extremes[head % 4]; break;
        default: batch->sinks[head] = (float)(2 * random_normal(source)); break;
        }
    }
}

/* What calls with this batch bring. */
static uint64_t features_of(const attention_batch *batch, tensor_layout layout)
{
    uint64_t features = 0;
    if (batch->seqused_q)
        features |= VARLEN_FEATURE_SEQUSED_Q;
    if (batch->seqused_k)
        features |= VARLEN_FEATURE_SEQUSED_K;
    if (batch->leftpad_k)
        features |= VARLEN_FEATURE_LEFTPAD_K;
    if (batch->leftpad_q)
        features |= VARLEN_FEATURE_LEFTPAD_Q;
    if (batch->query_positions)
        features |= VARLEN_FEATURE_QUERY_POSITIONS;
    if (batch->key_starts)
        features |= VARLEN_FEATURE_KEY_STARTS;
    if (batch->alibi_slopes)
        features |= VARLEN_FEATURE_ALIBI;
    if (batch->sinks)
        features |= VARLEN_FEATURE_SINKS | VARLEN_FEATURE_DSINKS;
    if (batch->dlse)
        features |= VARLEN_FEATURE_DLSE;
    if (batch->dropout_in_memory)
        features |= VARLEN_FEATURE_DROPOUT_STATE;
    if (!batch->without_lse)
        features |= VARLEN_FEATURE_LSE;
    if (batch->key_begin || batch->key_end)
        features |= VARLEN_FEATURE_KEY_RANGES;
    if (batch->tree_mask)
        features |= VARLEN_FEATURE_TREE_MASK;
    if (layout.expanded)
        features |= VARLEN_FEATURE_EXPANDED;
    return features;
}

attention_batch *batch_make(case_trial *trial, const attention_case *row)
{
    random_source source = {trial->seed};
    const int_list *lens_k = row->lens_k.count ? &row->lens_k : &row->lens_q;
    attention_batch *batch = TRIAL_TAKE(trial, 1, attention_batch);
    batch->attention = problem_of(trial, row, lens_k);
    make_metadata(trial, batch, row, lens_k, &source);
    batch_make_rows(trial, batch, row, &source);
    if (row->slopes != SLOPES_NONE)
        make_slopes(trial, batch, row->slopes, &source);
    if (row->sinks != SINKS_NONE)
        make_sinks(trial, batch, row->sinks, &source);
    batch->dropout_seed = random_bits(&source);
    batch->dropout_offset = random_bits(&source);
    batch->dropout_in_memory = row->dropout_in_memory;
    batch->without_lse = row->without_lse;
    batch->sharp = row->values == VALUES_SHARP;
    const varlen_attention *attention = &batch->attention;
    if (row->dlse)
        batch->dlse = TRIAL_TAKE(trial, batch->q_rows * attention->q_heads, double);
    batch->attention.features = features_of(batch, row->layout);

    int32_t value_dim = or_else(attention->value_dim, attention->head_dim);
    batch->q = TRIAL_TAKE(trial, batch->q_rows * attention->q_heads * attention->head_dim, double);
    batch->k = TRIAL_TAKE(trial, batch->k_rows * attention->kv_heads * attention->head_dim, double);
    batch->v = TRIAL_TAKE(trial, batch->k_rows * attention->kv_heads * value_dim, double);
    batch->dout = TRIAL_TAKE(trial, batch->q_rows * attention->q_heads * value_dim, double);
    batch_fill_values(batch, row, &source);
    batch_expand_values(batch, row->layout);
    if (row->dlse)
        batch_fill_dlse(&trial->pool, batch, &source);
    return batch;
}
