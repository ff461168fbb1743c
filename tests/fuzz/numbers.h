/* Tame numbers for tensors: their products stay far from every limit, so that results can be held against the oracle.
 */
#ifndef VARLEN_FUZZ_NUMBERS_H
#define VARLEN_FUZZ_NUMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <varlen/varlen.h>

/* Fills the newest block of the arena with numbers of mean 0 and a deviation of 1, 2 where they are quantised: the next
 * ones since the seed was set. */
void numbers_seed(uint32_t seed);
void numbers_fill_newest(varlen_dtype dtype);

/* One of a few numbers, -2 .. 2. */
float number_of(uint8_t choice);

#endif
