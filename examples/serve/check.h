/* Whether what was served is right: every row that attention gave for any request is kept, and compared with those of
 * one packed call over all whole sequences, without a cache, pages or chunks, and with keys that are rotated here. */
#ifndef SERVE_CHECK_H
#define SERVE_CHECK_H

#include "engine.h"

typedef struct check {
    const model *model;
    const request *requests;
    int32_t count;
    int64_t rows;     /* of all requests: tokens whose attention was computed */
    int32_t *offsets; /* [count + 1]: the first row of each request, or the most there can be */
    float *served;    /* [layers, rows, MODEL_OUT] */
} check;

/* 0, or -1 for want of memory; to be freed in either case. */
int check_make(check *made, const model *of, const request *requests, int32_t count);
void check_free(check *made);

/* Keeps a step's rows. Called before the scheduler accepts them; a row that is computed once more is kept once more. */
void check_keep(check *made, const engine *from, const batch *step);

/* Recomputes all, when all requests are done. Sets *largest to the largest difference of an element. */
varlen_status check_compare(const check *made, varlen_context *context, float *largest);

/* What the two may differ by: some roundings of a dtype, for values of at most 2. */
float check_tolerance(varlen_dtype dtype);

#endif
