/* varlen_workspace_size of the backend that VARLEN_BACKEND names, over shapes from nothing to the largest numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <varlen/varlen.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static varlen_context *context;

static int set_up(void **state)
{
    (void)state;
    if (varlen_open(NULL, &context) != VARLEN_OK)
        fail_msg("%s", varlen_error_message());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    varlen_close(context);
    return 0;
}

/* The numbers that grow together with the workspace, each by its place in the lists below. */
enum { BATCH, TOTAL_Q, TOTAL_K, WIDTH, GROWING };

static const int32_t batches[] = {0, 1, 7, 4096, 524308, INT32_MAX};
static const int32_t totals[] = {0, 1, 1000, 65536, 2000000000, INT32_MAX};
static const int32_t widths[] = {0, 1, 4096, INT32_MAX};
static const int places[GROWING] = {COUNT_OF(batches), COUNT_OF(totals), COUNT_OF(totals), COUNT_OF(widths)};

typedef struct fixed_numbers {
    int32_t q_heads;
    int32_t kv_heads;
    int32_t head_dim;
    int32_t page_size; /* 0: WIDTH is left out; else TOTAL_K is */
    int32_t max_seqlen;
    uint32_t flags;
} fixed_numbers;

static varlen_attention problem_at(const fixed_numbers *fixed, const int *place)
{
    return (varlen_attention){.struct_size = sizeof(varlen_attention),
                              .dtype = VARLEN_BFLOAT16,
                              .batch = batches[place[BATCH]],
                              .q_heads = fixed->q_heads,
                              .kv_heads = fixed->kv_heads,
                              .head_dim = fixed->head_dim,
                              .total_q = totals[place[TOTAL_Q]],
                              .total_k = fixed->page_size ? 0 : totals[place[TOTAL_K]],
                              .page_size = fixed->page_size,
                              .page_table_width = fixed->page_size ? widths[place[WIDTH]] : 0,
                              .page_count = fixed->page_size ? 1 : 0,
                              .max_seqlen_q = fixed->max_seqlen,
                              .max_seqlen_k = fixed->max_seqlen,
                              .flags = fixed->flags};
}

/* Whether a problem is taken; it may be refused only as one that is too large. */
static bool takes(const varlen_attention *problem, varlen_pass pass, size_t *size)
{
    varlen_status status = varlen_workspace_size(context, problem, pass, size);
    if (status == VARLEN_OK)
        return true;
    assert_string_equal(varlen_status_name(status), varlen_status_name(VARLEN_ERROR_UNSUPPORTED));
    assert_int_equal(varlen_supports(context, problem, pass), status);
    return false;
}

typedef __int128 wide;

static wide smaller(wide a, wide b)
{
    return a < b ? a : b;
}

static wide larger(wide a, wide b)
{
    return a > b ? a : b;
}

/* What every backend keeps for some batch of the shape: a description of each tile of rows, at most 256 of them; for
 * backward, a float for each row. */
static wide least(const varlen_attention *problem, varlen_pass pass)
{
    wide rows = problem->batch > 0 ? (wide)problem->total_q * problem->q_heads : 0;
    if (pass == VARLEN_PASS_BACKWARD)
        return 4 * rows;
    return 32 * larger(rows / problem->kv_heads / 256, smaller(problem->batch, problem->total_q));
}

/* Whether a backend may call a problem too large. */
static bool may_refuse(const varlen_attention *problem)
{
    wide sequences = smaller(problem->batch, larger(problem->total_q, problem->total_k));
    wide slot = problem->page_size ? (wide)problem->page_size * problem->page_table_width : problem->total_k;
    wide rows = (wide)problem->total_q * problem->q_heads;
    return rows > 1ll << 31 || rows / problem->kv_heads > 1 << 30 || sequences * problem->kv_heads > 1 << 22 ||
           (wide)problem->total_k * problem->kv_heads > 1ll << 31 || slot > 1 << 30 || problem->batch > 1 << 30 ||
           problem->q_heads > 1 << 20;
}

