#include "outside.h"

#include "element_size.h"

#include <math.h>
#include <string.h>

enum { PIECE_ROWS = 256 };

cpu_row_range cpu_gap(const int32_t *cu_seqlens, const int32_t *seqused, int32_t batch, int64_t total, int64_t number)
{
    if (number >= batch) {
        int64_t begin = cu_seqlens[batch] + (number - batch) * PIECE_ROWS;
        return (cpu_row_range){begin, begin + PIECE_ROWS < total ? begin + PIECE_ROWS : total};
    }
    int64_t used = seqused ? seqused[number] : cu_seqlens[number + 1] - cu_seqlens[number];
    return (cpu_row_range){cu_seqlens[number] + used, cu_seqlens[number + 1]};
}

int64_t cpu_gap_count(const int32_t *cu_seqlens, int32_t batch, int64_t total)
{
    return batch + (total - cu_seqlens[batch] + PIECE_ROWS - 1) / PIECE_ROWS;
}

int64_t cpu_gap_rows(const int32_t *cu_seqlens, const int32_t *seqused, int32_t batch, int64_t total)
{
    int64_t rows = total - cu_seqlens[batch];
    for (int32_t b = 0; seqused && b < batch; b++)
        rows += cu_seqlens[b + 1] - cu_seqlens[b] - seqused[b];
    return rows;
}

cpu_row_range cpu_piece(int64_t total, int64_t number)
{
    const int32_t none = 0;
    return cpu_gap(&none, NULL, 0, total, number);
}

int64_t cpu_piece_count(int64_t total)
{
    const int32_t none = 0;
    return cpu_gap_count(&none, 0, total);
}

void cpu_clear_rows(const varlen_tensor *tensor, varlen_dtype dtype, int32_t heads, int32_t dim, cpu_row_range rows)
{
    int64_t element = cpu_element_size(dtype);
    for (int64_t row = rows.begin; row < rows.end; row++)
        for (int32_t head = 0; head < heads; head++) {
            int64_t offset = row * tensor->token_stride + head * tensor->head_stride;
            memset((char *)tensor->data + offset * element, 0, (size_t)(dim * element));
        }
}

void cpu_clear_lse(float *lse, int32_t heads, int64_t total, cpu_row_range rows)
{
    for (int32_t head = 0; head < heads; head++)
        for (int64_t row = rows.begin; row < rows.end; row++)
            lse[head * total + row] = -INFINITY;
}
