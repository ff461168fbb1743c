/* The rules of quantised keys and values: their dtypes, dims and scales, in attention and in kv_append. Nothing is
 * read, so the addresses may be made up. */
#include "core/rules_around.h"
#include "core/rules_attention.h"
#include "core/rules_passes.h"
#include "support/test.h"

/* Rows below are these arguments with fields set anew. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define TENSOR                                                                                                         \
    {                                                                                                                  \
        (void *)0x10000, 0, 0                                                                                          \
    }
#define ARRAY ((void *)0x20000)
#define SCALES ((float *)0x40000)
#define WRITTEN(number)                                                                                                \
    {                                                                                                                  \
        (void *)(0x1000000 + 0x100000 * (number)), 0, 0                                                                \
    }
#define PROBLEM                                                                                                        \
    .struct_size = sizeof(varlen_attention), .dtype = VARLEN_BFLOAT16, .batch = 3, .q_heads = 4, .kv_heads = 2,        \
    .head_dim = 64, .value_dim = 32, .total_q = 10, .total_k = 20
#define PAGED PROBLEM, .total_k = 0, .page_size = 16, .page_table_width = 4, .page_count = 8
#define INPUTS                                                                                                         \
    .struct_size = sizeof(varlen_inputs), .q = TENSOR, .k = TENSOR, .v = TENSOR, .cu_seqlens_q = ARRAY,                \
    .cu_seqlens_k = ARRAY
#define PAGED_INPUTS INPUTS, .cu_seqlens_k = NULL, .seqused_k = ARRAY, .page_table = ARRAY
#define APPEND                                                                                                         \
    .struct_size = sizeof(varlen_kv_append_args), .dtype = VARLEN_BFLOAT16, .batch = 3, .kv_heads = 2, .head_dim = 64, \
    .total_new = 5, .total_k = 30, .k_new = TENSOR, .v_new = TENSOR, .k_cache = WRITTEN(0), .v_cache = WRITTEN(1),     \
    .cu_seqlens_new = ARRAY, .cu_seqlens_k = ARRAY, .seqused_k = ARRAY, .cache_dtype = VARLEN_INT8, .k_scale = SCALES, \
    .k_scale_token_stride = 2, .k_scale_head_stride = 1, .v_scale = SCALES + 100, .v_scale_token_stride = 2,           \
    .v_scale_head_stride = 1
#define NO_VALUES .v_new = {0}, .v_cache = {0}, .v_scale = NULL, .v_scale_token_stride = 0, .v_scale_head_stride = 0

static void problems(void **state)
{
    (void)state;
    const struct {
        varlen_attention attention;
        const char *words; /* NULL: it is right */
    } rows[] = {
        {{PROBLEM, .kv_dtype = VARLEN_FLOAT8_E4M3}, NULL},
        {{PROBLEM, .kv_dtype = VARLEN_FLOAT8_E5M2, .dtype = VARLEN_FLOAT32}, NULL},
        {{PAGED, .kv_dtype = VARLEN_INT8}, NULL},
        {{PROBLEM, .kv_dtype = (varlen_dtype)6}, "kv_dtype = 6 is not a varlen_dtype"},
        {{PROBLEM, .kv_dtype = VARLEN_BFLOAT16},
         "kv_dtype = bfloat16 is neither 0 nor a dtype of keys and values alone: float8_e4m3, float8_e5m2, int8"},
        {{PROBLEM, .dtype = VARLEN_INT8}, "dtype = int8 is a dtype of keys and values alone"},
        {{PROBLEM, .dtype = VARLEN_FLOAT8_E4M3}, "dtype = float8_e4m3 is a dtype of keys and values alone"},
        {{PROBLEM, .kv_dtype = VARLEN_INT8, .head_dim = 40}, "head_dim = 40 is not a multiple of 16, which int8 takes"},
        {{PROBLEM, .kv_dtype = VARLEN_FLOAT8_E5M2, .value_dim = 24},
         "value_dim = 24 is not a multiple of 16, which float8_e5m2 takes"},
        {{PROBLEM, .features = VARLEN_FEATURE_QUANTIZED},
         "features has VARLEN_FEATURE_QUANTIZED, but the fields of the problem say otherwise"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_attention a;
        const varlen_status status = varlen_check_attention(&rows[i].attention, VARLEN_PASS_FORWARD, &a);
        if (rows[i].words) {
            assert_failure(status, VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
            continue;
        }
        assert_ok(status);
        assert_true(a.features & VARLEN_FEATURE_QUANTIZED);
        assert_failure(varlen_check_attention(&rows[i].attention, VARLEN_PASS_BACKWARD, &a), VARLEN_ERROR_UNSUPPORTED,
                       "the backward pass takes");
    }
    const varlen_attention packed = {PROBLEM, .kv_dtype = VARLEN_INT8};
    varlen_attention a;
    assert_failure(varlen_check_attention(&packed, VARLEN_PASS_BACKWARD, &a), VARLEN_ERROR_UNSUPPORTED,
                   "kv_dtype = int8: the backward pass takes keys and values of dtype only");
}

/* One of k_scale's rules, for packed or paged keys. */
typedef struct scale_row {
    bool paged;
    varlen_dtype kv_dtype;
    varlen_inputs inputs;
    const char *words; /* NULL: it is right */
} scale_row;

static void check_scale_row(const scale_row *row)
{
    const varlen_attention packed = {PROBLEM, .kv_dtype = row->kv_dtype}, paged = {PAGED, .kv_dtype = row->kv_dtype};
    const varlen_forward_args given = {.struct_size = sizeof given, .inputs = &row->inputs, .out = WRITTEN(0)};
    varlen_attention attention;
    varlen_inputs inputs;
    varlen_forward_args args;
    assert_ok(varlen_check_attention(row->paged ? &paged : &packed, VARLEN_PASS_FORWARD, &attention));
    const varlen_status status = varlen_check_forward(&attention, &given, &inputs, &args);
    if (row->words)
        assert_failure(status, VARLEN_ERROR_INVALID_ARGUMENT, row->words);
    else
        assert_ok(status);
}

static void scales(void **state)
{
    (void)state;
    const varlen_dtype e4m3 = VARLEN_FLOAT8_E4M3;
    const scale_row rows[] = {
        {false, e4m3, {INPUTS}, NULL},
        {false, e4m3, {INPUTS, .k_scale = SCALES, .v_scale = SCALES}, NULL},
        {false, e4m3, {INPUTS, .k_scale = SCALES, .k_scale_head_stride = 1}, NULL},
        {false, e4m3, {INPUTS, .v_scale = SCALES, .v_scale_token_stride = 1, .v_scale_head_stride = 20}, NULL},
        {true, e4m3, {PAGED_INPUTS, .v_scale = SCALES, .v_scale_page_stride = 2, .v_scale_head_stride = 1}, NULL},
        {false, 0, {INPUTS, .k_scale = SCALES}, "k_scale is given, but kv_dtype = 0"},
        {false, 0, {INPUTS, .v_scale = SCALES}, "v_scale is given, but kv_dtype = 0"},
        {false, 0, {INPUTS, .v_scale_head_stride = 1}, "v_scale_head_stride = 1 must be 0 without v_scale"},
        {false, e4m3, {INPUTS, .k_scale_token_stride = 4}, "k_scale_token_stride = 4 must be 0 without k_scale"},
        {true, e4m3, {PAGED_INPUTS, .k_scale_page_stride = 4}, "k_scale_page_stride = 4 must be 0 without k_scale"},
        {false,
         e4m3,
         {INPUTS, .k_scale = SCALES, .k_scale_page_stride = 2},
         "k_scale_page_stride = 2 must be 0 without paging"},
        {false, e4m3, {INPUTS, .k_scale = SCALES, .k_scale_token_stride = -1}, "k_scale_token_stride = -1 is below 0"},
        {false, e4m3, {INPUTS, .v_scale = SCALES, .v_scale_head_stride = INT64_MIN}, "v_scale_head_stride = -"},
        {true,
         e4m3,
         {PAGED_INPUTS, .v_scale = SCALES, .v_scale_page_stride = -8},
         "v_scale_page_stride = -8 is below 0"},
        {false,
         e4m3,
         {INPUTS, .k_scale = (const float *)0x40002},
         "k_scale = 0x40002 is not aligned to its elements' 4 bytes"},
        {false,
         e4m3,
         {INPUTS, .k_scale = SCALES, .k_scale_token_stride = INT64_MAX / 8},
         "(times 20) takes k_scale past the end of the address space"},
        {false, e4m3, {INPUTS, .k_scale = (const float *)0x1000000}, "overlaps k_scale (0x1000000 .. 0x1000003)"},
        {false,
         e4m3,
         {INPUTS, .k = {(void *)0x10000, 0, 72}},
         "k.head_stride = 72 is not a multiple of 16 bytes (16 elements)"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++)
        check_scale_row(&rows[i]);
}

/* What backends get of strides that lead nowhere, and of shared ones. */
static void strides_of_scales_are_resolved(void **state)
{
    (void)state;
    const varlen_attention given = {PROBLEM, .kv_heads = 1, .kv_dtype = VARLEN_INT8};
    const varlen_inputs given_inputs = {INPUTS, .k_scale = SCALES, .k_scale_head_stride = INT64_MAX};
    const varlen_forward_args given_args = {
        .struct_size = sizeof given_args, .inputs = &given_inputs, .out = WRITTEN(0)};
    varlen_attention attention;
    varlen_inputs inputs;
    varlen_forward_args args;
    assert_ok(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &attention));
    assert_ok(varlen_check_forward(&attention, &given_args, &inputs, &args));
    assert_int_equal(inputs.k_scale_token_stride, 0);
    assert_true(inputs.k_scale_head_stride <= 1);
    assert_int_equal(inputs.k.token_stride, 64);
    assert_int_equal(inputs.v.token_stride, 32);
}

static void append(void **state)
{
    (void)state;
    const struct {
        varlen_kv_append_args args;
        const char *words; /* NULL: it is right */
    } rows[] = {
        {{APPEND}, NULL},
        {{APPEND, .scales_given = 1, .k_scale_token_stride = 0, .v_scale_head_stride = 0}, NULL},
        {{APPEND, .scales_given = 1, .k_scale = NULL, .k_scale_token_stride = 0, .k_scale_head_stride = 0}, NULL},
        {{APPEND, NO_VALUES}, NULL},
        {{APPEND, NO_VALUES, .scales_given = 1, .k_scale = NULL, .k_scale_token_stride = 0, .k_scale_head_stride = 0},
         NULL},
        {{APPEND, NO_VALUES, .v_scale = SCALES + 100}, "v_scale is given, but v_new.data and v_cache.data are NULL"},
        {{APPEND, NO_VALUES, .v_scale_token_stride = 2}, "v_scale_token_stride = 2 must be 0 without v_scale"},
        {{APPEND, NO_VALUES, .k_scale = NULL}, "k_scale is NULL, but the scales of new rows are written"},
        {{APPEND, .total_new = 0, .total_k = 0, .v_new = {0}, .v_cache = {0}}, NULL}, /* of no elements */
        {{APPEND, .cache_dtype = VARLEN_FLOAT16}, "cache_dtype = float16 is neither 0 nor a dtype of keys and values"},
        {{APPEND, .dtype = VARLEN_INT8}, "dtype = int8 is a dtype of keys and values alone"},
        {{APPEND, .head_dim = 72}, "head_dim = 72 is not a multiple of 16, which int8 takes"},
        {{APPEND, .scales_given = 2}, "scales_given = 2 is above 1"},
        {{APPEND, .cache_dtype = 0}, "k_scale is given, but cache_dtype = 0"},
        {{APPEND, .cache_dtype = 0, .scales_given = 1}, "scales_given = 1, but cache_dtype = 0"},
        {{APPEND, .k_scale = NULL}, "k_scale is NULL, but the scales of new rows are written"},
        {{APPEND, .v_scale = NULL}, "v_scale is NULL, but the scales of new rows are written"},
        {{APPEND, .k_scale_token_stride = 0},
         "k_scale_token_stride = 0 is a scale that rows share, but scales are written"},
        {{APPEND, .v_scale_head_stride = 0}, "v_scale_head_stride = 0 is a scale that rows share"},
        {{APPEND, .v_scale_token_stride = 1},
         "v_scale_token_stride = 1 is below the 2 elements that dimensions inside it take"},
        {{APPEND, .v_scale = SCALES + 59}, "which is written, overlaps v_scale"},
        {{APPEND, .k_scale = (float *)0x10000, .k_scale_token_stride = 2}, "which is written, overlaps k_new"},
        {{APPEND, .k_scale_page_stride = 100}, "k_scale_page_stride = 100 must be 0 without paging"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_kv_append_args args;
        const varlen_status status = varlen_check_kv_append(&rows[i].args, &args);
        if (rows[i].words)
            assert_failure(status, VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
        else
            assert_ok(status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems),
        cmocka_unit_test(scales),
        cmocka_unit_test(strides_of_scales_are_resolved),
        cmocka_unit_test(append),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
