/* What `varlen bench` counts of a workload, and the floor that follows, against numbers counted by hand. */
#include <string.h>

#include "bench/result.h"
#include "unit/support/test.h"

static const int32_t lengths[] = {2, 3};

/* Visible pairs: 3 + 6. Rows: 5 x 4 of queries, 5 x 2 of keys. */
static const bench_workload ragged = {
    .lengths = lengths,
    .batch = 2,
    .q_heads = 4,
    .kv_heads = 2,
    .head_dim = 8,
    .value_dim = 16,
    .mask = VARLEN_MASK_CAUSAL,
};

/* A bfloat16 forward pass of it has 1728 flops on 1520 bytes, in 4 ns. */
static const bench_result forward = {
    .workload = &ragged, .dtype = VARLEN_BFLOAT16, .pass = VARLEN_PASS_FORWARD, .time = {.median = 4e-6}};

static void assert_near(double value, double expected)
{
    assert_true(value > expected * (1 - 1e-9) && value < expected * (1 + 1e-9));
}

static void test_flops(void **state)
{
    (void)state;
    assert_near(bench_flops(&ragged, VARLEN_PASS_FORWARD), 2 * 9 * 4 * (8 + 16));
    assert_near(bench_flops(&ragged, VARLEN_PASS_BACKWARD), 4320);
    bench_workload full = ragged;
    full.mask = VARLEN_MASK_FULL;
    assert_near(bench_flops(&full, VARLEN_PASS_FORWARD), 2 * (4 + 9) * 4 * (8 + 16));
    /* Two queries at the end of five keys see four and five. */
    const bench_workload chunk = {.length = 5,
                                  .batch = 3,
                                  .queries = 2,
                                  .q_heads = 1,
                                  .kv_heads = 1,
                                  .head_dim = 8,
                                  .value_dim = 8,
                                  .mask = VARLEN_MASK_CAUSAL};
    assert_near(bench_flops(&chunk, VARLEN_PASS_FORWARD), 2 * 3 * 9 * (8 + 8));
}

static int64_t pairs_of(bench_rows rows, int32_t queries, int32_t keys)
{
    const bench_workload workload = {.length = keys, .batch = 1, .queries = queries, .rows = rows};
    return bench_visible_pairs(&workload, 0);
}

static void test_what_rows_see(void **state)
{
    (void)state;
    assert_int_equal(pairs_of(BENCH_ROWS_CAUSAL, 100, 100), 100 * 101 / 2);
    assert_int_equal(pairs_of(BENCH_ROWS_PREFIX, 100, 100), 100 * 101 / 2 + 25 * 24 / 2);
    assert_int_equal(pairs_of(BENCH_ROWS_IMAGES, 1024, 1024), 1024 * 1025 / 2 + 256 * 255 / 2);
    assert_int_equal(pairs_of(BENCH_ROWS_BLOCKS, 64, 64), 32 * 32 + 32 * 64);
    assert_int_equal(pairs_of(BENCH_ROWS_BAND, 1000, 1000), 1000 * 512 - 511 * 512 / 2);
    /* Seven drafts in three generations, before which stand three keys. */
    assert_int_equal(pairs_of(BENCH_ROWS_TREE, 7, 10), 7 * 3 + 1 + 2 * 2 + 4 * 3);
    const bench_workload chunked = {.length = 100, .batch = 1, .mask = VARLEN_MASK_CAUSAL, .chunk = 40};
    assert_int_equal(bench_visible_pairs(&chunked, 0), 2 * 40 * 41 / 2 + 20 * 21 / 2);
}

static void test_bytes(void **state)
{
    (void)state;
    const double q = 20 * 8, k = 10 * 8, v = 10 * 16, out = 20 * 16, lse = 20 * 4;
    assert_near(bench_bytes(&ragged, VARLEN_BFLOAT16, VARLEN_PASS_FORWARD), 2 * (q + k + v + out) + lse);
    assert_near(bench_bytes(&ragged, VARLEN_FLOAT32, VARLEN_PASS_FORWARD), 4 * (q + k + v + out) + lse);
    assert_near(bench_bytes(&ragged, VARLEN_BFLOAT16, VARLEN_PASS_BACKWARD), 2 * (2 * (q + k + v) + 2 * out) + lse);
    assert_near(bench_bytes(&ragged, VARLEN_BFLOAT16, VARLEN_PASS_FORWARD), 1520);
}

