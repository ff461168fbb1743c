/* Opening and closing contexts. */
#include "context.h"

#include <stdlib.h>
#include <string.h>

#include "environment.h"
#include "log.h"
#include "plugin.h"
#include "registry.h"
#include "rule.h"
#include "selection.h"
#include "structs.h"

varlen_status varlen_context_status(varlen_context *context)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    VARLEN_TRY(varlen_pending_collect(context));
    return varlen_pending_tell(context);
}

/* A device that cannot say what it has found tells so in varlen_context_status. */
static void log_violations(varlen_context *context)
{
    if (!context->backend->take_violation)
        return;
    const varlen_text kept = varlen_error_keep();
    if (varlen_pending_collect(context) != VARLEN_OK)
        varlen_error_restore(&kept);
}

varlen_status varlen_begin_call(varlen_context *context)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    log_violations(context);
    return VARLEN_OK;
}

varlen_status varlen_require_function(const varlen_context *context, bool has_function, const char *name)
{
    VARLEN_RULE(has_function, UNSUPPORTED, "backend %s has no %s", context->backend->name, name);
    return VARLEN_OK;
}

static varlen_status read_validation(bool *validates)
{
    const char *value = varlen_environment("VARLEN_VALIDATE");
    *validates = !value || strcmp(value, "0") != 0;
    VARLEN_RULE(!*validates || !value || strcmp(value, "1") == 0, INVALID_ARGUMENT,
                "VARLEN_VALIDATE = \"%s\" is neither 0 nor 1", value);
    return VARLEN_OK;
}

static varlen_status open_state(varlen_context *context, const varlen_backend_open *options)
{
    const varlen_backend *backend = context->backend;
    bool validates;
    VARLEN_TRY(read_validation(&validates));
    VARLEN_TRY(varlen_check_device(backend, options->device));
    varlen_struct_room room;
    const varlen_backend_open *handed = varlen_struct_fit(VARLEN_STRUCT_BACKEND_OPEN, options, backend, &room);
    VARLEN_TRY(varlen_struct_check_fit(VARLEN_STRUCT_BACKEND_OPEN, options, backend));
    varlen_error_mark();
    VARLEN_TRY(varlen_backend_result(backend, "open", backend->open(handed, &context->state)));
    const varlen_status status = varlen_describe_device(backend, options->device, &context->device);
    if (status != VARLEN_OK)
        backend->close(context->state);
    context->inspects_metadata = validates && (context->device.flags & VARLEN_DEVICE_HOST_MEMORY);
    return status;
}

static varlen_status open_backend(const varlen_backend *backend, const varlen_backend_open *options,
                                  varlen_context **context)
{
    varlen_context *opened = calloc(1, sizeof *opened);
    VARLEN_RULE(opened, OUT_OF_MEMORY, "there is no memory for a context");
    opened->backend = backend;
    opened->pending.lock = (varlen_mutex)VARLEN_MUTEX_INITIALIZER;
    const varlen_status status = open_state(opened, options);
    if (status != VARLEN_OK) {
        free(opened);
        return status;
    }
    varlen_log(VARLEN_LOG_INFO, "opened %s:%d, %s, %s", backend->name, options->device, opened->device.name,
               opened->device.architecture);
    *context = opened;
    return VARLEN_OK;
}

static varlen_status open_choice(const varlen_choice *choice, int32_t threads, varlen_context **context)
{
    const varlen_backend_open options = {
        .struct_size = sizeof options, .host = &varlen_plugin_host, .device = choice->device, .threads = threads};
    const varlen_backend *backend;
    VARLEN_TRY(varlen_registry_find(choice->backend, &backend));
    const varlen_status status = open_backend(backend, &options, context);
    if (status == VARLEN_OK)
        return VARLEN_OK;
    return varlen_fail(status, "backend %s:%d did not open: %s", choice->backend, choice->device,
                       varlen_error_message());
}

/* What the backends that were tried gave as their reasons. */
static void add_reason(varlen_text *reasons)
{
    varlen_text_add(reasons, "%s%s", reasons->length ? "; " : "", varlen_error_message());
}

