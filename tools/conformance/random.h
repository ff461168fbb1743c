/* The numbers of a case: a function of its name alone, the same on every machine. */
#ifndef VARLEN_TESTS_RANDOM_H
#define VARLEN_TESTS_RANDOM_H

#include <stdint.h>

typedef struct random_source {
    uint64_t state;
} random_source;

/* FNV-1a, 64 bits. */
uint64_t random_seed_of(const char *name);

uint64_t random_bits(random_source *source);
int64_t random_below(random_source *source, int64_t bound); /* 0 .. bound - 1 */
double random_uniform(random_source *source);               /* 0 <= x < 1 */
double random_normal(random_source *source);                /* mean 0, variance 1, -2 sqrt(3) < x < 2 sqrt(3) */

#endif
