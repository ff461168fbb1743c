/* Results of a call against what they must be. Most rows are so close that no bound is needed; where one is not, the
 * bounds of docs/semantics.md decide, whose terms take longer than the call. */
#ifndef VARLEN_FUZZ_ANSWER_H
#define VARLEN_FUZZ_ANSWER_H

#include <stdbool.h>

#include "view.h"

#include "conformance/memory_pool.h"

/* All dense [rows, dim], a row being that of one head; zeroed but for what the oracle writes. */
typedef struct answer_rows {
    const char *name;
    int64_t rows;
    int64_t dim;
    varlen_dtype dtype;
    bool is_lse;
    double factor; /* on the plain implementation's error */
    double *want;
    double *got;
    double *plain;
    double *slack;
} answer_rows;

/* got is yet to be loaded, plain and slack to be made. */
answer_rows answer_make(memory_pool *pool, const char *name, varlen_dtype dtype, int64_t rows, int64_t dim,
                        double factor);

/* got = what is in the view now. */
void answer_load(answer_rows *answer, const tensor_view *view);

/* Whether no row is further off than roundings of numbers as large as its tensor's. */
bool answer_is_close(const answer_rows *answer);

/* Reports a finding unless every row is within its bound, made of `plain` and `slack`. */
void answer_check(const answer_rows *answer);

#endif
