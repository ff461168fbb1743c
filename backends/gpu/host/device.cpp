#include "host/device.h"

#include "host/runtime.h"

#include <stdio.h>

/* Devices keep the runtime's numbers, also where the plugin has no code for some of them; where it has none for any,
 * there is no device, for the reason of the last. */
varlen_status gpu_device_count(const varlen_host *host, int32_t *count)
{
    gpu_host = host;
    int32_t found;
    *count = 0;
    varlen_status status = runtime_device_count(&found);
    if (status != VARLEN_OK)
        return status;
    for (int32_t device = 0; device < found; device++) {
        runtime_device description;
        status = runtime_describe(device, &description);
        if (status != VARLEN_OK)
            continue;
        *count = found;
        return VARLEN_OK;
    }
    return status;
}

varlen_status gpu_device_info(const varlen_host *host, int32_t device, varlen_device_info *info)
{
    gpu_host = host;
    runtime_device description;
    const varlen_status status = runtime_describe(device, &description);
    if (status != VARLEN_OK)
        return status;
    info->device = device;
    snprintf(info->name, sizeof info->name, "%s", description.name);
    snprintf(info->architecture, sizeof info->architecture, "%s", description.code);
    info->memory_bytes = description.memory_bytes;
    info->compute_units = description.processors;
    info->dtypes = HALF_DTYPES | QUANTIZED_DTYPES;
    info->passes = 1u << VARLEN_PASS_FORWARD | 1u << VARLEN_PASS_BACKWARD;
    return VARLEN_OK;
}
