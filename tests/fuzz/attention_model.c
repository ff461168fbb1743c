/* An attention call by the header's words; see attention_model.h. */
#include "attention_model.h"

#include "arena.h"
#include "attention_rows.h"
#include "attention_scales.h"

#include <math.h>

static bool window_is_legal(const varlen_attention *a)
{
    const bool is_window = a->mask == VARLEN_MASK_WINDOW, is_full = a->mask == VARLEN_MASK_FULL;
    return a->window_left >= -1 && a->window_right >= -1 && (is_window || a->window_right <= 0) &&
           (!is_full || a->window_left <= 0);
}

/* Bits that fields of the problem say too. */
static bool features_are_legal(const varlen_attention *a)
{
    const struct {
        bool holds;
        uint64_t feature;
    } rows[] = {
        {a->mask == VARLEN_MASK_CAUSAL, VARLEN_FEATURE_CAUSAL},
        {a->mask == VARLEN_MASK_WINDOW || (a->mask == VARLEN_MASK_CAUSAL && a->window_left > 0), VARLEN_FEATURE_WINDOW},
        {a->alignment == VARLEN_ALIGN_TOP_LEFT, VARLEN_FEATURE_TOP_LEFT},
        {a->softcap > 0, VARLEN_FEATURE_SOFTCAP},
        {a->dropout_p > 0, VARLEN_FEATURE_DROPOUT},
        {a->page_size > 0, VARLEN_FEATURE_PAGED},
        {a->flags & VARLEN_FLAG_DETERMINISTIC, VARLEN_FEATURE_DETERMINISTIC},
        {a->flags & VARLEN_FLAG_BATCH_INVARIANT, VARLEN_FEATURE_BATCH_INVARIANT},
        {a->attention_chunk > 0, VARLEN_FEATURE_CHUNK},
        {a->kv_dtype != 0, VARLEN_FEATURE_QUANTIZED},
    };
    bool legal = a->features < VARLEN_FEATURE_QUANTIZED << 1;
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++)
        legal = legal && (rows[n].holds || !(a->features & rows[n].feature));
    return legal;
}

static bool total_is_legal(int64_t total)
{
    return total >= 0 && total <= INT32_MAX;
}

static void expect_sizes(const varlen_attention *a, expectation *expected)
{
    expect_rule(expected, (unsigned)a->dtype <= VARLEN_BFLOAT16, "dtype");
    expect_rule(expected, a->batch >= 0, "batch");
    expect_rule(expected, a->q_heads >= 1 && a->kv_heads >= 1, "heads");
    expect_rule(expected, a->kv_heads < 1 || a->q_heads % a->kv_heads == 0, "kv_heads divides q_heads");
    expect_rule(expected, view_dim_is_legal(a->head_dim), "head_dim");
    expect_rule(expected, a->value_dim == 0 || view_dim_is_legal(a->value_dim), "value_dim");
    expect_rule(expected, a->kv_dtype == 0 || (a->kv_dtype >= VARLEN_FLOAT8_E4M3 && a->kv_dtype <= VARLEN_INT8),
                "kv_dtype");
    expect_rule(expected, a->kv_dtype == 0 || (a->head_dim % 16 == 0 && a->value_dim % 16 == 0), "quantised dims");
    expect_rule(expected, total_is_legal(a->total_q) && total_is_legal(a->total_k), "totals");
    expect_rule(expected, a->max_seqlen_q >= 0 && a->max_seqlen_k >= 0, "max_seqlen");
    expect_rule(expected, a->page_size >= 0 && a->page_table_width >= 0 && a->page_count >= 0, "paging");
    expect_rule(expected, a->page_size <= 0 || a->total_k == 0, "total_k with paging");
    expect_rule(expected, a->page_size > 0 || (a->page_table_width == 0 && a->page_count == 0), "pages without paging");
}

