/* Random contents of the buffers of a workload. */
#ifndef VARLEN_TESTS_GPU_FILL_H
#define VARLEN_TESTS_GPU_FILL_H

#include "workload.h"

/* Numbers from -1 to 1 in all of a buffer. */
void fill_floats(const workload *work, unsigned char *memory, int index, random_source *source);

/* What the one bad element of a batch is, or its negative. */
enum { FAR_OUT = 1 << 29 };

/* cu_seqlens of `batch` sequences in `total` rows. */
void fill_cu_seqlens(int32_t *cu_seqlens, int32_t batch, int64_t total, filling how, random_source *source);

/* The most rows that sequence b may have, of `most`: fewer, and none at the end, in a part of a batch. */
int64_t fill_limit(int32_t b, int32_t batch, int64_t most, filling how);

/* One row of a page table: pages for the first `used` rows of the slot, and behind them no page's number. */
void fill_pages(int32_t *row, const varlen_attention *sizes, int64_t used, random_source *source);

#endif
