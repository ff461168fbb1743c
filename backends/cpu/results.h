/* From a row's softmax sums to out and lse. */
#ifndef VARLEN_CPU_RESULTS_H
#define VARLEN_CPU_RESULTS_H

#include "kernels.h"
#include "rows.h"

#include <math.h>

typedef struct cpu_row_result {
    float factor; /* what the sums are multiplied by to give out */
    float lse;
} cpu_row_result;

/* maximum and sum as in cpu_partial. With a sink, the sums move to the larger of the two references first. */
static inline cpu_row_result cpu_finish_row(const cpu_inputs *inputs, int32_t head, float maximum, float sum)
{
    const double ln2 = 0.69314718055994530942;
    double sink = inputs->sinks ? inputs->sinks[head] / ln2 : -INFINITY;
    double reference = fmax(maximum, sink);
    if (reference == -INFINITY)
        return (cpu_row_result){.factor = 0.0f, .lse = -INFINITY};
    double rescale = reference == maximum ? 1.0 : exp2(maximum - reference);
    double total = sum * rescale + (sink == -INFINITY ? 0.0 : exp2(sink - reference));
    float kept = 1.0f / (1.0f - inputs->attention->dropout_p);
    return (cpu_row_result){.factor = (float)(rescale / total) * kept, .lse = (float)((reference + log2(total)) * ln2)};
}

/* Stores the sums of a tile's row where the tile wants them; values[value_dim] is overwritten. */
static inline void cpu_store_row(const cpu_forward_tile *tile, int32_t row, float *values, float maximum, float sum)
{
    const varlen_attention *attention = tile->inputs->attention;
    int32_t value_dim = attention->value_dim;
    if (tile->partial.out) {
        memcpy(tile->partial.out + (int64_t)row * value_dim, values, (size_t)value_dim * sizeof *values);
        tile->partial.maximum[row] = maximum;
        tile->partial.sum[row] = sum;
        return;
    }
    int32_t group = cpu_group(attention);
    int64_t query = tile->sequence.first_query + (tile->first_row + row) / group;
    int32_t head = tile->kv_head * group + (int32_t)((tile->first_row + row) % group);
    cpu_row_result result = cpu_finish_row(tile->inputs, head, maximum, sum);
    for (int32_t dim = 0; dim < value_dim; dim++)
        values[dim] *= result.factor;
    row_store(cpu_row(&tile->out, attention->dtype, query, head), values, attention->dtype, value_dim);
    if (tile->lse)
        tile->lse[head * attention->total_q + query] = result.lse;
}

#endif
