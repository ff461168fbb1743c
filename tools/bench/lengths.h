/* Lengths of the ragged workloads of `varlen bench`, in tokens. */
#ifndef VARLEN_TOOLS_BENCH_LENGTHS_H
#define VARLEN_TOOLS_BENCH_LENGTHS_H

#include <stdint.h>

extern const int32_t bench_lengths_mixed[40];
extern const int32_t bench_lengths_chat[50];
extern const int32_t bench_lengths_skew[64];
extern const int32_t bench_lengths_short_256[256];
extern const int32_t bench_lengths_decode[64];
extern const int32_t bench_lengths_verify[32];
extern const int32_t bench_lengths_documents[24];
extern const int32_t bench_lengths_chunks[16];
extern const int32_t bench_lengths_short_64[64];

#endif
