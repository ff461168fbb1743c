/* Random contents; see fill.h. */
#include "fill.h"

#include "conformance/dtypes.h"

#include <stdlib.h>

void fill_floats(const workload *work, unsigned char *memory, int index, random_source *source)
{
    const buffer *of = &work->buffers[index];
    const varlen_dtype dtype = of->type == FLOAT16 ? VARLEN_FLOAT16 : VARLEN_FLOAT32;
    unsigned char *at = memory + of->offset;
    for (int64_t i = 0; i < of->count; i++)
        dtype_store(dtype, at + i * varlen_dtype_size(dtype), (float)(2 * random_uniform(source) - 1));
}

static int ascending(const void *a, const void *b)
{
    const int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

void fill_cu_seqlens(int32_t *cu_seqlens, int32_t batch, int64_t total, filling how, random_source *source)
{
    const int64_t end = how == FILL_PART ? total / 3 : total;
    const int32_t filled = how == FILL_PART ? batch - batch / 4 : batch; /* sequences that may have rows */
    cu_seqlens[0] = 0;
    for (int32_t b = 1; b <= batch; b++)
        cu_seqlens[b] = (int32_t)(b < filled ? random_below(source, end + 1) : end);
    qsort(cu_seqlens, (size_t)batch + 1, sizeof *cu_seqlens, ascending);
    if (how == FILL_BAD)
        cu_seqlens[batch / 2] = FAR_OUT;
}

int64_t fill_limit(int32_t b, int32_t batch, int64_t most, filling how)
{
    if (how != FILL_PART)
        return most;
    return b < batch - batch / 4 ? most / 3 : 0;
}

void fill_pages(int32_t *row, const varlen_attention *sizes, int64_t used, random_source *source)
{
    for (int32_t column = 0; column < sizes->page_table_width; column++)
        row[column] = (int64_t)column * sizes->page_size < used ? (int32_t)random_below(source, sizes->page_count) : -1;
}
