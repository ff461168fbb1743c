/* Devices. */
#ifndef VARLEN_GPU_HOST_DEVICE_H
#define VARLEN_GPU_HOST_DEVICE_H

#include <varlen/backend.h>

varlen_status gpu_device_count(const varlen_host *host, int32_t *count);
varlen_status gpu_device_info(const varlen_host *host, int32_t device, varlen_device_info *info);

#endif
