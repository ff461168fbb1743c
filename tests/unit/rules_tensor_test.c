/* The rules of varlen_tensor. No element is ever touched, so the addresses may be made up. */
#include "core/rules_tensor.h"
#include "support/test.h"

#define SOMEWHERE ((void *)0x10000)

/* float16: 16 bytes are 8 elements. */
static const varlen_tensor_rule input = {
    .name = "k", .element_size = 2, .alignment = 16, .tokens = 10, .heads = 4, .dim = 64, .count = 1};
static const varlen_tensor_rule output = {.name = "out",
                                          .element_size = 2,
                                          .alignment = 16,
                                          .written = true,
                                          .tokens = 10,
                                          .heads = 4,
                                          .dim = 64,
                                          .count = 1};
static const varlen_tensor_rule pages = {.name = "k_cache",
                                         .element_size = 4,
                                         .alignment = 16,
                                         .written = true,
                                         .tokens = 16,
                                         .heads = 4,
                                         .dim = 64,
                                         .stride_name = "k_page_stride",
                                         .count = 8};

static varlen_status check(const varlen_tensor_rule *rule, varlen_tensor *tensor)
{
    varlen_extents extents = {.count = 0};
    return varlen_check_tensor(rule, tensor, &extents);
}

static varlen_status check_pages(const varlen_tensor_rule *rule, varlen_tensor *tensor, int64_t *stride)
{
    varlen_extents extents = {.count = 0};
    return varlen_check_stacked_tensor(rule, tensor, stride, &extents);
}

static void zero_strides_mean_dense(void **state)
{
    (void)state;
    varlen_tensor dense = {SOMEWHERE, 0, 0};
    assert_ok(check(&output, &dense));
    assert_int_equal(dense.head_stride, 64);
    assert_int_equal(dense.token_stride, 256);
    varlen_tensor fused = {SOMEWHERE, 640, 0};
    assert_ok(check(&output, &fused));
    assert_int_equal(fused.head_stride, 64);
}

/* A framework's view [10, 4, 64] of [10, 1, 64] and of [1, 4, 64]. */
static void expanded_strides_become_zero(void **state)
{
    (void)state;
    varlen_tensor heads = {SOMEWHERE, 64, VARLEN_EXPANDED};
    assert_ok(check(&input, &heads));
    assert_int_equal(heads.head_stride, 0);
    assert_int_equal(heads.token_stride, 64);
    varlen_tensor dense_heads = {SOMEWHERE, 0, VARLEN_EXPANDED};
    assert_ok(check(&input, &dense_heads));
    assert_int_equal(dense_heads.token_stride, 64);
    varlen_tensor tokens = {SOMEWHERE, VARLEN_EXPANDED, 0};
    assert_ok(check(&input, &tokens));
    assert_int_equal(tokens.head_stride, 64);
    assert_int_equal(tokens.token_stride, 0);
    varlen_tensor_rule read_pages = pages;
    varlen_tensor cache = {SOMEWHERE, 0, 0};
    int64_t stride = VARLEN_EXPANDED;
    read_pages.written = false;
    assert_ok(check_pages(&read_pages, &cache, &stride));
    assert_int_equal(stride, 0);
}

/* Whatever stands there, and what backends multiply is harmless. */
static void strides_of_single_steps_are_not_looked_at(void **state)
{
    (void)state;
    static const int64_t strides[] = {0, 1, 63, VARLEN_EXPANDED, -64, INT64_MIN, INT64_MAX, INT64_MAX - 7};
    for (size_t i = 0; i < ROWS_OF(strides); i++) {
        varlen_tensor_rule one_head = output, one_token = output, no_tokens = output;
        varlen_tensor head = {SOMEWHERE, 0, strides[i]}, token = {SOMEWHERE, strides[i], 0};
        varlen_tensor none = {NULL, strides[i], strides[i]};
        one_head.heads = 1;
        one_token.tokens = 1;
        no_tokens.tokens = 0;
        assert_ok(check(&one_head, &head));
        assert_int_equal(head.head_stride, 64);
        assert_int_equal(head.token_stride, 64);
        assert_ok(check(&one_token, &token));
        assert_int_equal(token.token_stride, 256);
        assert_ok(check(&no_tokens, &none));
        assert_int_equal(none.head_stride, 64);
        assert_int_equal(none.token_stride, 256);
    }
}

