/* What `varlen explain` prints. */
#ifndef VARLEN_TOOLS_EXPLAIN_REPORT_H
#define VARLEN_TOOLS_EXPLAIN_REPORT_H

#include "bench/result.h"
#include "explain/problem.h"

void explain_print_problem(const explain_problem *problem);

/* What a device says of a pass. */
typedef struct explain_answer {
    varlen_status status; /* of asking: VARLEN_OK where it takes the pass */
    const char *refusal;  /* else in words */
    size_t workspace;     /* bytes */
    const char *kernels;  /* lines */
    bench_bound bound;    /* milliseconds = 0: not asked for, or not known */
} explain_answer;

void explain_print_device(const varlen_device_info *device, int32_t threads);
void explain_print_answer(varlen_pass pass, const explain_answer *answer);

#endif
