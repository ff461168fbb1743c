/* vector.h, and the exponential of softmax_pairs.h: selections and maxima with infinities and NaN, and how far the
 * transcendental functions are from libm's over their whole range. */
#include "check.h"
#include "kernels/softmax_pairs.h"
#include "operands.h"
#include "pieces.h"

#include <stdio.h>

static bool lanes_are(vfloat got, float want)
{
    for (int lane = 0; lane < LANES; lane++)
        if (operand_bits(got[lane]) != operand_bits(want))
            return false;
    return true;
}

/* In units of the last place of a float near `want`. */
static double units_off(float got, double want)
{
    return fabs((double)got - want) / ldexp(1.0, ilogb(want) - 23);
}

static float exp2_nonpositive(float x)
{
    return vector_exp2_nonpositive(vector_splat(x))[0];
}

static float exp2_one(float x)
{
    return vector_exp2_times(vector_splat(x), SCORE_ONE_EXPONENT)[0];
}

static float exp2_pairs(float x)
{
    return softmax_pairs_exp2(vector_splat(x), 0)[0];
}

static float exp2_pairs_one(float x)
{
    return softmax_pairs_exp2(vector_splat(x), SCORE_ONE_EXPONENT)[0];
}

static float tanh_of(float x)
{
    return vector_tanh(vector_splat(x))[0];
}

static double exact_exp2(double x)
{
    return exp2(x);
}

static double exact_exp2_one(double x)
{
    return exp2(x + SCORE_ONE_EXPONENT);
}

typedef struct function_range {
    const char *name;
    float (*function)(float);
    double (*exact)(double);
    float first, last; /* of one sign, the smaller magnitude first */
    double units;      /* that it may be off */
} function_range;

/* Some 400,000 arguments: every so many of the floats of the range. */
static void check_range(const function_range *range)
{
    const uint32_t first = operand_bits(range->first);
    const uint32_t last = operand_bits(range->last);
    const uint32_t step = (last - first) / 400000 | 1;
    double worst = 0.0;
    for (uint32_t bits = first; bits <= last && bits >= first; bits += step) {
        const float x = operand_of_bits(bits);
        const double off = units_off(range->function(x), range->exact((double)x));
        worst = off > worst || isnan(off) ? off : worst;
        CHECK(off <= range->units, "%s(%.9g) is %.3f units in the last place off", range->name, (double)x, off);
    }
    printf("%s from %g to %g: at most %.3f units in the last place off\n", range->name, (double)range->first,
           (double)range->last, worst);
}

