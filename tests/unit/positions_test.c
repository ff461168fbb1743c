/* The rules of query_positions and key_starts, and the search for keys that sequences share. */
#include "core/metadata.h"
#include "core/rules_attention.h"
#include "core/rules_passes.h"
#include "core/shared_keys.h"
#include "core/violation.h"
#include "support/test.h"

#define INTS(...) ((const int32_t[]){__VA_ARGS__})
#define ARRAY ((void *)0x20000)
#define INPUTS                                                                                                         \
    .struct_size = sizeof(varlen_inputs), .q = {(void *)0x10000, 0, 0}, .k = {(void *)0x10000, 0, 0},                  \
    .v = {(void *)0x10000, 0, 0}, .cu_seqlens_q = ARRAY
#define GIVEN(...) (&(const varlen_inputs){INPUTS, __VA_ARGS__})

static const uint64_t both = VARLEN_FEATURE_QUERY_POSITIONS | VARLEN_FEATURE_KEY_STARTS;

static varlen_attention problem(uint64_t features)
{
    const varlen_attention given = {.struct_size = sizeof given,
                                    .batch = 3,
                                    .q_heads = 4,
                                    .kv_heads = 2,
                                    .head_dim = 64,
                                    .total_q = 10,
                                    .total_k = 20,
                                    .features = features};
    varlen_attention attention;
    assert_ok(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &attention));
    return attention;
}

static varlen_status check(const varlen_attention *attention, const varlen_inputs *given)
{
    const varlen_forward_args args = {.struct_size = sizeof args, .inputs = given, .out = {(void *)0x1000000, 0, 0}};
    varlen_inputs inputs;
    varlen_forward_args checked;
    return varlen_check_forward(attention, &args, &inputs, &checked);
}

static void key_starts_bring_seqused_k(void **state)
{
    (void)state;
    assert_int_equal(problem(VARLEN_FEATURE_KEY_STARTS).features, VARLEN_FEATURE_KEY_STARTS | VARLEN_FEATURE_SEQUSED_K);
    assert_int_equal(problem(VARLEN_FEATURE_QUERY_POSITIONS).features, VARLEN_FEATURE_QUERY_POSITIONS);
}

static void both_are_taken(void **state)
{
    (void)state;
    const varlen_attention attention = problem(both | VARLEN_FEATURE_LEFTPAD_K);
    assert_ok(check(&attention, GIVEN(.cu_seqlens_k = ARRAY)));
    assert_ok(check(&attention, GIVEN(.cu_seqlens_k = ARRAY, .query_positions = ARRAY)));
    assert_ok(check(&attention, GIVEN(.key_starts = ARRAY, .seqused_k = ARRAY)));
    assert_ok(check(&attention,
                    GIVEN(.key_starts = ARRAY, .seqused_k = ARRAY, .leftpad_k = ARRAY, .query_positions = ARRAY)));
}

