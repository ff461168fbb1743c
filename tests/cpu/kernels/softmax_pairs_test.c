/* softmax_pairs.h: the step whose weights are pairs of bfloat16, and whose reference lags behind the maximum. */
#include "check.h"
#include "kernels/softmax_pairs.h"
#include "operands.h"
#include "pieces.h"
#include "plain_softmax.h"

#if defined(__AVX512BF16__)
enum { STEPS = 6 };

/* Of one column, in float64: the score that weights are relative to, and their sum. */
typedef struct reference_row {
    double score; /* -infinity before the first visible key */
    double sum;
} reference_row;

/* The reference moves when the largest score of a step exceeds it by the slack, and with the first one. */
static reference_row after_step(reference_row row, const float *scores, int32_t keys, double multiplier)
{
    double largest = -(double)INFINITY;
    for (int32_t key = 0; key < keys; key++)
        if ((double)scores[key * PANEL] > largest)
            largest = (double)scores[key * PANEL];
    if (largest * multiplier > row.score * multiplier + (double)SOFTMAX_PAIRS_SLACK) {
        row.sum *= plain_weight(row.score, largest, multiplier);
        row.score = largest;
    }
    for (int32_t key = 0; key < keys; key++)
        row.sum += plain_weight((double)scores[key * PANEL], row.score, multiplier);
    return row;
}

static void check_weights(const float *pairs, const float *scores, reference_row row, int32_t keys, double multiplier,
                          int column)
{
    for (int32_t key = 0; key < keys + keys % 2; key++) {
        const double got = operand_half(pairs[key / 2 * PANEL], key % 2) * 0x1p23;
        const double score = key < keys ? (double)scores[key * PANEL] : -(double)INFINITY;
        const double want = plain_weight(score, row.score, multiplier);
        check_near(got, want, want * (0x1p-8 + 0x1p-18), "weights", key, column);
    }
}

static void check_column(const panel_columns *columns, int column, reference_row was, reference_row row)
{
    const double rescale = was.score == -(double)INFINITY ? 1.0 : was.score == row.score ? 1.0 : -1.0;
    check_near((double)columns->maximum[column], row.score, 0.0, "the score behind the reference", 0, column);
    check_near((double)columns->sum[column] * 0x1p23, row.sum, row.sum * 1e-5, "sum", 0, column);
    if (rescale > 0.0)
        check_near((double)columns->rescale[column], rescale, 0.0, "rescale", 0, column);
    else
        CHECK(columns->rescale[column] < 0x1p-7f && columns->rescale[column] >= 0.0f, "column %d is rescaled by %g",
              column, (double)columns->rescale[column]);
}

/* Scores that grow slowly, so that the slack is used, and sometimes by more; some columns see nothing at first. */
static float score_of(int step, int32_t key, int column)
{
    if ((column < 3 && step < 1 + column) || (key + column) % 5 == 0)
        return -INFINITY;
    return check_random() * 4.0f + (float)(step * (column % 4)) * 3.0f;
}

static void check_steps(float multiplier, int32_t keys, int vectors)
{
    panel_columns columns = {.vectors = vectors, .count = vectors * LANES};
    reference_row rows[PANEL];
    for (int column = 0; column < PANEL; column++) {
        columns.maximum[column] = columns.reference[column] = -INFINITY;
        rows[column] = (reference_row){.score = -(double)INFINITY};
    }
    for (int step = 0; step < STEPS; step++) {
        float *scores = check_floats((keys + 1) * (int64_t)PANEL);
        float *before = check_floats((keys + 1) * (int64_t)PANEL);
        float *pairs = check_floats(((keys + 1) / 2 + 1) * (int64_t)PANEL);
        for (int32_t key = 0; key < keys; key++)
            for (int column = 0; column < vectors * LANES; column++)
                before[key * PANEL + column] = scores[key * PANEL + column] = score_of(step, key, column);
        for (int v = 0; v < vectors; v++)
            softmax_pairs_step(pairs, scores, &columns, v, multiplier, NULL, keys);
        for (int column = 0; column < vectors * LANES; column++) {
            const reference_row was = rows[column];
            rows[column] = after_step(was, before + column, keys, (double)multiplier);
            check_weights(pairs + column, before + column, rows[column], keys, (double)multiplier, column);
            check_column(&columns, column, was, rows[column]);
        }
        check_untouched(pairs + (keys + 1) / 2 * PANEL, PANEL, "weights", (keys + 1) / 2, 0);
    }
}

static void columns_go_on_with_slack(void)
{
    for (int vectors = 1; vectors <= PANEL_VECTORS; vectors++)
        for (int32_t keys = 1; keys <= 32; keys += 5) {
            check_steps(1.44269504f, keys, vectors);
            check_steps(0.5f, keys, vectors);
        }
}

/* A huge reference has no slack: weights are relative to the largest score so far, whose differences are exact. */
static void huge_scores_have_no_slack(void)
{
    enum { KEYS = 4, PLACE = 256 }; /* the distance between neighbouring floats from 2^31 on */
    const float multiplier = 1.3f / PLACE;
    panel_columns columns = {.vectors = 1, .count = LANES};
    reference_row row = {.score = -(double)INFINITY};
    float *scores = check_floats((KEYS + 1) * PANEL);
    float *before = check_floats((KEYS + 1) * PANEL);
    float *pairs = check_floats((KEYS / 2 + 1) * PANEL);
    for (int lane = 0; lane < LANES; lane++)
        columns.maximum[lane] = columns.reference[lane] = -INFINITY;
    for (int step = 0; step < STEPS; step++) {
        for (int key = 0; key < KEYS; key++)
            for (int lane = 0; lane < LANES; lane++)
                before[key * PANEL + lane] = scores[key * PANEL + lane] =
                    0x1p31f + (float)(PLACE * (step * KEYS + key));
        softmax_pairs_step(pairs, scores, &columns, 0, multiplier, NULL, KEYS);
        const double largest = (double)before[(KEYS - 1) * PANEL];
        const double rescale = step > 0 ? plain_weight(row.score, largest, (double)multiplier) : 1.0;
        row = (reference_row){.score = largest, .sum = row.sum * rescale};
        for (int key = 0; key < KEYS; key++)
            row.sum += plain_weight((double)before[key * PANEL], largest, (double)multiplier);
        for (int lane = 0; lane < LANES; lane++) {
            check_weights(pairs + lane, before + lane, row, KEYS, (double)multiplier, lane);
            check_near((double)columns.maximum[lane], largest, 0.0, "maximum", step, lane);
            check_near((double)columns.rescale[lane], rescale, rescale * 1e-6, "rescale", step, lane);
            check_near((double)columns.sum[lane] * 0x1p23, row.sum, row.sum * 1e-5, "sum", step, lane);
        }
    }
}
#endif

int test_softmax_pairs(void)
{
#if defined(__AVX512BF16__)
    static const check_test tests[] = {
        {"columns_go_on_with_slack", columns_go_on_with_slack},
        {"huge_scores_have_no_slack", huge_scores_have_no_slack},
    };
    return check_run(tests, sizeof tests / sizeof *tests);
#else
    return 0;
#endif
}
