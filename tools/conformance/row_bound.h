/* How far off a row of a result is, and may be: the section "Accuracy" of docs/semantics.md. */
#ifndef VARLEN_TESTS_ROW_BOUND_H
#define VARLEN_TESTS_ROW_BOUND_H

#include <varlen/varlen.h>

/* Equal infinities are no error. A NaN is. */
double row_error_of(double got, double expected);
double row_error(const double *got, const double *expected, int32_t dim); /* the largest */

double row_largest(const double *values, int32_t dim); /* of values >= 0, such as a row's slack */

/* One rounding of the row in the dtype, and one of an lse, which bounds grow by. */
double row_rounding(varlen_dtype dtype, const double *row, int32_t dim);
double row_lse_rounding(double lse);

#endif
