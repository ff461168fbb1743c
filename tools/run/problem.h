/* The problem of `varlen run`: the arrays in host memory, in the formats that the library takes. */
#ifndef VARLEN_TOOLS_RUN_PROBLEM_H
#define VARLEN_TOOLS_RUN_PROBLEM_H

#include <varlen/varlen.h>

#include "npy/npy.h"
#include "run/arguments.h"

/* The strides of k_scale or v_scale. */
typedef struct run_scale_strides {
    int64_t token;
    int64_t head;
    int64_t page;
} run_scale_strides;

typedef struct run_problem {
    varlen_attention attention;
    bool backward;
    int64_t alibi_batch_stride;
    run_scale_strides k_scale_strides;
    run_scale_strides v_scale_strides;
    npy_array inputs[INPUT_COUNT]; /* data NULL where not given; type is the device's, but for --expect */
} run_problem;

/* Reads and converts the files and holds their shapes against each other. The library checks the rest. On failure the
 * problem is empty. */
bool run_problem_read(const run_arguments *arguments, run_problem *problem, reason *why);

void run_problem_free(run_problem *problem);

/* What the lengths of the sequences come to. */
typedef struct run_work {
    int64_t queries;       /* that belong to a sequence */
    int64_t keys;          /* likewise */
    int64_t padded_rows;   /* of a batch in which every sequence has as many queries as the longest */
    int64_t visible_pairs; /* of a query and a key */
} run_work;

/* For a problem whose metadata the library has accepted. */
run_work run_problem_work(const run_problem *problem);

#endif
