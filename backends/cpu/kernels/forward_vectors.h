/* The steps of a forward tile on vectors: products and softmax one after the other. */
#ifndef VARLEN_CPU_FORWARD_VECTORS_H
#define VARLEN_CPU_FORWARD_VECTORS_H

#include "kernels/forward_work.h"
#include "kernels/panel_products.h"
#include "kernels/prefetch.h"

/* Keys begin .. end - 1 against one panel. The loaded keys and values begin with key block_begin. */
static inline void forward_step(const forward_work *work, int32_t panel, int32_t block_begin, int32_t begin,
                                int32_t end)
{
    const varlen_attention *attention = work->attention;
    const forward_scratch *scratch = &work->scratch;
    const panel_elements elements = panel_elements_of(attention);
    const int32_t together = panel_together(elements);
    panel_columns *columns = &scratch->columns[panel];
    float *scores = scratch->scores;

    panel_left keys = {scratch->keys + (begin - block_begin) * scratch->key_stride, scratch->key_stride, 1};
    panel_scores(scores, keys, end - begin, forward_queries(scratch, panel), attention->head_dim / together,
                 columns->vectors, elements);
    score_scale(scores, forward_scales(work->key_scales, begin - block_begin), columns->vectors, end - begin);
    score_adjust(scores, columns, &work->score, begin, end);
    softmax_step(scores, columns, work->score.multiplier, end - begin);
    if (work->dropout.threshold)
        dropout_apply(scores, columns, &work->dropout, 1.0f, begin, end);
    score_scale(scores, forward_scales(work->value_scales, begin - block_begin), columns->vectors, end - begin);
    if (elements == PANEL_PAIRS)
        pairs_pack_rows(scores, scores, end - begin, columns->vectors);
    panel_left values =
        load_transposed(scratch->values, scratch->value_row, FORWARD_KEYS, begin - block_begin, elements);
    panel_accumulate(forward_outputs(scratch, panel), columns->rescale, values, attention->value_dim, scores,
                     (end - begin + together - 1) / together, columns->vectors, elements);
}

/* A loaded block of keys against all panels; what is planned is prefetched on the way. */
static inline void forward_block(const forward_work *work, int32_t panels, cpu_span block, const prefetch_plan *plan)
{
    for (int32_t panel = 0; panel < panels; panel++) {
        prefetch_some(plan, panel, panels);
        cpu_span seen = forward_seen(work, panel, block);
        if (seen.begin < seen.end)
            forward_step(work, panel, (int32_t)block.begin, (int32_t)seen.begin, (int32_t)seen.end);
    }
}

#endif
