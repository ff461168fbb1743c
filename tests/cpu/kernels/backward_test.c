/* backward_tile.c: weights from the lse, and from the gradient of weights to that of scores. */
#include "check.h"
#include "kernels/backward_tile.c"
#include "pieces.h"

enum { KEYS = 19 };

static float *random_panel(int32_t rows, int vectors, float scale)
{
    return check_random_rows(rows, vectors * LANES, PANEL, scale);
}

static float *copy_of(const float *panel)
{
    float *copy = check_floats((KEYS + 1) * (int64_t)PANEL);
    memcpy(copy, panel, (KEYS + 1) * (size_t)PANEL * sizeof *copy);
    return copy;
}

static void check_frame(const float *panel, int vectors, const char *what)
{
    for (int32_t key = 0; key < KEYS; key++)
        check_untouched(panel + key * PANEL + vectors * LANES, PANEL - vectors * LANES, what, key, vectors * LANES);
    check_untouched(panel + KEYS * PANEL, PANEL, what, KEYS, 0);
}

/* Hidden scores have no weight. */
static void weights_are_relative_to_the_lse(void)
{
    const float multiplier = 0.25f;
    for (int vectors = 1; vectors <= PANEL_VECTORS; vectors++) {
        float *scores = random_panel(KEYS, vectors, 10.0f);
        float *lse = random_panel(1, vectors, 1.0f);
        for (int column = 0; column < vectors * LANES; column++) {
            scores[column % KEYS * PANEL + column] = -INFINITY;
            lse[column] += 5.0f;
        }
        const float *before = copy_of(scores);
        weights_from_lse(scores, lse, multiplier, KEYS, vectors);
        for (int32_t key = 0; key < KEYS; key++)
            for (int column = 0; column < vectors * LANES; column++) {
                const double want = exp2((double)before[key * PANEL + column] * 0.25 - (double)lse[column]);
                check_near((double)scores[key * PANEL + column], want, want * 1e-6, "weights", key, column);
            }
        check_frame(scores, vectors, "weights");
    }
}

/* dS = P * (dP - delta), and the derivative of softcap where there is one. */
static void gradients_are_those_of_a_plain_loop(void)
{
    for (int vectors = 1; vectors <= PANEL_VECTORS; vectors++)
        for (int capped = 0; capped < 2; capped++) {
            float *dscores = random_panel(KEYS, vectors, 2.0f);
            const float *weights = random_panel(KEYS, vectors, 1.0f);
            const float *slopes = random_panel(KEYS, vectors, 1.0f);
            const float *delta = random_panel(1, vectors, 1.0f);
            const float *before = copy_of(dscores);
            scores_gradient(dscores, weights, delta, capped ? slopes : NULL, KEYS, vectors);
            for (int32_t key = 0; key < KEYS; key++)
                for (int column = 0; column < vectors * LANES; column++) {
                    const int64_t place = (int64_t)key * PANEL + column;
                    const double want = (double)weights[place] * ((double)before[place] - (double)delta[column]) *
                                        (capped ? (double)slopes[place] : 1.0);
                    check_near((double)dscores[place], want, 1e-6, "gradients", key, column);
                }
            check_frame(dscores, vectors, "gradients");
        }
}

static void rows_are_cleared_up_to_whole_steps(void)
{
    for (int32_t count = 1; count <= KEYS; count++) {
        const int32_t rounded = panel_round_up(count, PANEL_ROW_STEP);
        float *rows = check_floats((rounded + 1) * (int64_t)PANEL);
        clear_rounded_rows(rows, count);
        check_untouched(rows, (int64_t)count * PANEL, "rows", 0, 0);
        for (int64_t place = (int64_t)count * PANEL; place < (int64_t)rounded * PANEL; place++)
            check_near((double)rows[place], 0.0, 0.0, "rows", place / PANEL, place % PANEL);
        check_untouched(rows + (int64_t)rounded * PANEL, PANEL, "rows", rounded, 0);
    }
}

int test_backward(void)
{
    static const check_test tests[] = {
        {"weights_are_relative_to_the_lse", weights_are_relative_to_the_lse},
        {"gradients_are_those_of_a_plain_loop", gradients_are_those_of_a_plain_loop},
        {"rows_are_cleared_up_to_whole_steps", rows_are_cleared_up_to_whole_steps},
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
