/* What the steps of a forward tile work on, and the scratch that they share. */
#ifndef VARLEN_CPU_FORWARD_WORK_H
#define VARLEN_CPU_FORWARD_WORK_H

#include "kernels/columns.h"
#include "kernels/dropout.h"
#include "kernels/load.h"
#include "kernels/softmax.h"
#include "kernels/tiles.h"
#include "scratch.h"

_Static_assert((int)FORWARD_KEYS % (int)PANEL_ROW_STEP == 0, "products round rows up to PANEL_ROW_STEP");
_Static_assert(FORWARD_KEYS % 4 == 0, "dropout draws words for four keys at a time");
_Static_assert((int)LOAD_COPIES <= (int)PANEL, "copies of quantised values are made in the scratch's rows");

/* The scratch of one thread. */
typedef struct forward_scratch {
    panel_columns *columns; /* [FORWARD_PANELS] */
    float *queries;         /* [FORWARD_PANELS][query_rows][PANEL] */
    float *outputs;         /* [FORWARD_PANELS][output_rows][PANEL] */
    float *scores;          /* [FORWARD_KEYS][PANEL]; on AMX [2][FORWARD_SCORES][PANEL] */
    float *weights;         /* on AMX [2][FORWARD_KEYS / 2][PANEL]; otherwise scores become weights in place */
    float *keys;            /* [FORWARD_KEYS][key_stride] */
    float *values;          /* as load_transposed wants them; floats that lie in keys are not loaded again */
    float *rows;            /* [PANEL][key_stride or value_stride] */
    float *key_scales;      /* [FORWARD_KEYS] */
    float *value_scales;    /* likewise */
    int32_t query_rows;     /* head_dim and value_dim, rounded up for the products */
    int32_t output_rows;
    int32_t value_row; /* dims of a loaded row of values */
    int64_t key_stride;
    int64_t value_stride;
} forward_scratch;

static inline forward_scratch forward_take_scratch(scratch_cursor *cursor, const varlen_attention *attention)
{
    const size_t panel = PANEL * sizeof(float);
    size_t query_rows = (size_t)panel_round_up(attention->head_dim, PANEL_STEPS);
    size_t output_rows = (size_t)panel_round_up(attention->value_dim, PANEL_STEPS);
    size_t key_stride = (size_t)load_stride(attention->head_dim);
    size_t value_stride = (size_t)load_stride(attention->value_dim);
    const size_t scores = PANEL_ON_AMX ? 2 * FORWARD_SCORES : FORWARD_KEYS;
    const size_t weights = PANEL_ON_AMX ? FORWARD_KEYS : 0;
    return (forward_scratch){
        .columns = scratch_take(cursor, FORWARD_PANELS * sizeof(panel_columns)),
        .queries = scratch_take(cursor, FORWARD_PANELS * query_rows * panel),
        .outputs = scratch_take(cursor, FORWARD_PANELS * output_rows * panel),
        /* With half a row between them, loads of scores do not wait for stores of weights: processors compare addresses
         * by their lower 12 bits first. */
        .scores = scratch_take(cursor, scores * panel + panel / 2),
        .weights = scratch_take(cursor, weights * panel),
        .keys = scratch_take(cursor, FORWARD_KEYS * key_stride * sizeof(float)),
        .values = scratch_take(cursor, load_transposed_bytes(attention->value_dim, FORWARD_KEYS)),
        .rows = scratch_take(cursor, PANEL * (key_stride > value_stride ? key_stride : value_stride) * sizeof(float)),
        .key_scales = scratch_take(cursor, FORWARD_KEYS * sizeof(float)),
        .value_scales = scratch_take(cursor, FORWARD_KEYS * sizeof(float)),
        .query_rows = (int32_t)query_rows,
        .output_rows = (int32_t)output_rows,
        .value_row = attention->value_dim,
        .key_stride = (int64_t)key_stride,
        .value_stride = (int64_t)value_stride,
    };
}

typedef struct forward_work {
    const varlen_attention *attention;
    forward_scratch scratch;
    score_rule score;
    dropout_rule dropout;
    const float *key_scales; /* of the loaded block; NULL: all 1 */
    const float *value_scales;
} forward_work;

/* Scales from loaded key number `first` on. */
static inline const float *forward_scales(const float *scales, int32_t first)
{
    return scales ? scales + first : NULL;
}

static inline float *forward_queries(const forward_scratch *scratch, int32_t panel)
{
    return scratch->queries + (int64_t)panel * scratch->query_rows * PANEL;
}

static inline float *forward_outputs(const forward_scratch *scratch, int32_t panel)
{
    return scratch->outputs + (int64_t)panel * scratch->output_rows * PANEL;
}

/* Keys that a product over keys takes in one step. */
static inline int32_t forward_key_step(const varlen_attention *attention)
{
    return PANEL_STEPS * panel_together(panel_elements_of(attention));
}

/* Keys of a loaded block that some column of a panel sees, from a multiple of forward_key_step on. */
static inline cpu_span forward_seen(const forward_work *work, int32_t panel, cpu_span block)
{
    const panel_columns *columns = &work->scratch.columns[panel];
    cpu_span seen = {cpu_max(block.begin, columns->begin), cpu_min(block.end, columns->end)};
    if (seen.begin < seen.end)
        seen.begin -= seen.begin % forward_key_step(work->attention);
    return seen;
}

#endif
