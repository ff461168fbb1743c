/* dropout.h, and `drop` of row_softmax.h: the generator in vectors, and the mask made from it. */
#include "check.h"
#include "kernels/row_softmax.h"
#include "pieces.h"

static philox_key random_key(void)
{
    return (philox_key){{check_random_bits(), check_random_bits()}};
}

static void each_lane_is_a_generator(void)
{
    for (int round = 0; round < 100; round++) {
        const philox_key key = random_key();
        dropout_words counter;
        for (int w = 0; w < 4; w++)
            for (int lane = 0; lane < LANES; lane++)
                counter.word[w][lane] = check_random_bits();
        const dropout_words got = dropout_philox(counter, key);
        for (int lane = 0; lane < LANES; lane++) {
            philox_block block;
            for (int w = 0; w < 4; w++)
                block.word[w] = counter.word[w][lane];
            const philox_block want = philox(block, key);
            for (int w = 0; w < 4; w++)
                CHECK(got.word[w][lane] == want.word[w], "word %d of lane %d is 0x%08x in place of 0x%08x", w, lane,
                      got.word[w][lane], want.word[w]);
        }
    }
}

/* docs/semantics.md: the word of a key is one of four that a counter gives. */
static uint32_t word_of(const dropout_rule *rule, int32_t head, int32_t query, int32_t key)
{
    const philox_block counter = {{(uint32_t)key / 4, (uint32_t)query, (uint32_t)head, rule->sequence}};
    return philox(counter, rule->key).word[key % 4];
}

static bool is_dropped(const dropout_rule *rule, int32_t head, int32_t query, int32_t key)
{
    return word_of(rule, head, query, key) < rule->threshold;
}

static panel_columns random_columns(int vectors)
{
    panel_columns columns = {.vectors = vectors, .count = vectors * LANES};
    for (int column = 0; column < PANEL; column++) {
        columns.query[column] = (int32_t)(check_random_bits() % 1000);
        columns.head[column] = (int32_t)(check_random_bits() % 32);
    }
    return columns;
}

static void check_panel(const dropout_rule *rule, int32_t begin, int32_t end, int vectors)
{
    const panel_columns columns = random_columns(vectors);
    const float kept = 1.25f;
    float *values = check_floats((end - begin + 1) * (int64_t)PANEL);
    for (int32_t key = begin; key < end; key++)
        for (int column = 0; column < vectors * LANES; column++)
            values[(key - begin) * PANEL + column] = (float)(1 + key % 7);
    dropout_apply(values, &columns, rule, kept, begin, end);
    for (int32_t key = begin; key < end; key++) {
        float *row = values + (key - begin) * PANEL;
        for (int column = 0; column < vectors * LANES; column++) {
            const bool dropped = is_dropped(rule, columns.head[column], columns.query[column], key);
            check_near((double)row[column], dropped ? 0.0 : (double)((float)(1 + key % 7) * kept), 0.0, "kept", key,
                       column);
        }
        check_untouched(row + vectors * LANES, PANEL - vectors * LANES, "kept", key, vectors * LANES);
    }
    check_untouched(values + (end - begin) * PANEL, PANEL, "kept", end, 0);
}

/* Also from a key on, and up to one, that is not the first of four. */
static void panels_drop_what_the_rule_says(void)
{
    const uint32_t thresholds[] = {1, 0x40000000u, 0xf0000000u};
    for (int t = 0; t < 3; t++)
        for (int32_t begin = 0; begin < 9; begin++)
            for (int vectors = 1; vectors <= PANEL_VECTORS; vectors++) {
                const dropout_rule rule = {random_key(), thresholds[t], check_random_bits() % 100};
                check_panel(&rule, begin, begin + 1 + (int32_t)(check_random_bits() % 40), vectors);
            }
}

/* A word is dropped if it is below the threshold, and kept if it is the threshold. */
static void the_threshold_itself_is_kept(void)
{
    const panel_columns columns = random_columns(1);
    for (int32_t key = 0; key < 8; key++)
        for (uint32_t above = 0; above < 2; above++) {
            dropout_rule rule = {random_key(), 0, 7};
            rule.threshold = word_of(&rule, columns.head[0], columns.query[0], key) + above;
            float *values = check_floats(PANEL);
            for (int lane = 0; lane < LANES; lane++)
                values[lane] = 1.0f;
            dropout_apply(values, &columns, &rule, 1.0f, key, key + 1);
            const vfloat weights = drop(&rule, &columns, vector_splat(1.0f), key_numbers(key, 0), 0);
            check_near((double)values[0], 1.0 - above, 0.0, "values", key, 0);
            check_near((double)weights[0], 1.0 - above, 0.0, "weights", key, 0);
        }
}

static void rows_drop_what_panels_drop(void)
{
    const panel_columns columns = random_columns(1);
    const dropout_rule rule = {random_key(), 0x60000000u, 5};
    for (int32_t row = 0; row < LANES; row++)
        for (int32_t begin = 0; begin < 200; begin += 7) {
            const vfloat weights = drop(&rule, &columns, vector_splat(2.0f), key_numbers(begin, 3), row);
            for (int lane = 0; lane < LANES; lane++) {
                const bool dropped = is_dropped(&rule, columns.head[row], columns.query[row], begin + 3 + lane);
                check_near((double)weights[lane], dropped ? 0.0 : 2.0, 0.0, "weights", row, begin + 3 + lane);
            }
        }
}

int test_dropout(void)
{
    static const check_test tests[] = {
        {"each_lane_is_a_generator", each_lane_is_a_generator},
        {"panels_drop_what_the_rule_says", panels_drop_what_the_rule_says},
        {"the_threshold_itself_is_kept", the_threshold_itself_is_kept},
        {"rows_drop_what_panels_drop", rows_drop_what_panels_drop},
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