static varlen_status open_first_of_list(const varlen_selection *selection, int32_t threads, varlen_context **context)
{
    varlen_text reasons = {0};
    for (int32_t i = 0; i < selection->count; i++) {
        if (open_choice(&selection->choices[i], threads, context) == VARLEN_OK)
            return VARLEN_OK;
        add_reason(&reasons);
    }
    return varlen_fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "%s", reasons.data);
}

static varlen_status open_best(int32_t threads, varlen_context **context)
{
    varlen_text reasons = {0};
    const varlen_backend *backend;
    const varlen_backend *previous = NULL;
    varlen_status status;
    for (; (status = varlen_registry_next(previous, &backend)) == VARLEN_OK; previous = backend) {
        varlen_choice choice = {.device = 0};
        memcpy(choice.backend, backend->name, strlen(backend->name) + 1);
        if (open_choice(&choice, threads, context) == VARLEN_OK)
            return VARLEN_OK;
        add_reason(&reasons);
    }
    add_reason(&reasons); /* there is no further one, and what else was found */
    return varlen_fail(status, "%s", reasons.data);
}

static varlen_status open_selected(const varlen_open_options *options, varlen_context **context)
{
    const char *origin = "options.backend";
    const char *text = options->backend;
    varlen_selection selection;
    if (!text || varlen_is_blank(text)) {
        origin = "VARLEN_BACKEND";
        text = varlen_environment(origin);
    }
    VARLEN_TRY(varlen_parse_selection(origin, text ? text : "auto", &selection));
    if (selection.count == 0)
        return open_best(options->threads, context);
    if (selection.count == 1)
        return open_choice(&selection.choices[0], options->threads, context);
    return open_first_of_list(&selection, options->threads, context);
}

varlen_status varlen_open(const varlen_open_options *options, varlen_context **context)
{
    const int32_t most_threads = 1024;
    varlen_open_options whole = {.struct_size = sizeof whole};
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    *context = NULL;
    VARLEN_RULE(varlen_error_prepare(), OUT_OF_MEMORY, "there is no memory for messages");
    if (options)
        VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_OPEN_OPTIONS, options, &whole));
    VARLEN_RULE(whole.threads >= 0, INVALID_ARGUMENT, "options.threads = %d is below 0", whole.threads);
    VARLEN_RULE(whole.threads <= most_threads, INVALID_ARGUMENT, "options.threads = %d is above %d", whole.threads,
                most_threads);
    VARLEN_RULE(whole.reserved == 0, INVALID_ARGUMENT, "options.reserved = %u must be 0", whole.reserved);
    const varlen_text kept = varlen_error_keep();
    const varlen_status status = open_selected(&whole, context);
    if (status == VARLEN_OK)
        varlen_error_restore(&kept); /* backends that were passed over are no failure of this call */
    return status;
}

void varlen_close(varlen_context *context)
{
    if (!context)
        return;
    log_violations(context);
    context->backend->close(context->state);
    free(context);
}

/* Without memory for an answer, the backend only counts. */
int32_t varlen_kernel_family_count(const varlen_context *context)
{
    if (!context || !context->backend->kernel_families)
        return 0;
    return context->backend->kernel_families(context->state, -1, NULL);
}

varlen_status varlen_get_kernel_family(const varlen_context *context, int32_t index, varlen_kernel_family *family)
{
    varlen_kernel_family whole = {.struct_size = sizeof whole};
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    const int32_t count = varlen_kernel_family_count(context);
    VARLEN_RULE(index >= 0 && index < count, INVALID_ARGUMENT,
                "index = %d is not below varlen_kernel_family_count() = %d", index, count);
    context->backend->kernel_families(context->state, index, &whole);
    return varlen_struct_write(VARLEN_STRUCT_KERNEL_FAMILY, &whole, family);
}

varlen_status varlen_context_device(const varlen_context *context, varlen_device_info *info)
{
    VARLEN_RULE(context, INVALID_ARGUMENT, "context is NULL");
    return varlen_struct_write(VARLEN_STRUCT_DEVICE_INFO, &context->device, info);
}
