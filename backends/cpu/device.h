/* The one device of the CPU backend. */
#ifndef VARLEN_CPU_DEVICE_H
#define VARLEN_CPU_DEVICE_H

#include <varlen/backend.h>

varlen_status cpu_device_count(const varlen_host *host, int32_t *count);
varlen_status cpu_device_info(const varlen_host *host, int32_t device, varlen_device_info *info);

#endif
