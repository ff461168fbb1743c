/* quantized.h, quantize.h, and what load.h makes of quantised rows: each number against its definition. */
#include "check.h"
#include "kernels/load.h"
#include "operands.h"
#include "pieces.h"
#include "quantize.h"

enum { ALL = 256, DIM = 48, KEYS = 45, MOST_KEYS = 64 };

static const varlen_dtype dtypes[] = {VARLEN_FLOAT8_E4M3, VARLEN_FLOAT8_E5M2, VARLEN_INT8};

static double value_of(uint8_t bits, varlen_dtype dtype)
{
    const int fraction = dtype == VARLEN_FLOAT8_E4M3 ? 3 : 2;
    const int bias = dtype == VARLEN_FLOAT8_E4M3 ? 7 : 15;
    const int exponent = (bits & 0x7f) >> fraction;
    const int digits = bits & ((1 << fraction) - 1);
    const double sign = bits & 0x80 ? -1.0 : 1.0;
    if (dtype == VARLEN_INT8)
        return (int8_t)bits;
    if (dtype == VARLEN_FLOAT8_E4M3 ? (bits & 0x7f) == 0x7f : exponent == 31 && digits)
        return (double)NAN;
    if (dtype == VARLEN_FLOAT8_E5M2 && exponent == 31)
        return sign * (double)INFINITY;
    return sign * ldexp(exponent ? digits + (1 << fraction) : digits, (exponent ? exponent : 1) - bias - fraction);
}

