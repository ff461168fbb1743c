/* The one device of the CPU backend. */
#ifndef VARLEN_CPU_DEVICE_H
#define VARLEN_CPU_DEVICE_H

#include <varlen/backend.h>

/* What attention takes, as dtype or as kv_dtype. */
#define CPU_DTYPES                                                                                                     \
    (1u << VARLEN_FLOAT32 | 1u << VARLEN_FLOAT16 | 1u << VARLEN_BFLOAT16 | 1u << VARLEN_FLOAT8_E4M3 |                  \
     1u << VARLEN_FLOAT8_E5M2 | 1u << VARLEN_INT8)

varlen_status cpu_device_count(const varlen_host *host, int32_t *count);
varlen_status cpu_device_info(const varlen_host *host, int32_t device, varlen_device_info *info);

#endif
