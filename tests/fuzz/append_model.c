/* kv_append by the header's words; see append_model.h. */
#include "append_model.h"

#include "append_scales.h"
#include "arena.h"
#include "finding.h"

#include "conformance/dtypes.h"
#include "conformance/row_bound.h"
#include "conformance/slack.h"

#include <math.h>
#include <string.h>

static bool is_quantized(varlen_dtype dtype)
{
    return dtype >= VARLEN_FLOAT8_E4M3 && dtype <= VARLEN_INT8;
}

static void expect_numbers(const varlen_kv_append_args *a, expectation *expected)
{
    expect_rule(expected, (unsigned)a->dtype <= VARLEN_BFLOAT16, "dtype");
    expect_rule(expected, a->batch >= 0 && a->kv_heads >= 1 && a->q_heads >= 0, "batch, heads");
    expect_rule(expected, view_dim_is_legal(a->head_dim) && (a->value_dim == 0 || view_dim_is_legal(a->value_dim)),
                "dims");
    expect_rule(expected, a->total_new >= 0 && a->total_new <= INT32_MAX, "total_new");
    expect_rule(expected, a->total_k >= 0 && a->total_k <= INT32_MAX, "total_k");
    expect_rule(expected, a->page_size >= 0 && a->page_table_width >= 0 && a->page_count >= 0, "paging");
    expect_rule(expected, a->page_size <= 0 || a->total_k == 0, "total_k with paging");
    expect_rule(expected, a->page_size > 0 || (a->page_table_width == 0 && a->page_count == 0), "pages without paging");
    expect_rule(expected, a->rotary_dim >= 0 && a->rotary_dim <= a->head_dim && a->rotary_dim % 2 == 0, "rotary_dim");
    expect_rule(expected, a->rotary_begin >= 0 && a->rotary_begin <= (int64_t)a->head_dim - a->rotary_dim,
                "rotary_begin");
    expect_rule(expected, a->rotary_dim > 0 || a->rotary_begin == 0, "rotary_begin without rotation");
    expect_rule(expected, a->rotary_interleaved == 0 || a->rotary_interleaved == 1, "rotary_interleaved");
    expect_rule(expected, a->rotary_positions >= 0, "rotary_positions");
    expect_rule(expected, a->q_heads == 0 || a->rotary_dim > 0, "q_heads without rotation");
    expect_rule(expected, a->q_heads > 0 || !a->q.data, "q without q_heads");
    expect_rule(expected, a->cache_dtype == 0 || is_quantized(a->cache_dtype), "cache_dtype");
    expect_rule(expected, a->cache_dtype == 0 || (a->head_dim % 16 == 0 && a->value_dim % 16 == 0), "quantised dims");
    expect_rule(expected, a->scales_given == 0 || (a->scales_given == 1 && a->cache_dtype != 0), "scales_given");
    expect_rule(expected, a->reserved == 0, "reserved");
    expect_rule(expected, a->page_size > 0 || (a->k_page_stride == 0 && a->v_page_stride == 0), "page strides");
}

static tensor_view read_rows(append_model *model, const char *name, bool is_cache, int64_t heads, int64_t dim,
                             bool written, const varlen_tensor *tensor, int64_t page_stride)
{
    const varlen_kv_append_args *a = model->args;
    const bool paged = is_cache && a->page_size > 0;
    const view_shape shape = {.name = name,
                              .written = written,
                              .element_size = varlen_dtype_size(is_cache && a->cache_dtype ? a->cache_dtype : a->dtype),
                              .alignment = 16,
                              .steps = paged ? a->page_count : 1,
                              .tokens = paged ? a->page_size : (is_cache ? a->total_k : a->total_new),
                              .heads = heads,
                              .dim = dim};
    const tensor_view view = view_read(&shape, tensor, page_stride);
    expect_view(&model->expected, &view);
    return view;
}

