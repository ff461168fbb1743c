#include "device.h"

#include "isa.h"
#include "state.h"
#include "threads.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

varlen_status cpu_device_count(const varlen_host *host, int32_t *count)
{
    (void)host;
    *count = 1;
    return VARLEN_OK;
}

/* The processor's name as Linux gives it; left alone where it does not. The first processor's lines will do, and need
 * no memory. */
static void read_processor_name(char *name, size_t size)
{
    char text[4096];
    const int file = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    const ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0)
        close(file);
    text[length < 0 ? 0 : length] = '\0';
    const char *line = strstr(text, "model name");
    const char *colon = line ? strchr(line, ':') : NULL;
    if (colon)
        snprintf(name, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
}

varlen_status cpu_device_info(const varlen_host *host, int32_t device, varlen_device_info *info)
{
    const cpu_kernels *kernels;
    varlen_status status = cpu_isa_choose(host, &kernels);
    if (status != VARLEN_OK)
        return status;
    info->device = device;
    snprintf(info->name, sizeof info->name, "CPU");
    read_processor_name(info->name, sizeof info->name);
    snprintf(info->architecture, sizeof info->architecture, "%s", kernels->name);
    info->memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    info->compute_units = cpu_default_threads();
    info->dtypes = CPU_DTYPES;
    info->passes = 1u << VARLEN_PASS_FORWARD | 1u << VARLEN_PASS_BACKWARD;
    info->flags = VARLEN_DEVICE_HOST_MEMORY;
    return VARLEN_OK;
}