static void expect_scores(const varlen_attention *a, varlen_pass pass, expectation *expected)
{
    expect_rule(expected, isfinite(a->softmax_scale), "softmax_scale");
    expect_rule(expected, isfinite(a->softcap) && a->softcap >= 0, "softcap");
    expect_rule(expected, a->dropout_p >= 0 && a->dropout_p < 1, "dropout_p");
    expect_rule(expected, (unsigned)a->mask <= VARLEN_MASK_WINDOW && (unsigned)a->alignment <= 1, "mask");
    expect_rule(expected, window_is_legal(a), "window");
    expect_rule(expected, a->flags <= 7, "flags");
    expect_rule(expected, features_are_legal(a), "features");
    expect_rule(expected, (unsigned)pass <= VARLEN_PASS_BACKWARD, "pass");
    expect_rule(expected, pass == VARLEN_PASS_FORWARD || a->page_size <= 0, "backward with pages");
    expect_rule(expected, a->attention_chunk >= 0, "attention_chunk");
    expect_rule(expected, pass == VARLEN_PASS_FORWARD || !(a->features & VARLEN_FEATURE_TREE_MASK),
                "backward of a tree");
    expect_rule(expected, pass == VARLEN_PASS_FORWARD || a->kv_dtype == 0, "backward of quantised keys");
}

static bool is_expanded(const tensor_view *view)
{
    const view_shape *shape = &view->shape;
    return shape->steps > 0 && shape->tokens > 0 && view->reach != VIEW_IMPOSSIBLE &&
           (view->step_stride == 0 || view->token_stride == 0 || view->head_stride == 0);
}

static tensor_view read_rows(attention_model *model, const char *name, bool is_keys, int64_t dim, bool written,
                             const varlen_tensor *tensor, int64_t page_stride)
{
    const varlen_attention *a = model->attention;
    const bool is_paged = is_keys && a->page_size > 0;
    const view_shape shape = {
        .name = name,
        .written = written,
        .element_size = varlen_dtype_size(is_keys ? attention_kv_dtype(a) : a->dtype),
        .alignment = 16,
        .steps = is_paged ? a->page_count : 1,
        .tokens = is_paged ? a->page_size : (is_keys ? a->total_k : a->total_q),
        .heads = is_keys ? a->kv_heads : a->q_heads,
        .dim = dim,
    };
    const tensor_view view = view_read(&shape, tensor, page_stride);
    expect_view(&model->expected, &view);
    expect_rule(&model->expected, (a->features & VARLEN_FEATURE_EXPANDED) || !is_expanded(&view), "expanded");
    return view;
}

static void expect_arrays(attention_model *model)
{
    const varlen_attention *a = model->attention;
    const varlen_inputs *inputs = model->inputs;
    expectation *expected = &model->expected;
    const bool paged = a->page_size > 0;
    const bool started = inputs->key_starts != NULL, top_left = a->alignment == VARLEN_ALIGN_TOP_LEFT;
    const array_presence ends_only = paged || started ? ARRAY_ABSENT : ARRAY_REQUIRED;
    const array_presence used = (paged || started) && a->batch > 0 ? ARRAY_REQUIRED : ARRAY_OPTIONAL;
    const array_presence paged_only = paged ? (a->batch > 0 ? ARRAY_REQUIRED : ARRAY_OPTIONAL) : ARRAY_OPTIONAL;
    const array_presence table = !paged ? ARRAY_ABSENT : (a->page_table_width > 0 ? paged_only : ARRAY_OPTIONAL);
    const int64_t ends = (int64_t)a->batch + 1;
    const int64_t stride = inputs->alibi_slopes && a->batch <= 1 ? 0 : inputs->alibi_batch_stride; /* one has no next */
    expect_array(expected, "cu_seqlens_q", inputs->cu_seqlens_q, ends, 4, ARRAY_REQUIRED);
    expect_array(expected, "cu_seqlens_k", inputs->cu_seqlens_k, ends, 4, ends_only);
    expect_array(expected, "seqused_q", inputs->seqused_q, a->batch, 4, ARRAY_OPTIONAL);
    expect_array(expected, "seqused_k", inputs->seqused_k, a->batch, 4, used);
    expect_array(expected, "query_positions", inputs->query_positions, a->batch, 4,
                 top_left ? ARRAY_ABSENT : ARRAY_OPTIONAL);
    expect_array(expected, "key_starts", inputs->key_starts, a->batch, 4, paged ? ARRAY_ABSENT : ARRAY_OPTIONAL);
    expect_array(expected, "leftpad_q", inputs->leftpad_q, a->batch, 4, ARRAY_OPTIONAL);
    expect_array(expected, "leftpad_k", inputs->leftpad_k, a->batch, 4, ARRAY_OPTIONAL);
    expect_array(expected, "page_table", inputs->page_table, (__int128)a->batch * a->page_table_width, 4, table);
    expect_array(expected, "sinks", inputs->sinks, a->q_heads, 4, ARRAY_OPTIONAL);
    expect_array(expected, "dropout_state", inputs->dropout_state, 2, 8, ARRAY_OPTIONAL);
    expect_array(expected, "key_begin", inputs->key_begin, a->total_q, 4, ARRAY_OPTIONAL);
    expect_array(expected, "key_end", inputs->key_end, a->total_q, 4, ARRAY_OPTIONAL);
    expect_array(expected, "tree_mask", inputs->tree_mask, a->total_q, 8, ARRAY_OPTIONAL);
    expect_rule(expected, stride == 0 || (inputs->alibi_slopes && stride >= a->q_heads), "alibi_batch_stride");
    const __int128 slopes = a->batch > 0 ? (__int128)stride * (a->batch - 1) + a->q_heads : 0;
    expect_array(expected, "alibi_slopes", inputs->alibi_slopes, slopes, 4, ARRAY_OPTIONAL);
    expect_rule(expected, paged || (inputs->k_page_stride == 0 && inputs->v_page_stride == 0), "page strides");
}