static void set(bench_results *results, bench_peak_kind kind, double rate)
{
    results->peaks.values[kind] = (bench_peak){.with = "this test", .all_threads = rate};
}

static void assert_bound(const bench_results *results, const bench_result *result, bench_peak_kind by,
                         double milliseconds, bool is_floor)
{
    const bench_bound bound = bench_result_bound(results, result);
    assert_int_equal(bound.by, by);
    assert_near(bound.milliseconds, milliseconds);
    assert_int_equal(bound.is_floor, is_floor);
}

static void test_the_longer_time_bounds(void **state)
{
    (void)state;
    bench_results results = {0};
    set(&results, BENCH_PEAK_GIVEN_ARITHMETIC, 1000);
    set(&results, BENCH_PEAK_GIVEN_BANDWIDTH, 1000);
    assert_bound(&results, &forward, BENCH_PEAK_GIVEN_ARITHMETIC, 1.728e-6, true);
    set(&results, BENCH_PEAK_GIVEN_BANDWIDTH, 500);
    assert_bound(&results, &forward, BENCH_PEAK_GIVEN_BANDWIDTH, 3.04e-6, true);
}

static void test_an_accelerator_whose_peak_is_unknown(void **state)
{
    (void)state;
    bench_results results = {0};
    set(&results, BENCH_PEAK_EVEN_BFLOAT16, 1000);
    set(&results, BENCH_PEAK_COPY, 1000);
    set(&results, BENCH_PEAK_READ, 400);
    assert_bound(&results, &forward, BENCH_PEAK_EVEN_BFLOAT16, 1.728e-6, false);
    /* Where bytes take longer even at that rate, they do at any higher one: that is a floor. */
    set(&results, BENCH_PEAK_COPY, 500);
    assert_bound(&results, &forward, BENCH_PEAK_COPY, 3.04e-6, true);
    set(&results, BENCH_PEAK_READ, 800);
    assert_bound(&results, &forward, BENCH_PEAK_READ, 1.9e-6, true);
    set(&results, BENCH_PEAK_GIVEN_ARITHMETIC, 800);
    assert_bound(&results, &forward, BENCH_PEAK_GIVEN_ARITHMETIC, 2.16e-6, true);
    /* The rate of one dtype says nothing of another. */
    results.peaks.values[BENCH_PEAK_GIVEN_ARITHMETIC] = (bench_peak){0};
    bench_result other = forward;
    other.dtype = VARLEN_FLOAT16;
    assert_true(bench_result_bound(&results, &other).milliseconds == 0);
}

static void test_a_processor(void **state)
{
    (void)state;
    bench_results results = {.threads = 2};
    set(&results, BENCH_PEAK_FLOAT32, 500);
    set(&results, BENCH_PEAK_READ, 2000);
    set(&results, BENCH_PEAK_COPY, 9000);
    assert_bound(&results, &forward, BENCH_PEAK_FLOAT32, 3.456e-6, true);
    set(&results, BENCH_PEAK_BFLOAT16, 1000);
    assert_bound(&results, &forward, BENCH_PEAK_BFLOAT16, 1.728e-6, true);
    bench_result other = forward;
    other.dtype = VARLEN_FLOAT32;
    assert_bound(&results, &other, BENCH_PEAK_FLOAT32, 3.456e-6, true);
    set(&results, BENCH_PEAK_READ, 800);
    assert_bound(&results, &forward, BENCH_PEAK_READ, 1.9e-6, true);
}

