/* Scales of the quantised cache of a kv_append call, and rows that they are of. */
#ifndef VARLEN_FUZZ_APPEND_SCALES_H
#define VARLEN_FUZZ_APPEND_SCALES_H

#include "append_model.h"

/* Gives a problem with a quantised cache its scales. */
void append_scales_make(fuzz_input *input, varlen_kv_append_args *args);

/* Of a model: reads the views of its scales, and their rules; what of them the call may touch for one row of the cache,
 * and what it writes. */
void append_scales_expect(append_model *model);
void append_scales_permit(const append_model *model, int64_t page, int64_t token);
void append_scales_accept(const append_model *model, int64_t page, int64_t token);

/* One head of one row of the cache: what it stands for, and how far that may be off. */
typedef struct quantized_head {
    const tensor_view *cache;
    const tensor_view *scales;
    int64_t page;
    int64_t token;
    int64_t head;
    const double *want;
    const double *slack;
} quantized_head;

/* Reports a finding unless the row is, within a rounding, what it stands for, and its scale what the header says. */
void append_scales_judge(const append_model *model, const quantized_head *at);

#endif
