/* row_softmax.h: a step of the softmax along one row, with what score_adjust does to panels. */
#include "check.h"
#include "kernels/row_softmax.h"
#include "pieces.h"
#include "plain_softmax.h"

enum { STEPS = 4, MOST_KEYS = 64, ROW = 2 };

static panel_columns row_of(int32_t first_key, int32_t last_key)
{
    panel_columns columns = {.count = ROW + 1, .vectors = 1};
    columns.first_key[ROW] = first_key;
    columns.last_key[ROW] = last_key;
    columns.position[ROW] = last_key;
    columns.slope[ROW] = 0.03125f;
    columns.query[ROW] = 3;
    columns.head[ROW] = 5;
    columns.maximum[ROW] = columns.reference[ROW] = -INFINITY;
    return columns;
}

/* What the step should start from: products become scores, hidden ones -infinity. */
static void adjust(float *scores, const float *products, const panel_columns *columns, const score_rule *rule,
                   int32_t begin, int32_t end)
{
    for (int32_t key = begin; key < end; key++) {
        const bool seen = columns->first_key[ROW] <= key && key <= columns->last_key[ROW];
        const double slope = rule->transform ? (double)columns->slope[ROW] : 0.0;
        const double score = plain_score(rule, (double)products[key - begin], slope, columns->position[ROW], key);
        scores[key - begin] = seen ? (float)score : -INFINITY;
    }
}

static void check_step(panel_columns *columns, plain_row *plain, const row_softmax_rules *rules, float scale,
                       float offset, int32_t begin, int32_t end)
{
    const int32_t keys = end - begin;
    const int32_t whole = (keys + LANES - 1) / LANES * LANES;
    float *scores = check_floats(whole + LANES);
    float *expected = check_floats(keys);
    for (int32_t key = 0; key < keys; key++)
        scores[key] = offset + check_random() * scale;
    adjust(expected, scores, columns, &rules->score, begin, end);
    row_softmax_step(scores, columns, ROW, rules, begin, end);
    const plain_row was = *plain;
    const double multiplier = (double)rules->score.multiplier;
    plain_row_step(plain, expected, 1, keys, multiplier);
    const plain_step got = {scores, 1, columns->maximum[ROW], columns->sum[ROW], columns->rescale[ROW], expected};
    /* A transformed maximum may be rounded differently: what is compared is relative to the kernel's own. */
    if (plain->maximum > -(double)INFINITY)
        check_near((double)columns->maximum[ROW], plain->maximum, 4e-6 * fabs(plain->maximum), "maximum", ROW, begin);
    if (!rules->score.transform)
        plain_row_check(plain, &was, &got, keys, multiplier, ROW);
    else
        for (int32_t key = 0; key < keys; key++) {
            const double want = plain_weight((double)expected[key], (double)columns->maximum[ROW], multiplier);
            check_near((double)scores[key] * 0x1p23, want, want * 1e-4 + 0x1p-100, "weights", ROW, begin + key);
        }
    for (int32_t key = keys; key < whole; key++)
        check_near((double)scores[key], 0.0, 0.0, "weights past the last", ROW, begin + key);
    check_untouched(scores + whole, LANES, "weights", ROW, begin + whole);
}

static void check_steps(const score_rule *rule, float offset, float scale, int32_t keys, int32_t first_key,
                        int32_t last_key)
{
    const row_softmax_rules rules = {.score = *rule};
    panel_columns columns = row_of(first_key, last_key);
    plain_row plain = plain_row_begun();
    for (int step = 0; step < STEPS; step++)
        check_step(&columns, &plain, &rules, scale * (float)(step + 1), offset, step * MOST_KEYS,
                   step * MOST_KEYS + keys);
}

/* Rows that see all keys, those of some blocks alone, and none. */
static void rows_go_on_as_a_plain_row_does(void)
{
    static const score_rule rules[] = {
        {.multiplier = 0.125f},
        {.multiplier = 1.44269504f, .transform_scale = -0.5f, .transform = 1},
        {.multiplier = 1.44269504f, .transform_scale = 0.05f, .softcap = 15.0f, .transform = 1},
    };
    const score_rule near_scores = {.multiplier = 1.3f * 0x1p-8f}; /* huge, but for their differences */
    for (int r = 0; r < 3; r++)
        for (int32_t keys = 1; keys <= MOST_KEYS; keys += 9) {
            check_steps(&rules[r], 0.0f, 20.0f, keys, 0, 1000);
            check_steps(&rules[r], 0.0f, 20.0f, keys, MOST_KEYS + 3, 2 * MOST_KEYS + 5);
            check_steps(&rules[r], 0.0f, 20.0f, keys, 1000, -1);
        }
    check_steps(&rules[0], 0.0f, 0x1p40f, 17, 0, 1000);
    check_steps(&near_scores, 0x1p31f, 0x1p10f, 17, 0, 1000);
    check_steps(&near_scores, -0x1p31f, 0x1p10f, 17, 0, 1000);
}

/* The sum knows nothing of dropout, the weights do. */
static void dropped_weights_count(void)
{
    const row_softmax_rules rules = {.score = {.multiplier = 1.0f},
                                     .dropout = {.key = {{7, 8}}, .threshold = 0x80000000u, .sequence = 1}};
    panel_columns columns = row_of(0, 1000);
    float *scores = check_floats(MOST_KEYS);
    int dropped = 0;
    for (int32_t key = 0; key < MOST_KEYS; key++)
        scores[key] = 1.0f;
    row_softmax_step(scores, &columns, ROW, &rules, 0, MOST_KEYS);
    for (int32_t key = 0; key < MOST_KEYS; key++) {
        dropped += scores[key] == 0.0f;
        CHECK(scores[key] == 0.0f || scores[key] == SCORE_ONE, "weight %d is %g", key, (double)scores[key]);
    }
    CHECK(dropped > MOST_KEYS / 4 && dropped < MOST_KEYS * 3 / 4, "%d of %d are dropped", dropped, MOST_KEYS);
    check_near((double)columns.sum[ROW], MOST_KEYS * SCORE_ONE, 0.0, "sum", ROW, 0);
}

static void lanes_are_reduced_whole(void)
{
    for (int lane = 0; lane < LANES; lane++) {
        vfloat x = vector_splat(-1.0f);
        x[lane] = 4.0f;
        CHECK(largest_lane(x) == 4.0f, "lane %d is not the largest", lane);
        CHECK(sum_of_lanes(x) == 5.0f - (float)LANES, "lane %d is not in the sum", lane);
        CHECK(key_numbers(10, 3)[lane] == 13 + lane, "key %d", key_numbers(10, 3)[lane]);
    }
    CHECK(largest_lane(vector_splat(-INFINITY)) == -INFINITY, "the largest of nothing");
}

int test_row_softmax(void)
{
    static const check_test tests[] = {
        {"rows_go_on_as_a_plain_row_does", rows_go_on_as_a_plain_row_does},
        {"dropped_weights_count", dropped_weights_count},
        {"lanes_are_reduced_whole", lanes_are_reduced_whole},
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
