/* Rows of the caller's tensors, as the products want them: turned into float, or bfloat16 as it is, in pairs. */
#ifndef VARLEN_CPU_LOAD_H
#define VARLEN_CPU_LOAD_H

#include "kernels/columns.h"
#include "kernels/pairs.h"
#include "kernels/transpose.h"
#include "rows.h"

/* Floats from a loaded row to the next: whole vectors, and a cache line more, so that rows do not fall into the same
 * cache sets. */
static inline int64_t load_stride(int32_t dim)
{
    const int32_t cache_line = 16;
    return (dim + cache_line - 1) / cache_line * cache_line + cache_line;
}

/* bfloat16 is multiplied as it is where the instruction set does that; all else as floats. */
static inline panel_elements panel_elements_of(const varlen_attention *attention)
{
    return PANEL_HAS_PAIRS && attention->dtype == VARLEN_BFLOAT16 ? PANEL_PAIRS : PANEL_FLOATS;
}

/* rows[key - begin][dim] for keys begin .. end - 1. */
static inline void load_keys(float *rows, int64_t stride, const cpu_key_rows *source, varlen_dtype dtype, int32_t dim,
                             int32_t begin, int32_t end)
{
    for (int32_t key = begin; key < end; key++)
        row_load(rows + (key - begin) * stride, cpu_key_row(source, key), dtype, dim);
}

/* The same as they lie in memory: rows of bfloat16 are rows of pairs along dim. */
static inline void load_key_pairs(float *rows, int64_t stride, const cpu_key_rows *source, int32_t dim, int32_t begin,
                                  int32_t end)
{
    for (int32_t key = begin; key < end; key++)
        row_copy(rows + (key - begin) * stride, cpu_key_row(source, key), dim * (int64_t)sizeof(uint16_t));
}

/* Pairs of neighbouring keys: rows[(key - begin) / 2][dim]. */
static inline void load_neighbour_pairs(float *rows, int64_t stride, const cpu_key_rows *source, int32_t dim,
                                        int32_t begin, int32_t end)
{
    for (int32_t key = begin; key < end; key += 2)
        pairs_interleave(rows + (key - begin) / 2 * stride, cpu_key_row(source, key),
                         key + 1 < end ? cpu_key_row(source, key + 1) : NULL, dim);
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

/* The same for PANEL_PAIRS: pairs along dim, panel[dim / 2][column], and rows as they lie in memory. */
static inline void load_query_pairs(float *panel, float *rows, int64_t stride, const varlen_tensor *tensor, int32_t dim,
                                    const cpu_sequence *sequence, const panel_columns *columns)
{
    int32_t width = columns->vectors * LANES;
    int64_t bytes = dim * (int64_t)sizeof(uint16_t);
    for (int32_t column = 0; column < columns->count; column++)
        row_copy(rows + column * stride, load_address(tensor, VARLEN_BFLOAT16, sequence, columns, column), bytes);
    for (int32_t column = columns->count; column < width; column++)
        memset(rows + column * stride, 0, (size_t)bytes);
    transpose(panel, PANEL, rows, stride, width, dim / 2);
}

#endif