static void expect_arrays(const varlen_kv_append_args *a, expectation *expected)
{
    const bool paged = a->page_size > 0;
    const array_presence by_sequence = a->batch > 0 ? ARRAY_REQUIRED : ARRAY_OPTIONAL;
    const array_presence table = !paged ? ARRAY_ABSENT : (a->page_table_width > 0 ? by_sequence : ARRAY_OPTIONAL);
    const array_presence turning = a->rotary_dim > 0 && a->rotary_positions > 0 ? ARRAY_REQUIRED : ARRAY_OPTIONAL;
    const __int128 floats = (__int128)a->rotary_positions * (a->rotary_dim / 2);
    expect_array(expected, "cu_seqlens_new", a->cu_seqlens_new, (int64_t)a->batch + 1, 4, ARRAY_REQUIRED);
    expect_array(expected, "cu_seqlens_k", a->cu_seqlens_k, (int64_t)a->batch + 1, 4,
                 paged ? ARRAY_ABSENT : ARRAY_REQUIRED);
    expect_array(expected, "seqused_k", a->seqused_k, a->batch, 4, by_sequence);
    expect_array(expected, "leftpad_k", a->leftpad_k, a->batch, 4, ARRAY_OPTIONAL);
    expect_array(expected, "page_table", a->page_table, (__int128)a->batch * a->page_table_width, 4, table);
    expect_array(expected, "rotary_cos", a->rotary_cos, floats, 4, turning);
    expect_array(expected, "rotary_sin", a->rotary_sin, floats, 4, turning);
    if (a->seqused_k_out)
        expect_array(expected, "seqused_k_out", a->seqused_k_out, a->batch, 4, ARRAY_OPTIONAL);
}

static int64_t slot(const varlen_kv_append_args *a, int32_t b)
{
    return a->cu_seqlens_k ? (int64_t)a->cu_seqlens_k[b + 1] - a->cu_seqlens_k[b]
                           : (int64_t)a->page_size * a->page_table_width;
}

static int64_t added(const varlen_kv_append_args *a, int32_t b)
{
    return (int64_t)a->cu_seqlens_new[b + 1] - a->cu_seqlens_new[b];
}

static int64_t padding(const varlen_kv_append_args *a, int32_t b)
{
    return a->leftpad_k ? a->leftpad_k[b] : 0;
}

static bool ends_are_sound(const int32_t *ends, int32_t batch, int64_t total)
{
    bool sound = !ends || ends[0] == 0;
    for (int32_t b = 0; ends && b < batch; b++)
        sound = sound && ends[b] <= ends[b + 1] && ends[b + 1] <= total;
    return sound;
}

static bool sequence_is_sound(const varlen_kv_append_args *a, int32_t b)
{
    const int64_t used = a->seqused_k[b], rows = used + added(a, b), pad = padding(a, b);
    if (used < 0 || pad < 0 || pad > used || rows > slot(a, b) || rows > INT32_MAX)
        return false;
    if (added(a, b) > 0 && a->rotary_dim > 0 && rows - pad > a->rotary_positions)
        return false;
    for (int64_t row = used; row < rows && a->page_size > 0; row++) {
        const int32_t page = a->page_table[(int64_t)b * a->page_table_width + row / a->page_size];
        if (page < 0 || page >= a->page_count)
            return false;
    }
    return true;
}

append_model append_model_make(const varlen_kv_append_args *a)
{
    append_model model = {.args = a,
                          .value_dim = a->value_dim ? a->value_dim : a->head_dim,
                          .has_values = a->v_new.data || a->v_cache.data};
    expect_numbers(a, &model.expected);
    if (model.expected.reach != VIEW_BACKED)
        return model;
    model.k_new = read_rows(&model, "k_new", false, a->kv_heads, a->head_dim, false, &a->k_new, 0);
    model.k_cache = read_rows(&model, "k_cache", true, a->kv_heads, a->head_dim, true, &a->k_cache, a->k_page_stride);
    if (model.has_values) {
        model.v_new = read_rows(&model, "v_new", false, a->kv_heads, model.value_dim, false, &a->v_new, 0);
        model.v_cache =
            read_rows(&model, "v_cache", true, a->kv_heads, model.value_dim, true, &a->v_cache, a->v_page_stride);
    }
    if (a->q_heads > 0)
        model.q = read_rows(&model, "q", false, a->q_heads, a->head_dim, true, &a->q, 0);
    append_scales_expect(&model);
    expect_arrays(a, &model.expected);
    expect_memory(&model.expected, a->batch <= 4096 && a->kv_heads <= 4096 && a->total_new <= 4096, "the work");
    expect_memory(&model.expected, a->head_dim <= VIEW_WIDEST && a->value_dim <= VIEW_WIDEST, "the work");
    if (model.expected.reach == VIEW_BACKED) {
        model.is_sound = ends_are_sound(a->cu_seqlens_new, a->batch, a->total_new) &&
                         ends_are_sound(a->cu_seqlens_k, a->batch, a->total_k);
        for (int32_t b = 0; b < a->batch && model.is_sound; b++)
            model.is_sound = sequence_is_sound(a, b);
    }
    return model;
}