static void what_contradicts_them_is_refused(void **state)
{
    (void)state;
    varlen_attention top_left = problem(both), paged = problem(both), plain = problem(both);
    top_left.alignment = VARLEN_ALIGN_TOP_LEFT;
    paged.total_k = 0;
    paged.page_size = 16;
    paged.page_table_width = 4;
    paged.page_count = 8;
    const varlen_attention neither = problem(VARLEN_FEATURE_SEQUSED_K);
    const struct {
        const varlen_attention *attention;
        const varlen_inputs *inputs;
        const char *words;
    } rows[] = {
        {&neither, GIVEN(.cu_seqlens_k = ARRAY, .query_positions = ARRAY),
         "query_positions is given, but features has no VARLEN_FEATURE_QUERY_POSITIONS"},
        {&neither, GIVEN(.key_starts = ARRAY, .seqused_k = ARRAY),
         "key_starts is given, but features has no VARLEN_FEATURE_KEY_STARTS"},
        {&top_left, GIVEN(.cu_seqlens_k = ARRAY, .query_positions = ARRAY),
         "query_positions is given, but alignment is VARLEN_ALIGN_TOP_LEFT"},
        {&plain, GIVEN(.cu_seqlens_k = ARRAY, .seqused_k = ARRAY, .key_starts = ARRAY),
         "cu_seqlens_k is given, but key_starts says where keys begin"},
        {&plain, GIVEN(.key_starts = ARRAY), "seqused_k is NULL, but key_starts says where keys begin"},
        {&plain, GIVEN(.seqused_k = ARRAY), "cu_seqlens_k is NULL, but keys are packed (page_size = 0)"},
        {&paged, GIVEN(.seqused_k = ARRAY, .page_table = ARRAY, .key_starts = ARRAY),
         "key_starts is given, but keys are paged (page_size > 0)"},
        {&plain, GIVEN(.cu_seqlens_k = ARRAY, .query_positions = (void *)0x20002),
         "query_positions = 0x20002 is not aligned to its elements' 4 bytes"},
        {&plain, GIVEN(.seqused_k = ARRAY, .key_starts = (void *)0x1000004),
         "out (0x1000000 .. 0x10027ff), which is written, overlaps key_starts (0x1000004 .. 0x100000f)"},
        {&plain, GIVEN(.cu_seqlens_k = ARRAY, .query_positions = (void *)0x1000004),
         "out (0x1000000 .. 0x10027ff), which is written, overlaps query_positions (0x1000004 .. 0x100000f)"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        assert_int_equal(check(rows[i].attention, rows[i].inputs), VARLEN_ERROR_INVALID_ARGUMENT);
        assert_words(varlen_error_message(), rows[i].words);
    }
}

static const int32_t queries[] = {0, 2, 5, 10};
static const varlen_attention small = {.batch = 3, .total_q = 10, .total_k = 10};

static varlen_inputs started(const int32_t *starts, const int32_t *used, const int32_t *leftpad)
{
    return (varlen_inputs){.cu_seqlens_q = queries, .key_starts = starts, .seqused_k = used, .leftpad_k = leftpad};
}

static void contents_are_checked(void **state)
{
    (void)state;
    const struct {
        const int32_t *starts, *used, *leftpad;
        const char *words; /* NULL: sound */
    } rows[] = {
        {INTS(0, 0, 0), INTS(10, 10, 10), NULL, NULL},
        {INTS(10, 9, 0), INTS(0, 1, 0), NULL, NULL},
        {INTS(3, 0, 6), INTS(4, 3, 4), INTS(4, 1, 0), NULL},
        {INTS(0, -1, 0), INTS(1, 1, 1), NULL, "key_starts[1] = -1 is below 0"},
        {INTS(0, 0, 11), INTS(1, 1, 0), NULL, "key_starts[2] = 11 is above total_k = 10"},
        {INTS(7, 0, 0), INTS(4, 1, 1), NULL, "seqused_k[0] = 4 is above the 3 rows of its slot"},
        {INTS(7, 0, INT32_MAX), INTS(1, 1, INT32_MAX), NULL, "key_starts[2] = 2147483647 is above total_k = 10"},
        {INTS(10, 0, 0), INTS(INT32_MAX, 1, 1), NULL, "seqused_k[0] = 2147483647 is above the 0 rows of its slot"},
        {INTS(0, 0, 0), INTS(1, -2, 1), NULL, "seqused_k[1] = -2 is below 0"},
        {INTS(0, 0, 0), INTS(1, 2, 1), INTS(0, 3, 0), "leftpad_k[1] = 3 is above the 2 keys in use"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        const varlen_inputs inputs = started(rows[i].starts, rows[i].used, rows[i].leftpad);
        const varlen_violation found = varlen_inspect_attention(&small, VARLEN_PASS_FORWARD, &inputs);
        assert_int_equal(varlen_fail_violation(&found), rows[i].words ? VARLEN_ERROR_BAD_METADATA : VARLEN_OK);
        if (rows[i].words)
            assert_string_equal(varlen_error_message(), rows[i].words);
    }
}

/* Any number may stand there. */
static void positions_are_not_checked(void **state)
{
    (void)state;
    const varlen_inputs inputs = {
        .cu_seqlens_q = queries, .cu_seqlens_k = INTS(0, 2, 5, 10), .query_positions = INTS(INT32_MIN, INT32_MAX, -1)};
    for (varlen_pass pass = VARLEN_PASS_FORWARD; pass <= VARLEN_PASS_BACKWARD; pass++)
        assert_int_equal(varlen_inspect_attention(&small, pass, &inputs).rule, VARLEN_VIOLATION_NONE);
}

static void backward_takes_no_shared_keys(void **state)
{
    (void)state;
    const varlen_inputs shared = started(INTS(4, 0, 3), INTS(2, 5, 1), NULL);
    const varlen_inputs padded = started(INTS(4, 0, 3), INTS(2, 4, 1), INTS(0, 1, 1));
    assert_int_equal(varlen_inspect_attention(&small, VARLEN_PASS_FORWARD, &shared).rule, VARLEN_VIOLATION_NONE);
    assert_int_equal(varlen_inspect_attention(&small, VARLEN_PASS_BACKWARD, &padded).rule, VARLEN_VIOLATION_NONE);
    const varlen_violation found = varlen_inspect_attention(&small, VARLEN_PASS_BACKWARD, &shared);
    assert_int_equal(varlen_fail_violation(&found), VARLEN_ERROR_BAD_METADATA);
    assert_string_equal(varlen_error_message(),
                        "the keys of sequence 0 begin at row 4, before row 5, where those of sequence 1 end: "
                        "varlen_backward takes no shared keys");
}

/* ---- The search, against pairs compared one by one ---- */

enum { MOST_SEQUENCES = 900 };

typedef struct layout {
    int32_t batch;
    int32_t starts[MOST_SEQUENCES], used[MOST_SEQUENCES], leftpad[MOST_SEQUENCES];
} layout;

static bool share(const layout *l, int32_t a, int32_t b)
{
    const int32_t begin_a = l->starts[a] + l->leftpad[a], begin_b = l->starts[b] + l->leftpad[b];
    const int32_t end_a = l->starts[a] + l->used[a], end_b = l->starts[b] + l->used[b];
    return begin_a < end_a && begin_b < end_b && begin_a < end_b && begin_b < end_a;
}

/* The first sequence that shares keys with an earlier one, and the first such; *later = batch if there is none. */
static void find_pair(const layout *l, int32_t *earlier, int32_t *later)
{
    for (*later = 0; *later < l->batch; ++*later)
        for (*earlier = 0; *earlier < *later; ++*earlier)
            if (share(l, *earlier, *later))
                return;
}

static uint32_t next(uint32_t *random, uint32_t below)
{
    *random = *random * 1664525 + 1013904223;
    return (*random >> 8) % below;
}

/* Disjoint, in random order, with rows between some, and now and then one row too many. */
static void make_layout(layout *l, uint32_t *random)
{
    int32_t row = 0, order[MOST_SEQUENCES];
    const bool spoilt = next(random, 3) > 0, shuffled = next(random, 3) > 0;
    l->batch = 1 + (int32_t)next(random, next(random, 2) ? MOST_SEQUENCES - 1 : 12);
    for (int32_t n = 0; n < l->batch; n++) {
        const int32_t other = shuffled ? (int32_t)next(random, (uint32_t)n + 1) : n;
        order[n] = order[other];
        order[other] = n;
    }
    for (int32_t n = 0; n < l->batch; n++) {
        const int32_t b = order[n], keys = (int32_t)next(random, 5);
        l->leftpad[b] = next(random, 4) == 0 ? (int32_t)next(random, 4) : 0;
        l->used[b] = keys + l->leftpad[b] + (spoilt && (int32_t)next(random, (uint32_t)l->batch) < 3);
        l->starts[b] = row - l->leftpad[b] > 0 ? row - l->leftpad[b] : row;
        row = l->starts[b] + l->leftpad[b] + keys + (int32_t)next(random, 2);
    }
}

static void the_search_finds_the_first_pair(void **state)
{
    (void)state;
    static layout l;
    uint32_t random = 17;
    int found_some = 0, found_none = 0;
    for (int round = 0; round < 400; round++) {
        int32_t earlier = 0, later = 0;
        make_layout(&l, &random);
        const varlen_inputs inputs = {.key_starts = l.starts, .seqused_k = l.used, .leftpad_k = l.leftpad};
        const varlen_violation found = varlen_inspect_shared_keys(l.batch, &inputs);
        find_pair(&l, &earlier, &later);
        if (later == l.batch) {
            assert_int_equal(found.rule, VARLEN_VIOLATION_NONE);
            found_none++;
            continue;
        }
        found_some++;
        assert_int_equal(found.rule, VARLEN_VIOLATION_SHARED);
        assert_int_equal(found.argument, VARLEN_METADATA_KEY_STARTS);
        assert_true((found.index == later && found.column == earlier) ||
                    (found.index == earlier && found.column == later));
        assert_int_equal(found.value, l.starts[found.index] + l.leftpad[found.index]);
        assert_int_equal(found.bound, l.starts[found.column] + l.used[found.column]);
        assert_true(found.value < found.bound && found.value >= l.starts[found.column] + l.leftpad[found.column]);
    }
    assert_true(found_some > 50 && found_none > 50); /* or the test has shown nothing */
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(key_starts_bring_seqused_k),       cmocka_unit_test(both_are_taken),
        cmocka_unit_test(what_contradicts_them_is_refused), cmocka_unit_test(contents_are_checked),
        cmocka_unit_test(positions_are_not_checked),        cmocka_unit_test(backward_takes_no_shared_keys),
        cmocka_unit_test(the_search_finds_the_first_pair),
    };
    return cmocka_run_group_tests_name("positions", cases, NULL, NULL);
}