/* One page: its own stride is not used, and would not fit in 64 bits if counted in bytes. */
static void a_single_page_may_end_far_away(void **state)
{
    (void)state;
    varlen_tensor_rule one_page = pages;
    varlen_tensor cache = {(void *)16, INT64_C(1) << 56, 0};
    int64_t stride = INT64_MAX;
    one_page.count = 1;
    assert_ok(check_pages(&one_page, &cache, &stride));
    assert_int_equal(stride, INT64_C(1) << 60);
    one_page.tokens = 1;
    cache.token_stride = INT64_MAX;
    stride = INT64_MAX;
    assert_ok(check_pages(&one_page, &cache, &stride));
    assert_int_equal(stride, 256);
}

/* Pages of one token in a fused row: the page stride that is left out is counted by the token stride. */
static void a_single_token_measures_its_page(void **state)
{
    (void)state;
    varlen_tensor_rule short_pages = pages;
    varlen_tensor cache = {SOMEWHERE, 512, 0};
    int64_t stride = 0;
    short_pages.tokens = 1;
    assert_ok(check_pages(&short_pages, &cache, &stride));
    assert_int_equal(stride, 512);
    cache.token_stride = -3;
    stride = 0;
    assert_failure(check_pages(&short_pages, &cache, &stride), VARLEN_ERROR_INVALID_ARGUMENT,
                   "k_cache.token_stride = -3 is below the dim = 64");
}

static void zero_page_stride_means_dense(void **state)
{
    (void)state;
    varlen_tensor cache = {SOMEWHERE, 0, 0};
    int64_t stride = 0;
    assert_ok(check_pages(&pages, &cache, &stride));
    assert_int_equal(stride, 16 * 256);
}

static void takes_views(void **state)
{
    (void)state;
    const struct {
        const varlen_tensor_rule *rule;
        varlen_tensor tensor;
    } rows[] = {
        {&output, {SOMEWHERE, 3 * 256, 64}}, /* one of q, k, v in a qkvpacked tensor */
        {&output, {SOMEWHERE, 64, 640}},     /* [heads, tokens, dim] */
        {&output, {SOMEWHERE, INT64_C(1) << 40, 0}} /* reaches far past 2^31 elements */,
        {&input, {SOMEWHERE, 64, 64}}, /* rows of an input may overlap */
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_tensor tensor = rows[i].tensor;
        assert_ok(check(rows[i].rule, &tensor));
    }
}

static void takes_pages_by_head(void **state)
{
    (void)state;
    varlen_tensor cache = {SOMEWHERE, 64, 1024}; /* [pages, heads, page_size, dim] */
    int64_t stride = 4096;
    assert_ok(check_pages(&pages, &cache, &stride));
}

static void empty_tensors_need_no_data(void **state)
{
    (void)state;
    varlen_tensor_rule empty = output;
    varlen_tensor tensor = {NULL, 0, 0};
    empty.tokens = 0;
    assert_ok(check(&empty, &tensor));
    assert_int_equal(tensor.token_stride, 256);
    varlen_tensor_rule no_pages = pages;
    int64_t stride = 0;
    no_pages.count = 0;
    assert_ok(check_pages(&no_pages, &tensor, &stride));
}