/* A new row: where it comes from and where it goes. Metadata are read as they were: seqused_k may be written. */
typedef struct new_row {
    int32_t b;
    int64_t from;
    int64_t page;
    int64_t token;
    int64_t position;
} new_row;

typedef void (*row_visitor)(const append_model *model, const new_row *row);

static void for_rows(const append_model *model, const int32_t *seqused, row_visitor visit)
{
    const varlen_kv_append_args *a = model->args;
    const int32_t *table = a->page_table ? arena_before(a->page_table) : NULL; /* not all of it may be read as it is */
    for (int32_t b = 0; b < a->batch; b++) {
        for (int64_t t = 0; t < added(a, b); t++) {
            const int64_t at = seqused[b] + t;
            new_row row = {.b = b, .from = a->cu_seqlens_new[b] + t, .position = at - padding(a, b)};
            row.token = a->page_size ? at % a->page_size : a->cu_seqlens_k[b] + at;
            if (table)
                row.page = table[(int64_t)b * a->page_table_width + at / a->page_size];
            visit(model, &row);
        }
    }
}

static void permit_row(const append_model *model, const new_row *row)
{
    const varlen_kv_append_args *a = model->args;
    view_permit(&model->k_new, 0, row->from);
    view_permit(&model->k_cache, row->page, row->token);
    if (model->has_values) {
        view_permit(&model->v_new, 0, row->from);
        view_permit(&model->v_cache, row->page, row->token);
    }
    append_scales_permit(model, row->page, row->token);
    if (a->q_heads > 0)
        view_permit(&model->q, 0, row->from);
    if (a->rotary_dim > 0) {
        permit_array(a->rotary_cos + row->position * (a->rotary_dim / 2), a->rotary_dim / 2, 4);
        permit_array(a->rotary_sin + row->position * (a->rotary_dim / 2), a->rotary_dim / 2, 4);
    }
}

void append_model_permit(const append_model *model)
{
    const varlen_kv_append_args *a = model->args;
    permit_array(a->cu_seqlens_new, (int64_t)a->batch + 1, 4);
    permit_array(a->cu_seqlens_k, (int64_t)a->batch + 1, 4);
    permit_array(a->seqused_k, a->batch, 4);
    permit_array(a->seqused_k_out, a->batch, 4);
    permit_array(a->leftpad_k, a->batch, 4);
    for (int32_t b = 0; b < a->batch && a->page_size > 0; b++)
        for (int64_t row = a->seqused_k[b]; row < a->seqused_k[b] + added(a, b); row++)
            permit_array(&a->page_table[(int64_t)b * a->page_table_width + row / a->page_size], 1, 4);
    for_rows(model, a->seqused_k, permit_row);
}

static void accept_row(const append_model *model, const new_row *row)
{
    view_accept(&model->k_cache, row->page, row->token);
    if (model->has_values)
        view_accept(&model->v_cache, row->page, row->token);
    append_scales_accept(model, row->page, row->token);
    if (model->args->q_heads > 0)
        view_accept(&model->q, 0, row->from);
}

static const int32_t *seqused_before(const append_model *model)
{
    return model->args->batch > 0 ? arena_before(model->args->seqused_k) : NULL;
}

void append_model_accept(const append_model *model)
{
    for_rows(model, seqused_before(model), accept_row);
    if (model->args->seqused_k_out)
        arena_accept(model->args->seqused_k_out, (size_t)model->args->batch * sizeof(int32_t));
}

/* One head of one row: turned, or as it was. */
typedef struct turned_head {
    double want[VIEW_WIDEST];
    double slack[VIEW_WIDEST];
} turned_head;

