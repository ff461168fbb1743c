/* The command line of `varlen explain`. */
#ifndef VARLEN_TOOLS_EXPLAIN_ARGUMENTS_H
#define VARLEN_TOOLS_EXPLAIN_ARGUMENTS_H

#include "problem_options.h"

typedef struct explain_arguments {
    const char *workload; /* of varlen bench; NULL = not given */
    length_list lens;     /* keys of each sequence, and its queries where q_lens is not given */
    length_list q_lens;
    const char *cu_seqlens_q; /* paths; NULL = not given */
    const char *cu_seqlens_k;
    int32_t q_heads; /* 0 = not given, as in the next four */
    int32_t kv_heads;
    int32_t head_dim;
    int32_t value_dim;
    int32_t page_size;
    int dtype;     /* varlen_dtype */
    int mask;      /* varlen_mask */
    int alignment; /* varlen_alignment */
    window_bounds window;
    int32_t chunk; /* 0 = not given */
    float softcap;
    float dropout;
    uint32_t features;   /* of --features; see below */
    int passes;          /* bits, 1 << varlen_pass; 0 = not given */
    const char *backend; /* NULL = the first device of each */
    int32_t threads;     /* 0 = all */
    bool floor;
    float peak;      /* TFLOP/s; 0 = not given */
    float bandwidth; /* GB/s; 0 = not given */
} explain_arguments;

options_outcome explain_arguments_parse(int count, char **words, explain_arguments *arguments, reason *why);

/* What the words of --features set in a problem: bits of varlen_attention.features, for these passes, and of .flags. */
uint64_t explain_features(uint32_t words, int passes);
uint32_t explain_flags(uint32_t words);

#endif
