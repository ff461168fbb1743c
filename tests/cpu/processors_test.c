/* What limits the number of threads: quotas of cgroups, in folders that look like a system's, and OMP_NUM_THREADS. */
#define _GNU_SOURCE
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "openmp.h"
#include "quota.h"
#include "unit/support/scratch.h"
#include "unit/support/test.h"

typedef struct words_row {
    const char *quota, *period;
    int32_t processors;
} words_row;

static void words_are_processors(void **state)
{
    (void)state;
    static const words_row rows[] = {
        {"100000", "100000", 1},
        {"100001", "100000", 2},
        {"50000", "100000", 1},
        {"1", "1000000", 1},
        {"250000\n", "100000\n", 3},
        {"1600000 100000", " 100000", 16},
        {"max", "100000", CPU_NO_QUOTA},
        {"-1", "100000", CPU_NO_QUOTA},
        {"0", "100000", CPU_NO_QUOTA},
        {"", "100000", CPU_NO_QUOTA},
        {"100000", "", CPU_NO_QUOTA},
        {"100000", "0", CPU_NO_QUOTA},
        {"9223372036854775807", "1", CPU_NO_QUOTA},
        {"99999999999999999999", "100000", CPU_NO_QUOTA},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++)
        if (cpu_quota_processors(rows[i].quota, rows[i].period) != rows[i].processors)
            fail_msg("quota \"%s\" in \"%s\" is %d processors", rows[i].quota, rows[i].period,
                     cpu_quota_processors(rows[i].quota, rows[i].period));
}

typedef struct system_file {
    const char *name; /* folders on its way are made */
    const char *text;
} system_file;

enum { FILES = 8 };

typedef struct system_row {
    const char *what;
    system_file files[FILES];
    int32_t processors;
} system_row;

#define V1_MOUNT(root) "33 31 0:30 " root " /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
#define V2_MOUNT(root)                                                                                                 \
    "25 1 0:22 / / rw - ext4 /dev/root rw\n41 31 0:38 " root " /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"

static const system_row systems[] = {
    {"nothing is there", {{"proc/self/other", ""}}, CPU_NO_QUOTA},
    {"version 2, no quota",
     {{"proc/self/mountinfo", V2_MOUNT("/")},
      {"proc/self/cgroup", "0::/user/job\n"},
      {"sys/fs/cgroup/user/job/cpu.max", "max 100000\n"}},
     CPU_NO_QUOTA},
    {"version 2, a quota of the cgroup itself",
     {{"proc/self/mountinfo", V2_MOUNT("/")},
      {"proc/self/cgroup", "0::/user/job\n"},
      {"sys/fs/cgroup/user/job/cpu.max", "250000 100000\n"}},
     3},
    {"version 2, a smaller quota above it",
     {{"proc/self/mountinfo", V2_MOUNT("/")},
      {"proc/self/cgroup", "0::/user/job\n"},
      {"sys/fs/cgroup/user/cpu.max", "200000 100000\n"},
      {"sys/fs/cgroup/user/job/cpu.max", "400000 100000\n"}},
     2},
    {"version 2, in a container with a name space of its own",
     {{"proc/self/mountinfo", V2_MOUNT("/")},
      {"proc/self/cgroup", "0::/\n"},
      {"sys/fs/cgroup/cpu.max", "150000 100000\n"}},
     2},
    {"version 2, mounted from a cgroup on the way",
     {{"proc/self/mountinfo", V2_MOUNT("/docker/abc")},
      {"proc/self/cgroup", "0::/docker/abc/job\n"},
      {"sys/fs/cgroup/cpu.max", "800000 100000\n"},
      {"sys/fs/cgroup/job/cpu.max", "500000 100000\n"}},
     5},
    {"version 2, a cgroup outside of what is mounted",
     {{"proc/self/mountinfo", V2_MOUNT("/")},
      {"proc/self/cgroup", "0::/../other\n"},
      {"sys/fs/cgroup/cpu.max", "400000 100000\n"},
      {"sys/fs/other/cpu.max", "100000 100000\n"}},
     4},
    {"version 1",
     {{"proc/self/mountinfo", V1_MOUNT("/")},
      {"proc/self/cgroup", "4:memory:/elsewhere\n3:cpuset:/elsewhere\n1:cpuacct,cpu:/job\n0::/\n"},
      {"sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "150000\n"},
      {"sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "50000\n"},
      {"sys/fs/cgroup/cpu/elsewhere/cpu.cfs_quota_us", "50000\n"},
      {"sys/fs/cgroup/cpu/elsewhere/cpu.cfs_period_us", "50000\n"}},
     3},
    {"version 1, no quota",
     {{"proc/self/mountinfo", V1_MOUNT("/")},
      {"proc/self/cgroup", "1:cpu,cpuacct:/job\n"},
      {"sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n"},
      {"sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n"}},
     CPU_NO_QUOTA},
};

static void add_file(const scratch *root, const system_file *file)
{
    char name[SCRATCH_PATH_SIZE];
    snprintf(name, sizeof name, "%s", file->name);
    for (char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(scratch_path(root, name), 0700);
        *slash = '/';
    }
    scratch_add_text(root, name, file->text);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void the_least_quota_on_the_way_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS_OF(systems); i++) {
        const scratch root = scratch_create();
        for (int n = 0; n < FILES && systems[i].files[n].name; n++)
            add_file(&root, &systems[i].files[n]);
        const int32_t found = cpu_quota(root.path);
        assert_int_equal(nftw(root.path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
        if (found != systems[i].processors)
            fail_msg("%s: %d processors, expected %d", systems[i].what, found, systems[i].processors);
    }
}

static void the_first_number_of_the_list_counts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t threads;
    } rows[] = {
        {NULL, CPU_OPENMP_SILENT},
        {"", CPU_OPENMP_SILENT},
        {"4", 4},
        {" 8 ", 8},
        {"3,2,1", 3},
        {"16 , 4", 16},
        {"0", CPU_OPENMP_SILENT},
        {"-2", CPU_OPENMP_SILENT},
        {"four", CPU_OPENMP_SILENT},
        {"4x", CPU_OPENMP_SILENT},
        {"99999999999999999999", CPU_OPENMP_SILENT},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++)
        if (cpu_openmp_parse(rows[i].text) != rows[i].threads)
            fail_msg("\"%s\" is %d threads", rows[i].text ? rows[i].text : "(not set)", cpu_openmp_parse(rows[i].text));
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(the_first_number_of_the_list_counts),
                                       cmocka_unit_test(words_are_processors),
                                       cmocka_unit_test(the_least_quota_on_the_way_counts)};
    return cmocka_run_group_tests_name("processors", cases, NULL, NULL);
}
