/* varlen_merge, varlen_cu_seqlens, varlen_pack, varlen_unpack, varlen_kv_append. */
#include "backend_limits.h"
#include "context.h"
#include "float_state.h"
#include "metadata.h"
#include "rules_around.h"
#include "structs.h"
#include "violation.h"

varlen_status varlen_merge(varlen_context *context, varlen_stream stream, const varlen_merge_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    varlen_merge_args data;
    varlen_struct_room room;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_require_function(context, context->backend->merge, "varlen_merge"));
    VARLEN_TRY(varlen_check_merge(args, &data));
    VARLEN_TRY(varlen_limits_check_merge(context, &data));
    VARLEN_TRY(varlen_struct_check_fit(VARLEN_STRUCT_MERGE_ARGS, &data, context->backend));
    return VARLEN_CALL_BACKEND(context, merge, stream,
                               varlen_struct_fit(VARLEN_STRUCT_MERGE_ARGS, &data, context->backend, &room));
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
    VARLEN_TRY(varlen_struct_check_fit(VARLEN_STRUCT_PACK_ARGS, data, context->backend));
    if (!context->inspects_metadata)
        return VARLEN_OK;
    const varlen_violation found = varlen_inspect_pack(data);
    return varlen_fail_violation(&found);
}

varlen_status varlen_pack(varlen_context *context, varlen_stream stream, const varlen_pack_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    varlen_pack_args data;
    varlen_struct_room room;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_require_function(context, context->backend->pack, "varlen_pack"));
    VARLEN_TRY(prepare_pack(context, args, false, &data));
    return VARLEN_CALL_BACKEND(context, pack, stream,
                               varlen_struct_fit(VARLEN_STRUCT_PACK_ARGS, &data, context->backend, &room));
}

varlen_status varlen_unpack(varlen_context *context, varlen_stream stream, const varlen_pack_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    varlen_pack_args data;
    varlen_struct_room room;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_require_function(context, context->backend->unpack, "varlen_unpack"));
    VARLEN_TRY(prepare_pack(context, args, true, &data));
    return VARLEN_CALL_BACKEND(context, unpack, stream,
                               varlen_struct_fit(VARLEN_STRUCT_PACK_ARGS, &data, context->backend, &room));
}

varlen_status varlen_kv_append(varlen_context *context, varlen_stream stream, const varlen_kv_append_args *args)
{
    VARLEN_DEFAULT_FLOAT_STATE;
    varlen_kv_append_args data;
    varlen_struct_room room;
    VARLEN_TRY(varlen_begin_call(context));
    VARLEN_TRY(varlen_require_function(context, context->backend->kv_append, "varlen_kv_append"));
    VARLEN_TRY(varlen_check_kv_append(args, &data));
    VARLEN_TRY(varlen_limits_check_kv_append(context, &data));
    VARLEN_TRY(varlen_struct_check_fit(VARLEN_STRUCT_KV_APPEND_ARGS, &data, context->backend));
    if (context->inspects_metadata) {
        const varlen_violation found = varlen_inspect_kv_append(&data);
        VARLEN_TRY(varlen_fail_violation(&found));
    }
    return VARLEN_CALL_BACKEND(context, kv_append, stream,
                               varlen_struct_fit(VARLEN_STRUCT_KV_APPEND_ARGS, &data, context->backend, &room));
}