static void show(const varlen_attention *problem, varlen_pass pass)
{
    print_error(
        "pass %d, batch %d, heads %d on %d, dim %d, total_q %lld, total_k %lld, pages %d of %d, max_seqlen %d\n",
        (int)pass, problem->batch, problem->q_heads, problem->kv_heads, problem->head_dim, (long long)problem->total_q,
        (long long)problem->total_k, problem->page_table_width, problem->page_size, problem->max_seqlen_k);
}

static void check_place(const fixed_numbers *fixed, const int *place, varlen_pass pass)
{
    varlen_attention problem = problem_at(fixed, place);
    size_t size = 0;
    bool taken = takes(&problem, pass, &size);
    bool right = taken ? size <= PTRDIFF_MAX && (wide)size >= least(&problem, pass) : may_refuse(&problem);
    for (int n = 0; n < GROWING && right; n++) {
        int further[GROWING];
        memcpy(further, place, sizeof further);
        if (++further[n] == places[n])
            continue;
        varlen_attention grown = problem_at(fixed, further);
        size_t grown_size = 0;
        if (takes(&grown, pass, &grown_size))
            right = taken && size <= grown_size;
    }
    if (!right) {
        show(&problem, pass);
        fail_msg("%s: %zu bytes", taken ? "taken" : varlen_error_message(), size);
    }
}

static void check_fixed(const fixed_numbers *fixed)
{
    int place[GROWING];
    int k_places = fixed->page_size ? 1 : places[TOTAL_K], width_places = fixed->page_size ? places[WIDTH] : 1;
    for (place[BATCH] = 0; place[BATCH] < places[BATCH]; place[BATCH]++)
        for (place[TOTAL_Q] = 0; place[TOTAL_Q] < places[TOTAL_Q]; place[TOTAL_Q]++)
            for (place[TOTAL_K] = 0; place[TOTAL_K] < k_places; place[TOTAL_K]++)
                for (place[WIDTH] = 0; place[WIDTH] < width_places; place[WIDTH]++) {
                    check_place(fixed, place, VARLEN_PASS_FORWARD);
                    if (!fixed->page_size)
                        check_place(fixed, place, VARLEN_PASS_BACKWARD);
                }
}

static void sizes_do_not_wrap_and_do_not_fall(void **state)
{
    (void)state;
    static const int32_t heads[][2] = {
        {1, 1}, {8, 8}, {64, 2}, {64, 1}, {128, 1}, {1431368184, 1431368184}, {INT32_MAX, 1}, {INT32_MAX, INT32_MAX}};
    static const int32_t page_sizes[] = {0, 1, 256, INT32_MAX};
    static const int32_t max_seqlens[] = {0, 1, 100000};
    for (size_t h = 0; h < COUNT_OF(heads); h++)
        for (size_t p = 0; p < COUNT_OF(page_sizes); p++)
            for (size_t m = 0; m < COUNT_OF(max_seqlens); m++)
                for (int n = 0; n < 4; n++)
                    check_fixed(&(fixed_numbers){.q_heads = heads[h][0],
                                                 .kv_heads = heads[h][1],
                                                 .head_dim = n % 2 ? 256 : 8,
                                                 .page_size = page_sizes[p],
                                                 .max_seqlen = max_seqlens[m],
                                                 .flags = n / 2 ? VARLEN_FLAG_BATCH_INVARIANT : 0});
}

/* What is refused names its numbers, and *size is left alone. */
static void what_is_too_large_is_refused_in_words(void **state)
{
    (void)state;
    const fixed_numbers fixed = {.q_heads = 1431368184, .kv_heads = 1431368184, .head_dim = 256};
    varlen_attention problem = problem_at(&fixed, (const int[GROWING]){4, 4, 4, 0});
    for (int pass = VARLEN_PASS_FORWARD; pass <= VARLEN_PASS_BACKWARD; pass++) {
        size_t size = 12345;
        assert_int_equal(varlen_workspace_size(context, &problem, (varlen_pass)pass, &size), VARLEN_ERROR_UNSUPPORTED);
        assert_int_equal(size, 12345);
        assert_non_null(strstr(varlen_error_message(), "q_heads = 1431368184"));
    }
}

