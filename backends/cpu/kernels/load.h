/* Rows of the caller's tensors, as the products want them: turned into float, or bfloat16 as it is, in pairs. */
#ifndef VARLEN_CPU_LOAD_H
#define VARLEN_CPU_LOAD_H

#include "kernels/columns.h"
#include "kernels/pairs.h"
#include "kernels/pairs_transpose.h"
#include "kernels/quantized.h"
#include "kernels/transpose.h"
#include "rows.h"

/* Floats from a loaded row to the next: whole vectors, and a cache line more, so that rows do not fall into the same
 * cache sets. */
static inline int64_t load_stride(int32_t dim)
{
    const int32_t cache_line = 16;
    return panel_round_up(dim, cache_line) + cache_line;
}

/* bfloat16 is multiplied as it is where the instruction set does that; all else as floats, which the kernels of another
 * set do in place of those for AMX. */
static inline panel_elements panel_elements_of(const varlen_attention *attention)
{
    return PANEL_ON_AMX || (PANEL_HAS_PAIRS && attention->dtype == VARLEN_BFLOAT16) ? PANEL_PAIRS : PANEL_FLOATS;
}

/* Pairs in a row of bfloat16, with the zeros that fill it up. */
static inline int32_t load_pairs_of(int32_t dim)
{
    return panel_round_up(dim / 2, PANEL_STEPS);
}

/* A row of bfloat16 as it lies in memory, or of quantised numbers as bfloat16, filled up with zeros; NULL: zeros alone.
 */
static inline void load_row_of_pairs(float *row, const void *source, varlen_dtype dtype, int32_t dim)
{
    size_t bytes = source ? (size_t)dim * sizeof(uint16_t) : 0;
    if (source && cpu_is_quantized(dtype))
        quantized_to_pairs(row, source, dtype, dim);
    else if (source)
        row_copy(row, source, (int64_t)bytes);
    memset((char *)row + bytes, 0, (size_t)load_pairs_of(dim) * sizeof *row - bytes);
}

/* A row as floats, quantised ones without their scale. */
static inline void load_row_of_floats(float *row, const void *source, varlen_dtype dtype, int32_t dim)
{
    if (cpu_is_quantized(dtype))
        quantized_to_floats(row, source, dtype, dim);
    else
        row_load(row, source, dtype, dim);
}

/* rows[key - begin][dim] for keys begin .. end - 1. */
static inline void load_keys(float *rows, int64_t stride, const cpu_key_rows *source, varlen_dtype dtype, int32_t dim,
                             int32_t begin, int32_t end)
{
    for (int32_t key = begin; key < end; key++)
        load_row_of_floats(rows + (key - begin) * stride, cpu_key_row(source, key), dtype, dim);
}

/* Scales of rows begin .. end - 1, with zeros up to the end of a vector; NULL if all are 1. */
static inline const float *load_scales(float *scales, const cpu_cache *cache, int32_t head,
                                       const cpu_sequence *sequence, int32_t begin, int32_t end)
{
    if (!cache->tensor.data)
        return NULL;
    const cpu_key_rows rows = cpu_key_rows_of(cache, head, sequence);
    const int shared = rows.row_bytes == 0 && rows.page_bytes == 0;
    for (int32_t key = begin; key < end; key++)
        scales[key - begin] = *(const float *)(shared ? rows.data : cpu_key_row(&rows, key));
    for (int32_t i = end - begin; i % LANES != 0; i++)
        scales[i] = 0.0f;
    return scales;
}

/* The same as they lie in memory: rows of bfloat16 are rows of pairs along dim. */
static inline void load_key_pairs(float *rows, int64_t stride, const cpu_key_rows *source, int32_t dim, int32_t begin,
                                  int32_t end)
{
    for (int32_t key = begin; key < end; key++)
        load_row_of_pairs(rows + (key - begin) * stride, cpu_key_row(source, key), source->dtype, dim);
}

/* Keys or values as the left matrix whose rows are dims and whose steps are `keys` keys: as they are loaded, or as
 * pairs of neighbouring keys. The matrix unit wants the steps of a row side by side. */
static inline size_t load_transposed_bytes(int32_t dim, int32_t keys)
{
    int64_t floats = PANEL_ON_AMX ? load_stride(keys / 2) * panel_round_up(dim, PANEL_STEPS) : load_stride(dim) * keys;
    return (size_t)floats * sizeof(float);
}

/* That matrix from key number `first` on, which is the first of its pair and, on AMX, of its 2 * PANEL_STEPS keys. */
static inline panel_left load_transposed(const float *data, int32_t dim, int32_t keys, int32_t first,
                                         panel_elements elements)
{
    if (PANEL_ON_AMX)
        return (panel_left){data + first / 2, load_stride(keys / 2), 1};
    int64_t stride = load_stride(dim);
    return (panel_left){data + (elements == PANEL_PAIRS ? first / 2 : first) * stride, 1, stride};
}

