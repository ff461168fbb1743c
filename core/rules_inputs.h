/* The rules of varlen_inputs: what forward and backward both read. */
#ifndef VARLEN_CORE_RULES_INPUTS_H
#define VARLEN_CORE_RULES_INPUTS_H

#include "rules_tensor.h"

/* `attention` is what varlen_check_attention made. `inputs` becomes a whole struct without zero strides, whose memory
 * is added to `extents`. */
varlen_status varlen_check_inputs(const varlen_attention *attention, const varlen_inputs *given, varlen_inputs *inputs,
                                  varlen_extents *extents);

/* Tensors that are shaped as q or out, and as k or v, with `dim` elements a row. stride_name matters with paging only.
 */
varlen_tensor_rule varlen_query_rows(const varlen_attention *attention, const char *name, int32_t dim, bool written);
varlen_tensor_rule varlen_key_rows(const varlen_attention *attention, const char *name, int32_t dim,
                                   const char *stride_name, bool written);

#endif
