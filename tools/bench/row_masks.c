/* What the rows of a workload see: see bench/row_masks.h. */
#include "bench/row_masks.h"

#include <varlen/varlen.h>

enum { IMAGE_PERIOD = 1024, IMAGE = 256, BLOCK = 32, BAND = 512 };

bool bench_rows_have_begin(bench_rows rows)
{
    return rows == BENCH_ROWS_BAND;
}

bool bench_rows_have_end(bench_rows rows)
{
    return rows != BENCH_ROWS_ALIKE && rows != BENCH_ROWS_TREE;
}

uint64_t bench_row_features(bench_rows rows)
{
    if (rows == BENCH_ROWS_TREE)
        return VARLEN_FEATURE_TREE_MASK;
    return bench_rows_have_end(rows) ? VARLEN_FEATURE_KEY_RANGES : 0;
}

static int32_t position_of(const bench_row *row)
{
    return row->query + row->keys - row->queries;
}

int32_t bench_row_begin(bench_rows rows, const bench_row *row)
{
    const int32_t first = position_of(row) + 1 - BAND;
    return rows == BENCH_ROWS_BAND && first > 0 ? first : 0;
}

int32_t bench_row_end(bench_rows rows, const bench_row *row)
{
    const int32_t p = position_of(row);
    int32_t end = p + 1;
    if (rows == BENCH_ROWS_PREFIX && end < row->keys / 4)
        end = row->keys / 4;
    if (rows == BENCH_ROWS_IMAGES && p % IMAGE_PERIOD < IMAGE)
        end = p - p % IMAGE_PERIOD + IMAGE;
    if (rows == BENCH_ROWS_BLOCKS)
        end = p - p % BLOCK + BLOCK;
    return end < row->keys ? end : row->keys;
}

uint64_t bench_row_tree(const bench_row *row)
{
    uint64_t word = 1;
    for (int32_t draft = row->query < 64 ? row->query : 0; draft > 0; draft = (draft - 1) / 2)
        word |= (uint64_t)1 << draft;
    return word;
}
