/* Stands in for the allocator of glibc, on top of it: see faults.h. */
#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* The allocator itself, under names that no one stands in for. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *data, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *data);

static atomic_int mode = FAULTS_NONE;
static atomic_bool counts;
static atomic_long wanted; /* the number of the allocation that is to fail */
static atomic_long asked;
static atomic_long failed;
static atomic_long live;

static bool may_allocate(void)
{
    if (!counts)
        return true;
    const long number = ++asked;
    if ((mode == FAULTS_ONCE && number == wanted) || (mode == FAULTS_FROM && number >= wanted)) {
        failed++;
        errno = ENOMEM;
        return false;
    }
    return true;
}

static void *counted(void *data)
{
    live += data != NULL;
    return data;
}

EXPORT void *malloc(size_t size)
{
    return may_allocate() ? counted(__libc_malloc(size)) : NULL;
}

EXPORT void *calloc(size_t count, size_t size)
{
    return may_allocate() ? counted(__libc_calloc(count, size)) : NULL;
}

EXPORT void *realloc(void *data, size_t size)
{
    if (!may_allocate())
        return NULL;
    void *moved = __libc_realloc(data, size);
    if (!data)
        return counted(moved);
    live -= size == 0 && !moved;
    return moved;
}

EXPORT void *reallocarray(void *data, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(data, total);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    return may_allocate() ? counted(__libc_memalign(alignment, size)) : NULL;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

EXPORT int posix_memalign(void **data, size_t alignment, size_t size)
{
    void *taken = memalign(alignment, size);
    if (taken)
        *data = taken;
    return taken ? 0 : ENOMEM;
}

EXPORT void *valloc(size_t size)
{
    return memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

EXPORT void free(void *data)
{
    live -= data != NULL;
    __libc_free(data);
}

void faults_start(faults_mode chosen, long nth)
{
    mode = chosen;
    wanted = nth;
    asked = 0;
    failed = 0;
    counts = true;
}

faults_report faults_stop(void)
{
    counts = false;
    mode = FAULTS_NONE;
    return (faults_report){.asked = asked, .failed = failed, .live = live};
}

/* ---- Loaded before another program ---- */

__attribute__((constructor)) static void start_from_environment(void)
{
    const char *text = getenv("VARLEN_FAULTS");
    const char *number = text ? strchr(text, ':') : NULL;
    if (text)
        faults_start(strncmp(text, "once", 4) == 0   ? FAULTS_ONCE
                     : strncmp(text, "from", 4) == 0 ? FAULTS_FROM
                                                     : FAULTS_NONE,
                     number ? atol(number + 1) : 0);
}

__attribute__((destructor)) static void write_report(void)
{
    const char *path = getenv("VARLEN_FAULTS_REPORT");
    const faults_report report = faults_stop();
    char text[96];
    if (!path)
        return;
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const int length = snprintf(text, sizeof text, "%ld %ld %ld\n", report.asked, report.failed, report.live);
    if (file < 0 || write(file, text, (size_t)length) != length)
        _exit(99); /* the test reads no report */
    close(file);
}
