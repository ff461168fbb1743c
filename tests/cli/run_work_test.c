/* What `varlen run` counts: tokens, padding, visible pairs; against the mask's definition, pair by pair. */
#include "run/problem.h"
#include "unit/support/test.h"

/* Whether the chunk lets position p see key j; one that is negative stands in no key's chunk. */
static bool shares_chunk(int32_t chunk, int64_t p, int64_t j)
{
    return chunk == 0 || (p >= 0 && p / chunk == j / chunk);
}

static int64_t count_pairs(const varlen_attention *attention, int64_t queries, int64_t keys)
{
    const bool windowed = attention->mask == VARLEN_MASK_WINDOW;
    const bool causal = attention->mask == VARLEN_MASK_CAUSAL;
    int64_t pairs = 0;
    for (int64_t i = 0; i < queries; i++)
        for (int64_t j = 0; j < keys; j++) {
            const int64_t p = attention->alignment == VARLEN_ALIGN_TOP_LEFT ? i : i + keys - queries;
            const bool left =
                !windowed || attention->window_left == VARLEN_UNBOUNDED || j >= p - attention->window_left;
            const bool right =
                causal ? j <= p
                       : !windowed || attention->window_right == VARLEN_UNBOUNDED || j <= p + attention->window_right;
            pairs += left && right && shares_chunk(attention->attention_chunk, p, j);
        }
    return pairs;
}

/* Slots of 5, 0, 2, 3 queries and 2, 4, 5, 3 keys. */
static int32_t cu_seqlens_q[] = {0, 5, 5, 7, 10};
static int32_t cu_seqlens_k[] = {0, 2, 6, 11, 14};

static run_problem make_problem(void)
{
    run_problem problem = {.attention = {.batch = 4}};
    problem.inputs[INPUT_CU_SEQLENS_Q].data = cu_seqlens_q;
    problem.inputs[INPUT_CU_SEQLENS_K].data = cu_seqlens_k;
    return problem;
}

static void test_visible_pairs_of_every_mask(void **state)
{
    (void)state;
    static const struct {
        varlen_mask mask;
        int32_t left, right, chunk;
    } masks[] = {
        {VARLEN_MASK_FULL, 0, 0, 0},
        {VARLEN_MASK_CAUSAL, 0, 0, 0},
        {VARLEN_MASK_WINDOW, 0, 0, 0},
        {VARLEN_MASK_WINDOW, 1, 2, 0},
        {VARLEN_MASK_WINDOW, VARLEN_UNBOUNDED, 1, 0},
        {VARLEN_MASK_WINDOW, 1, VARLEN_UNBOUNDED, 0},
        {VARLEN_MASK_WINDOW, INT32_MAX, INT32_MAX, 0},
        {VARLEN_MASK_FULL, 0, 0, 2},
        {VARLEN_MASK_CAUSAL, 0, 0, 3},
        {VARLEN_MASK_WINDOW, 1, 1, 2},
        {VARLEN_MASK_CAUSAL, 0, 0, 1000},
    };
    for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++)
        for (int alignment = 0; alignment < 2; alignment++) {
            run_problem problem = make_problem();
            problem.attention.mask = masks[m].mask;
            problem.attention.window_left = masks[m].left;
            problem.attention.window_right = masks[m].right;
            problem.attention.attention_chunk = masks[m].chunk;
            problem.attention.alignment = (varlen_alignment)alignment;
            int64_t pairs = 0;
            for (int b = 0; b < 4; b++)
                pairs += count_pairs(&problem.attention, cu_seqlens_q[b + 1] - cu_seqlens_q[b],
                                     cu_seqlens_k[b + 1] - cu_seqlens_k[b]);
            assert_int_equal(run_problem_work(&problem).visible_pairs, pairs);
        }
}

