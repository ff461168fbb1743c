/* Asking backends about their devices, and trusting none of the answers. */
#ifndef VARLEN_CORE_DEVICES_H
#define VARLEN_CORE_DEVICES_H

#include <varlen/backend.h>

/* How many devices the backend has, at least one; or a failure that says why there is none. */
varlen_status varlen_device_count(const varlen_backend *backend, int32_t *count);

/* Fails with VARLEN_ERROR_BACKEND_UNAVAILABLE unless the backend has this device. */
varlen_status varlen_check_device(const varlen_backend *backend, int32_t device);

/* A whole description of a device that the backend has. */
varlen_status varlen_describe_device(const varlen_backend *backend, int32_t device, varlen_device_info *info);

/* Turns what a backend's `function` returned, since the error mark was set, into what the program gets: a failure
 * without a reason is given one. */
varlen_status varlen_backend_result(const varlen_backend *backend, const char *function, varlen_status status);

#endif
