/* From a row's softmax sums to out and lse. */
#ifndef VARLEN_CPU_RESULTS_H
#define VARLEN_CPU_RESULTS_H

#include "kernels.h"
#include "rows.h"
#include "score_rule.h"

/* A row's softmax sum with its sink: total * exp(reference). 0 keys and no sink: reference is -infinity. */
typedef struct cpu_row_total {
    double reference;
    double total;
    float factor; /* what the sums are multiplied by to give out */
} cpu_row_total;

/* maximum and sum as in cpu_partial. With a sink, the sums move to the larger of the two references first. */
static inline cpu_row_total cpu_finish_row(const cpu_inputs *inputs, int32_t head, float maximum, float sum)
{
    double reference = score_reference(&inputs->score, maximum);
    double rescale = 1.0;
    double total = sum / SCORE_ONE;
    if (inputs->sinks && inputs->sinks[head] != -INFINITY) {
        double own = reference;
        double sink = inputs->sinks[head];
        reference = fmax(own, sink);
        rescale = exp(own - reference);
        total = total * rescale + exp(sink - reference);
    }
    if (reference == -INFINITY)
        return (cpu_row_total){.reference = reference};
    float kept = 1.0f / (1.0f - inputs->attention->dropout_p);
    return (cpu_row_total){
        .reference = reference, .total = total, .factor = (float)(rescale / total) * (float)(1 / SCORE_ONE) * kept};
}

static inline float cpu_row_lse(cpu_row_total row)
{
    return row.reference == -INFINITY ? -INFINITY : score_finite((float)(row.reference + log(row.total)));
}

/* Where a tile's row belongs: its lse is stored, and its place in out and the factor to its sums are returned. */
typedef struct cpu_row_place {
    char *out;
    float factor;
} cpu_row_place;

static inline cpu_row_place cpu_place_row(const cpu_forward_tile *tile, int32_t row, float maximum, float sum)
{
    const varlen_attention *attention = tile->inputs->attention;
    int32_t group = cpu_group(attention);
    int64_t query = tile->sequence.first_query + (tile->first_row + row) / group;
    int32_t head = tile->kv_head * group + (int32_t)((tile->first_row + row) % group);
    cpu_row_total total = cpu_finish_row(tile->inputs, head, maximum, sum);
    if (tile->lse)
        tile->lse[head * attention->total_q + query] = cpu_row_lse(total);
    return (cpu_row_place){cpu_row(&tile->out, attention->dtype, query, head), total.factor};
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
    cpu_row_place place = cpu_place_row(tile, row, maximum, sum);
    for (int32_t dim = 0; dim < value_dim; dim++)
        values[dim] *= place.factor;
    row_store(place.out, values, attention->dtype, value_dim);
}

#endif
