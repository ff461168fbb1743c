/* The command line of `varlen bench`. */
#ifndef VARLEN_TOOLS_BENCH_ARGUMENTS_H
#define VARLEN_TOOLS_BENCH_ARGUMENTS_H

#include <stdint.h>

#include "bench/workloads.h"
#include "problem_options.h"

enum { BENCH_MASK_NOT_GIVEN = -1, BENCH_NAME_SIZE = 160 };

typedef struct bench_arguments {
    const char *words; /* of --workload; NULL = all that suit the device */
    length_list lens;
    int32_t q_heads; /* with --lens, as the next five; 0 = not given */
    int32_t kv_heads;
    int32_t head_dim;
    int32_t value_dim;
    int32_t page_size;
    int kv_dtype;        /* varlen_dtype; 0 = that of the queries */
    int mask;            /* varlen_mask or BENCH_MASK_NOT_GIVEN */
    uint32_t dtypes;     /* 1u << varlen_dtype */
    int passes;          /* bits, 1 << varlen_pass */
    const char *backend; /* NULL = what the environment says */
    int32_t threads;     /* 0 = all */
    int32_t repeats;     /* 0 = as many as a time budget allows */
    bool list;
    bool no_peaks;
    float peak;       /* TFLOP/s; 0 = not given */
    float bandwidth;  /* GB/s; 0 = not given */
    const char *json; /* paths; NULL = not wanted */
    const char *compare;
    const char *plot;
    const char *report;
    int word_count; /* of the command line after "varlen bench" */
    char **command_line;
} bench_arguments;

options_outcome bench_arguments_parse(int count, char **words, bench_arguments *arguments, reason *why);

/* The workload that --lens and its companions describe. Points into `arguments` and `name`. */
bench_workload bench_arguments_workload(const bench_arguments *arguments, char name[BENCH_NAME_SIZE]);

#endif