static bool is_same(double a, double b)
{
    return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static void all_numbers_are_loaded_as_they_are(void)
{
    uint8_t bytes[ALL];
    float floats[ALL];
    uint16_t halves[ALL];
    for (int i = 0; i < ALL; i++)
        bytes[i] = (uint8_t)i;
    for (int d = 0; d < 3; d++) {
        quantized_to_floats(floats, bytes, dtypes[d], ALL);
        quantized_to_pairs(halves, bytes, dtypes[d], ALL);
        for (int i = 0; i < ALL; i++) {
            const double want = value_of(bytes[i], dtypes[d]);
            const double half = half_value(halves[i], HALF_BFLOAT16);
            CHECK(is_same((double)floats[i], want), "0x%02x is loaded as %g", i, (double)floats[i]);
            CHECK(is_same(half, want), "0x%02x becomes a bfloat16 of %g", i, half);
        }
    }
}

static uint8_t quantized(float value, float scale, varlen_dtype dtype)
{
    float row[ROW_STEP];
    uint8_t bytes[ROW_STEP];
    for (int i = 0; i < ROW_STEP; i++)
        row[i] = value;
    quantize_row(bytes, row, scale, dtype, ROW_STEP);
    return bytes[ROW_STEP - 1];
}

/* Each number, the middle between it and the next larger one, and the floats beside that. */
static void numbers_are_rounded_to_nearest_even(void)
{
    for (int d = 0; d < 3; d++) {
        const int last = dtypes[d] == VARLEN_FLOAT8_E4M3 ? 0x7e : dtypes[d] == VARLEN_FLOAT8_E5M2 ? 0x7b : 0x7f;
        for (int bits = 0; bits < last; bits++) {
            const double low = value_of((uint8_t)bits, dtypes[d]);
            const double high = value_of((uint8_t)(bits + 1), dtypes[d]);
            const float middle = (float)((low + high) / 2);
            const int even = bits % 2 ? bits + 1 : bits;
            const uint8_t below = quantized(nextafterf(middle, 0.0f), 1.0f, dtypes[d]);
            const uint8_t above = quantized(nextafterf(middle, INFINITY), 1.0f, dtypes[d]);
            CHECK(quantized((float)low, 1.0f, dtypes[d]) == bits, "%g does not stay itself", low);
            CHECK(quantized(middle, 1.0f, dtypes[d]) == even, "%g is not rounded to even", (double)middle);
            CHECK(below == bits && above == bits + 1, "beside %g are 0x%02x and 0x%02x", (double)middle, below, above);
        }
    }
}

static void what_is_out_of_range_becomes_the_largest(void)
{
    static const float far[] = {449.0f, 464.0f, 6e4f, 1e38f, INFINITY};
    for (int d = 0; d < 3; d++) {
        for (int i = 0; i < 5; i++) {
            const float value = far[i] * (dtypes[d] == VARLEN_FLOAT8_E5M2 ? 200.0f : 1.0f);
            const double largest = (double)quantize_largest(dtypes[d]);
            const double got = value_of(quantized(value, 1.0f, dtypes[d]), dtypes[d]);
            const double negative = value_of(quantized(-value, 1.0f, dtypes[d]), dtypes[d]);
            CHECK(got == largest && negative == -largest, "%g becomes %g and %g", (double)value, got, negative);
        }
        const double nan = value_of(quantized(NAN, 1.0f, dtypes[d]), dtypes[d]);
        CHECK(dtypes[d] == VARLEN_INT8 ? nan == 0.0 : isnan(nan), "NaN becomes %g", nan);
        CHECK(value_of(quantized(12.0f, 4.0f, dtypes[d]), dtypes[d]) == 3.0, "12 / 4 is not 3");
    }
}

static float scale_of(const float *row, varlen_dtype dtype)
{
    return quantize_scale(quantize_magnitude(0.0f, row, ROW_STEP), dtype);
}

static void scales_take_the_largest_to_the_end_of_the_range(void)
{
    for (int d = 0; d < 3; d++) {
        float row[ROW_STEP] = {1.0f, -7.0f, 3.0f};
        CHECK(scale_of(row, dtypes[d]) == 7.0f / quantize_largest(dtypes[d]), "not of the largest");
        row[1] = 1e-42f;
        row[0] = row[2] = 0.0f;
        CHECK(scale_of(row, dtypes[d]) == FLT_MIN, "not 2^-126");
        row[1] = -0.0f;
        CHECK(scale_of(row, dtypes[d]) == 1.0f, "zeros have no scale of 1");
        row[1] = -INFINITY;
        CHECK(isnan(scale_of(row, dtypes[d])), "an infinity has a scale");
        row[1] = NAN;
        CHECK(isnan(scale_of(row, dtypes[d])), "a NaN has a scale");
    }
}

static void check_pair(float got, const uint8_t *bytes, int32_t key, int32_t keys, int32_t i, varlen_dtype dtype)
{
    for (int which = 0; which < 2; which++) {
        const double want = key + which < keys ? value_of(bytes[(key + which) * DIM + i], dtype) : 0.0;
        const double have = operand_half(got, which);
        CHECK(is_same(have, want), "key %d, dim %d: %g in place of %g", key + which, i, have, want);
    }
}

/* The left matrix of the product over keys: row dim, step a pair of keys. */
static void rows_are_loaded_as_pairs_of_neighbours(void)
{
    uint8_t *bytes = (uint8_t *)check_floats(MOST_KEYS * DIM / 4);
    for (int i = 0; i < MOST_KEYS * DIM; i++)
        bytes[i] = (uint8_t)(check_random_bits() & 0x3f);
    for (int d = 0; d < 3; d++) {
        const cpu_cache cache = {{bytes, DIM, DIM}, 0, 0, dtypes[d]};
        const cpu_sequence sequence = {.keys = KEYS};
        const cpu_key_rows rows = cpu_key_rows_of(&cache, 0, &sequence);
        float *data = check_floats((int64_t)(load_transposed_bytes(DIM, MOST_KEYS) / sizeof(float)));
        float *copies = check_floats(LOAD_COPIES * load_stride(DIM));
        load_transposed_pairs(data, copies, &rows, DIM, MOST_KEYS, 0, KEYS);
        const panel_left left = load_transposed(data, DIM, MOST_KEYS, 0, PANEL_PAIRS);
        for (int32_t key = 0; key < KEYS; key += 2)
            for (int32_t i = 0; i < DIM; i++)
                check_pair(left.data[i * left.row_stride + key / 2 * left.step_stride], bytes, key, KEYS, i, dtypes[d]);
    }
}

/* A scale for each row, for each page, or for all; past the last, zeros up to the end of a vector. */
static void scales_are_loaded_along_their_strides(void)
{
    enum { PAGE = 4, PAGES = 16, HEADS = 3 };
    int32_t pages[PAGES];
    float *scales = check_random_rows(1, PAGES * (PAGE * HEADS + 1), PAGES * (PAGE * HEADS + 1), 1.0f);
    for (int32_t page = 0; page < PAGES; page++)
        pages[page] = (page * 5 + 3) % PAGES;
    static const int64_t strides[][3] = {{0, 0, 0}, {0, 1, 0}, {HEADS, 1, PAGE * HEADS + 1}, {0, 1, HEADS}, {2, 0, 9}};
    for (int s = 0; s < 5; s++) {
        const int64_t token = strides[s][0], head = strides[s][1], page = strides[s][2];
        const cpu_cache cache = {{scales, token, head}, page, PAGE, VARLEN_FLOAT32};
        const cpu_sequence sequence = {.keys = PAGE * PAGES, .first_key = 2, .pages = pages};
        float *loaded = check_floats(MOST_KEYS);
        const float *got = load_scales(loaded, &cache, 2, &sequence, 5, KEYS);
        for (int32_t key = 5; key < KEYS; key++) {
            const int32_t row = key + 2;
            const float want = scales[pages[row / PAGE] * page + row % PAGE * token + 2 * head];
            CHECK(got[key - 5] == want, "strides %d, key %d: %g in place of %g", s, key, (double)got[key - 5],
                  (double)want);
        }
        for (int32_t i = KEYS - 5; i % LANES != 0; i++)
            CHECK(got[i] == 0.0f, "strides %d: %g past the last key", s, (double)got[i]);
    }
    const cpu_cache none = {.page_size = PAGE};
    const cpu_sequence sequence = {.pages = pages};
    CHECK(!load_scales(scales, &none, 0, &sequence, 0, KEYS), "there are scales where none are given");
}

int test_quantized(void)
{
    static const check_test tests[] = {
        {"all_numbers_are_loaded_as_they_are", all_numbers_are_loaded_as_they_are},
        {"numbers_are_rounded_to_nearest_even", numbers_are_rounded_to_nearest_even},
        {"what_is_out_of_range_becomes_the_largest", what_is_out_of_range_becomes_the_largest},
        {"scales_take_the_largest_to_the_end_of_the_range", scales_take_the_largest_to_the_end_of_the_range},
        {"rows_are_loaded_as_pairs_of_neighbours", rows_are_loaded_as_pairs_of_neighbours},
        {"scales_are_loaded_along_their_strides", scales_are_loaded_along_their_strides},
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
