/* What forward and backward both read: the problem, its inputs, and what follows from them once per call. */
#ifndef VARLEN_CPU_INPUTS_H
#define VARLEN_CPU_INPUTS_H

#include "outside.h"
#include "philox.h"
#include "score_rule.h"
#include "sequence.h"

#include <varlen/varlen.h>

#include <stdbool.h>

/* Of head_dim and value_dim: the bytes of each piece of a thread's scratch are counted in 32 bits where addresses are.
 */
enum { CPU_MAX_DIM = 1 << 20 };

/* Elements of a row that are handled at a time where there is no scratch, only the stack. */
enum { CPU_ROW_PIECE = 256 };

typedef struct cpu_inputs {
    const varlen_attention *attention;
    cpu_metadata metadata;
    varlen_tensor q;
    cpu_cache keys;
    cpu_cache values;
    bool values_in_keys;  /* values are the first columns of keys: a row that is read for the one serves the other */
    cpu_cache key_scales; /* of quantised keys: a float in place of each row, along strides that may be 0; no data: 1 */
    cpu_cache value_scales;
    const float *alibi_slopes;
    int64_t alibi_batch_stride;
    const float *sinks;
    score_rule score;
    philox_key dropout_key;
} cpu_inputs;

cpu_inputs cpu_inputs_of(const varlen_attention *attention, const varlen_inputs *given);

cpu_slots cpu_query_slots(const cpu_inputs *inputs);
/* Of packed keys. Where they have starts of their own there are no slots: rows between sequences lie in no order. */
cpu_slots cpu_key_slots(const cpu_inputs *inputs);

/* Query heads that share a kv head. */
static inline int32_t cpu_group(const varlen_attention *attention)
{
    return attention->q_heads / attention->kv_heads;
}

/* Element 0 of one row of one head. */
static inline char *cpu_row(const varlen_tensor *tensor, varlen_dtype dtype, int64_t row, int32_t head)
{
    int64_t element = row * tensor->token_stride + head * tensor->head_stride;
    return (char *)tensor->data + element * cpu_element_size(dtype);
}

#endif
