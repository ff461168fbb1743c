/* The steps of a forward tile on AMX. The matrix unit works while the vector units are busy with the softmax: blocks of
 * its products are issued between the vectors of a step, first those of the next step's scores, then those that add the
 * weights of the panel before to its outputs. */
#ifndef VARLEN_CPU_FORWARD_AMX_H
#define VARLEN_CPU_FORWARD_AMX_H

#include "kernels/forward_work.h"
#include "kernels/panel_products.h"
#include "kernels/prefetch.h"
#include "kernels/softmax_pairs.h"

_Static_assert((int)FORWARD_SCORES % (int)PANEL_ROW_STEP == 0, "products round rows up to PANEL_ROW_STEP");
_Static_assert((int)FORWARD_KEYS % (int)FORWARD_SCORES == 0, "blocks of keys are whole steps");

/* One panel and the keys of a block that it sees. */
typedef struct forward_pass {
    const forward_work *work;
    int32_t panel;
    int32_t block_begin; /* the first key that is loaded */
    int32_t begin, end;  /* begin and block_begin are multiples of FORWARD_SCORES */
    float *weights;      /* [FORWARD_KEYS / 2][PANEL], from key block_begin on */
} forward_pass;

static inline panel_columns *pass_columns(const forward_pass *pass)
{
    return &pass->work->scratch.columns[pass->panel];
}

/* Scores of the FORWARD_SCORES keys from `first` on, which is a multiple of that: those before stay where they are. */
static inline float *pass_scores(const forward_pass *pass, int32_t first)
{
    return pass->work->scratch.scores + (int64_t)(first / FORWARD_SCORES % 2) * FORWARD_SCORES * PANEL;
}

static inline float *pass_weights(const forward_pass *pass, int32_t first)
{
    return pass->weights + (int64_t)((first - pass->block_begin) / 2) * PANEL;
}

/* The product that makes those scores; past the last key, nothing to do. */
static inline panel_task pass_scores_task(const forward_pass *pass, int32_t first)
{
    const forward_scratch *scratch = &pass->work->scratch;
    return (panel_task){
        .total = pass_scores(pass, first),
        .stride = PANEL,
        .left = {scratch->keys + (first - pass->block_begin) * scratch->key_stride, scratch->key_stride, 1},
        .rows = (int32_t)cpu_min(FORWARD_SCORES, pass->end - first),
        .right = {forward_queries(scratch, pass->panel), PANEL},
        .steps = pass->work->attention->head_dim / 2,
        .columns = pass_columns(pass)->vectors * LANES,
    };
}

/* The product that adds the weights of keys first .. last - 1 to the outputs. */
static inline panel_task pass_outputs_task(const forward_pass *pass, int32_t first, int32_t last)
{
    const forward_scratch *scratch = &pass->work->scratch;
    const int32_t value_dim = pass->work->attention->value_dim;
    return (panel_task){
        .total = forward_outputs(scratch, pass->panel),
        .stride = PANEL,
        .left = load_transposed(scratch->values, value_dim, FORWARD_KEYS, first - pass->block_begin, PANEL_PAIRS),
        .rows = value_dim,
        .right = {pass_weights(pass, first), PANEL},
        .steps = (last - first + 1) / 2,
        .columns = pass_columns(pass)->vectors * LANES,
        .add = 1,
    };
}

/* From scores to weights, with blocks of the two products between the vectors of the softmax. */
static inline void pass_weigh(const forward_pass *pass, int32_t first, int32_t last, panel_task *next_scores,
                              panel_task *outputs)
{
    const forward_work *work = pass->work;
    panel_columns *columns = pass_columns(pass);
    float *scores = pass_scores(pass, first);
    float *weights = pass_weights(pass, first);
    const float *value_scales = forward_scales(work->value_scales, first - pass->block_begin);
    score_scale(scores, forward_scales(work->key_scales, first - pass->block_begin), columns->vectors, last - first);
    score_adjust(scores, columns, &work->score, first, last);
    if (work->dropout.threshold) {
        softmax_step(scores, columns, work->score.multiplier, last - first);
        dropout_apply(scores, columns, &work->dropout, 1.0f, first, last);
        score_scale(scores, value_scales, columns->vectors, last - first);
        pairs_pack_rows(weights, scores, last - first, columns->vectors);
        return;
    }
    for (int v = 0; v < columns->vectors; v++) {
        if (!panel_task_step(next_scores))
            panel_task_step(outputs);
        softmax_pairs_step(weights, scores, columns, v, work->score.multiplier, value_scales, last - first);
    }
    pairs_fill_rows(weights, (last - first + 1) / 2);
}

/* Whether the last step moved the reference of some column. */
static inline int pass_rescales(const forward_pass *pass)
{
    const panel_columns *columns = pass_columns(pass);
    vint any = vector_splat_int(0);
    for (int v = 0; v < columns->vectors; v++)
        any |= (vint)(vector_load(columns->rescale + v * LANES) != vector_splat(1.0f));
    return vector_any(any);
}

/* The keys of a pass. `outputs` is what the panel before left to do, and then what this one leaves. */
static inline void forward_step(const forward_pass *pass, panel_task *outputs)
{
    const panel_columns *columns = pass_columns(pass);
    int32_t pending = pass->begin; /* the first key whose weights the outputs do not have yet */
    panel_task_finish(pass_scores_task(pass, pass->begin));
    for (int32_t first = pass->begin; first < pass->end; first += FORWARD_SCORES) {
        panel_task next_scores = pass_scores_task(pass, first + FORWARD_SCORES);
        pass_weigh(pass, first, (int32_t)cpu_min(first + FORWARD_SCORES, pass->end), &next_scores, outputs);
        panel_task_finish(next_scores);
        if (pass_rescales(pass)) {
            if (first > pending)
                panel_task_finish(pass_outputs_task(pass, pending, first));
            panel_scale(forward_outputs(&pass->work->scratch, pass->panel), columns->rescale,
                        pass->work->attention->value_dim, columns->vectors);
            pending = first;
        }
    }
    panel_task_finish(*outputs);
    *outputs = pass_outputs_task(pass, pending, pass->end);
}

/* A loaded block of keys against all panels; what is planned is prefetched on the way. */
static inline void forward_block(const forward_work *work, int32_t panels, cpu_span block, const prefetch_plan *plan)
{
    panel_task outputs = {.rows = 0};
    float *weights = work->scratch.weights;
    float *pending = weights + FORWARD_KEYS / 2 * PANEL; /* the weights that outputs' product reads */
    for (int32_t panel = 0; panel < panels; panel++) {
        prefetch_some(plan, panel, panels);
        cpu_span seen = forward_seen(work, panel, block);
        if (seen.begin >= seen.end)
            continue;
        forward_pass pass = {work, panel, (int32_t)block.begin, (int32_t)seen.begin, (int32_t)seen.end, weights};
        forward_step(&pass, &outputs);
        weights = pending;
        pending = pass.weights;
    }
    panel_task_finish(outputs);
}

#endif
