/* pairs.h, pairs_transpose.h, transpose.h: elements that change places, and the pairs that floats are rounded to. */
#include "kernels/pairs.h"
#include "kernels/pairs_transpose.h"
#include "kernels/transpose.h"
#include "operands.h"
#include "pieces.h"

#include <math.h>

/* Bits of two numbers side by side. */
static uint32_t pair_of(uint16_t low, uint16_t high)
{
    return low | (uint32_t)high << 16;
}

static void check_bits(float got, uint32_t want, const char *what, int64_t row, int64_t column)
{
    CHECK(operand_bits(got) == want, "%s[%lld][%lld] = 0x%08x in place of 0x%08x", what, (long long)row,
          (long long)column, operand_bits(got), want);
}

/* Rows and columns are rounded up to 4, and no further. */
static void rows_become_columns(void)
{
    enum { MOST = 21, STRIDE = 29 };
    for (int32_t rows = 1; rows <= MOST; rows += 3)
        for (int32_t columns = 1; columns <= MOST; columns += 2) {
            float *from = check_floats((MOST + TRANSPOSE_BLOCK) * STRIDE);
            float *to = check_floats((MOST + TRANSPOSE_BLOCK) * STRIDE);
            for (int32_t i = 0; i < (MOST + TRANSPOSE_BLOCK) * STRIDE; i++)
                from[i] = (float)i;
            transpose(to, STRIDE, from, STRIDE, rows, columns);
            const int32_t all_rows = panel_round_up(rows, TRANSPOSE_BLOCK);
            const int32_t all_columns = panel_round_up(columns, TRANSPOSE_BLOCK);
            for (int32_t column = 0; column < all_columns; column++) {
                for (int32_t row = 0; row < all_rows; row++)
                    check_near((double)to[column * STRIDE + row], (double)from[row * STRIDE + column], 0.0,
                               "transposed", column, row);
                check_untouched(to + column * STRIDE + all_rows, STRIDE - all_rows, "transposed", column, all_rows);
            }
            check_untouched(to + all_columns * STRIDE, STRIDE, "transposed", all_columns, 0);
        }
}

static void fill_halves(uint16_t *halves, int count)
{
    for (int i = 0; i < count; i++)
        halves[i] = (uint16_t)check_random_bits();
}

/* With a row of zeros where there is no second one. */
static void neighbouring_rows_become_pairs(void)
{
    enum { MOST = 40 };
    uint16_t first[MOST], second[MOST];
    fill_halves(first, MOST);
    fill_halves(second, MOST);
    for (int32_t count = 8; count <= MOST; count += 8)
        for (int alone = 0; alone < 2; alone++) {
            float *pairs = check_floats(count);
            pairs_interleave(pairs, first, alone ? NULL : second, count);
            for (int32_t i = 0; i < count; i++)
                check_bits(pairs[i], pair_of(first[i], alone ? 0 : second[i]), "pairs", 0, i);
        }
}

static void restored_rows_are_in_order(void)
{
    enum { COUNT = 6 * LANES, FOUR = 4 };
    float row[COUNT];
    float *ordered = check_floats(COUNT);
    for (int block = 0; block < COUNT; block += 2 * LANES)
        for (int i = 0; i < 2 * LANES; i++) {
            const int four = i / FOUR; /* fours of two vectors take turns along the row */
            row[block + four % 2 * LANES + four / 2 * FOUR + i % FOUR] = (float)(block + i);
        }
    pairs_restore_order(ordered, row, COUNT);
    for (int i = 0; i < COUNT; i++)
        check_near((double)ordered[i], i, 0.0, "ordered", 0, i);
}

#if defined(__AVX512BF16__)
/* What the processor rounds a float to: a subnormal number counts as 0. */
static uint16_t rounded(float value)
{
    if (fabsf(value) < 0x1p-126f)
        return signbit(value) ? 0x8000 : 0;
    return half_nearest((double)value, HALF_BFLOAT16);
}

