/* Draws the measurements of `varlen bench`: see bench/plot.h. */
#include "bench/plot.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The script lies in share/varlen, next to the folder of the command. */
static bool find_script(char path[PATH_MAX], reason *why)
{
    static const char place[] = "/../share/varlen/plot_bench.py";
    const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof place);
    if (length < 0)
        return refuse(why, "/proc/self/exe: %s", strerror(errno));
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash : path, place);
    return access(path, R_OK) == 0 || refuse(why, "%s: %s", path, strerror(errno));
}

/* The script prints its own reasons to stderr. */
static bool run_script(const char *json, const char *picture, reason *why)
{
    char script[PATH_MAX];
    if (!find_script(script, why))
        return false;
    char *const words[] = {"python3", script, (char *)json, (char *)picture, NULL};
    pid_t process;
    int status;
    const int error = posix_spawnp(&process, words[0], NULL, NULL, words, environ);
    if (error)
        return refuse(why, "python3 cannot be started: %s", strerror(error));
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            return refuse(why, "python3: %s", strerror(errno));
    return (WIFEXITED(status) && WEXITSTATUS(status) == 0) || refuse(why, "plot_bench.py failed; its reason is above");
}

bool bench_plot_possible(reason *why)
{
    return run_script(NULL, NULL, why);
}

bool bench_plot(const char *json, const char *picture, reason *why)
{
    return run_script(json, picture, why);
}
