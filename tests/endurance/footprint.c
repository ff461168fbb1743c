/* From glibc and /proc; see footprint.h. */
#include "footprint.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const double mebibyte = 1 << 20;

static int count_entries(const char *path)
{
    int count = 0;
    DIR *folder = opendir(path);
    if (!folder) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

/* A thread that has been joined may be listed for a moment longer. */
static int count_threads(void)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    int fewest = count_entries("/proc/self/task");
    for (int look = 0; look < 5; look++) {
        nanosleep(&moment, NULL);
        const int count = count_entries("/proc/self/task");
        fewest = count < fewest ? count : fewest;
    }
    return fewest;
}

static double resident(void)
{
    long all = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &all, &pages) != 2) {
        perror("/proc/self/statm");
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / mebibyte;
}

footprint footprint_now(void)
{
    const struct mallinfo2 heap = mallinfo2();
    return (footprint){
        .heap = (double)(heap.uordblks + heap.hblkhd) / mebibyte,
        .resident = resident(),
        .descriptors = count_entries("/proc/self/fd") - 1, /* but for the one that this took */
        .threads = count_threads(),
    };
}
