/* One sequence of a batch with everything resolved: dense arrays of doubles, no gaps, no pages, no defaults. What the
 * oracle and the plain implementation work on. */
#ifndef VARLEN_TESTS_SEQUENCE_H
#define VARLEN_TESTS_SEQUENCE_H

#include <varlen/varlen.h>

#include <stdbool.h>

typedef struct sequence {
    int64_t queries; /* sq */
    int64_t keys;    /* sk */
    int32_t q_heads;
    int32_t kv_heads;
    int32_t head_dim;
    int32_t value_dim;
    int32_t index; /* in the batch: dropout depends on it */
    varlen_alignment alignment;
    const int32_t *position; /* of query 0; NULL = as the alignment says */
    int64_t left;            /* VARLEN_UNBOUNDED: no bound */
    int64_t right;
    int32_t chunk;            /* 0 = none */
    const int32_t *key_begin; /* [queries], NULL = 0 */
    const int32_t *key_end;   /* [queries], NULL = keys */
    const uint64_t *tree;     /* [queries], NULL = none */
    double scale;
    double softcap; /* 0 = none */
    float dropout_p;
    uint64_t dropout_seed;
    uint64_t dropout_offset;
    bool sharp;           /* scores are exact in float32, however large: weights owe nothing to their rounding */
    const double *slopes; /* [q_heads], NULL = no ALiBi */
    const double *sinks;  /* [q_heads], NULL = none */
    const double *q;      /* [queries, q_heads, head_dim] */
    const double *k;      /* [keys, kv_heads, head_dim] */
    const double *v;      /* [keys, kv_heads, value_dim] */
    const double *dout;   /* [queries, q_heads, value_dim]; read by backward alone */
    const double *out;    /* likewise: forward's result as a backward pass is handed it, rounded to its dtype */
    const double *dlse;   /* [queries, q_heads], not looked at where lse is -infinity; NULL = 0 throughout */
} sequence;

/* Shaped as q, k, v and sinks; dsinks may be NULL. */
typedef struct gradients {
    double *dq;
    double *dk;
    double *dv;
    double *dsinks;
} gradients;

#endif
