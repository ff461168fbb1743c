/* Devices. */
#ifndef VARLEN_GPU_HOST_DEVICE_H
#define VARLEN_GPU_HOST_DEVICE_H

#include <varlen/backend.h>

/* What attention takes: of queries, and of keys and values alone. */
constexpr uint32_t HALF_DTYPES = 1u << VARLEN_FLOAT16 | 1u << VARLEN_BFLOAT16;
constexpr uint32_t QUANTIZED_DTYPES = 1u << VARLEN_FLOAT8_E4M3 | 1u << VARLEN_FLOAT8_E5M2 | 1u << VARLEN_INT8;

varlen_status gpu_device_count(const varlen_host *host, int32_t *count);
varlen_status gpu_device_info(const varlen_host *host, int32_t device, varlen_device_info *info);

#endif
