/* The rules for cu_seqlens, lengths and pages, element by element: docs/semantics.md. Stages go in the order in which
 * the first violation is looked for. A stage may read no more than what is in bounds whatever earlier stages would
 * say, since all elements are inspected side by side. */
#ifndef VARLEN_GPU_INSPECT_H
#define VARLEN_GPU_INSPECT_H

#include "call/violation.h"

#include "call/numbers.h"

/* One side of a batch: queries, keys, new tokens, or packed rows. */
struct inspected_side {
    const int32_t *cu_seqlens; /* NULL: slots are rows of a page table, or begin at */
    const int32_t *starts;     /* these, and end with the rows */
    const int32_t *seqused;    /* NULL: the whole slot */
    const int32_t *leftpad;    /* NULL: none */
    int64_t total;
    int64_t paged_rows; /* rows of a slot without cu_seqlens */
    int32_t page_table_width;
    int32_t maximum; /* rows that one sequence may have */
    int32_t maximum_is_known;
    varlen_metadata cu_seqlens_name;
    varlen_metadata seqused_name;
    varlen_metadata leftpad_name;
};

struct inspected_pages {
    const int32_t *table;
    int32_t width;
    int32_t page_size;
    int64_t page_count;
};

GPU_DEVICE int64_t side_slot(const inspected_side &side, int32_t b)
{
    if (side.starts)
        return side.total - side.starts[b];
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

/* What the rules for element `index` of cu_seqlens, 0 .. batch, and for the sequence that ends there are about: read as
 * a whole before any rule is looked at, so that threads can have several reads under way. */
struct inspected_element {
    int32_t index;
    int32_t value;  /* of cu_seqlens */
    int32_t before; /* the element before it, or where the sequence's slot starts without */
    int32_t used;
    int32_t padding;
};

GPU_DEVICE inspected_element side_element(const inspected_side &side, int32_t index)
{
    inspected_element element = {index, 0, 0, 0, 0};
    if (side.cu_seqlens)
        element.value = side.cu_seqlens[index];
    if (side.cu_seqlens && index > 0)
        element.before = side.cu_seqlens[index - 1];
    if (side.starts && index > 0)
        element.before = side.starts[index - 1];
    if (side.seqused && index > 0)
        element.used = side.seqused[index - 1];
    if (side.leftpad && index > 0)
        element.padding = side.leftpad[index - 1];
    return element;
}

GPU_DEVICE varlen_violation inspect_cu_seqlens(const inspected_side &side, const inspected_element &element)
{
    if (!side.cu_seqlens)
        return {};
    if (element.index == 0 && element.value != 0)
        return make_violation(VARLEN_VIOLATION_START, side.cu_seqlens_name, 0, element.value, 0);
    if (element.value < element.before)
        return make_violation(VARLEN_VIOLATION_DECREASE, side.cu_seqlens_name, element.index, element.value,
                              element.before);
    if (element.value > side.total && element.index > 0)
        return make_violation(VARLEN_VIOLATION_TOTAL, side.cu_seqlens_name, element.index, element.value, side.total);
    return {};
}

/* More rows than the slot has. */
GPU_DEVICE varlen_violation slot_violation(const inspected_side &side, varlen_violation_rule packed_rule,
                                           varlen_violation_rule paged_rule, int32_t b, int64_t value, int64_t slot)
{
    varlen_violation violation =
        make_violation(side.cu_seqlens || side.starts ? packed_rule : paged_rule, side.seqused_name, b, value, slot);
    violation.column = side.page_table_width;
    return violation;
}

GPU_DEVICE int64_t slot_of_element(const inspected_side &side, const inspected_element &element)
{
    if (side.starts)
        return side.total - element.before;
    return side.cu_seqlens ? (int64_t)element.value - element.before : side.paged_rows;
}

GPU_DEVICE varlen_violation inspect_lengths(const inspected_side &side, const inspected_element &element)
{
    const int32_t b = element.index - 1;
    const int64_t slot = slot_of_element(side, element);
    const int64_t used = side.seqused ? element.used : slot;
    if (b < 0)
        return {};
    if (side.starts && element.before < 0)
        return make_violation(VARLEN_VIOLATION_NEGATIVE, VARLEN_METADATA_KEY_STARTS, b, element.before, 0);
    if (side.starts && element.before > side.total)
        return make_violation(VARLEN_VIOLATION_TOTAL, VARLEN_METADATA_KEY_STARTS, b, element.before, side.total);
    if (side.seqused && used < 0)
        return make_violation(VARLEN_VIOLATION_NEGATIVE, side.seqused_name, b, used, 0);
    if (side.seqused && used > slot)
        return slot_violation(side, VARLEN_VIOLATION_SLOT, VARLEN_VIOLATION_PAGED_SLOT, b, used, slot);
    if (element.padding < 0)
        return make_violation(VARLEN_VIOLATION_NEGATIVE, side.leftpad_name, b, element.padding, 0);
    if (element.padding > used)
        return make_violation(VARLEN_VIOLATION_USED, side.leftpad_name, b, element.padding, used);
    if (side.maximum_is_known && used - element.padding > side.maximum)
        return make_violation(VARLEN_VIOLATION_MAXIMUM, side.cu_seqlens_name, b, used - element.padding, side.maximum);
    return {};
}

/* Element `index` of cu_seqlens, 0 .. batch. */
GPU_DEVICE varlen_violation inspect_cu_seqlens(const inspected_side &side, int32_t index)
{
    return inspect_cu_seqlens(side, side_element(side, index));
}

/* The lengths of sequence b. */
GPU_DEVICE varlen_violation inspect_lengths(const inspected_side &side, int32_t b)
{
    return inspect_lengths(side, side_element(side, b + 1));
}

/* Keeps the place of the first violation that a thread comes upon. */
GPU_DEVICE void note_violation(uint64_t &first, const varlen_violation &violation, int32_t stage, int32_t index)
{
    if (violation.rule)
        first = smaller(first, violation_place(stage, index));
}

/* All rules for an element: of cu_seqlens at `stage`, of the lengths at the next one. */
GPU_DEVICE void inspect_element(uint64_t &first, const inspected_side &side, const inspected_element &element,
                                int32_t stage)
{
    note_violation(first, inspect_cu_seqlens(side, element), stage, element.index);
    note_violation(first, inspect_lengths(side, element), stage + 1, element.index - 1);
}

/* The first violation that this thread comes upon, in its share of all elements of a side. */
template <int THREADS> GPU_DEVICE uint64_t inspect_side(const inspected_side &side, int32_t batch, int32_t stage)
{
    constexpr int at_once = 4;
    uint64_t first = no_violation;
    for (int64_t n = thread_index(); n <= batch; n += at_once * THREADS) {
        inspected_element elements[at_once]; /* the last one again where there are no more */
#pragma unroll
        for (int i = 0; i < at_once; i++)
            elements[i] = side_element(side, (int32_t)smaller(n + i * THREADS, (int64_t)batch));
#pragma unroll
        for (int i = 0; i < at_once; i++)
            inspect_element(first, side, elements[i], stage);
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