/* An argument has its bit. */
static void expect_feature(attention_model *model, const char *name, const void *given, uint64_t feature)
{
    expect_rule(&model->expected, !given || (model->attention->features & feature), name);
}

static void expect_features(attention_model *model)
{
    const varlen_inputs *inputs = model->inputs;
    const bool follows = model->attention->page_size > 0 || model->attention->features & VARLEN_FEATURE_KEY_STARTS;
    expect_feature(model, "query_positions", inputs->query_positions, VARLEN_FEATURE_QUERY_POSITIONS);
    expect_feature(model, "key_starts", inputs->key_starts, VARLEN_FEATURE_KEY_STARTS);
    expect_feature(model, "seqused_q", inputs->seqused_q, VARLEN_FEATURE_SEQUSED_Q);
    expect_feature(model, "seqused_k", follows ? NULL : inputs->seqused_k, VARLEN_FEATURE_SEQUSED_K);
    expect_feature(model, "leftpad_q", inputs->leftpad_q, VARLEN_FEATURE_LEFTPAD_Q);
    expect_feature(model, "leftpad_k", inputs->leftpad_k, VARLEN_FEATURE_LEFTPAD_K);
    expect_feature(model, "alibi_slopes", inputs->alibi_slopes, VARLEN_FEATURE_ALIBI);
    expect_feature(model, "sinks", inputs->sinks, VARLEN_FEATURE_SINKS);
    expect_feature(model, "dropout_state", inputs->dropout_state, VARLEN_FEATURE_DROPOUT_STATE);
    expect_feature(model, "key_begin", inputs->key_begin, VARLEN_FEATURE_KEY_RANGES);
    expect_feature(model, "key_end", inputs->key_end, VARLEN_FEATURE_KEY_RANGES);
    expect_feature(model, "tree_mask", inputs->tree_mask, VARLEN_FEATURE_TREE_MASK);
}

static void read_forward(attention_model *model, const attention_problem *problem)
{
    const varlen_attention *a = model->attention;
    model->out = read_rows(model, "out", false, model->value_dim, true, &problem->forward.out, 0);
    expect_feature(model, "lse", problem->forward.lse, VARLEN_FEATURE_LSE);
    expect_array(&model->expected, "lse", problem->forward.lse, (__int128)a->q_heads * a->total_q, 4, ARRAY_OPTIONAL);
}

