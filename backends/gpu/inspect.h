/* The rules for cu_seqlens, lengths and pages, element by element: docs/semantics.md. Stages go in the order in which
 * the first violation is looked for. A stage may read no more than what is in bounds whatever earlier stages would
 * say, since all elements are inspected side by side. */
#ifndef VARLEN_GPU_INSPECT_H
#define VARLEN_GPU_INSPECT_H

#include "violation.h"

#include "numbers.h"

/* One side of a batch: queries, keys, new tokens, or packed rows. */
struct inspected_side {
    const int32_t *cu_seqlens; /* NULL: slots are rows of a page table */
    const int32_t *seqused;    /* NULL: the whole slot */
    const int32_t *leftpad;    /* NULL: none */
    int64_t total;
    int64_t paged_rows; /* rows of a slot without cu_seqlens */
    int32_t maximum;    /* rows that one sequence may have */
    int32_t maximum_is_known;
    varlen_metadata cu_seqlens_name;
    varlen_metadata seqused_name;
};

struct inspected_pages {
    const int32_t *table; /* NULL: packed */
    int32_t width;
    int32_t page_size;
    int64_t page_count;
};

GPU_DEVICE int64_t side_slot(const inspected_side &side, int32_t b)
{
    return side.cu_seqlens ? (int64_t)side.cu_seqlens[b + 1] - side.cu_seqlens[b] : side.paged_rows;
}

GPU_DEVICE int64_t side_used(const inspected_side &side, int32_t b)
{
    return side.seqused ? side.seqused[b] : side_slot(side, b);
}

GPU_DEVICE int64_t side_padding(const inspected_side &side, int32_t b)
{
    return side.leftpad ? side.leftpad[b] : 0;
}

/* Element `index` of cu_seqlens, 0 .. batch. */
GPU_DEVICE varlen_violation inspect_cu_seqlens(const inspected_side &side, int32_t index)
{
    if (!side.cu_seqlens)
        return {};
    int32_t value = side.cu_seqlens[index];
    if (index == 0)
        return value != 0 ? make_violation(VARLEN_VIOLATION_START, side.cu_seqlens_name, 0, value, 0)
                          : varlen_violation{};
    int32_t before = side.cu_seqlens[index - 1];
    if (value < before)
        return make_violation(VARLEN_VIOLATION_DECREASE, side.cu_seqlens_name, index, value, before);
    if (value > side.total)
        return make_violation(VARLEN_VIOLATION_TOTAL, side.cu_seqlens_name, index, value, side.total);
    return {};
}

/* The lengths of sequence b. */
GPU_DEVICE varlen_violation inspect_lengths(const inspected_side &side, int32_t b)
{
    int64_t slot = side_slot(side, b);
    int64_t used = side_used(side, b);
    int64_t padding = side_padding(side, b);
    if (side.seqused && used < 0)
        return make_violation(VARLEN_VIOLATION_NEGATIVE, side.seqused_name, b, used, 0);
    if (side.seqused && used > slot)
        return make_violation(VARLEN_VIOLATION_SLOT, side.seqused_name, b, used, slot);
    if (padding < 0)
        return make_violation(VARLEN_VIOLATION_NEGATIVE, VARLEN_METADATA_LEFTPAD_K, b, padding, 0);
    if (padding > used)
        return make_violation(VARLEN_VIOLATION_USED, VARLEN_METADATA_LEFTPAD_K, b, padding, used);
    if (side.maximum_is_known && used - padding > side.maximum)
        return make_violation(VARLEN_VIOLATION_MAXIMUM, side.cu_seqlens_name, b, used - padding, side.maximum);
    return {};
}

/* The first violation that this thread comes upon, in its share of all elements of a side: of cu_seqlens at `stage`, of
 * the lengths at the next one. */
template <int THREADS> GPU_DEVICE uint64_t inspect_side(const inspected_side &side, int32_t batch, int32_t stage)
{
    uint64_t first = no_violation;
#pragma unroll 4
    for (int64_t n = thread_index(); n <= batch; n += THREADS) {
        int32_t index = (int32_t)n;
        if (inspect_cu_seqlens(side, index).rule)
            first = smaller(first, violation_place(stage, index));
        if (index < batch && inspect_lengths(side, index).rule)
            first = smaller(first, violation_place(stage + 1, index));
    }
    return first;
}

/* The page in one column of a sequence's row of the table. */
GPU_DEVICE varlen_violation inspect_page(const inspected_pages &pages, int32_t b, int32_t column)
{
    int32_t page = pages.table[(int64_t)b * pages.width + column];
    if (page >= 0 && page < pages.page_count)
        return {};
    varlen_violation violation =
        make_violation(VARLEN_VIOLATION_PAGE, VARLEN_METADATA_PAGE_TABLE, b, page, pages.page_count);
    violation.column = column;
    return violation;
}

#endif
