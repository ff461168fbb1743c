/* Asking backends about their devices, and trusting none of the answers. */
#include "devices.h"

#include <string.h>

#include "plugin.h"
#include "registry.h"
#include "rule.h"
#include "structs.h"
#include "text.h"

/* More than any machine has: programs may count to what a backend says. */
enum { MAX_DEVICES = 1024 };

varlen_status varlen_backend_result(const varlen_backend *backend, const char *function, varlen_status status)
{
    const bool is_told = varlen_error_since_mark() != VARLEN_OK;
    VARLEN_RULE(status >= VARLEN_OK && status <= VARLEN_ERROR_INTERNAL, INTERNAL,
                "backend %s: %s gave status %d, which does not exist%s%s", backend->name, function, (int)status,
                is_told ? ": " : "", is_told ? varlen_error_message() : "");
    if (status == VARLEN_OK || is_told)
        return status;
    return varlen_fail(status, "backend %s: %s gave %s without a reason", backend->name, function,
                       varlen_status_name(status));
}

varlen_status varlen_device_count(const varlen_backend *backend, int32_t *count)
{
    int32_t found = 0;
    varlen_error_mark();
    VARLEN_TRY(varlen_backend_result(backend, "device_count", backend->device_count(&varlen_plugin_host, &found)));
    VARLEN_RULE(found != 0, BACKEND_UNAVAILABLE, "it has no device");
    VARLEN_RULE(found > 0 && found <= MAX_DEVICES, BACKEND_UNAVAILABLE,
                "it says that it has %d devices, which is not in 1 .. %d", found, MAX_DEVICES);
    *count = found;
    return VARLEN_OK;
}

varlen_status varlen_check_device(const varlen_backend *backend, int32_t device)
{
    int32_t count = 0;
    VARLEN_TRY(varlen_device_count(backend, &count));
    VARLEN_RULE(device < count, BACKEND_UNAVAILABLE, "device = %d is not below its %d device%s", device, count,
                count == 1 ? "" : "s");
    return VARLEN_OK;
}

/* Makes a text that a backend has filled in, and may not have ended, one that can be printed. */
static void clean(char *field, size_t size)
{
    varlen_text text = {0};
    varlen_text_add(&text, "%.*s", (int)size, field);
    size_t length = text.length < size ? text.length : size - 1;
    while (length > 0 && ((unsigned char)text.data[length] & 0xc0) == 0x80)
        length--; /* not inside a character */
    memset(field, 0, size);
    memcpy(field, text.data, length);
}

varlen_status varlen_describe_device(const varlen_backend *backend, int32_t device, varlen_device_info *info)
{
    const varlen_struct_kind kind = VARLEN_STRUCT_DEVICE_INFO;
    const varlen_device_info blank = {.struct_size = sizeof blank, .device = device};
    varlen_struct_room theirs;
    varlen_struct_copy(kind, &blank, backend, &theirs);
    varlen_error_mark();
    VARLEN_TRY(varlen_backend_result(backend, "device_info",
                                     backend->device_info(&varlen_plugin_host, device, (void *)theirs.bytes)));
    varlen_struct_take(kind, &theirs, backend, info);
    info->dtypes &= backend->forward_limits->dtypes;
    if (!backend->backward)
        info->passes &= ~(1u << VARLEN_PASS_BACKWARD);
    memset(info->backend, 0, sizeof info->backend);
    strncpy(info->backend, backend->name, sizeof info->backend - 1);
    info->device = device;
    clean(info->name, sizeof info->name);
    clean(info->architecture, sizeof info->architecture);
    return VARLEN_OK;
}

varlen_status varlen_get_device(const char *backend, int32_t device, varlen_device_info *info)
{
    const varlen_backend *found;
    varlen_device_info whole;
    VARLEN_RULE(backend, INVALID_ARGUMENT, "backend is NULL");
    VARLEN_RULE(device >= 0, INVALID_ARGUMENT, "device = %d is below 0", device);
    VARLEN_TRY(varlen_registry_find(backend, &found));
    VARLEN_TRY(varlen_check_device(found, device));
    VARLEN_TRY(varlen_describe_device(found, device, &whole));
    return varlen_struct_write(VARLEN_STRUCT_DEVICE_INFO, &whole, info);
}
