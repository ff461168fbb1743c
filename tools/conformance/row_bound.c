/* How far off a row may be; see row_bound.h. */
#include "row_bound.h"

#include "dtypes.h"

#include <math.h>

double row_error_of(double got, double expected)
{
    return got == expected ? 0 : fabs(got - expected);
}

double row_error(const double *got, const double *expected, int32_t dim)
{
    double largest = 0;
    for (int32_t n = 0; n < dim; n++) {
        double error = row_error_of(got[n], expected[n]);
        if (!(error <= largest))
            largest = error;
        if (isnan(error))
            break;
    }
    return largest;
}

double row_largest(const double *values, int32_t dim)
{
    double largest = 0;
    for (int32_t n = 0; n < dim; n++)
        largest = fmax(largest, values[n]);
    return largest;
}

/* The largest |(r + 0.3 - 0.3) - r|, computed in the dtype. */
double row_rounding(varlen_dtype dtype, const double *row, int32_t dim)
{
    double largest = 0;
    for (int32_t n = 0; n < dim; n++) {
        float value = dtype_round(dtype, (float)row[n]);
        float moved = dtype_round(dtype, value + 0.3f);
        float back = dtype_round(dtype, moved - 0.3f);
        largest = fmax(largest, fabs((double)back - value));
    }
    return largest;
}

double row_lse_rounding(double lse)
{
    return isfinite(lse) ? 0x1p-23 * fmax(1, fabs(lse)) : 0;
}
