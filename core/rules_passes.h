/* The rules of varlen_forward_args and varlen_backward_args. */
#ifndef VARLEN_CORE_RULES_PASSES_H
#define VARLEN_CORE_RULES_PASSES_H

#include <varlen/varlen.h>

/* `attention` is what varlen_check_attention made. `inputs` and `args`, which leads to them, become whole structs
 * without zero strides. The workspace is left to varlen_check_workspace. */
varlen_status varlen_check_forward(const varlen_attention *attention, const varlen_forward_args *given,
                                   varlen_inputs *inputs, varlen_forward_args *args);
varlen_status varlen_check_backward(const varlen_attention *attention, const varlen_backward_args *given,
                                    varlen_inputs *inputs, varlen_backward_args *args);

/* `needed` is what the backend asks for. */
varlen_status varlen_check_workspace(const void *workspace, size_t size, size_t needed);

#endif