/* What vector.h says, where products and sums are fused and where not. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
static const double exp2_units = 0.9, tanh_units = 2.0;
#else
static const double exp2_units = 1.2, tanh_units = 2.1;
#endif

static void functions_are_as_near_as_they_say(void)
{
    const function_range ranges[] = {
        {"exp2", exp2_nonpositive, exact_exp2, -0x1p-40f, -126.0f, exp2_units},
        {"exp2 * 2^-23", exp2_one, exact_exp2_one, -0x1p-40f, -103.0f, exp2_units},
#if defined(__AVX512BF16__)
        {"exp2 for pairs", exp2_pairs, exact_exp2, -0x1p-40f, -126.0f, 2.1},
        {"exp2 for pairs", exp2_pairs, exact_exp2, 0x1p-40f, SOFTMAX_PAIRS_SLACK, 2.1},
        {"exp2 * 2^-23 for pairs", exp2_pairs_one, exact_exp2_one, -0x1p-40f, -103.0f, 2.1},
#endif
        {"tanh", tanh_of, tanh, 0x1p-60f, 30.0f, tanh_units},
        {"tanh", tanh_of, tanh, -0x1p-60f, -30.0f, tanh_units},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        check_range(&ranges[i]);
}

static void exponentials_are_exact_where_it_matters(void)
{
    CHECK(lanes_are(vector_exp2_nonpositive(vector_splat(0.0f)), 1.0f), "2^0 is not 1");
    CHECK(lanes_are(vector_exp2_nonpositive(vector_splat(3.0f)), 1.0f), "2^x is not 1 for x > 0");
    CHECK(lanes_are(vector_exp2_nonpositive(vector_splat(INFINITY)), 1.0f), "2^x is not 1 for infinite x");
    CHECK(lanes_are(vector_exp2_nonpositive(vector_splat(-INFINITY)), 0.0f), "2^-infinity is not 0");
    CHECK(lanes_are(vector_exp2_times(vector_splat(0.0f), SCORE_ONE_EXPONENT), 0x1p-23f), "2^0 * 2^-23 is not 2^-23");
    CHECK(lanes_are(softmax_pairs_exp2(vector_splat(0.0f), 0), 1.0f), "2^0 for pairs is not 1");
    CHECK(lanes_are(softmax_pairs_exp2(vector_splat(-INFINITY), SCORE_ONE_EXPONENT), 0.0f),
          "2^-infinity for pairs is not 0");
    CHECK(isnan(exp2_nonpositive(NAN)), "2^NaN is not NaN");
    CHECK(isnan(exp2_pairs(NAN)), "2^NaN for pairs is not NaN");
    for (float x = -126.5f; x > -1e30f; x *= 1.01f)
        CHECK(exp2_nonpositive(x) >= 0.0f && exp2_nonpositive(x) <= 0x1p-126f, "2^%g = %g", (double)x,
              (double)exp2_nonpositive(x));
    for (float x = -104.0f; x > -1e30f; x *= 1.01f)
        CHECK(exp2_pairs_one(x) >= 0.0f && exp2_pairs_one(x) <= 0x1p-126f, "2^%g * 2^-23 = %g for pairs", (double)x,
              (double)exp2_pairs_one(x));
    CHECK(tanh_of(INFINITY) == 1.0f && tanh_of(-INFINITY) == -1.0f, "tanh of infinity is not 1");
    CHECK(tanh_of(0.0f) == 0.0f, "tanh of 0 is not 0");
}

/* The second argument wherever one of them is NaN. */
static void maxima_and_minima_know_infinities_and_nan(void)
{
    static const float values[] = {-INFINITY, -2.0f, -0.5f, 0.0f, 0.25f, 3.0f, INFINITY, NAN};
    enum { VALUES = sizeof values / sizeof *values };
    for (int i = 0; i < VALUES; i++)
        for (int j = 0; j < VALUES; j++) {
            const float a = values[i], b = values[j];
            const float larger = a > b ? a : b;
            const float smaller = a < b ? a : b;
            CHECK(lanes_are(vector_max(vector_splat(a), vector_splat(b)), larger), "max(%g, %g)", (double)a, (double)b);
            CHECK(lanes_are(vector_min(vector_splat(a), vector_splat(b)), smaller), "min(%g, %g)", (double)a,
                  (double)b);
        }
}

static void selections_are_lane_by_lane(void)
{
    for (int lane = 0; lane < LANES; lane++) {
        vint mask = vector_splat_int(0);
        CHECK(!vector_any(mask), "some lane of none");
        mask[lane] = -1;
        CHECK(vector_any(mask), "lane %d is not seen", lane);
        const vfloat chosen = vector_select(mask, vector_splat(1.0f), vector_splat(-2.0f));
        for (int other = 0; other < LANES; other++)
            CHECK(chosen[other] == (other == lane ? 1.0f : -2.0f), "lane %d, of lane %d", other, lane);
    }
    CHECK(lanes_are(vector_abs(vector_splat(-INFINITY)), INFINITY), "the magnitude of -infinity");
    CHECK(lanes_are(vector_abs(vector_splat(-0.0f)), 0.0f), "the magnitude of -0");
}

int test_vector(void)
{
    static const check_test tests[] = {
        {"functions_are_as_near_as_they_say", functions_are_as_near_as_they_say},
        {"exponentials_are_exact_where_it_matters", exponentials_are_exact_where_it_matters},
        {"maxima_and_minima_know_infinities_and_nan", maxima_and_minima_know_infinities_and_nan},
        {"selections_are_lane_by_lane", selections_are_lane_by_lane},
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