static void check_half(uint16_t got, float value, const char *what)
{
    if (isnan(value))
        CHECK(isnan(half_value(got, HALF_BFLOAT16)), "%s: NaN becomes 0x%04x", what, got);
    else
        CHECK(got == rounded(value), "%s: %.9g becomes 0x%04x in place of 0x%04x", what, (double)value, got,
              rounded(value));
}

/* All upper halves of a float, with lower halves around the middle between two numbers. */
static void pairs_are_rounded_to_nearest_even(void)
{
    static const uint16_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    enum { LOWER = sizeof lower / sizeof *lower, ALL = 1 << 16 };
    for (int l = 0; l < LOWER; l++)
        for (int upper = 0; upper < ALL; upper += LANES) {
            vfloat first, second;
            for (int lane = 0; lane < LANES; lane++) {
                first[lane] = operand_of_bits(pair_of(lower[l], (uint16_t)(upper + lane)));
                second[lane] = operand_of_bits(pair_of(lower[LOWER - 1 - l], (uint16_t)(upper + LANES - 1 - lane)));
            }
            const vfloat pairs = pairs_round(first, second);
            for (int lane = 0; lane < LANES; lane++) {
                check_half((uint16_t)operand_bits(pairs[lane]), first[lane], "first");
                check_half((uint16_t)(operand_bits(pairs[lane]) >> 16), second[lane], "second");
            }
        }
}

static void interleaved_vectors_are_restored(void)
{
    uint16_t first[2 * LANES], second[2 * LANES];
    float *ordered = check_floats(2 * LANES);
    vfloat rows[2], pairs[2];
    fill_halves(first, 2 * LANES);
    fill_halves(second, 2 * LANES);
    memcpy(&rows[0], first, sizeof first);
    memcpy(&rows[1], second, sizeof second);
    pairs_interleave_vectors(pairs, rows[0], rows[1]);
    pairs_restore_order(ordered, (const float *)pairs, 2 * LANES);
    for (int i = 0; i < 2 * LANES; i++)
        check_bits(ordered[i], pair_of(first[i], second[i]), "interleaved", 0, i);
}

static float *random_rows(int32_t rows, int vectors)
{
    return check_random_rows(rows, vectors * LANES, PANEL, 1.0f);
}

/* Neighbouring columns, in place or not; filled up with zeros to PANEL_STEPS pairs. */
static void columns_are_packed(void)
{
    enum { ROWS = 5 };
    for (int vectors = 1; vectors <= PANEL_VECTORS; vectors++)
        for (int in_place = 0; in_place < 2; in_place++) {
            float *rows = random_rows(ROWS, vectors);
            float *before = check_floats(ROWS * PANEL);
            memcpy(before, rows, ROWS * PANEL * sizeof *rows);
            float *pairs = in_place ? rows : check_floats(ROWS * PANEL);
            pairs_pack_columns(pairs, rows, ROWS, vectors);
            const int width = vectors * LANES / 2;
            const int filled = panel_round_up(width, PANEL_STEPS);
            for (int row = 0; row < ROWS; row++)
                for (int i = 0; i < filled; i++) {
                    const float *source = before + row * PANEL + 2 * i;
                    check_bits(pairs[row * (PANEL / 2) + i],
                               i < width ? pair_of(rounded(source[0]), rounded(source[1])) : 0, "packed", row, i);
                }
        }
}