/* A row of bfloat16 where it lies, a quantised one as bfloat16 in `copy`. */
static inline const uint16_t *load_halves(float *copy, const cpu_key_rows *source, int32_t key, int32_t dim)
{
    const void *row = cpu_key_row(source, key);
    if (!cpu_is_quantized(source->dtype))
        return row;
    quantized_to_pairs(copy, row, source->dtype, dim);
    return (const void *)copy;
}

/* Pairs of neighbouring keys: rows[(key - begin) / 2][dim]. */
static inline void load_neighbours(float *rows, float *copies, const cpu_key_rows *source, int32_t dim, int32_t begin,
                                   int32_t end)
{
    const int64_t stride = load_stride(dim);
    for (int32_t key = begin; key < end; key += 2) {
        const uint16_t *second = key + 1 < end ? load_halves(copies + stride, source, key + 1, dim) : NULL;
        pairs_interleave(rows + (key - begin) / 2 * stride, load_halves(copies, source, key, dim), second, dim);
    }
}

/* Rows of load_stride(dim) that load_transposed_pairs overwrites. */
enum { LOAD_COPIES = PANEL_ON_AMX ? 2 * PANEL_STEPS + 1 : 2 };

/* Loads a load_transposed matrix of pairs. On AMX it is filled up with zeros to a multiple of PANEL_STEPS pairs, and
 * `row` is overwritten; of quantised keys, LOAD_COPIES such rows everywhere. */
static inline void load_transposed_pairs(float *data, float *row, const cpu_key_rows *source, int32_t dim, int32_t keys,
                                         int32_t begin, int32_t end)
{
#if defined(CPU_AMX)
    float *copies = row + load_stride(dim);
    load_row_of_pairs(row, NULL, VARLEN_BFLOAT16, dim);
    for (int32_t key = begin; key < end; key += 2 * PANEL_STEPS) {
        const uint16_t *rows[2 * PANEL_STEPS];
        for (int32_t i = 0; i < 2 * PANEL_STEPS; i++)
            rows[i] =
                key + i < end ? load_halves(copies + i * load_stride(dim), source, key + i, dim) : (const void *)row;
        pairs_transpose(data + (key - begin) / 2, load_stride(keys / 2), rows, dim);
    }
#else
    (void)keys;
    load_neighbours(data, row, source, dim, begin, end);
#endif
}

/* The row of q, out or their gradients that a column stands for. */
static inline char *load_address(const varlen_tensor *tensor, varlen_dtype dtype, const cpu_sequence *sequence,
                                 const panel_columns *columns, int32_t column)
{
    return cpu_row(tensor, dtype, sequence->first_query + columns->query[column], columns->head[column]);
}

/* rows[column][dim] for the columns of a panel, 0 past the last one, and the same transposed: panel[dim][column]. */
static inline void load_queries(float *panel, float *rows, int64_t stride, const varlen_tensor *tensor,
                                const varlen_attention *attention, int32_t dim, const cpu_sequence *sequence,
                                const panel_columns *columns)
{
    int32_t width = columns->vectors * LANES;
    for (int32_t column = 0; column < columns->count; column++)
        row_load(rows + column * stride, load_address(tensor, attention->dtype, sequence, columns, column),
                 attention->dtype, dim);
    for (int32_t column = columns->count; column < width; column++)
        memset(rows + column * stride, 0, (size_t)dim * sizeof *rows);
    transpose(panel, PANEL, rows, stride, width, dim);
}

/* Pairs of neighbouring rows of bfloat16, pairs[row / 2][dim], from rows as load_query_pairs left them. */
static inline void load_row_pairs(float *pairs, const float *rows, int64_t stride, int32_t count, int32_t dim)
{
    for (int32_t row = 0; row < count; row += 2)
        pairs_interleave(pairs + row / 2 * stride, (const uint16_t *)(rows + row * stride),
                         (const uint16_t *)(rows + (row + 1) * stride), dim);
}

/* Columns of a panel with the zeros that fill it up to a multiple of PANEL_STEPS pairs. */
static inline int32_t load_width(const panel_columns *columns)
{
    return panel_round_up(columns->vectors * LANES, 2 * PANEL_STEPS);
}

/* The same for PANEL_PAIRS: pairs along dim, panel[dim / 2][column], and rows as they lie in memory. */
static inline void load_query_pairs(float *panel, float *rows, int64_t stride, const varlen_tensor *tensor, int32_t dim,
                                    const cpu_sequence *sequence, const panel_columns *columns)
{
    int32_t width = load_width(columns);
    for (int32_t column = 0; column < width; column++)
        load_row_of_pairs(rows + column * stride,
                          column < columns->count ? load_address(tensor, VARLEN_BFLOAT16, sequence, columns, column)
                                                  : NULL,
                          VARLEN_BFLOAT16, dim);
    transpose(panel, PANEL, rows, stride, width, load_pairs_of(dim));
}

#endif
