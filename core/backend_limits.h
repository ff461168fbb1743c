/* What a backend's table says that it takes, held against what a call asks for. */
#ifndef VARLEN_CORE_BACKEND_LIMITS_H
#define VARLEN_CORE_BACKEND_LIMITS_H

#include "context.h"

/* Refuses, with VARLEN_ERROR_BACKEND_UNAVAILABLE, a table that has a function but not its limits. */
varlen_status varlen_limits_check_table(const varlen_backend *backend);

/* Each refuses, with VARLEN_ERROR_UNSUPPORTED, what the context's backend does not claim. The arguments are those that
 * the rules of core have made, and the backend has the function. */
varlen_status varlen_limits_check_attention(const varlen_context *context, const varlen_attention *attention,
                                            varlen_pass pass);
varlen_status varlen_limits_check_merge(const varlen_context *context, const varlen_merge_args *args);
varlen_status varlen_limits_check_kv_append(const varlen_context *context, const varlen_kv_append_args *args);

#endif
