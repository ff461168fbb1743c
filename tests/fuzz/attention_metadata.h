/* Metadata of an attention problem: made from the lengths of its sequences, spoilt, and read back by the header's
 * words. */
#ifndef VARLEN_FUZZ_ATTENTION_METADATA_H
#define VARLEN_FUZZ_ATTENTION_METADATA_H

#include "input.h"

#include <varlen/varlen.h>

enum { MOST_SEQUENCES = 8 };

typedef struct attention_sizes {
    int32_t batch;
    int32_t queries[MOST_SEQUENCES];
    int32_t keys[MOST_SEQUENCES];
} attention_sizes;

/* Gives the problem, whose page_size is set, its counts and bounds, and the inputs their arrays. */
void attention_metadata_make(fuzz_input *input, const attention_sizes *sizes, varlen_attention *attention,
                             varlen_inputs *inputs);

/* Sometimes gives queries positions, and keys starts in place of cu_seqlens_k; all else is placed. Forward, sequences
 * may then share keys. */
void attention_positions_make(fuzz_input *input, varlen_pass pass, const varlen_attention *attention,
                              varlen_inputs *inputs);

/* Gives an element of one of the arrays a wrong value. */
void attention_metadata_spoil(fuzz_input *input, const varlen_attention *attention, const varlen_inputs *inputs);

/* Arrays of ints in the arena. */
int32_t *metadata_take(const char *name, int64_t count);
void metadata_spoil(fuzz_input *input, const int32_t *array, int64_t count);

#endif
