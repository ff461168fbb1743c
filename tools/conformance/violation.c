/* What must happen to a call whose metadata is bad; see violation.h. */
#include "violation.h"

#include <string.h>

void violation_skip_if_not_searched(case_trial *trial)
{
    for (int32_t n = 0; n < varlen_environment_count(); n++) {
        varlen_environment_variable variable = {.struct_size = sizeof variable};
        trial_expect_ok(trial, varlen_get_environment(n, &variable), "varlen_get_environment");
        if (strcmp(variable.name, "VARLEN_VALIDATE") == 0 && variable.value && strcmp(variable.value, "0") == 0)
            trial_skip(trial, "VARLEN_VALIDATE=0");
    }
}

static void expect_words(case_trial *trial, varlen_status status, const char *who, const char *words)
{
    if (status != VARLEN_ERROR_BAD_METADATA)
        trial_fail(trial, "%s gave %s, not VARLEN_ERROR_BAD_METADATA with \"%s\"", who, varlen_status_name(status),
                   words);
    if (strcmp(varlen_error_message(), words) != 0)
        trial_fail(trial, "%s says \"%s\", not \"%s\"", who, varlen_error_message(), words);
}

/* A call that has nothing to do with the violation. */
static void expect_other_calls_to_go_through(device_session *session)
{
    int32_t *cu_seqlens = session_take(session, sizeof *cu_seqlens);
    varlen_status status = varlen_cu_seqlens(session->context, session->stream, 0, NULL, cu_seqlens);
    if (status != VARLEN_ERROR_UNSUPPORTED)
        trial_expect_ok(session->trial, status, "another call");
}

bool violation_expect(const block_list *blocks, varlen_status status, const char *words)
{
    device_session *session = blocks->session;
    case_trial *trial = session->trial;
    if (trial->device.flags & VARLEN_DEVICE_HOST_MEMORY) {
        expect_words(trial, status, "the call", words);
        block_list_download(blocks);
        block_list_check(blocks);
        return false;
    }
    trial_expect_ok(trial, status, "the call");
    trial_expect_ok(trial, varlen_stream_synchronize(session->context, session->stream), "varlen_stream_synchronize");
    expect_other_calls_to_go_through(session);
    expect_words(trial, varlen_context_status(session->context), "the device", words);
    session_finish(session);
    return true;
}
