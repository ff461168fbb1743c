/* Violations are logged when they come to light, and told when the program asks: no call fails for what another did. */
#include "pending_violation.h"

#include "context.h"
#include "log.h"
#include "violation.h"

static void keep(varlen_pending_violation *pending, const varlen_violation *found)
{
    varlen_mutex_lock(&pending->lock);
    if (pending->first.rule == VARLEN_VIOLATION_NONE)
        pending->first = *found;
    varlen_mutex_unlock(&pending->lock);
}

varlen_status varlen_pending_collect(varlen_context *context)
{
    varlen_violation found = {.rule = VARLEN_VIOLATION_NONE};
    varlen_text words = {0};
    if (!context->backend->take_violation)
        return VARLEN_OK;
    VARLEN_TRY(VARLEN_CALL_BACKEND(context, take_violation, &found));
    if (varlen_violation_words(&found, &words) == VARLEN_OK)
        return VARLEN_OK;
    varlen_log(VARLEN_LOG_WARN, "%s:%d: an earlier call wrote zeros: %s", context->backend->name,
               context->device.device, words.data);
    keep(&context->pending, &found);
    return VARLEN_OK;
}

varlen_status varlen_pending_tell(varlen_context *context)
{
    if (!context->backend->take_violation)
        return VARLEN_OK;
    varlen_mutex_lock(&context->pending.lock);
    const varlen_violation first = context->pending.first;
    context->pending.first.rule = VARLEN_VIOLATION_NONE;
    varlen_mutex_unlock(&context->pending.lock);
    return varlen_fail_violation(&first);
}
