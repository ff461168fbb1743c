/* decode_tile.c: products of a few rows with keys and values as they lie in memory. */
#include "kernels/decode_tile.c"
#include "operands.h"
#include "pieces.h"

enum { KEYS = 21, MOST_VECTORS = 2 * DECODE_WIDTH + 2, MOST_DIM = MOST_VECTORS * LANES };

typedef struct kind {
    varlen_dtype dtype;
    panel_elements elements;
} kind;

static const kind kinds[] = {
    {VARLEN_FLOAT32, PANEL_FLOATS},
    {VARLEN_FLOAT16, PANEL_FLOATS},
    {VARLEN_BFLOAT16, PANEL_FLOATS},
#if defined(__AVX512BF16__)
    {VARLEN_BFLOAT16, PANEL_PAIRS},
#endif
};

/* Rows of keys or values, with the row of zeros behind the last. */
static decode_rows make_rows(const kind *of, int32_t count, int32_t vectors)
{
    decode_rows rows = {
        .row_bytes = (int32_t)(vectors * LANES * varlen_dtype_size(of->dtype)), .vectors = vectors, .count = count};
    for (int32_t i = 0; i <= count; i++) {
        float *row = check_floats(MOST_DIM);
        for (int32_t dim = 0; dim < vectors * LANES; dim++) {
            const float value = i < count ? check_random() : 0.0f;
            if (of->dtype == VARLEN_FLOAT32)
                row[dim] = value;
            else
                ((uint16_t *)row)[dim] =
                    half_nearest((double)value, of->dtype == VARLEN_FLOAT16 ? HALF_FLOAT16 : HALF_BFLOAT16);
        }
        rows.row[i] = row;
        if (i < count)
            rows.next[i] = (const char *)row;
    }
    return rows;
}

static double value_at(const kind *of, const void *row, int32_t dim)
{
    if (of->dtype == VARLEN_FLOAT32)
        return (double)((const float *)row)[dim];
    return half_value(((const uint16_t *)row)[dim], of->dtype == VARLEN_FLOAT16 ? HALF_FLOAT16 : HALF_BFLOAT16);
}

static void check_scores(const kind *of, int32_t count, int32_t vectors, const int rows)
{
    const decode_rows keys = make_rows(of, count, vectors);
    const kind query = {of->elements == PANEL_PAIRS ? VARLEN_BFLOAT16 : VARLEN_FLOAT32, of->elements};
    const decode_rows queries = make_rows(&query, rows, vectors);
    const decode_scratch scratch = {.queries = check_floats(DECODE_ROWS * MOST_DIM),
                                    .scores = check_floats(DECODE_ROWS * CPU_KEY_BLOCK),
                                    .key_stride = MOST_DIM};
    for (int row = 0; row < rows; row++)
        memcpy(scratch.queries + row * MOST_DIM, queries.row[row], (size_t)queries.row_bytes);
    for (int32_t first = 0; first < count; first += LANES)
        decode_scores(&scratch, &keys, first, rows, of->dtype, of->elements);
    const int32_t written = panel_round_up(count, LANES);
    for (int row = 0; row < rows; row++) {
        const float *scores = scratch.scores + row * CPU_KEY_BLOCK;
        for (int32_t key = 0; key < written; key++) {
            operand_sum sum = {0};
            for (int32_t dim = 0; dim < vectors * LANES; dim++)
                operand_add(&sum, value_at(&query, queries.row[row], dim) *
                                      value_at(of, keys.row[cpu_min(key, count - 1)], dim));
            check_near((double)scores[key], sum.value, operand_bound(sum), "scores", row, key);
        }
        check_untouched(scores + written, CPU_KEY_BLOCK - written, "scores", row, written);
    }
    check_untouched(scratch.scores + rows * CPU_KEY_BLOCK, (DECODE_ROWS - rows) * CPU_KEY_BLOCK, "scores", rows, 0);
}

