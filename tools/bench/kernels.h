/* The loops that measure a processor's arithmetic and memory: as fast as its instructions allow, and nothing else. */
#ifndef VARLEN_TOOLS_BENCH_KERNELS_H
#define VARLEN_TOOLS_BENCH_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Works `rounds` times on values that do not grow. *sink is read and written, so that the work has to be done. */
typedef void (*bench_arithmetic_loop)(int64_t rounds, float *sink);

typedef struct bench_arithmetic {
    const char *instructions; /* "AVX-512" */
    double flops_per_round;
    bench_arithmetic_loop run;
} bench_arithmetic;

/* The widest that this processor and its operating system have. */
bench_arithmetic bench_float32_arithmetic(void);
bench_arithmetic bench_bfloat16_arithmetic(void); /* run = NULL: no dot product */

/* Reads `size` bytes, a multiple of 1024 at an address that is one of 64; what it returns depends on all of them. */
uint64_t bench_read(const void *data, size_t size);

#endif
