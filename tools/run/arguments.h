/* The command line of `varlen run`. */
#ifndef VARLEN_TOOLS_RUN_ARGUMENTS_H
#define VARLEN_TOOLS_RUN_ARGUMENTS_H

#include <stdint.h>

#include "problem_options.h"

typedef enum run_input {
    INPUT_Q,
    INPUT_K,
    INPUT_V,
    INPUT_CU_SEQLENS_Q,
    INPUT_CU_SEQLENS_K,
    INPUT_SEQUSED_Q,
    INPUT_SEQUSED_K,
    INPUT_LEFTPAD_Q,
    INPUT_LEFTPAD_K,
    INPUT_PAGE_TABLE,
    INPUT_KEY_BEGIN,
    INPUT_KEY_END,
    INPUT_QUERY_POSITIONS,
    INPUT_KEY_STARTS,
    INPUT_TREE_MASK,
    INPUT_ALIBI,
    INPUT_SINKS,
    INPUT_DOUT,
    INPUT_EXPECT,
    INPUT_COUNT
} run_input;

typedef enum run_output { OUTPUT_OUT, OUTPUT_LSE, OUTPUT_DQ, OUTPUT_DK, OUTPUT_DV, OUTPUT_COUNT } run_output;

enum { DTYPE_OF_Q = -1 };

typedef struct run_scale {
    bool given; /* else 1/sqrt(head_dim) */
    float value;
} run_scale;

typedef struct run_arguments {
    const char *inputs[INPUT_COUNT];   /* paths; NULL = not given */
    const char *outputs[OUTPUT_COUNT]; /* likewise */
    int mask;                          /* varlen_mask */
    int alignment;                     /* varlen_alignment */
    int dtype;                         /* varlen_dtype or DTYPE_OF_Q */
    window_bounds window;
    int32_t chunk; /* 0 = none */
    run_scale scale;
    float softcap;
    const char *backend; /* NULL = what the environment says */
} run_arguments;

options_outcome run_arguments_parse(int count, char **words, run_arguments *arguments, reason *why);

const char *run_input_option(run_input input);    /* "--cu-seqlens-q" */
const char *run_output_option(run_output output); /* "--out" */

#endif