static void read_backward(attention_model *model, const attention_problem *problem)
{
    const varlen_attention *a = model->attention;
    const varlen_backward_args *args = &problem->backward;
    model->out = read_rows(model, "out", false, model->value_dim, false, &args->out, 0);
    model->dout = read_rows(model, "dout", false, model->value_dim, false, &args->dout, 0);
    model->dq = read_rows(model, "dq", false, a->head_dim, true, &args->dq, 0);
    model->dk = read_rows(model, "dk", true, a->head_dim, true, &args->dk, 0);
    model->dv = read_rows(model, "dv", true, model->value_dim, true, &args->dv, 0);
    expect_array(&model->expected, "lse", args->lse, (__int128)a->q_heads * a->total_q, 4,
                 a->total_q > 0 ? ARRAY_REQUIRED : ARRAY_OPTIONAL);
    model->dlse = args->dlse;
    expect_feature(model, "dlse", args->dlse, VARLEN_FEATURE_DLSE);
    expect_array(&model->expected, "dlse", args->dlse, (__int128)a->q_heads * a->total_q, 4, ARRAY_OPTIONAL);
    expect_feature(model, "dsinks", args->dsinks, VARLEN_FEATURE_DSINKS);
    expect_array(&model->expected, "dsinks", args->dsinks, a->q_heads, 4,
                 problem->inputs.sinks ? ARRAY_OPTIONAL : ARRAY_ABSENT);
}

static int64_t slot(const attention_model *model, const int32_t *ends, int32_t b)
{
    const varlen_attention *a = model->attention;
    if (!ends && model->inputs->key_starts)
        return a->total_k - model->inputs->key_starts[b];
    return ends ? (int64_t)ends[b + 1] - ends[b] : (int64_t)a->page_size * a->page_table_width;
}

static bool ends_are_sound(const int32_t *ends, int32_t batch, int64_t total)
{
    bool sound = !ends || ends[0] == 0;
    for (int32_t b = 0; ends && b < batch; b++)
        sound = sound && ends[b] <= ends[b + 1] && ends[b + 1] <= total;
    return sound;
}

static bool within(int64_t value, int64_t bound)
{
    return value >= 0 && value <= bound;
}

static bool sequence_is_sound(const attention_model *model, int32_t b)
{
    const varlen_attention *a = model->attention;
    const varlen_inputs *inputs = model->inputs;
    const int64_t keys_slot = slot(model, inputs->cu_seqlens_k, b), queries_slot = slot(model, inputs->cu_seqlens_q, b);
    const int64_t used = inputs->seqused_k ? inputs->seqused_k[b] : keys_slot;
    const int64_t padding = inputs->leftpad_k ? inputs->leftpad_k[b] : 0;
    const int64_t queries = inputs->seqused_q ? inputs->seqused_q[b] : queries_slot;
    const int64_t skipped = inputs->leftpad_q ? inputs->leftpad_q[b] : 0;
    if (inputs->key_starts && !within(inputs->key_starts[b], a->total_k))
        return false;
    if (!within(queries, queries_slot) || !within(skipped, queries))
        return false;
    if (!within(used, keys_slot) || !within(padding, used))
        return false;
    if ((a->max_seqlen_q && queries - skipped > a->max_seqlen_q) ||
        (a->max_seqlen_k && used - padding > a->max_seqlen_k))
        return false;
    for (int64_t row = padding; row < used && a->page_size > 0; row++)
        if (!within(inputs->page_table[(int64_t)b * a->page_table_width + row / a->page_size], a->page_count - 1))
            return false;
    return attention_rows_are_sound(model, b, queries - skipped, used - padding);
}

/* Whether some key belongs to both. */
static bool share_keys(const attention_model *model, int32_t a, int32_t b)
{
    const int64_t keys_a = model_keys(model, a), keys_b = model_keys(model, b);
    const int64_t first_a = model_key_row(model, a, 0).token, first_b = model_key_row(model, b, 0).token;
    return keys_a > 0 && keys_b > 0 && first_a < first_b + keys_b && first_b < first_a + keys_a;
}

static bool keys_are_apart(const attention_model *model)
{
    bool apart = true;
    for (int32_t b = 0; b < model->attention->batch && apart; b++)
        for (int32_t a = 0; a < b && apart; a++)
            apart = !share_keys(model, a, b);
    return apart;
}

