/* An attention problem with its data on the host, as a table's row describes it. */
#ifndef VARLEN_TESTS_ATTENTION_BATCH_H
#define VARLEN_TESTS_ATTENTION_BATCH_H

#include "case.h"
#include "random.h"
#include "sequence.h"

/* Metadata is as it is handed to varlen; NULL where it is not given. Tensors are dense doubles that the dtype can hold,
 * NaN in the rows of no sequence. Rows of k and v count on through the pages. */
typedef struct attention_batch {
    varlen_attention attention;
    int64_t q_rows;
    int64_t k_rows;
    int64_t k_page_rows; /* rows of a page, k_rows if packed */
    int32_t *cu_seqlens_q;
    int32_t *cu_seqlens_k;
    int32_t *seqused_q;
    int32_t *seqused_k;
    int32_t *leftpad_q;
    int32_t *leftpad_k;
    int32_t *page_table;
    int32_t *key_begin; /* [q_rows], as tree_mask; in the rows of no sequence stands what would be a violation */
    int32_t *key_end;
    int32_t *query_positions;
    int32_t *key_starts;
    uint64_t *tree_mask;
    float *alibi_slopes;
    int64_t alibi_batch_stride;
    float *sinks;
    uint64_t dropout_seed;
    uint64_t dropout_offset;
    bool dropout_in_memory;
    bool without_lse;
    bool sharp;   /* see sequence.h */
    double *q;    /* [q_rows, q_heads, head_dim] */
    double *k;    /* [k_rows, kv_heads, head_dim] */
    double *v;    /* [k_rows, kv_heads, value_dim] */
    double *dout; /* [q_rows, q_heads, value_dim] */
    double *dlse; /* [q_rows, q_heads], floats, NaN in rows without an lse too; NULL if not given */
} attention_batch;

attention_batch *batch_make(case_trial *trial, const attention_case *row);

int64_t batch_queries(const attention_batch *batch, int32_t b);
int64_t batch_keys(const attention_batch *batch, int32_t b);
int64_t batch_query_row(const attention_batch *batch, int32_t b, int64_t i);
int64_t batch_key_slot(const attention_batch *batch, int32_t b); /* where it begins, if packed */
int64_t batch_key_row(const attention_batch *batch, int32_t b, int64_t j);

/* Sequence b, with k and v gathered. */
sequence batch_sequence(memory_pool *pool, const attention_batch *batch, int32_t b);

/* Sequence b as a batch of one, which shares the data of `batch`. */
attention_batch batch_alone(memory_pool *pool, const attention_batch *batch, int32_t b);

/* The same sequences, with keys of their own in place of those that key_starts lets them share: one slot after the
 * other, by cu_seqlens_k. */
attention_batch batch_with_own_keys(memory_pool *pool, const attention_batch *batch);

/* Makes key_begin, key_end and tree_mask; the lengths are there. */
void batch_make_rows(case_trial *trial, attention_batch *batch, const attention_case *row, random_source *source);

/* Fills q, k, v and dout; the metadata is there. */
void batch_fill_values(attention_batch *batch, const attention_case *row, random_source *source);

/* Fills dlse; all else is there. */
void batch_fill_dlse(memory_pool *pool, attention_batch *batch, random_source *source);

/* Makes steps equal that the layout makes one. */
void batch_expand_values(attention_batch *batch, tensor_layout layout);

#endif