static void test_nothing_is_known(void **state)
{
    (void)state;
    bench_results results = {0};
    set(&results, BENCH_PEAK_GIVEN_ARITHMETIC, 1000);
    assert_true(bench_result_bound(&results, &forward).milliseconds == 0);
    assert_false(bench_result_bound(&results, &forward).is_floor);
    results = (bench_results){0};
    set(&results, BENCH_PEAK_GIVEN_BANDWIDTH, 1000);
    assert_true(bench_result_bound(&results, &forward).milliseconds == 0);
}

static const bench_workload *workload_called(const char *name)
{
    for (int i = 0; i < bench_workload_count(); i++)
        if (strcmp(bench_workload_at(i)->name, name) == 0)
            return bench_workload_at(i);
    fail_msg("there is no workload %s", name);
    return NULL;
}

/* At 800 TFLOP/s and 3.08 TB/s, forward, bfloat16. */
static void test_floors_of_named_workloads(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double milliseconds; /* to half a microsecond */
        bench_peak_kind by;
    } cases[] = {
        {"even-16x1k-h16-d128", 0.172, BENCH_PEAK_GIVEN_ARITHMETIC},
        {"even-16x1k-h16-d128-causal", 0.0875, BENCH_PEAK_GIVEN_BANDWIDTH},
        {"even-4x4k-h16-d128", 0.687, BENCH_PEAK_GIVEN_ARITHMETIC},
        {"even-4x4k-h16-d128-causal", 0.344, BENCH_PEAK_GIVEN_ARITHMETIC},
        {"even-1x16k-h16-d128", 2.749, BENCH_PEAK_GIVEN_ARITHMETIC},
        {"even-1x16k-h16-d128-causal", 1.374, BENCH_PEAK_GIVEN_ARITHMETIC},
        {"even-4x4k-h32-d64-causal", 0.344, BENCH_PEAK_GIVEN_ARITHMETIC},
        {"mixed-40x32k-gqa32/8-d128-causal", 0.622, BENCH_PEAK_GIVEN_ARITHMETIC},
        {"chat-50x32k-gqa64/8-d128-causal", 0.716, BENCH_PEAK_GIVEN_ARITHMETIC},
        {"skew-1x16k+63x128-gqa32/8-d128-causal", 2.760, BENCH_PEAK_GIVEN_ARITHMETIC},
        {"chunk-8x512q/16k-gqa32/8-d128-causal", 1.353, BENCH_PEAK_GIVEN_ARITHMETIC},
        {"short-256x(32..512)-h12-d64", 0.066, BENCH_PEAK_GIVEN_BANDWIDTH},
        {"vit-512x64-h16-d64", 0.088, BENCH_PEAK_GIVEN_BANDWIDTH},
        {"decode-64x4k-gqa32/8-d128-page16", 0.349, BENCH_PEAK_GIVEN_BANDWIDTH},
        {"decode-100x2k-gqa64/8-d128-page64", 0.273, BENCH_PEAK_GIVEN_BANDWIDTH},
        {"decode-4x64k-gqa32/8-d128-page256", 0.349, BENCH_PEAK_GIVEN_BANDWIDTH},
        {"decode-1x128k-gqa32/8-d128-page256", 0.174, BENCH_PEAK_GIVEN_BANDWIDTH},
    };
    bench_results results = {0};
    set(&results, BENCH_PEAK_GIVEN_ARITHMETIC, 800e3);
    set(&results, BENCH_PEAK_GIVEN_BANDWIDTH, 3080);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench_result result = forward;
        result.workload = workload_called(cases[i].name);
        const bench_bound bound = bench_result_bound(&results, &result);
        if (bound.milliseconds < cases[i].milliseconds - 0.0005 ||
            bound.milliseconds > cases[i].milliseconds + 0.0005 || bound.by != cases[i].by)
            fail_msg("%s: %.4f ms by %s", cases[i].name, bound.milliseconds, bench_peak_name(bound.by));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flops),
        cmocka_unit_test(test_what_rows_see),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_the_longer_time_bounds),
        cmocka_unit_test(test_an_accelerator_whose_peak_is_unknown),
        cmocka_unit_test(test_a_processor),
        cmocka_unit_test(test_nothing_is_known),
        cmocka_unit_test(test_floors_of_named_workloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
