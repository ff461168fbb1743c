/* What `varlen info` says of kernels: which of a device's take some common calls, and why the others do not. */
#ifndef VARLEN_TOOLS_INFO_KERNELS_H
#define VARLEN_TOOLS_INFO_KERNELS_H

#include <varlen/varlen.h>

void info_print_kernels(varlen_context *context, const varlen_device_info *device);

#endif
