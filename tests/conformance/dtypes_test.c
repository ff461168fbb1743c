/* Conversion to and from the 16-bit formats: every bit pattern, and the points between neighbours. */
#include "conformance/dtypes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct half_format {
    uint16_t (*from)(float value);
    float (*to)(uint16_t bits);
    uint16_t infinity;
} half_format;

static const half_format formats[] = {
    {dtype_float16_from, dtype_from_float16, 0x7c00},
    {dtype_bfloat16_from, dtype_from_bfloat16, 0x7f80},
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

static void every_value_survives(void **state)
{
    (void)state;
    for (int n = 0; n < FORMATS; n++) {
        for (uint32_t bits = 0; bits <= 0xffff; bits++) {
            float value = formats[n].to((uint16_t)bits);
            bool is_nan = (bits & 0x7fff) > formats[n].infinity;
            assert_int_equal(isnan(value) != 0, is_nan);
            if (!is_nan)
                assert_int_equal(formats[n].from(value), bits);
        }
    }
}

static void nan_stays_nan(void **state)
{
    (void)state;
    const uint32_t patterns[] = {0x7f800001, 0x7fc00000, 0x7fffffff, 0xff800001, 0x7f80ffff};
    for (size_t n = 0; n < sizeof patterns / sizeof patterns[0]; n++) {
        union {
            uint32_t bits;
            float value;
        } nan = {patterns[n]};
        assert_true(isnan(dtype_round(VARLEN_FLOAT16, nan.value)));
        assert_true(isnan(dtype_round(VARLEN_BFLOAT16, nan.value)));
    }
}

/* A point halfway goes to the neighbour whose last bit is 0; anything nearer to one of them goes there. The step above
 * the largest finite value leads to infinity. */
static void halfway_goes_to_even(void **state)
{
    (void)state;
    for (int n = 0; n < FORMATS; n++) {
        for (uint32_t bits = 0; bits + 1 < formats[n].infinity; bits++) {
            float low = formats[n].to((uint16_t)bits), high = formats[n].to((uint16_t)(bits + 1));
            float middle = low + (high - low) / 2;
            uint32_t even = bits % 2 ? bits + 1 : bits;
            assert_int_equal(formats[n].from(middle), even);
            assert_int_equal(formats[n].from(-middle), even | 0x8000);
            assert_int_equal(formats[n].from(nextafterf(middle, low)), bits);
            assert_int_equal(formats[n].from(nextafterf(middle, high)), bits + 1);
        }
    }
}

static void known_values(void **state)
{
    (void)state;
    assert_true(dtype_from_float16(0x3c00) == 1);
    assert_true(dtype_from_float16(0xc000) == -2);
    assert_true(dtype_from_float16(0x7bff) == 65504);
    assert_true(dtype_from_float16(0x0001) == 0x1p-24f);
    assert_true(dtype_from_float16(0x0400) == 0x1p-14f);
    assert_true(dtype_from_bfloat16(0x3f80) == 1);
    assert_true(dtype_from_bfloat16(0xc040) == -3);
    assert_int_equal(dtype_float16_from(65519.996f), 0x7bff);
    assert_int_equal(dtype_float16_from(65520), 0x7c00);
    assert_int_equal(dtype_float16_from(-1e30f), 0xfc00);
    assert_int_equal(dtype_float16_from(0x1p-25f), 0);
    assert_int_equal(dtype_float16_from(0x1.000002p-25f), 1);
    assert_int_equal(dtype_bfloat16_from(3.4e38f), 0x7f80);
    assert_int_equal(dtype_float16_from(-0.0f), 0x8000);
    assert_int_equal(dtype_bfloat16_from(-0.0f), 0x8000);
    assert_true(dtype_round(VARLEN_FLOAT32, 0.1f) == 0.1f);
}

static const varlen_dtype byte_dtypes[] = {VARLEN_FLOAT8_E4M3, VARLEN_FLOAT8_E5M2, VARLEN_INT8};

static void every_byte_survives(void **state)
{
    (void)state;
    for (int n = 0; n < 3; n++)
        for (int bits = 0; bits < 256; bits++) {
            float value = dtype_from_byte(byte_dtypes[n], (uint8_t)bits);
            if (isfinite(value))
                assert_int_equal(dtype_byte_from(byte_dtypes[n], value), bits);
        }
}

static void known_bytes(void **state)
{
    (void)state;
    assert_true(dtype_from_byte(VARLEN_FLOAT8_E4M3, 0x38) == 1);
    assert_true(dtype_from_byte(VARLEN_FLOAT8_E4M3, 0xfe) == -448);
    assert_true(dtype_from_byte(VARLEN_FLOAT8_E4M3, 0x01) == 0x1p-9f);
    assert_true(isnan(dtype_from_byte(VARLEN_FLOAT8_E4M3, 0x7f)) && isnan(dtype_from_byte(VARLEN_FLOAT8_E4M3, 0xff)));
    assert_true(dtype_from_byte(VARLEN_FLOAT8_E5M2, 0x3c) == 1);
    assert_true(dtype_from_byte(VARLEN_FLOAT8_E5M2, 0x7b) == 57344);
    assert_true(dtype_from_byte(VARLEN_FLOAT8_E5M2, 0x81) == -0x1p-16f);
    assert_true(isinf(dtype_from_byte(VARLEN_FLOAT8_E5M2, 0xfc)) && isnan(dtype_from_byte(VARLEN_FLOAT8_E5M2, 0x7d)));
    assert_true(dtype_from_byte(VARLEN_INT8, 0x80) == -128);
    assert_int_equal(dtype_byte_from(VARLEN_FLOAT8_E4M3, 1e9f), 0x7e);
    assert_int_equal(dtype_byte_from(VARLEN_FLOAT8_E4M3, 1.0625f), 0x38); /* halfway, to even */
    assert_int_equal(dtype_byte_from(VARLEN_FLOAT8_E4M3, 1.1875f), 0x3a);
    assert_int_equal(dtype_byte_from(VARLEN_FLOAT8_E4M3, 0x1.8p-9f), 0x02);
    assert_int_equal(dtype_byte_from(VARLEN_FLOAT8_E5M2, -1e9f), 0xfb);
    assert_int_equal(dtype_byte_from(VARLEN_INT8, 2.5f), 2);
    assert_true(dtype_largest(VARLEN_FLOAT8_E4M3) == 448 && dtype_largest(VARLEN_FLOAT8_E5M2) == 57344);
    assert_true(dtype_largest(VARLEN_INT8) == 127);
    assert_true(dtype_step(VARLEN_FLOAT8_E4M3, -448) == 32 && dtype_step(VARLEN_FLOAT8_E5M2, 0) == 0x1p-16);
}

static void memory_holds_what_was_stored(void **state)
{
    (void)state;
    const varlen_dtype dtypes[] = {VARLEN_FLOAT32,     VARLEN_FLOAT16,     VARLEN_BFLOAT16,
                                   VARLEN_FLOAT8_E4M3, VARLEN_FLOAT8_E5M2, VARLEN_INT8};
    for (int n = 0; n < 6; n++) {
        unsigned char bytes[9] = {0};
        dtype_store(dtypes[n], bytes + 1, -1.7f);
        assert_true(dtype_load(dtypes[n], bytes + 1) == dtype_round(dtypes[n], -1.7f));
        assert_int_equal(bytes[0], 0);
        assert_int_equal(bytes[1 + varlen_dtype_size(dtypes[n])], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_survives),
        cmocka_unit_test(nan_stays_nan),
        cmocka_unit_test(halfway_goes_to_even),
        cmocka_unit_test(known_values),
        cmocka_unit_test(memory_holds_what_was_stored),
        cmocka_unit_test(every_byte_survives),
        cmocka_unit_test(known_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
