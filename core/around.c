/* varlen_merge, varlen_cu_seqlens, varlen_pack, varlen_unpack, varlen_kv_append. */
#include "context.h"
#include "float_state.h"
#include "metadata.h"
#include "rules_around.h"
#include "violation.h"

varlen_status varlen_merge(varlen_context *context, varlen_stream stream, const varlen_merge_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    varlen_merge_args data;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_require_function(context, context->backend->merge, "varlen_merge"));
    VARLEN_TRY(varlen_check_merge(args, &data));
    return VARLEN_CALL_BACKEND(context, merge, stream, &data);
}

varlen_status varlen_cu_seqlens(varlen_context *context, varlen_stream stream, int32_t batch, const int32_t *lengths,
                                int32_t *cu_seqlens)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_require_function(context, context->backend->cu_seqlens, "varlen_cu_seqlens"));
    VARLEN_TRY(varlen_check_cu_seqlens(batch, lengths, cu_seqlens));
    if (context->inspects_metadata) {
        const varlen_violation found = varlen_inspect_lengths(batch, lengths);
        VARLEN_TRY(varlen_fail_violation(&found));
    }
    return VARLEN_CALL_BACKEND(context, cu_seqlens, stream, batch, lengths, cu_seqlens);
}

static varlen_status prepare_pack(const varlen_context *context, const varlen_pack_args *args, bool unpack,
                                  varlen_pack_args *data)
{
    VARLEN_TRY(varlen_check_pack(args, unpack, data));
    if (!context->inspects_metadata)
        return VARLEN_OK;
    const varlen_violation found = varlen_inspect_pack(data);
    return varlen_fail_violation(&found);
}

varlen_status varlen_pack(varlen_context *context, varlen_stream stream, const varlen_pack_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    varlen_pack_args data;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_require_function(context, context->backend->pack, "varlen_pack"));
    VARLEN_TRY(prepare_pack(context, args, false, &data));
    return VARLEN_CALL_BACKEND(context, pack, stream, &data);
}

varlen_status varlen_unpack(varlen_context *context, varlen_stream stream, const varlen_pack_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    varlen_pack_args data;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_require_function(context, context->backend->unpack, "varlen_unpack"));
    VARLEN_TRY(prepare_pack(context, args, true, &data));
    return VARLEN_CALL_BACKEND(context, unpack, stream, &data);
}

varlen_status varlen_kv_append(varlen_context *context, varlen_stream stream, const varlen_kv_append_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    varlen_kv_append_args data;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_require_function(context, context->backend->kv_append, "varlen_kv_append"));
    VARLEN_TRY(varlen_check_kv_append(args, &data));
    if (context->inspects_metadata) {
        const varlen_violation found = varlen_inspect_kv_append(&data);
        VARLEN_TRY(varlen_fail_violation(&found));
    }
    return VARLEN_CALL_BACKEND(context, kv_append, stream, &data);
}
