#include "outside.h"

#include "element_size.h"

#include <math.h>
#include <string.h>

enum { PIECE_ROWS = 256 };

static int64_t used_rows(const cpu_slots *slots, int64_t b)
{
    return slots->seqused ? slots->seqused[b] : slots->cu_seqlens[b + 1] - slots->cu_seqlens[b];
}

/* Of gaps inside slots. */
static int64_t slot_gaps(const cpu_slots *slots)
{
    return slots->leftpad ? 2 * (int64_t)slots->batch : slots->batch;
}

/* The row after the last slot. */
static int64_t slots_end(const cpu_slots *slots)
{
    return slots->batch > 0 ? slots->cu_seqlens[slots->batch] : 0;
}

cpu_row_range cpu_gap(const cpu_slots *slots, int64_t number)
{
    const int32_t *cu_seqlens = slots->cu_seqlens;
    if (number < slots->batch)
        return (cpu_row_range){cu_seqlens[number] + used_rows(slots, number), cu_seqlens[number + 1]};
    if (number < slot_gaps(slots)) {
        int64_t b = number - slots->batch;
        return (cpu_row_range){cu_seqlens[b], (int64_t)cu_seqlens[b] + slots->leftpad[b]};
    }
    int64_t begin = slots_end(slots) + (number - slot_gaps(slots)) * PIECE_ROWS;
    return (cpu_row_range){begin, begin + PIECE_ROWS < slots->total ? begin + PIECE_ROWS : slots->total};
}

int64_t cpu_gap_count(const cpu_slots *slots)
{
    return slot_gaps(slots) + (slots->total - slots_end(slots) + PIECE_ROWS - 1) / PIECE_ROWS;
}

int64_t cpu_gap_rows(const cpu_slots *slots)
{
    int64_t rows = slots->total - slots_end(slots);
    for (int32_t b = 0; slots->seqused && b < slots->batch; b++)
        rows += slots->cu_seqlens[b + 1] - slots->cu_seqlens[b] - slots->seqused[b];
    for (int32_t b = 0; slots->leftpad && b < slots->batch; b++)
        rows += slots->leftpad[b];
    return rows;
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
