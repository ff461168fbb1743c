/* varlen_kv_append on a row's cache. */
#ifndef VARLEN_TESTS_APPEND_H
#define VARLEN_TESTS_APPEND_H

#include "case.h"

/* What is left out: 2 heads of dim 64, a packed cache, no rotation. */
typedef struct append_case {
    case_head head;
    int_list lens_new;
    int_list used;      /* keys in each slot before, padding included; left out = 0 */
    int_list spare;     /* rows of each slot past what the call fills */
    int_list leftpad_k; /* given = leftpad_k is given */
    int32_t slack_new;  /* new rows of no sequence */
    int32_t kv_heads;
    int32_t q_heads; /* 0 = no queries to rotate */
    int32_t head_dim;
    int32_t value_dim;
    int32_t page_size;
    bool without_table; /* no slot has a row: page_table_width = 0 and page_table = NULL */
    bool keys_alone;    /* neither v_new nor v_cache is given */
    int32_t rotary_dim;
    int32_t rotary_begin;
    bool rotary_interleaved;
    bool seqused_in_place;
    bool without_seqused_out;
    tensor_layout layout;     /* of the cache and the new rows */
    varlen_dtype cache_dtype; /* 0 = the case's */
    bool scales_given;        /* else they are written */
    scale_kind scales;        /* where they are given: SCALES_NONE, SCALES_PER_TENSOR or SCALES_PER_HEAD */
    bool extreme;             /* rows of zeros, of large and of tiny numbers, and with an infinity, take turns */
} append_case;

/* The metadata of a row on the host, as it is handed over, but for the answers. */
typedef struct append_metadata {
    int32_t *cu_seqlens_new;
    int32_t *cu_seqlens_k; /* NULL with pages */
    int32_t *seqused_k;
    int32_t *leftpad_k;  /* NULL = not given */
    int32_t *page_table; /* NULL without pages, or without a table */
    int32_t width;
    int64_t pages; /* 1 without pages */
    int64_t page_rows;
    int64_t total_new;
    int64_t positions; /* rows of the rotary tables */
} append_metadata;

typedef struct append_call {
    case_trial *trial;
    block_list blocks;
    varlen_kv_append_args args;
    strided_tensor q;
    strided_tensor k_new;
    strided_tensor v_new;
    strided_tensor k_cache;
    strided_tensor v_cache; /* no block where keys are appended alone, and none of v_new */
    strided_tensor k_scale; /* of a quantised cache; no block where scales are NULL */
    strided_tensor v_scale;
    device_block *seqused_k_out; /* NULL = not wanted */
} append_call;

/* The numbers of a row on the host: dense, NaN in new rows of no sequence. */
typedef struct append_values {
    double *q;
    double *k;
    double *v;
    float *cos;
    float *sin;
} append_values;

append_metadata append_metadata_make(case_trial *trial, const append_case *row);
append_values append_values_make(case_trial *trial, const append_case *row, const append_metadata *metadata);

append_call append_prepare(case_trial *trial, const append_case *row, const append_metadata *metadata,
                           const append_values *values);
varlen_status append_submit(const append_call *call);

/* Gives the scales of a quantised cache, or room for them. */
void append_give_scales(append_call *call, const append_case *row, const append_metadata *metadata);

/* New rows of a quantised cache, in the order of the new rows. */
typedef struct append_quantized {
    const char *name;
    const strided_tensor *scales;
    const double *given; /* [owned rows, heads, dim], rotated */
    const double *got;   /* likewise, without scales */
    int32_t dim;
    bool rotated;
} append_quantized;

/* Fails the case unless scales and rows are what they should be. */
void append_check_quantized(case_trial *trial, const append_case *row, const append_metadata *metadata,
                            const append_quantized *rows);

/* The row of the cache that new row t of sequence b goes to, counted on through the pages. */
int64_t append_cache_row(const append_case *row, const append_metadata *metadata, int32_t b, int64_t t);

int32_t append_kv_heads(const append_case *row);
int32_t append_head_dim(const append_case *row);
int32_t append_value_dim(const append_case *row);

void append_run(case_trial *trial, const void *row);

/* Of rows with queries, whose slots are empty before. Where keys are appended alone, values are their first columns. */
void append_attend_run(case_trial *trial, const void *row);

#endif