static bool metadata_are_sound(const attention_model *model)
{
    const varlen_attention *a = model->attention;
    bool sound = ends_are_sound(model->inputs->cu_seqlens_q, a->batch, a->total_q) &&
                 ends_are_sound(model->inputs->cu_seqlens_k, a->batch, a->total_k);
    for (int32_t b = 0; b < a->batch && sound; b++)
        sound = sequence_is_sound(model, b);
    if (sound && model->inputs->key_starts && model->dout.shape.name) /* backward */
        sound = keys_are_apart(model);
    return sound;
}

/* A target runs what can be judged in a moment. Others are legal, and are asked about, but not run. */
static void expect_few(const varlen_attention *a, expectation *expected)
{
    const int64_t most = 4096;
    const bool few = a->batch <= most && a->q_heads <= most && a->total_q <= most && a->total_k <= most &&
                     a->page_count <= most && (int64_t)a->page_size * a->page_table_width <= INT32_MAX &&
                     a->total_q * a->q_heads <= 4 * most && a->head_dim <= VIEW_WIDEST && a->value_dim <= VIEW_WIDEST;
    expect_memory(expected, few, "the work");
}

attention_model attention_model_make(const attention_problem *problem)
{
    const varlen_attention *a = &problem->attention;
    attention_model model = {
        .attention = a, .inputs = &problem->inputs, .value_dim = a->value_dim ? a->value_dim : a->head_dim};
    expect_sizes(a, &model.expected);
    expect_scores(a, problem->pass, &model.expected);
    if (model.expected.reach != VIEW_BACKED)
        return model;
    if (problem->pass == VARLEN_PASS_FORWARD)
        read_forward(&model, problem);
    else
        read_backward(&model, problem);
    const varlen_inputs *inputs = model.inputs;
    model.q = read_rows(&model, "q", false, a->head_dim, false, &inputs->q, 0);
    model.k = read_rows(&model, "k", true, a->head_dim, false, &inputs->k, inputs->k_page_stride);
    model.v = read_rows(&model, "v", true, model.value_dim, false, &inputs->v, inputs->v_page_stride);
    expect_arrays(&model);
    attention_scales_expect(&model);
    expect_features(&model);
    expect_few(a, &model.expected);
    if (model.expected.reach == VIEW_BACKED)
        model.is_sound = metadata_are_sound(&model);
    return model;
}

int64_t model_queries(const attention_model *model, int32_t b)
{
    const varlen_inputs *inputs = model->inputs;
    const int64_t used = inputs->seqused_q ? inputs->seqused_q[b] : slot(model, inputs->cu_seqlens_q, b);
    return used - (inputs->leftpad_q ? inputs->leftpad_q[b] : 0);
}

int64_t model_keys(const attention_model *model, int32_t b)
{
    const varlen_inputs *inputs = model->inputs;
    const int64_t used = inputs->seqused_k ? inputs->seqused_k[b] : slot(model, inputs->cu_seqlens_k, b);
    return used - (inputs->leftpad_k ? inputs->leftpad_k[b] : 0);
}

int64_t model_query_row(const attention_model *model, int32_t b, int64_t i)
{
    const varlen_inputs *inputs = model->inputs;
    return inputs->cu_seqlens_q[b] + (inputs->leftpad_q ? inputs->leftpad_q[b] : 0) + i;
}

key_row model_key_row(const attention_model *model, int32_t b, int64_t j)
{
    const varlen_attention *a = model->attention;
    const varlen_inputs *inputs = model->inputs;
    const int64_t row = (inputs->leftpad_k ? inputs->leftpad_k[b] : 0) + j;
    if (a->page_size == 0)
        return (key_row){0, (inputs->key_starts ? inputs->key_starts : inputs->cu_seqlens_k)[b] + row};
    const int32_t *table = arena_before(inputs->page_table); /* not all of it may be read as it is now */
    return (key_row){table[(int64_t)b * a->page_table_width + row / a->page_size], row % a->page_size};
}
