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
    snprintf(info->architecture, sizeof info->architecture, "%s", description.architecture);
    info->memory_bytes = description.memory_bytes;
    info->compute_units = description.processors;
    info->dtypes = 1u << VARLEN_FLOAT16 | 1u << VARLEN_BFLOAT16;
    info->passes = 1u << VARLEN_PASS_FORWARD | 1u << VARLEN_PASS_BACKWARD;
    return VARLEN_OK;
}

varlen_status gpu_supports(void *, const varlen_attention *attention, varlen_pass)
{
    if (attention->dtype == VARLEN_FLOAT32)
        return gpu_host->fail(VARLEN_ERROR_UNSUPPORTED,
                              "attention in float32 is not done by the %s backend, whose "
                              "matrix units multiply float16 and bfloat16",
                              runtime_identity.name);
    /* Rows of a kv head, and tiles of all of them, are numbered in 32 bits. */
    const int64_t rows = attention->total_q * (attention->q_heads / attention->kv_heads);
    if (rows > INT32_MAX || rows / 16 * attention->kv_heads > INT32_MAX)
        return gpu_host->fail(VARLEN_ERROR_UNSUPPORTED,
                              "total_q = %lld with q_heads = %d and kv_heads = %d makes more rows than the %s backend "
                              "can number",
                              (long long)attention->total_q, attention->q_heads, attention->kv_heads,
                              runtime_identity.name);
    return VARLEN_OK;
}
