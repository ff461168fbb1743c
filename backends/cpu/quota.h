/* The processor time that cgroups leave this process. */
#ifndef VARLEN_CPU_QUOTA_H
#define VARLEN_CPU_QUOTA_H

#include <stdint.h>

enum { CPU_NO_QUOTA = INT32_MAX };

/* Processors that `quota` microseconds in each `period` are worth, rounded up, >= 1: the words of cpu.cfs_quota_us and
 * cpu.cfs_period_us, or the two of cpu.max. CPU_NO_QUOTA if they set none ("max", "-1") or are no numbers. */
int32_t cpu_quota_processors(const char *quota, const char *period);

/* The least along the path of the process's cgroup, in version 1 and version 2. `root` is put before the names of all
 * files: "". */
int32_t cpu_quota(const char *root);

#endif