static void turn_head(const append_model *model, const tensor_view *from, const new_row *row, int64_t head, bool turns,
                      turned_head *turned)
{
    const varlen_kv_append_args *a = model->args;
    const int64_t half = turns ? a->rotary_dim / 2 : 0;
    double given[VIEW_WIDEST];
    view_load_before(from, a->dtype, 0, row->from, head, given);
    memcpy(turned->want, given, sizeof given);
    memset(turned->slack, 0, sizeof turned->slack);
    for (int64_t pair = 0; pair < half; pair++) {
        const float *cosines = arena_before(a->rotary_cos), *sines = arena_before(a->rotary_sin);
        const double c = cosines[row->position * half + pair], s = sines[row->position * half + pair];
        const int64_t first = a->rotary_begin + (a->rotary_interleaved ? 2 * pair : pair);
        const int64_t second = a->rotary_interleaved ? first + 1 : first + half;
        const double x = given[first], y = given[second];
        turned->want[first] = x * c - y * s;
        turned->want[second] = x * s + y * c;
        turned->slack[first] = turned->slack[second] = slack_of(fabs(x * c) + fabs(y * s) + fabs(x * s) + fabs(y * c));
    }
}

/* Held against what is there. */
static void judge_head(const append_model *model, const tensor_view *from, const tensor_view *to, const new_row *row,
                       int64_t page, int64_t token, int64_t head)
{
    const varlen_dtype dtype = model->args->dtype;
    turned_head turned;
    double got[VIEW_WIDEST];
    turn_head(model, from, row, head, true, &turned);
    view_load(to, dtype, page, token, head, got);
    for (int64_t n = 0; n < from->shape.dim; n++) {
        const double want = turned.want[n], slack = turned.slack[n], rounded = dtype_round(dtype, (float)want);
        const double bound =
            slack > 0 ? slack + 2 * fabs(rounded - want) + row_rounding(dtype, &want, 1) + fabs(want) * 0x1p-7 : 0;
        if (fabs(want) < 1e4 && !(row_error_of(got[n], want) <= bound))
            finding("%s: new row %lld, head %lld, element %lld: expected %.9g, got %.9g", to->shape.name,
                    (long long)row->from, (long long)head, (long long)n, want, got[n]);
    }
}

/* v is copied, whatever it is. */
static void judge_copy(const append_model *model, const new_row *row, int64_t head)
{
    const void *from = arena_before(view_row(&model->v_new, 0, row->from, head));
    const void *to = view_row(&model->v_cache, row->page, row->token, head);
    if (memcmp(from, to, (size_t)view_row_bytes(&model->v_new)) != 0)
        finding("v_cache: new row %lld, head %lld, is not a copy", (long long)row->from, (long long)head);
}

static void judge_quantized(const append_model *model, const new_row *row, int64_t head)
{
    turned_head turned;
    quantized_head at = {
        .page = row->page, .token = row->token, .head = head, .want = turned.want, .slack = turned.slack};
    at.cache = &model->k_cache;
    at.scales = &model->k_scale;
    turn_head(model, &model->k_new, row, head, true, &turned);
    append_scales_judge(model, &at);
    if (!model->has_values)
        return;
    at.cache = &model->v_cache;
    at.scales = &model->v_scale;
    turn_head(model, &model->v_new, row, head, false, &turned);
    append_scales_judge(model, &at);
}

static void judge_row(const append_model *model, const new_row *row)
{
    for (int64_t head = 0; head < model->args->kv_heads; head++) {
        if (model->args->cache_dtype) {
            judge_quantized(model, row, head);
            continue;
        }
        judge_head(model, &model->k_new, &model->k_cache, row, row->page, row->token, head);
        if (model->has_values)
            judge_copy(model, row, head);
    }
    for (int64_t head = 0; head < model->args->q_heads; head++)
        judge_head(model, &model->q, &model->q, row, 0, row->from, head);
}

static const new_row *looked_for;
static int found;

static void count_same(const append_model *model, const new_row *row)
{
    (void)model;
    found += row->page == looked_for->page && row->token == looked_for->token;
}

static void judge_if_alone(const append_model *model, const new_row *row)
{
    looked_for = row;
    found = 0;
    for_rows(model, seqused_before(model), count_same);
    if (found == 1)
        judge_row(model, row);
}

void append_judge(const append_model *model)
{
    const varlen_kv_append_args *a = model->args;
    const int32_t *seqused = seqused_before(model);
    for_rows(model, seqused, judge_if_alone);
    for (int32_t b = 0; b < a->batch && a->seqused_k_out; b++)
        if (a->seqused_k_out[b] != seqused[b] + added(a, b))
            finding("seqused_k_out[%d] = %d, not %lld", b, a->seqused_k_out[b], (long long)(seqused[b] + added(a, b)));
}
