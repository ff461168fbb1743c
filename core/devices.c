/* Asking backends about their devices, and trusting none of the answers. */
#include "devices.h"

#include <string.h>

#include "plugin.h"
#include "registry.h"
#include "rule.h"
#include "structs.h"

varlen_status varlen_backend_result(const varlen_backend *backend, const char *function, varlen_status status)
{
    if (status == VARLEN_OK || varlen_error_since_mark())
        return status;
    return varlen_fail(status, "backend %s: %s gave %s without a reason", backend->name, function,
                       varlen_status_name(status));
}

varlen_status varlen_device_count(const varlen_backend *backend, int32_t *count)
{
    int32_t found = 0;
    varlen_error_mark();
    VARLEN_TRY(varlen_backend_result(backend, "device_count", backend->device_count(&varlen_plugin_host, &found)));
    VARLEN_RULE(found > 0, BACKEND_UNAVAILABLE, "it has no device");
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

varlen_status varlen_describe_device(const varlen_backend *backend, int32_t device, varlen_device_info *info)
{
    *info = (varlen_device_info){.struct_size = sizeof *info, .device = device};
    varlen_error_mark();
    VARLEN_TRY(varlen_backend_result(backend, "device_info", backend->device_info(&varlen_plugin_host, device, info)));
    info->struct_size = sizeof *info;
    if (!backend->backward)
        info->passes &= ~(1u << VARLEN_PASS_BACKWARD);
    memset(info->backend, 0, sizeof info->backend);
    strncpy(info->backend, backend->name, sizeof info->backend - 1);
    info->name[sizeof info->name - 1] = '\0';
    info->architecture[sizeof info->architecture - 1] = '\0';
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