/* Neighbouring rows, in place or not, the last one with 0; filled up with rows of zeros to PANEL_STEPS. */
static void rows_are_packed(void)
{
    enum { MOST = 37, ROOM = 64 };
    for (int32_t count = 1; count <= MOST; count += 4)
        for (int vectors = 1; vectors <= PANEL_VECTORS; vectors++)
            for (int in_place = 0; in_place < 2; in_place++) {
                float *rows = random_rows(ROOM, vectors);
                float *before = check_floats(ROOM * PANEL);
                memcpy(before, rows, ROOM * PANEL * sizeof *rows);
                float *pairs = in_place ? rows : check_floats(ROOM * PANEL);
                pairs_pack_rows(pairs, rows, count, vectors);
                const int32_t filled = panel_round_up((count + 1) / 2, PANEL_STEPS);
                for (int32_t row = 0; row < filled; row++)
                    for (int column = 0; column < vectors * LANES; column++) {
                        const float *source = before + 2 * row * PANEL + column;
                        const uint16_t low = 2 * row < count ? rounded(source[0]) : 0;
                        const uint16_t high = 2 * row + 1 < count ? rounded(source[PANEL]) : 0;
                        check_bits(pairs[row * PANEL + column], pair_of(low, high), "packed", row, column);
                    }
                if (!in_place)
                    check_untouched(pairs + filled * PANEL, PANEL, "packed", filled, 0);
            }
}

static void rows_are_scaled_and_packed(void)
{
    enum { ROWS = 16 };
    float *rows = random_rows(ROWS, PANEL_VECTORS);
    float *before = check_floats(ROWS * PANEL);
    float *factors = random_rows(1, PANEL_VECTORS);
    memcpy(before, rows, ROWS * PANEL * sizeof *rows);
    pairs_scale_rows(rows, factors, ROWS, PANEL_VECTORS);
    for (int row = 0; row < ROWS / 2; row++)
        for (int column = 0; column < PANEL; column++) {
            const float *source = before + 2 * row * PANEL + column;
            const uint32_t want =
                pair_of(rounded(source[0] * factors[column]), rounded(source[PANEL] * factors[column]));
            check_bits(rows[row * PANEL + column], want, "scaled", row, column);
        }
}
#endif

#if defined(CPU_AMX)
static void rows_become_the_steps_of_a_left_matrix(void)
{
    enum { ROWS = 2 * PANEL_STEPS, MOST = 40, STRIDE = 32 };
    uint16_t halves[ROWS][MOST];
    const uint16_t *rows[ROWS];
    for (int row = 0; row < ROWS; row++) {
        fill_halves(halves[row], MOST);
        rows[row] = halves[(row * 5 + 3) % ROWS]; /* which may lie anywhere */
    }
    for (int32_t dims = PAIRS_TRANSPOSE_DIMS; dims <= MOST; dims += PAIRS_TRANSPOSE_DIMS) {
        float *to = check_floats((MOST + 1) * STRIDE);
        pairs_transpose(to, STRIDE, rows, dims);
        for (int32_t dim = 0; dim < dims; dim++) {
            for (int pair = 0; pair < PANEL_STEPS; pair++)
                check_bits(to[dim * STRIDE + pair], pair_of(rows[2 * pair][dim], rows[2 * pair + 1][dim]), "steps", dim,
                           pair);
            check_untouched(to + dim * STRIDE + PANEL_STEPS, STRIDE - PANEL_STEPS, "steps", dim, PANEL_STEPS);
        }
        check_untouched(to + dims * STRIDE, STRIDE, "steps", dims, 0);
    }
}
#endif

int test_pairs(void)
{
    static const check_test tests[] = {
        {"rows_become_columns", rows_become_columns},
        {"neighbouring_rows_become_pairs", neighbouring_rows_become_pairs},
        {"restored_rows_are_in_order", restored_rows_are_in_order},
#if defined(__AVX512BF16__)
        {"pairs_are_rounded_to_nearest_even", pairs_are_rounded_to_nearest_even},
        {"interleaved_vectors_are_restored", interleaved_vectors_are_restored},
        {"columns_are_packed", columns_are_packed},
        {"rows_are_packed", rows_are_packed},
        {"rows_are_scaled_and_packed", rows_are_scaled_and_packed},
#endif
#if defined(CPU_AMX)
        {"rows_become_the_steps_of_a_left_matrix", rows_become_the_steps_of_a_left_matrix},
#endif
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