/* Wider heads need no less, up to the widest that the backend takes; from there on it says so. */
static void dims_have_a_largest_that_words_name(void **state)
{
    (void)state;
    static const int32_t dims[] = {8, 128, 256, 264, 512, 576, 1024, 65536, 1 << 20, (1 << 20) + 8, INT32_MAX - 7};
    for (int pass = VARLEN_PASS_FORWARD; pass <= VARLEN_PASS_BACKWARD; pass++)
        for (int of_values = 0; of_values < 2; of_values++) {
            size_t least_size = 0;
            bool refused = false;
            for (size_t n = 0; n < COUNT_OF(dims); n++) {
                const fixed_numbers fixed = {.q_heads = 4, .kv_heads = 2, .head_dim = of_values ? 64 : dims[n]};
                varlen_attention problem = problem_at(&fixed, (const int[GROWING]){2, 2, 2, 0});
                problem.value_dim = of_values ? dims[n] : 64;
                size_t size = 0;
                if (takes(&problem, (varlen_pass)pass, &size)) {
                    assert_false(refused);
                    assert_true(size >= least_size);
                    least_size = size;
                    continue;
                }
                char words[64];
                snprintf(words, sizeof words, "%s = %d is above the ", of_values ? "value_dim" : "head_dim", dims[n]);
                assert_non_null(strstr(varlen_error_message(), words));
                assert_true(dims[n] > 256);
                refused = true;
            }
            assert_true(refused);
        }
}

/* Many short sequences share what a few long ones would take: keys and values are eight times the partial results of
 * split keys at most, and sums of dq, in float32, are of all rows once, and of what rounds them up. */
static void lengths_need_not_be_known(void **state)
{
    (void)state;
    static const int32_t shapes[][2] = {{4096, 16}, {65536, 1}, {16, 4096}, {1, 65536}, {1000, 1000},
                                        {64, 128},  {64, 129},  {7, 33},    {300, 70},  {12, 20000}};
    const size_t fixed_part = 64u << 20;
    for (size_t n = 0; n < COUNT_OF(shapes); n++) {
        const int64_t tokens = (int64_t)shapes[n][0] * shapes[n][1];
        varlen_attention problem = {.struct_size = sizeof problem,
                                    .dtype = VARLEN_BFLOAT16,
                                    .batch = shapes[n][0],
                                    .q_heads = 8,
                                    .kv_heads = 8,
                                    .head_dim = 128,
                                    .total_q = tokens,
                                    .total_k = tokens};
        varlen_attention known = problem;
        known.max_seqlen_q = known.max_seqlen_k = shapes[n][1];
        const size_t elements = (size_t)tokens * 8 * 128;
        size_t forward, backward, known_forward, known_backward;
        assert_true(takes(&problem, VARLEN_PASS_FORWARD, &forward));
        assert_true(takes(&problem, VARLEN_PASS_BACKWARD, &backward));
        assert_true(takes(&known, VARLEN_PASS_FORWARD, &known_forward));
        assert_true(takes(&known, VARLEN_PASS_BACKWARD, &known_backward));
        print_message("%6d x %5d: forward %8.2f MB, known lengths %8.2f; backward %8.2f, known lengths %8.2f\n",
                      shapes[n][0], shapes[n][1], (double)forward * 1e-6, (double)known_forward * 1e-6,
                      (double)backward * 1e-6, (double)known_backward * 1e-6);
        assert_true(known_forward <= forward && known_backward <= backward);
        assert_true(forward <= elements * 2 * 2 / 8 + fixed_part);
        assert_true(backward <= 3 * elements * sizeof(float) + fixed_part);
        assert_true(backward <= 2 * known_backward);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(sizes_do_not_wrap_and_do_not_fall), cmocka_unit_test(what_is_too_large_is_refused_in_words),
        cmocka_unit_test(dims_have_a_largest_that_words_name), cmocka_unit_test(lengths_need_not_be_known)};
    return cmocka_run_group_tests_name("workspace/sizes", cases, set_up, tear_down);
}