static void test_what_rows_see(void **state)
{
    (void)state;
    /* The sequences of 2 queries and 5 keys, and of 3 and 3, see by causal 4 and 5, and 1, 2 and 3 keys. */
    int32_t begin[] = {0, 0, 0, 0, 0, 1, 1, 0, 1, 0}, end[] = {0, 0, 0, 0, 0, 3, 5, 3, 3, 0};
    uint64_t tree[] = {0, 0, 0, 0, 0, 1, 2, 1, 2, 7};
    run_problem problem = make_problem();
    problem.attention.mask = VARLEN_MASK_CAUSAL;
    problem.inputs[INPUT_KEY_BEGIN].data = begin;
    problem.inputs[INPUT_KEY_END].data = end;
    assert_int_equal(run_problem_work(&problem).visible_pairs, 2 + 4 + 1 + 1 + 0);
    problem.inputs[INPUT_KEY_BEGIN].data = NULL;
    assert_int_equal(run_problem_work(&problem).visible_pairs, 3 + 5 + 1 + 2 + 0);
    problem.inputs[INPUT_KEY_END].data = NULL;
    problem.inputs[INPUT_TREE_MASK].data = tree;
    assert_int_equal(run_problem_work(&problem).visible_pairs, 4 + 4 + 1 + 1 + 3);
}

static void test_tokens_and_padding(void **state)
{
    (void)state;
    const run_problem problem = make_problem();
    const run_work work = run_problem_work(&problem);
    assert_int_equal(work.queries, 10);
    assert_int_equal(work.keys, 14);
    assert_int_equal(work.padded_rows, 4 * 5);
}

static void test_used_lengths_and_left_padding(void **state)
{
    (void)state;
    int32_t seqused_q[] = {1, 0, 2, 3}, seqused_k[] = {2, 1, 5, 0};
    int32_t leftpad_q[] = {0, 0, 1, 3}, leftpad_k[] = {1, 0, 2, 0};
    run_problem problem = make_problem();
    problem.inputs[INPUT_SEQUSED_Q].data = seqused_q;
    problem.inputs[INPUT_SEQUSED_K].data = seqused_k;
    problem.inputs[INPUT_LEFTPAD_Q].data = leftpad_q;
    problem.inputs[INPUT_LEFTPAD_K].data = leftpad_k;
    const run_work work = run_problem_work(&problem);
    assert_int_equal(work.queries, 1 + 0 + 1 + 0);
    assert_int_equal(work.keys, 1 + 1 + 3 + 0);
    assert_int_equal(work.padded_rows, 4 * 1);
    assert_int_equal(work.visible_pairs, 1 * 1 + 0 * 1 + 1 * 3 + 0 * 0);
}

static void test_positions_and_shared_keys(void **state)
{
    (void)state;
    int32_t positions[] = {0, 7, -1, INT32_MIN}, starts[] = {3, 0, 0, 2}, used[] = {2, 4, 5, 3};
    run_problem problem = make_problem();
    problem.attention.mask = VARLEN_MASK_CAUSAL;
    problem.inputs[INPUT_QUERY_POSITIONS].data = positions;
    problem.inputs[INPUT_KEY_STARTS].data = starts;
    problem.inputs[INPUT_SEQUSED_K].data = used;
    const run_work work = run_problem_work(&problem);
    assert_int_equal(work.keys, 5);
    /* 5, 0, 2, 3 queries: rows of the first see 1, 2, 2, 2, 2 keys, of the third 0 and 1, of the last none. */
    assert_int_equal(work.visible_pairs, 9 + 0 + 1 + 0);
}

static void test_keys_share_the_lengths_of_queries(void **state)
{
    (void)state;
    run_problem problem = make_problem();
    problem.inputs[INPUT_CU_SEQLENS_K].data = NULL;
    assert_int_equal(run_problem_work(&problem).keys, 10);
}

static void test_an_empty_batch(void **state)
{
    (void)state;
    run_problem problem = make_problem();
    problem.attention.batch = 0;
    const run_work work = run_problem_work(&problem);
    assert_int_equal(work.padded_rows, 0);
    assert_int_equal(work.visible_pairs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_visible_pairs_of_every_mask),
        cmocka_unit_test(test_what_rows_see),
        cmocka_unit_test(test_tokens_and_padding),
        cmocka_unit_test(test_positions_and_shared_keys),
        cmocka_unit_test(test_used_lengths_and_left_padding),
        cmocka_unit_test(test_keys_share_the_lengths_of_queries),
        cmocka_unit_test(test_an_empty_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
