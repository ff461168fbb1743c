#include "backend_limits.h"

#include "rule.h"
#include "vocabulary.h"

/* One kind of call: the dtypes it takes, and the words that end a sentence about it. */
typedef struct claim {
    const char *backend;
    uint32_t dtypes;
    const char *call;
} claim;

static varlen_status check_limits(const varlen_limits *limits, bool has_function, const char *name)
{
    const size_t first_size = offsetof(varlen_limits, reserved) + sizeof limits->reserved;
    VARLEN_RULE(limits || !has_function, BACKEND_UNAVAILABLE, "it has no %s_limits", name);
    VARLEN_RULE(!limits || limits->struct_size >= first_size, BACKEND_UNAVAILABLE,
                "its %s_limits.struct_size = %zu is below the %zu bytes of plugin ABI 1.0", name, limits->struct_size,
                first_size);
    return VARLEN_OK;
}

varlen_status varlen_limits_check_table(const varlen_backend *backend)
{
    VARLEN_TRY(check_limits(backend->forward_limits, true, "forward"));
    VARLEN_TRY(check_limits(backend->backward_limits, backend->backward, "backward"));
    VARLEN_TRY(check_limits(backend->merge_limits, backend->merge, "merge"));
    return check_limits(backend->kv_append_limits, backend->kv_append, "kv_append");
}

static varlen_status check_dtype(const claim *c, varlen_dtype dtype)
{
    VARLEN_RULE(c->dtypes & 1u << dtype, UNSUPPORTED, "backend %s does not take %s %s", c->backend,
                varlen_dtype_name(dtype), c->call);
    return VARLEN_OK;
}

static varlen_status check_kv_dtype(const claim *c, varlen_dtype dtype)
{
    VARLEN_RULE(dtype == 0 || c->dtypes & 1u << dtype, UNSUPPORTED, "backend %s does not take keys and values in %s %s",
                c->backend, varlen_dtype_name(dtype), c->call);
    return VARLEN_OK;
}

static varlen_status check_dim(const claim *c, const char *name, int32_t dim, int32_t largest)
{
    VARLEN_RULE(dim <= largest, UNSUPPORTED, "%s = %d is above the %d that backend %s takes %s", name, dim, largest,
                c->backend, c->call);
    return VARLEN_OK;
}

varlen_status varlen_limits_check_attention(const varlen_context *context, const varlen_attention *attention,
                                            varlen_pass pass)
{
    static const char *const calls[] = {[VARLEN_PASS_FORWARD] = "forward", [VARLEN_PASS_BACKWARD] = "backward"};
    static const uint64_t of_the_other[] = {[VARLEN_PASS_FORWARD] = VARLEN_FEATURE_DSINKS | VARLEN_FEATURE_DLSE,
                                            [VARLEN_PASS_BACKWARD] = VARLEN_FEATURE_LSE};
    const varlen_backend *backend = context->backend;
    const varlen_limits *limits = pass == VARLEN_PASS_FORWARD ? backend->forward_limits : backend->backward_limits;
    const claim c = {backend->name, limits->dtypes & context->device.dtypes, calls[pass]};
    const uint64_t unknown = attention->features & ~of_the_other[pass] & ~limits->features;
    VARLEN_RULE(unknown == 0, UNSUPPORTED, "backend %s does not know %s %s", c.backend, varlen_feature_name(unknown),
                c.call);
    VARLEN_TRY(check_dtype(&c, attention->dtype));
    VARLEN_TRY(check_kv_dtype(&c, attention->kv_dtype));
    VARLEN_TRY(check_dim(&c, "head_dim", attention->head_dim, limits->head_dim));
    return check_dim(&c, "value_dim", attention->value_dim, limits->value_dim);
}

varlen_status varlen_limits_check_merge(const varlen_context *context, const varlen_merge_args *args)
{
    const varlen_limits *limits = context->backend->merge_limits;
    const claim c = {context->backend->name, limits->dtypes, "in varlen_merge"};
    VARLEN_TRY(check_dtype(&c, args->dtype));
    VARLEN_TRY(check_dtype(&c, args->partial_dtype));
    return check_dim(&c, "value_dim", args->value_dim, limits->value_dim);
}

varlen_status varlen_limits_check_kv_append(const varlen_context *context, const varlen_kv_append_args *args)
{
    const varlen_limits *limits = context->backend->kv_append_limits;
    const claim c = {context->backend->name, limits->dtypes, "in varlen_kv_append"};
    VARLEN_TRY(check_dtype(&c, args->dtype));
    VARLEN_TRY(check_kv_dtype(&c, args->cache_dtype));
    VARLEN_TRY(check_dim(&c, "head_dim", args->head_dim, limits->head_dim));
    return check_dim(&c, "value_dim", args->value_dim, limits->value_dim);
}
