/* What a call must give, and the comparison; see expected.h. */
#include "expected.h"

#include "row_bound.h"

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

/* The bound on row n of the terms, but for its rounding. */
static double bound_without_rounding(case_trial *trial, const expected_rows *expected, const bound_terms *terms,
                                     int64_t n)
{
    const double *values = expected->values + (terms->first * expected->heads + n) * expected->dim;
    double error = !terms->plain ? 0 : row_error(terms->plain + n * expected->dim, values, expected->dim);
    if (!isfinite(error))
        trial_fail(trial, "%s: the plain implementation overflows: this case cannot be judged", expected->name);
    return terms->factor * error + row_largest(terms->slack + n * expected->dim, expected->dim);
}

void expected_bound(case_trial *trial, expected_rows *expected, const bound_terms *terms)
{
    for (int64_t n = 0; n < terms->count * expected->heads; n++) {
        int64_t row = terms->first * expected->heads + n;
        expected->bounds[row] = bound_without_rounding(trial, expected, terms, n) +
                                row_rounding(terms->dtype, expected->values + row * expected->dim, expected->dim);
    }
}

void expected_bound_lse(case_trial *trial, expected_rows *expected, const bound_terms *terms)
{
    for (int64_t n = 0; n < terms->count * expected->heads; n++) {
        int64_t row = terms->first * expected->heads + n;
        expected->bounds[row] =
            bound_without_rounding(trial, expected, terms, n) + row_lse_rounding(expected->values[row]);
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
        if (!(row_error_of(wrong[n], values[n]) <= row_error_of(wrong[element], values[element])))
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
        row_error_of(wrong[element], values[element]), expected->bounds[worst], (long long)failures,
        (long long)(expected->rows * expected->heads));
}

void expected_check(case_trial *trial, const expected_rows *expected, const double *got)
{
    int64_t worst = -1, failures = 0;
    double most = 0;
    for (int64_t n = 0; n < expected->rows * expected->heads; n++) {
        double error = row_error(got + n * expected->dim, expected->values + n * expected->dim, expected->dim);
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
