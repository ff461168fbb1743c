/* softmax.h: the transformation and the mask of scores, and the online softmax down the columns of a panel. */
#include "check.h"
#include "kernels/softmax.h"
#include "pieces.h"
#include "plain_softmax.h"

/* Positions, bounds and slopes as columns_init might leave them. */
static panel_columns random_columns(int vectors)
{
    panel_columns columns = {.vectors = vectors, .count = vectors * LANES, .begin = 0, .end = 64};
    for (int column = 0; column < PANEL; column++) {
        columns.position[column] = (int32_t)(check_random_bits() % 64);
        columns.first_key[column] = (int32_t)(check_random_bits() % 32);
        columns.last_key[column] = columns.first_key[column] + (int32_t)(check_random_bits() % 32) - 1;
        columns.slope[column] = check_random();
        columns.maximum[column] = columns.reference[column] = -INFINITY;
    }
    return columns;
}

static float *random_scores(int32_t keys, int vectors, float scale)
{
    return check_random_rows(keys, vectors * LANES, PANEL, scale);
}

/* Nothing but keys and vectors was written. */
static void check_frame(const float *scores, int32_t keys, int vectors)
{
    for (int32_t key = 0; key < keys; key++)
        check_untouched(scores + key * PANEL + vectors * LANES, PANEL - vectors * LANES, "scores", key,
                        vectors * LANES);
    check_untouched(scores + keys * PANEL, PANEL, "scores", keys, 0);
}

static void check_adjusted(const score_rule *rule, int32_t begin, int32_t end, int vectors, bool all_visible)
{
    panel_columns columns = random_columns(vectors);
    columns.common_begin = all_visible ? begin : end;
    columns.common_end = all_visible ? end : begin;
    float *scores = random_scores(end - begin, vectors, 20.0f);
    float *before = random_scores(end - begin, vectors, 0.0f);
    memcpy(before, scores, (size_t)(end - begin) * PANEL * sizeof *scores);
    score_adjust(scores, &columns, rule, begin, end);
    for (int32_t key = begin; key < end; key++)
        for (int column = 0; column < vectors * LANES; column++) {
            const int64_t place = (int64_t)(key - begin) * PANEL + column;
            const bool seen = all_visible || (columns.first_key[column] <= key && key <= columns.last_key[column]);
            const double want = seen ? plain_score(rule, (double)before[place], (double)columns.slope[column],
                                                   columns.position[column], key)
                                     : -(double)INFINITY;
            check_near((double)scores[place], want, 1e-5 * (fabs((double)before[place]) + 64.0), "adjusted", key,
                       column);
        }
    check_frame(scores, end - begin, vectors);
}

/* Where a block is not visible to all columns, the mask is applied; where it is, it is not. */
static void scores_are_transformed_and_masked(void)
{
    static const score_rule rules[] = {
        {.multiplier = 0.125f},
        {.multiplier = 1.44269504f, .transform_scale = -0.5f, .transform = 1},
        {.multiplier = 1.44269504f, .transform_scale = 0.05f, .softcap = 15.0f, .transform = 1},
    };
    for (int r = 0; r < 3; r++)
        for (int vectors = 1; vectors <= PANEL_VECTORS; vectors++)
            for (int visible = 0; visible < 2; visible++) {
                check_adjusted(&rules[r], 0, 1, vectors, visible);
                check_adjusted(&rules[r], 5, 38, vectors, visible);
            }
}

static void softcap_has_its_slope(void)
{
    enum { KEYS = 9 };
    const score_rule rule = {.transform_scale = 0.25f, .softcap = 3.0f, .transform = 1};
    float *slopes = random_scores(KEYS, PANEL_VECTORS, 0.0f);
    float *products = random_scores(KEYS, PANEL_VECTORS, 10.0f);
    score_softcap_slopes(slopes, products, &rule, KEYS, PANEL_VECTORS);
    for (int place = 0; place < KEYS * PANEL; place++) {
        const double t = tanh((double)products[place] * 0.25);
        check_near((double)slopes[place], 1.0 - t * t, 1e-6, "slopes", place / PANEL, place % PANEL);
    }
}

