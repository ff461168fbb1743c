#include "quota.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 1024, LINE_BYTES = 4 * PATH_BYTES };

/* A hierarchy of cgroups that can limit processor time. */
typedef struct hierarchy {
    bool is_v2;
    char root[PATH_BYTES];    /* the cgroup that is mounted */
    char mounted[PATH_BYTES]; /* where */
} hierarchy;

/* A positive decimal number, 0 if the word is none. */
static int64_t number_in(const char *word)
{
    char *end;
    errno = 0;
    long long number = strtoll(word, &end, 10);
    return errno == 0 && end != word && number > 0 ? number : 0;
}

int32_t cpu_quota_processors(const char *quota, const char *period)
{
    int64_t time = number_in(quota);
    int64_t of = number_in(period);
    if (!time || !of || (time - 1) / of >= CPU_NO_QUOTA)
        return CPU_NO_QUOTA;
    return (int32_t)((time - 1) / of + 1);
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static bool read_line(const char *folder, const char *file, char *line, int size)
{
    char path[LINE_BYTES];
    if (snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
        return false;
    FILE *stream = fopen(path, "re");
    bool done = stream && fgets(line, size, stream);
    if (stream)
        fclose(stream);
    return done;
}

static int32_t quota_of_folder(const char *folder, bool is_v2)
{
    char quota[64];
    char period[64];
    if (is_v2) {
        if (!read_line(folder, "cpu.max", quota, sizeof quota))
            return CPU_NO_QUOTA;
        char *second = strchr(quota, ' ');
        return second ? cpu_quota_processors(quota, second) : CPU_NO_QUOTA;
    }
    if (!read_line(folder, "cpu.cfs_quota_us", quota, sizeof quota) ||
        !read_line(folder, "cpu.cfs_period_us", period, sizeof period))
        return CPU_NO_QUOTA;
    return cpu_quota_processors(quota, period);
}

/* Of `path` below the mount, and of all above it. */
static int32_t quota_along(const char *root, const hierarchy *mount, const char *path)
{
    char folder[LINE_BYTES];
    size_t top = strlen(root) + strlen(mount->mounted);
    if (snprintf(folder, sizeof folder, "%s%s%s", root, mount->mounted, path) >= (int)sizeof folder)
        return CPU_NO_QUOTA;
    int32_t least = CPU_NO_QUOTA;
    for (;;) {
        least = smaller(least, quota_of_folder(folder, mount->is_v2));
        char *last = strrchr(folder, '/');
        if (!last || (size_t)(last - folder) < top)
            return least;
        *last = '\0';
    }
}

/* Whether `name` is one of the words of a comma list. */
static bool lists(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *word = list; word; word = strchr(word, ',')) {
        word += *word == ',';
        if (strncmp(word, name, length) == 0 && (word[length] == ',' || word[length] == '\0'))
            return true;
    }
    return false;
}

/* A line of /proc/self/mountinfo: id, parent, device, root, where, options, ... - type, source, options. */
static bool parse_mount(const char *line, hierarchy *mount)
{
    char type[16];
    char options[256];
    const char *rest = strstr(line, " - ");
    if (!rest || sscanf(line, "%*s %*s %*s %1023s %1023s", mount->root, mount->mounted) != 2 ||
        sscanf(rest, " - %15s %*s %255s", type, options) != 2)
        return false;
    mount->is_v2 = strcmp(type, "cgroup2") == 0;
    return mount->is_v2 || (strcmp(type, "cgroup") == 0 && lists(options, "cpu"));
}

/* A line of /proc/self/cgroup: number, controllers, path, with colons between. The path if it is of this kind. */
static const char *parse_cgroup(char *line, bool is_v2)
{
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return NULL;
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    bool is_it = is_v2 ? strcmp(line, "0:") == 0 : lists(controllers + 1, "cpu");
    return is_it ? path : NULL;
}

/* What is below the mount of a cgroup's path; nothing if the cgroup is not there. */
static const char *below_mount(const hierarchy *mount, const char *path)
{
    size_t length = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);
    bool is_below = strncmp(path, mount->root, length) == 0 && path[length] == '/' && !strstr(path, "/..");
    return is_below && path[length + 1] ? path + length : "";
}

static int32_t quota_of_hierarchy(const char *root, const hierarchy *mount)
{
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "re");
    int32_t least = CPU_NO_QUOTA;
    while (file && fgets(line, sizeof line, file)) {
        const char *path = parse_cgroup(line, mount->is_v2);
        if (path)
            least = smaller(least, quota_along(root, mount, below_mount(mount, path)));
    }
    if (file)
        fclose(file);
    return least;
}

int32_t cpu_quota(const char *root)
{
    char line[LINE_BYTES];
    hierarchy mount;
    snprintf(line, sizeof line, "%s/proc/self/mountinfo", root);
    FILE *file = fopen(line, "re");
    int32_t least = CPU_NO_QUOTA;
    while (file && fgets(line, sizeof line, file))
        if (parse_mount(line, &mount))
            least = smaller(least, quota_of_hierarchy(root, &mount));
    if (file)
        fclose(file);
    return least;
}
