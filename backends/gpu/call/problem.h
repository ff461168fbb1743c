/* A call, as kernels get it: by value, complete, with strides in bytes. */
#ifndef VARLEN_GPU_PROBLEM_H
#define VARLEN_GPU_PROBLEM_H

#include "call/numbers.h"

#include <varlen/backend.h>

/* [tokens, heads, dim] elements of device memory. */
struct gpu_tensor {
    char *data;
    int64_t token_bytes;
    int64_t head_bytes;
};

GPU_DEVICE char *tensor_row(const gpu_tensor &tensor, int64_t token, int32_t head)
{
    return tensor.data + token * tensor.token_bytes + head * tensor.head_bytes;
}

/* Where the sequences of a batch lie, on the device. */
struct gpu_metadata {
    const int32_t *cu_seqlens_q;
    const int32_t *cu_seqlens_k;    /* NULL if paged, or where there are key_starts */
    const int32_t *seqused_q;       /* NULL: whole slots */
    const int32_t *seqused_k;       /* likewise */
    const int32_t *leftpad_q;       /* NULL: none */
    const int32_t *leftpad_k;       /* likewise */
    const int32_t *query_positions; /* NULL: by alignment */
    const int32_t *key_starts;      /* in place of cu_seqlens_k; NULL: none */
    const int32_t *page_table;      /* NULL also where no sequence has keys yet */
    int64_t total_q;
    int64_t total_k;
    int64_t page_count;
    int32_t batch;
    int32_t paged; /* whether page_size > 0 */
    int32_t page_table_width;
    int32_t max_seqlen_q; /* 0: not known */
    int32_t max_seqlen_k;
    fast_divisor page_size;
};

/* What a few neighbouring rows have in common of the keys that each may see: see plan/row_bounds.h. */
struct alignas(16) row_bounds {
    int32_t least_begin;
    int32_t largest_end;
    int32_t largest_begin;
    int32_t least_end;
};

/* Attention: what forward and backward have in common. */
struct gpu_problem {
    gpu_metadata metadata;
    gpu_tensor q;
    gpu_tensor k;
    gpu_tensor v;
    int64_t k_page_bytes;
    int64_t v_page_bytes;
    int32_t q_heads;
    int32_t kv_heads;
    int32_t head_dim;
    int32_t value_dim;
    fast_divisor group; /* q heads per kv head */
    fast_divisor kv_heads_divisor;
    int32_t window_left; /* VARLEN_UNBOUNDED, or what a query sees before and behind its own position */
    int32_t window_right;
    int32_t top_left; /* whether positions count from the first key */
    float multiplier; /* of a product q.k, or of what the score rule makes of it, to units of log2; > 0 */
    float unit;       /* of the same, to scores of docs/semantics.md; > 0 */
    float scale;      /* softmax_scale */
    float softcap;    /* 0: none */
    const float *alibi_slopes;
    int64_t alibi_batch_stride; /* elements */
    const float *sinks;
    uint64_t dropout_seed;
    uint64_t dropout_offset;
    const uint64_t *dropout_state; /* in place of the two above */
    float dropout_p;
    uint32_t dropout_threshold; /* words below it are dropped; 0: no dropout */
    const int32_t *key_begin;   /* [total_q]; NULL: 0 */
    const int32_t *key_end;     /* likewise; NULL: all keys */
    const row_bounds *bounds;   /* of the two; NULL: neither is given */
    const uint64_t *tree_mask;  /* [total_q]; NULL: none */
    fast_divisor chunk;         /* attention_chunk; a divisor of 0: none */
    int32_t transforms;         /* whether scores are more than products times the multiplier */
    int32_t kv_dtype;           /* of k and v where they are quantised: a varlen_dtype; 0: they are not */
    gpu_tensor k_scales;        /* a float for each row of each head; no data: all are 1 */
    gpu_tensor v_scales;
    int64_t k_scale_page_bytes;
    int64_t v_scale_page_bytes;
};

constexpr float gpu_log2e = 1.44269504f;

/* Weights of bfloat16 have a factor of 2^-15, so that sums of weighted values stay in float's range; those of float16
 * do anyway. It goes again when a row is finished. */
constexpr float gpu_weight_shift = 15.0f;

#endif