/* Weights of one row: floats, or pairs of neighbouring keys. */
static void make_weights(float *weights, int32_t count, panel_elements elements)
{
    for (int32_t i = 0; i < (elements == PANEL_PAIRS ? (count + 1) / 2 : count); i++)
        weights[i] = operand_random(elements);
}

static double weight_at(const float *weights, int32_t key, panel_elements elements)
{
    return elements == PANEL_PAIRS ? operand_half(weights[key / 2], key % 2) : (double)weights[key];
}

/* Vectors first .. first + width - 1 of the outputs, which lie in the order of pairs_interleave_vectors. */
static void check_accumulate(const kind *of, int32_t count, int32_t first, const int rows, const int width)
{
    const decode_rows values = make_rows(of, count, first + width);
    panel_columns columns = {.count = rows};
    const decode_scratch scratch = {.columns = &columns,
                                    .outputs = check_floats(DECODE_ROWS * MOST_DIM),
                                    .scores = check_floats(DECODE_ROWS * CPU_KEY_BLOCK),
                                    .value_stride = MOST_DIM};
    float before[DECODE_ROWS][MOST_DIM], ordered[MOST_DIM];
    for (int row = 0; row < rows; row++) {
        columns.rescale[row] = check_random();
        make_weights(scratch.scores + row * CPU_KEY_BLOCK, count, of->elements);
        for (int32_t dim = first * LANES; dim < (first + width) * LANES; dim++)
            before[row][dim] = scratch.outputs[row * MOST_DIM + dim] = (float)row + 0.5f;
    }
    decode_accumulate(&scratch, &values, first, rows, width, of->dtype, of->elements);
    for (int row = 0; row < rows; row++) {
        const float *outputs = scratch.outputs + row * MOST_DIM;
        check_untouched(outputs, first * LANES, "outputs", row, 0);
        check_untouched(outputs + (first + width) * LANES, MOST_DIM - (first + width) * LANES, "outputs", row,
                        (first + width) * LANES);
        memcpy(ordered, outputs, sizeof ordered);
        if (PANEL_HAS_PAIRS && of->elements == PANEL_PAIRS)
            pairs_restore_order(ordered, outputs, (first + width) * LANES);
        for (int32_t dim = first * LANES; dim < (first + width) * LANES; dim++) {
            operand_sum sum = {0};
            operand_add(&sum, (double)before[row][dim] * (double)columns.rescale[row]);
            for (int32_t key = 0; key < count; key++)
                operand_add(&sum, weight_at(scratch.scores + row * CPU_KEY_BLOCK, key, of->elements) *
                                      value_at(of, values.row[key], dim));
            check_near((double)ordered[dim], sum.value, operand_bound(sum), "outputs", row, dim);
        }
    }
    check_untouched(scratch.outputs + rows * MOST_DIM, (DECODE_ROWS - rows) * MOST_DIM, "outputs", rows, 0);
}

static const int row_counts[] = {1, 2, 4, DECODE_ROWS};

static void scores_are_those_of_a_plain_loop(void)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int r = 0; r < 4; r++)
            for (int32_t count = 1; count <= KEYS; count += 5)
                for (int32_t vectors = 2; vectors <= 6; vectors += 2)
                    check_scores(&kinds[k], count, vectors, row_counts[r]);
}

static void outputs_are_those_of_a_plain_loop(void)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int r = 0; r < 4; r++)
            for (int32_t count = 1; count <= KEYS; count += 5)
                for (int width = 2; width <= DECODE_WIDTH; width *= 2) {
                    check_accumulate(&kinds[k], count, 0, row_counts[r], width);
                    check_accumulate(&kinds[k], count, 4, row_counts[r], width);
                }
}

int test_decode(void)
{
    static const check_test tests[] = {
        {"scores_are_those_of_a_plain_loop", scores_are_those_of_a_plain_loop},
        {"outputs_are_those_of_a_plain_loop", outputs_are_those_of_a_plain_loop},
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
