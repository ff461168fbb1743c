/* Scales of quantised keys and values; see attention_scales.h. */
#include "attention_scales.h"

#include "arena.h"
#include "numbers.h"

/* Those of keys or of values. */
typedef struct scales {
    const char *name;
    const float *data;
    int64_t token_stride;
    int64_t head_stride;
    int64_t page_stride;
} scales;

static scales k_scales(const varlen_inputs *inputs)
{
    return (scales){"k_scale", inputs->k_scale, inputs->k_scale_token_stride, inputs->k_scale_head_stride,
                    inputs->k_scale_page_stride};
}

static scales v_scales(const varlen_inputs *inputs)
{
    return (scales){"v_scale", inputs->v_scale, inputs->v_scale_token_stride, inputs->v_scale_head_stride,
                    inputs->v_scale_page_stride};
}

static int64_t tokens_of(const varlen_attention *a)
{
    return a->page_size > 0 ? a->page_size : a->total_k;
}

static int64_t pages_of(const varlen_attention *a)
{
    return a->page_size > 0 ? a->page_count : 1;
}

/* Elements that the array must have. */
static __int128 extent(const varlen_attention *a, const scales *s)
{
    if (tokens_of(a) < 1 || pages_of(a) < 1)
        return 0;
    return (__int128)(tokens_of(a) - 1) * s->token_stride + (__int128)(pages_of(a) - 1) * s->page_stride +
           (__int128)(a->kv_heads - 1) * s->head_stride + 1;
}

static scales make(fuzz_input *input, const varlen_attention *a, const char *name)
{
    const int64_t gap = input_below(input, 3), tokens = tokens_of(a), heads = a->kv_heads;
    scales s = {.name = name};
    switch (input_below(input, 6)) {
    case 0: return s; /* all are 1 */
    case 1: break;    /* one for all */
    case 2: s.head_stride = 1 + gap; break;
    case 3: s.token_stride = 1 + gap; break;
    case 4:
        s.token_stride = 1;
        s.head_stride = tokens + gap;
        break;
    default: s.head_stride = 1; s.token_stride = heads + gap;
    }
    if (a->page_size && input_chance(input, 192))
        s.page_stride = tokens * (heads + 1) + gap;
    s.data = arena_take(name, (size_t)extent(a, &s) * sizeof(float), 0);
    numbers_fill_newest(VARLEN_FLOAT32);
    return s;
}

void attention_scales_make(fuzz_input *input, attention_problem *problem)
{
    varlen_inputs *inputs = &problem->inputs;
    const scales k = make(input, &problem->attention, "k_scale"), v = make(input, &problem->attention, "v_scale");
    inputs->k_scale = k.data;
    inputs->k_scale_token_stride = k.token_stride;
    inputs->k_scale_head_stride = k.head_stride;
    inputs->k_scale_page_stride = k.page_stride;
    inputs->v_scale = v.data;
    inputs->v_scale_token_stride = v.token_stride;
    inputs->v_scale_head_stride = v.head_stride;
    inputs->v_scale_page_stride = v.page_stride;
}

static void expect_scales(const varlen_attention *a, const scales *s, expectation *expected)
{
    const bool shared = s->token_stride == 0 && s->head_stride == 0 && s->page_stride == 0;
    const bool possible = s->token_stride >= 0 && s->head_stride >= 0 && s->page_stride >= 0;
    expect_rule(expected, s->data ? possible : shared, s->name);
    expect_rule(expected, a->page_size > 0 || s->page_stride == 0, s->name);
    if (s->data && possible)
        expect_array(expected, s->name, s->data, extent(a, s), 4, a->kv_dtype ? ARRAY_OPTIONAL : ARRAY_ABSENT);
}

void attention_scales_expect(attention_model *model)
{
    const scales k = k_scales(model->inputs), v = v_scales(model->inputs);
    expect_scales(model->attention, &k, &model->expected);
    expect_scales(model->attention, &v, &model->expected);
}

static const float *place(const scales *s, key_row row, int64_t head)
{
    return s->data + row.page * s->page_stride + row.token * s->token_stride + head * s->head_stride;
}

void attention_scales_permit(const attention_model *model, key_row row)
{
    const scales k = k_scales(model->inputs), v = v_scales(model->inputs);
    for (int64_t head = 0; head < model->attention->kv_heads; head++) {
        permit_array(k.data ? place(&k, row, head) : NULL, 1, sizeof(float));
        permit_array(v.data ? place(&v, row, head) : NULL, 1, sizeof(float));
    }
}

static double scale_before(const scales *s, key_row row, int64_t head)
{
    return s->data ? (double)*(const float *)arena_before(place(s, row, head)) : 1;
}

double attention_k_scale(const attention_model *model, key_row row, int64_t head)
{
    const scales k = k_scales(model->inputs);
    return scale_before(&k, row, head);
}

double attention_v_scale(const attention_model *model, key_row row, int64_t head)
{
    const scales v = v_scales(model->inputs);
    return scale_before(&v, row, head);
}
