/* What a call must give, row by row, and how far off each row may be; and the comparison. */
#ifndef VARLEN_TESTS_EXPECTED_H
#define VARLEN_TESTS_EXPECTED_H

#include "trial.h"

/* Says which row is meant: "sequence 2, query 17". */
typedef void (*row_namer)(const void *owner, int64_t row, char *text, size_t size);

typedef struct expected_rows {
    const char *name; /* of the output */
    int64_t rows;
    int32_t heads;
    int32_t dim;
    double *values;     /* [rows, heads, dim] */
    double *bounds;     /* [rows, heads]: on |got - value|; 0 = equal */
    row_namer name_row; /* NULL: by its number */
    const void *owner;
} expected_rows;

/* Values and bounds are 0. */
expected_rows expected_make(case_trial *trial, const char *name, int64_t rows, int32_t heads, int32_t dim);

/* What the bounds of `count` rows from `first` on are made of. */
typedef struct bound_terms {
    int64_t first;
    int64_t count;
    const double *plain; /* [count, heads, dim]: by a plain implementation in `dtype`; NULL = it would overflow */
    const double *slack; /* likewise: what the row is due whatever the plain error; see slack.h */
    double factor;       /* on the plain implementation's error */
    varlen_dtype dtype;
} bound_terms;

/* Sets the rows' bounds by the section "Accuracy" of docs/semantics.md: `factor` times the largest error of the plain
 * row, one rounding of the row in `dtype`, and its largest slack. */
void expected_bound(case_trial *trial, expected_rows *expected, const bound_terms *terms);

/* Likewise for lse, whose rounding is that of the value to float32. */
void expected_bound_lse(case_trial *trial, expected_rows *expected, const bound_terms *terms);

/* Fails the case, naming the worst row, unless every row of `got` is within its bound. */
void expected_check(case_trial *trial, const expected_rows *expected, const double *got);

#endif
