#include "splits.h"

#include "../workspace_size.h"
#include "results.h"

#include <stdbool.h>

_Static_assert(SPLIT_KEYS % CPU_KEY_BLOCK == 0, "parts begin at blocks of keys");

int32_t cpu_split_keys(int32_t group, int32_t queries, int32_t keys)
{
    const bool few = (int64_t)queries * group <= SPLIT_ROWS || queries <= SPLIT_QUERIES;
    if (!few || keys <= SPLIT_KEYS)
        return keys;
    int32_t blocks = (keys - 1) / CPU_KEY_BLOCK + 1;
    int32_t part = ((blocks - 1) / SPLIT_PARTS + 1) * CPU_KEY_BLOCK;
    return part < SPLIT_KEYS ? SPLIT_KEYS : part;
}

int32_t cpu_split_parts(int32_t group, int32_t queries, int32_t keys)
{
    int32_t part = cpu_split_keys(group, queries, keys);
    return keys <= part ? 1 : (keys - 1) / part + 1;
}

size_t cpu_partial_bytes(const varlen_attention *attention, size_t rows)
{
    return size_product(rows, ((size_t)attention->value_dim + 2) * sizeof(float));
}

cpu_partial cpu_partial_at(char *memory, const varlen_attention *attention, size_t rows, int64_t first)
{
    float *out = (float *)memory;
    float *maximum = out + rows * (size_t)attention->value_dim;
    float *sum = maximum + rows;
    return (cpu_partial){out + first * attention->value_dim, maximum + first, sum + first};
}

static void combine_row(const cpu_forward_tile *tile, const cpu_partial *first, int32_t parts, int32_t row, float *out)
{
    int32_t value_dim = tile->inputs->attention->value_dim;
    memset(out, 0, (size_t)value_dim * sizeof *out);
    float maximum = -INFINITY;
    float sum = 0.0f;
    for (int32_t part = 0; part < parts; part++)
        maximum = fmaxf(maximum, first->maximum[part * tile->rows + row]);
    for (int32_t part = 0; part < parts && maximum > -INFINITY; part++) {
        int64_t index = (int64_t)part * tile->rows + row;
        float weight = score_ratio(&tile->inputs->score, first->maximum[index], maximum);
        sum += weight * first->sum[index];
        row_add(out, weight, first->out + index * value_dim, value_dim);
    }
    cpu_store_row(tile, row, out, maximum, sum);
}

void cpu_combine(const cpu_forward_tile *tile, const cpu_partial *first, int32_t parts, int32_t share, float *scratch)
{
    const int32_t end = (int32_t)((int64_t)tile->rows * (share + 1) / parts);
    for (int32_t row = (int32_t)((int64_t)tile->rows * share / parts); row < end; row++)
        combine_row(tile, first, parts, row, scratch);
}
