/* What the instruction-set-specific part of the backend offers to the rest: one table per instruction set. */
#ifndef VARLEN_CPU_KERNELS_H
#define VARLEN_CPU_KERNELS_H

#include "inputs.h"
#include "span.h"

#include <stdatomic.h>

/* Keys per step of the online softmax, unless a set has its own number (tiles.h). Changes speed, and results in their
 * last bits. */
enum { CPU_KEY_BLOCK = 64 };

/* Softmax sums of rows over a part of their keys, to be combined with those of the other parts. */
typedef struct cpu_partial {
    float *out;     /* [rows][value_dim]: sum of weight * value; see score_rule.h */
    float *maximum; /* [rows]: the largest score; -infinity if no key is visible */
    float *sum;     /* [rows]: sum of weights */
} cpu_partial;

/* Query rows of one kv head. All query heads of its group stand side by side, so that keys and values are read once for
 * all of them: row r is query r / group of the sequence, head r % group of the group. */
typedef struct cpu_forward_tile {
    const cpu_inputs *inputs;
    varlen_tensor out;
    float *lse;          /* NULL: not wanted */
    cpu_partial partial; /* where results go in place of out and lse if the keys are split; else out is NULL */
    cpu_sequence sequence;
    cpu_span keys; /* of the sequence; begin is a multiple of CPU_KEY_BLOCK */
    int32_t kv_head;
    int32_t rows; /* at most forward_rows */
    int64_t first_row;
    const struct cpu_forward_tile *next; /* what the thread will probably take after it; NULL if nothing */
} cpu_forward_tile;

/* What backward reads and writes besides the inputs. */
typedef struct cpu_gradients {
    varlen_tensor dout;
    varlen_tensor dq;
    varlen_tensor dk;
    varlen_tensor dv;
    const float *lse;   /* [q_heads, total_q] */
    const float *delta; /* [q_heads, total_q]: dot(dout, out) - dlse */
} cpu_gradients;

/* Keys number * backward_keys and following of one kv head, against all the query rows that see them.
 *
 * dq sums over tiles. For the same bits with any number of threads, tiles add to a panel of query rows in order of
 * their number: each waits until the tiles before it have added theirs. Tiles of a sequence and kv head must therefore
 * be started in order. */
typedef struct cpu_backward_tile {
    const cpu_inputs *inputs;
    const cpu_gradients *gradients;
    cpu_sequence sequence;
    int32_t kv_head;
    int32_t number;
    /* Of this sequence and kv head, where it has more keys than one tile; a panel that one tile adds to needs none. */
    float *dq_panels;          /* [panels][cpu_dq_panel_floats]: sums */
    _Atomic int32_t *dq_tiles; /* [panels]: how many tiles have been added, 0 at first */
    const cpu_span *seen;      /* [panels]: keys that each one sees, where rows have ranges of their own; else NULL */
} cpu_backward_tile;

/* A panel of dq is [head_dim][panel_rows], with rows up to a multiple of 16 that the products may write. */
static inline size_t cpu_dq_panel_floats(const varlen_attention *attention, int32_t panel_rows)
{
    return (size_t)((attention->head_dim + 15) / 16 * 16) * (size_t)panel_rows;
}

/* Sizes of scratch are bytes per thread, multiples of 64; scratch is aligned to 64 bytes. */
typedef struct cpu_kernels {
    const char *name; /* of the instruction set, as in VARLEN_CPU_ISA */
    /* The set to use for float32 and float16 if this one is for bfloat16 alone; else NULL. */
    const struct cpu_kernels *floats;
    int32_t panel_rows;    /* query rows per panel of dq */
    int32_t forward_rows;  /* query rows per forward tile */
    int32_t decode_rows;   /* sequences of at most so many query rows are decoded */
    int32_t backward_keys; /* keys per backward tile */
    size_t (*forward_scratch_bytes)(const varlen_attention *attention);
    void (*forward)(const cpu_forward_tile *tile, void *scratch);
    size_t (*decode_scratch_bytes)(const varlen_attention *attention);
    void (*decode)(const cpu_forward_tile *tile, void *scratch);
    size_t (*backward_scratch_bytes)(const varlen_attention *attention);
    void (*backward)(const cpu_backward_tile *tile, void *scratch);
} cpu_kernels;

#endif
