/* rows.h, elements.h: float16 and bfloat16 to and from float, for all numbers of 16 bits. */
#include "check.h"
#include "half.h"
#include "kernels/elements.h"
#include "kernels/load.h"
#include "operands.h"
#include "pieces.h"

enum { ALL = 1 << 16 };

static uint16_t stored(float value, varlen_dtype dtype)
{
    float row[ROW_STEP];
    uint16_t halves[ROW_STEP];
    for (int i = 0; i < ROW_STEP; i++)
        row[i] = value;
    row_store(halves, row, dtype, ROW_STEP);
    return halves[ROW_STEP - 1];
}

static half_format format_of(varlen_dtype dtype)
{
    return dtype == VARLEN_FLOAT16 ? HALF_FLOAT16 : HALF_BFLOAT16;
}

static bool is_same(double a, double b)
{
    return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static void check_loads(varlen_dtype dtype)
{
    for (int first = 0; first < ALL; first += LANES) {
        enum { MOST = 16 };
        uint16_t halves[MOST];
        float row[MOST];
        for (int i = 0; i < MOST; i++)
            halves[i] = (uint16_t)(first + i);
        row_load(row, halves, dtype, MOST);
        for (int i = 0; i < MOST; i++)
            CHECK(is_same((double)row[i], half_value(halves[i], format_of(dtype))), "0x%04x is loaded as %g", halves[i],
                  (double)row[i]);
        const vfloat elements = elements_load(halves, 0, dtype);
        for (int lane = 0; lane < LANES; lane++)
            CHECK(is_same((double)elements[lane], half_value(halves[lane], format_of(dtype))),
                  "0x%04x is an element %g", halves[lane], (double)elements[lane]);
    }
}

static void all_halves_are_loaded_as_they_are(void)
{
    check_loads(VARLEN_FLOAT16);
    check_loads(VARLEN_BFLOAT16);
}

/* `value` is stored as `want`, and NaN as a NaN. */
static void check_stored(float value, uint16_t want, varlen_dtype dtype)
{
    const uint16_t got = stored(value, dtype);
    if (isnan(value))
        CHECK(isnan(half_value(got, format_of(dtype))), "NaN is stored as 0x%04x", got);
    else
        CHECK(got == want, "%.9g is stored as 0x%04x in place of 0x%04x", (double)value, got, want);
}

/* Each number itself, the middle between it and the next one, and the floats beside that. */
static void check_stores(varlen_dtype dtype)
{
    const half_format format = format_of(dtype);
    for (int bits = 0; bits < ALL; bits++) {
        const float value = (float)half_value((uint16_t)bits, format);
        check_stored(value, (uint16_t)bits, dtype);
        if (!isfinite(value))
            continue;
        const double next = half_value((uint16_t)(bits + 1), format);
        const double step = (double)value - half_value((uint16_t)(bits - 1), format); /* of the last finite one */
        const float middle = (float)(isfinite(next) ? ((double)value + next) / 2 : (double)value + step / 2);
        const float around[] = {nextafterf(middle, 0.0f), middle, nextafterf(middle, copysignf(INFINITY, value))};
        for (int i = 0; i < 3; i++)
            check_stored(around[i], half_nearest((double)around[i], format), dtype);
    }
}

/* Floats of all kinds, many of them beyond what 16 bits hold. */
static void check_random_stores(varlen_dtype dtype)
{
    for (int i = 0; i < ALL; i++) {
        const float value = operand_of_bits(check_random_bits());
        check_stored(value, half_nearest((double)value, format_of(dtype)), dtype);
    }
    check_stored(FLT_MAX, half_nearest((double)FLT_MAX, format_of(dtype)), dtype);
}

static void stores_round_to_nearest_even(void)
{
    check_stores(VARLEN_FLOAT16);
    check_stores(VARLEN_BFLOAT16);
    check_random_stores(VARLEN_FLOAT16);
    check_random_stores(VARLEN_BFLOAT16);
}

static void sums_of_lanes_keep_their_order(void)
{
    vfloat vectors[LANES];
    double want[LANES] = {0};
    for (int i = 0; i < LANES; i++)
        for (int lane = 0; lane < LANES; lane++) {
            vectors[i][lane] = (float)(check_random_bits() % 1000);
            want[i] += (double)vectors[i][lane];
        }
    const vfloat sums = elements_sum_lanes(vectors);
    for (int i = 0; i < LANES; i++)
        check_near((double)sums[i], want[i], 0.0, "sums", i, 0);
}

int test_conversion(void)
{
    static const check_test tests[] = {
        {"all_halves_are_loaded_as_they_are", all_halves_are_loaded_as_they_are},
        {"stores_round_to_nearest_even", stores_round_to_nearest_even},
        {"sums_of_lanes_keep_their_order", sums_of_lanes_keep_their_order},
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
