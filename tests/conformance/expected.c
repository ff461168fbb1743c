/* What a call must give, and the comparison; see expected.h. */
#include "expected.h"

#include "dtypes.h"

#include <math.h>
#include <stdio.h>

expected_rows expected_make(case_trial *trial, const char *name, int64_t rows, int32_t heads, int32_t dim)
{
    return (expected_rows){.name = name,
                           .rows = rows,
                           .heads = heads,
                           .dim = dim,
                           .values = TRIAL_TAKE(trial, rows * heads * dim, double),
                           .bounds = TRIAL_TAKE(trial, rows * heads, double)};
}

/* The largest |(r + 0.3 - 0.3) - r|, computed in the dtype. */
static double rounding_of_row(varlen_dtype dtype, const double *row, int32_t dim)
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

/* Equal infinities are no error. */
static double error_of(double got, double expected)
{
    return got == expected ? 0 : fabs(got - expected);
}

static double error_of_row(const double *got, const double *expected, int32_t dim)
{
    double largest = 0;
    for (int32_t n = 0; n < dim; n++) {
        double error = error_of(got[n], expected[n]);
        if (!(error <= largest))
            largest = error;
        if (isnan(error))
            break;
    }
    return largest;
}

static double largest_of(const double *values, int32_t count)
{
    double largest = 0;
    for (int32_t n = 0; n < count; n++)
        largest = fmax(largest, values[n]);
    return largest;
}

/* The bound on row n of the terms, but for its rounding. */
static double bound_without_rounding(case_trial *trial, const expected_rows *expected, const bound_terms *terms,
                                     int64_t n)
{
    const double *values = expected->values + (terms->first * expected->heads + n) * expected->dim;
    double error = !terms->plain ? 0 : error_of_row(terms->plain + n * expected->dim, values, expected->dim);
    if (!isfinite(error))
        trial_fail(trial, "%s: the plain implementation overflows: this case cannot be judged", expected->name);
    return terms->factor * error + largest_of(terms->slack + n * expected->dim, expected->dim);
}

void expected_bound(case_trial *trial, expected_rows *expected, const bound_terms *terms)
{
    for (int64_t n = 0; n < terms->count * expected->heads; n++) {
        int64_t row = terms->first * expected->heads + n;
        expected->bounds[row] = bound_without_rounding(trial, expected, terms, n) +
                                rounding_of_row(terms->dtype, expected->values + row * expected->dim, expected->dim);
    }
}

void expected_bound_lse(case_trial *trial, expected_rows *expected, const bound_terms *terms)
{
    for (int64_t n = 0; n < terms->count * expected->heads; n++) {
        int64_t row = terms->first * expected->heads + n;
        double value = expected->values[row];
        double rounding = isfinite(value) ? 0x1p-23 * fmax(1, fabs(value)) : 0;
        expected->bounds[row] = bound_without_rounding(trial, expected, terms, n) + rounding;
    }
}

/* How many bounds an error amounts to; a NaN is worse than anything. */
static double excess(double error, double bound)
{
    if (isnan(error))
        return INFINITY;
    if (error <= bound)
        return 0;
    return bound > 0 ? error / bound : fmin(error, 1e300) * 1e6;
}

static noreturn void report(case_trial *trial, const expected_rows *expected, const double *got, int64_t worst,
                            int64_t failures)
{
    const double *values = expected->values + worst * expected->dim;
    const double *wrong = got + worst * expected->dim;
    int32_t element = 0;
    for (int32_t n = 1; n < expected->dim; n++)
        if (!(error_of(wrong[n], values[n]) <= error_of(wrong[element], values[element])))
            element = n;
    char row[64];
    snprintf(row, sizeof row, "row %lld", (long long)(worst / expected->heads));
    if (expected->name_row)
        expected->name_row(expected->owner, worst / expected->heads, row, sizeof row);
    trial_fail(
        trial,
        "%s: %s, head %d, element %d: expected %.9g, got %.9g, off by %.3g where the bound is %.3g; %lld of %lld "
        "rows are wrong",
        expected->name, row, (int)(worst % expected->heads), (int)element, values[element], wrong[element],
        error_of(wrong[element], values[element]), expected->bounds[worst], (long long)failures,
        (long long)(expected->rows * expected->heads));
}

void expected_check(case_trial *trial, const expected_rows *expected, const double *got)
{
    int64_t worst = -1, failures = 0;
    double most = 0;
    for (int64_t n = 0; n < expected->rows * expected->heads; n++) {
        double error = error_of_row(got + n * expected->dim, expected->values + n * expected->dim, expected->dim);
        double by = excess(error, expected->bounds[n]);
        if (by > 0)
            failures++;
        if (by > most) {
            most = by;
            worst = n;
        }
    }
    if (worst >= 0)
        report(trial, expected, got, worst, failures);
}