/* With -infinity among the scores, everywhere, and in every place of the maximum. */
static void the_largest_score_is_found_wherever_it_is(void)
{
    enum { MOST = 19 };
    for (int32_t keys = 0; keys <= MOST; keys++)
        for (int32_t largest = -1; largest < keys; largest++) {
            float *scores = random_scores(keys, 1, 1.0f);
            for (int32_t key = 0; key < keys; key++)
                for (int lane = 0; lane < LANES; lane++)
                    if (key == largest)
                        scores[key * PANEL + lane] = 2.0f + (float)lane;
                    else if (largest < 0 || key % 3 == 0)
                        scores[key * PANEL + lane] = -INFINITY;
            const vfloat got = softmax_largest(scores, keys);
            for (int lane = 0; lane < LANES; lane++)
                CHECK(got[lane] == (largest < 0 ? -INFINITY : 2.0f + (float)lane), "the largest of %d is %g", keys,
                      (double)got[lane]);
        }
}

/* Scores of a step: the first columns see nothing yet in the first steps, and every fifth score is hidden. */
static void hide_some(float *scores, int32_t keys, int vectors, int step)
{
    for (int32_t key = 0; key < keys; key++)
        for (int column = 0; column < vectors * LANES; column++)
            if ((column < 3 && step < 1 + column) || (key + column) % 5 == 0)
                scores[key * PANEL + column] = -INFINITY;
}

/* Scores around `offset`, further away from step to step. */
static void check_steps(float multiplier, float offset, float scale, int32_t keys, int vectors)
{
    enum { STEPS = 5 };
    panel_columns columns = random_columns(vectors);
    plain_row plain[PANEL];
    for (int column = 0; column < PANEL; column++)
        plain[column] = plain_row_begun();
    for (int step = 0; step < STEPS; step++) {
        float *scores = random_scores(keys, vectors, scale * (float)(step + 1));
        for (int32_t key = 0; key < keys; key++)
            for (int column = 0; column < vectors * LANES; column++)
                scores[key * PANEL + column] += offset;
        hide_some(scores, keys, vectors, step);
        float *before = check_floats((keys + 1) * (int64_t)PANEL);
        memcpy(before, scores, (size_t)keys * PANEL * sizeof *scores);
        softmax_step(scores, &columns, multiplier, keys);
        for (int column = 0; column < vectors * LANES; column++) {
            const plain_row was = plain[column];
            plain_row_step(&plain[column], before + column, PANEL, keys, (double)multiplier);
            const plain_step got = {scores + column,         PANEL,
                                    columns.maximum[column], columns.sum[column],
                                    columns.rescale[column], before + column};
            plain_row_check(&plain[column], &was, &got, keys, (double)multiplier, column);
        }
        check_frame(scores, keys, vectors);
    }
}

/* Small, ordinary and huge scores: these are subtracted before they are multiplied. */
static void columns_go_on_as_a_plain_row_does(void)
{
    for (int vectors = 1; vectors <= PANEL_VECTORS; vectors++)
        for (int32_t keys = 1; keys <= 40; keys += 13) {
            check_steps(1.44269504f, 0.0f, 0.001f, keys, vectors);
            check_steps(0.125f, 0.0f, 30.0f, keys, vectors);
            check_steps(1.44269504f, 0.0f, 0x1p30f, keys, vectors);
            check_steps(1.3f * 0x1p-8f, 0x1p31f, 0x1p10f, keys, vectors);
            check_steps(1.3f * 0x1p-8f, -0x1p31f, 0x1p10f, keys, vectors);
        }
}

int test_softmax(void)
{
    static const check_test tests[] = {
        {"scores_are_transformed_and_masked", scores_are_transformed_and_masked},
        {"softcap_has_its_slope", softcap_has_its_slope},
        {"the_largest_score_is_found_wherever_it_is", the_largest_score_is_found_wherever_it_is},
        {"columns_go_on_as_a_plain_row_does", columns_go_on_as_a_plain_row_does},
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
