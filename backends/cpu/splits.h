/* Split keys: sequences of few queries have their keys cut into parts that are computed side by side and combined.
 * The cut depends on the sequence's own length alone, so that a result does not depend on the batch or the threads. */
#ifndef VARLEN_CPU_SPLITS_H
#define VARLEN_CPU_SPLITS_H

#include "kernels.h"

/* Changes speed, and results in their last bits. */
enum {
    SPLIT_ROWS = 32,   /* query rows under one kv head up to which keys are split */
    SPLIT_QUERIES = 4, /* and queries, whatever heads share the kv head */
    SPLIT_KEYS = 1024, /* the least keys in a part, a multiple of CPU_KEY_BLOCK */
    SPLIT_PARTS = 32,  /* the most parts of a sequence */
};

/* Keys per part; all keys where they are not split. */
int32_t cpu_split_keys(int32_t group, int32_t queries, int32_t keys);

/* Parts of a sequence, >= 1. */
int32_t cpu_split_parts(int32_t group, int32_t queries, int32_t keys);

/* Bytes of so many partial rows, and the partial results that begin with row `first` of them. */
size_t cpu_partial_bytes(const varlen_attention *attention, size_t rows);
cpu_partial cpu_partial_at(char *memory, const varlen_attention *attention, size_t rows, int64_t first);

/* Combines the partial results of a share of a tile's rows, of as many shares as there are parts, and stores them: the
 * tile is that of some part but for `partial`, which has no out. Scratch is value_dim floats. */
void cpu_combine(const cpu_forward_tile *tile, const cpu_partial *first, int32_t parts, int32_t share, float *scratch);

#endif
