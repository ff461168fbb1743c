/* Conversions between number formats. */
#include <math.h>

#include "npy/elements.h"
#include "unit/support/test.h"

static uint16_t encode(element_type type, double value)
{
    uint16_t bits;
    elements_convert_floats(&bits, type, &value, ELEMENT_FLOAT64, 1);
    return bits;
}

static void test_float16_and_bfloat16_are_rounded_once_to_nearest_even(void **state)
{
    (void)state;
    static const struct {
        element_type type;
        double value;
        uint16_t bits;
    } cases[] = {
        {ELEMENT_FLOAT16, 0.0, 0x0000},
        {ELEMENT_FLOAT16, -0.0, 0x8000},
        {ELEMENT_FLOAT16, 1.0, 0x3c00},
        {ELEMENT_FLOAT16, -2.5, 0xc100},
        {ELEMENT_FLOAT16, 65504.0, 0x7bff},
        {ELEMENT_FLOAT16, 65519.0, 0x7bff},
        {ELEMENT_FLOAT16, 65520.0, 0x7c00},
        {ELEMENT_FLOAT16, 1e300, 0x7c00},
        {ELEMENT_FLOAT16, -INFINITY, 0xfc00},
        {ELEMENT_FLOAT16, 0x1p-14, 0x0400},
        {ELEMENT_FLOAT16, 0x1p-24, 0x0001},
        {ELEMENT_FLOAT16, 0x1p-25, 0x0000},                 /* a tie goes to even */
        {ELEMENT_FLOAT16, 0x1.8p-24, 0x0002},               /* likewise */
        {ELEMENT_FLOAT16, 0x1.ffep-15, 0x03ff + 1},         /* rounds up to the smallest normal number */
        {ELEMENT_FLOAT16, 1.0 + 0x1p-11, 0x3c00},           /* a tie */
        {ELEMENT_FLOAT16, 1.0 + 0x1p-11 + 0x1p-40, 0x3c01}, /* float32 in between would make it a tie */
        {ELEMENT_FLOAT16, 1.0 + 0x3p-11, 0x3c02},
        {ELEMENT_BFLOAT16, 0.0, 0x0000},
        {ELEMENT_BFLOAT16, 1.0, 0x3f80},
        {ELEMENT_BFLOAT16, -3.140625, 0xc049},
        {ELEMENT_BFLOAT16, 1.0 + 0x1p-8, 0x3f80},
        {ELEMENT_BFLOAT16, 1.0 + 0x3p-8, 0x3f82},
        {ELEMENT_BFLOAT16, 0x1.fep127, 0x7f7f},
        {ELEMENT_BFLOAT16, 0x1.ffp127, 0x7f80},
        {ELEMENT_BFLOAT16, 0x1p-133, 0x0001},
        {ELEMENT_BFLOAT16, INFINITY, 0x7f80},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (encode(cases[i].type, cases[i].value) != cases[i].bits)
            fail_msg("%s of %a is %04x, not %04x", element_name(cases[i].type), cases[i].value,
                     (unsigned)encode(cases[i].type, cases[i].value), (unsigned)cases[i].bits);
}

static void test_every_16_bit_pattern_survives_a_round_trip(void **state)
{
    (void)state;
    static const element_type types[] = {ELEMENT_FLOAT16, ELEMENT_BFLOAT16};
    for (size_t t = 0; t < 2; t++)
        for (uint32_t bits = 0; bits < 0x10000; bits++) {
            const uint16_t pattern = (uint16_t)bits;
            const double value = element_get(&pattern, types[t], 0);
            if (isnan(value))
                assert_true(isnan(element_get(&(uint16_t){encode(types[t], value)}, types[t], 0)));
            else
                assert_int_equal(encode(types[t], value), pattern);
        }
}

static void test_bfloat16_is_the_upper_half_of_float32(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x7f80; bits++) {
        const uint32_t wide = bits << 16;
        const uint16_t narrow = (uint16_t)bits;
        float value;
        memcpy(&value, &wide, sizeof value);
        assert_true(element_get(&narrow, ELEMENT_BFLOAT16, 0) == (double)value);
    }
}

static void test_integers_are_held_to_32_bits(void **state)
{
    (void)state;
    const int64_t good[] = {0, INT32_MAX, INT32_MIN};
    const int64_t bad[] = {0, 1, (int64_t)INT32_MAX + 1};
    int32_t narrow[3];
    reason why;
    assert_true(elements_convert_to_int32(narrow, good, ELEMENT_INT64, 3, &why));
    assert_int_equal(narrow[1], INT32_MAX);
    assert_int_equal(narrow[2], INT32_MIN);
    assert_false(elements_convert_to_int32(narrow, bad, ELEMENT_INT64, 3, &why));
    assert_string_equal(why.text, "element 2 = 2147483648 does not fit in 32 bits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float16_and_bfloat16_are_rounded_once_to_nearest_even),
        cmocka_unit_test(test_every_16_bit_pattern_survives_a_round_trip),
        cmocka_unit_test(test_bfloat16_is_the_upper_half_of_float32),
        cmocka_unit_test(test_integers_are_held_to_32_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