static void refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    const struct {
        const varlen_tensor_rule *rule;
        varlen_tensor tensor;
        const char *words;
    } rows[] = {
        {&input, {NULL, 0, 0}, "k.data is NULL, but k is not empty"},
        {&input, {(void *)0x10008, 0, 0}, "k.data = 0x10008 is not aligned to 16 bytes"},
        {&input, {SOMEWHERE, 252, 0}, "k.token_stride = 252 is not a multiple of 16 bytes (8 elements)"},
        {&input, {SOMEWHERE, 0, 68}, "k.head_stride = 68 is not a multiple of 16 bytes (8 elements)"},
        {&input, {SOMEWHERE, 56, 0}, "k.token_stride = 56 is below the dim = 64 elements of a row"},
        {&input, {SOMEWHERE, 0, 8}, "k.head_stride = 8 is below the dim = 64 elements of a row"},
        {&input, {SOMEWHERE, -256, 0}, "k.token_stride = -256 is below the dim = 64"},
        {&input, {SOMEWHERE, 0, INT64_MIN}, "k.head_stride = -9223372036854775808 is below the dim = 64"},
        {&output,
         {SOMEWHERE, 64, 64},
         "out.token_stride = 64 is below the 256 elements that dimensions inside it take, so that rows of out"},
        {&output, {SOMEWHERE, 128, 64}, "out.token_stride = 128 is below the 256 elements"},
        {&output, {SOMEWHERE, 64, 320}, "out.head_stride = 320 is below the 640 elements"},
        {&output, {SOMEWHERE, 256, 128}, "out.token_stride = 256 is below the 448 elements"},
        {&input, {SOMEWHERE, 0, INT64_C(1) << 62}, "takes k past the end of the address space"},
        {&input,
         {SOMEWHERE, 64, 0},
         "k.token_stride = 64 is below the 256 elements that k.head_stride = 0, which means dense, takes: the stride "
         "of "
         "an expanded dimension is VARLEN_EXPANDED (-1)"},
        {&input,
         {SOMEWHERE, 0, 640},
         "k.token_stride = 0 means dense, 256 elements, which is below the 2560 that k.head_stride = 640 takes"},
        {&output, {SOMEWHERE, 0, 72}, "out.token_stride = 0 means dense, 256 elements, which is below the 288 that"},
        {&output, {SOMEWHERE, 64, 0}, "out.token_stride = 64 is below the 256 elements that out.head_stride = 0"},
        {&output, {SOMEWHERE, 0, VARLEN_EXPANDED}, "out.head_stride = VARLEN_EXPANDED (-1), but out is written"},
        {&output, {SOMEWHERE, VARLEN_EXPANDED, 0}, "out.token_stride = VARLEN_EXPANDED (-1), but out is written"},
        {&input, {SOMEWHERE, -2, 0}, "k.token_stride = -2 is below the dim = 64"},
        {&input, {SOMEWHERE, INT64_C(1) << 60, 0}, "k.token_stride = 1152921504606846976 (times 10) takes k past"},
        {&input, {SOMEWHERE, INT64_C(1) << 59, 0}, "k.token_stride = 576460752303423488 (times 10) takes k past"},
        {&input, {SOMEWHERE, INT64_MAX - 7, 64}, "(times 10) takes k past the end of the address space"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_tensor tensor = rows[i].tensor;
        assert_failure(check(rows[i].rule, &tensor), VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
    }
}

static void refuses_bad_page_strides(void **state)
{
    (void)state;
    static const struct {
        int64_t stride;
        const char *words;
    } rows[] = {
        {32, "k_page_stride = 32 is below the dim = 64"},
        {4098, "k_page_stride = 4098 is not a multiple of 16 bytes (4 elements)"},
        {4092,
         "k_page_stride = 4092 is below the 4096 elements that k_cache.token_stride = 0, which means dense, takes"},
        {VARLEN_EXPANDED, "k_page_stride = VARLEN_EXPANDED (-1), but k_cache is written"},
        {INT64_MAX - 3, "k_page_stride = 9223372036854775804 (times 8) takes k_cache past"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_tensor cache = {SOMEWHERE, 0, 0};
        int64_t stride = rows[i].stride;
        assert_failure(check_pages(&pages, &cache, &stride), VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
    }
}

/* [pages, heads, page_size, dim]: a page stride that is left out counts tokens, which lie inside heads here. */
static void heads_outside_tokens_need_all_strides(void **state)
{
    (void)state;
    varlen_tensor cache = {SOMEWHERE, 64, 1024};
    int64_t stride = 0;
    assert_failure(check_pages(&pages, &cache, &stride), VARLEN_ERROR_INVALID_ARGUMENT,
                   "k_page_stride = 0 means dense, 1024 elements, which is below the 4096 that k_cache.head_stride = "
                   "1024 takes: give both");
}

static void refuses_too_many_pages(void **state)
{
    (void)state;
    varlen_tensor_rule many = pages;
    varlen_tensor cache = {SOMEWHERE, 0, 0};
    int64_t stride = 0;
    many.count = INT64_MAX;
    assert_failure(check_pages(&many, &cache, &stride), VARLEN_ERROR_INVALID_ARGUMENT,
                   "k_page_stride = 4096 (times 9223372036854775807) takes k_cache past");
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(zero_strides_mean_dense),
        cmocka_unit_test(zero_page_stride_means_dense),
        cmocka_unit_test(expanded_strides_become_zero),
        cmocka_unit_test(strides_of_single_steps_are_not_looked_at),
        cmocka_unit_test(a_single_page_may_end_far_away),
        cmocka_unit_test(a_single_token_measures_its_page),
        cmocka_unit_test(heads_outside_tokens_need_all_strides),
        cmocka_unit_test(takes_views),
        cmocka_unit_test(takes_pages_by_head),
        cmocka_unit_test(empty_tensors_need_no_data),
        cmocka_unit_test(refuses_what_breaks_a_rule),
        cmocka_unit_test(refuses_bad_page_strides),
        cmocka_unit_test(refuses_too_many_pages),
    };
    return cmocka_run_group_tests_name("rules_tensor", cases, NULL, NULL);
}
