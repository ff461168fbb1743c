/* The POSIX and glibc side of os.h, but for trust. */
#define _GNU_SOURCE
#include "os.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void varlen_mutex_lock(varlen_mutex *mutex)
{
    pthread_mutex_lock(&mutex->native);
}

void varlen_mutex_unlock(varlen_mutex *mutex)
{
    pthread_mutex_unlock(&mutex->native);
}

const char *varlen_os_environment(const char *name)
{
    return secure_getenv(name);
}

/* ---- Failures ---- */

static const int passing_errors[] = {ENOMEM, EMFILE, ENFILE, EAGAIN, EINTR, EIO, ENOBUFS, ESTALE, ETIMEDOUT, EBUSY};
enum { PASSING_ERRORS = sizeof passing_errors / sizeof passing_errors[0] };

bool varlen_obstacle_may_pass(const varlen_obstacle *obstacle)
{
    for (int i = 0; i < PASSING_ERRORS; i++)
        if (obstacle->error == passing_errors[i])
            return true;
    return false;
}

varlen_status varlen_obstacle_status(const varlen_obstacle *obstacle)
{
    return obstacle->error == ENOMEM ? VARLEN_ERROR_OUT_OF_MEMORY : VARLEN_ERROR_BACKEND_UNAVAILABLE;
}

/* ---- Paths and folders ---- */

bool varlen_os_is_absolute(const char *path)
{
    return path[0] == '/';
}

char *varlen_os_real_path(const char *path, varlen_obstacle *obstacle)
{
    char *real_path = realpath(path, NULL);
    if (!real_path) {
        obstacle->error = errno;
        varlen_text_add(&obstacle->words, "%m");
    }
    return real_path;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

bool varlen_os_list_folder(const char *path, varlen_os_visitor visit, void *user, varlen_obstacle *obstacle)
{
    struct dirent **entries;
    const int count = scandir(path, &entries, NULL, by_name);
    if (count < 0) {
        obstacle->error = errno;
        varlen_text_add(&obstacle->words, "%m");
        return false;
    }
    bool wanted = true;
    for (int i = 0; i < count; i++) {
        wanted = wanted && visit(user, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return true;
}

/* ---- The library's own file ---- */

static pthread_once_t own_path_is_found = PTHREAD_ONCE_INIT;
static char own_path[PATH_MAX];

static void find_own_path(void)
{
    static const char inside = 0; /* any address inside this library */
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(&inside, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
        return;
    /* Linked into the program, whose name is what it was called by and need not be a path. */
    const char *path = map->l_name[0] ? map->l_name : "/proc/self/exe";
    if (!realpath(path, own_path))
        own_path[0] = '\0';
}

/* Runs while the library is loaded: before main, or inside dlopen. */
__attribute__((constructor)) static void remember_own_path(void)
{
    pthread_once(&own_path_is_found, find_own_path);
}

const char *varlen_os_own_path(void)
{
    remember_own_path();
    return own_path[0] ? own_path : NULL;
}

/* ---- Shared libraries ---- */

/* The dynamic loader tells in words alone, which end as perror's do. */
static int passing_error_in(const char *words)
{
    const size_t length = strlen(words);
    for (int i = 0; i < PASSING_ERRORS; i++) {
        char buffer[128];
        const char *error = strerror_r(passing_errors[i], buffer, sizeof buffer);
        const size_t end = strlen(error);
        if (length >= end && strcmp(words + length - end, error) == 0)
            return passing_errors[i];
    }
    return 0;
}

enum { LOADER_BYTES = 1 << 16 }; /* more than the dynamic loader takes for itself */

/* It does not tell all: segments that could not be mapped, and dependencies that could not be opened, may be told as if
 * they were not there. So it is looked whether a descriptor and that much memory can be had. */
static int error_of_want(size_t size)
{
    const int descriptor = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return errno;
    close(descriptor);
    void *memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return ENOMEM;
    munmap(memory, size);
    void *volatile block = malloc(LOADER_BYTES);
    free(block);
    return block ? 0 : ENOMEM;
}

void *varlen_os_library_open(const char *path, uint64_t size, varlen_obstacle *obstacle)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) /* what was wanting for a moment may be told in any words: "No such file", for want of memory */
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library)
        return library;
    const int want = error_of_want(2 * (size_t)size);
    const char *words = dlerror();
    varlen_text_add(&obstacle->words, "%s", words ? words : "the dynamic loader gave no reason");
    obstacle->error = words ? passing_error_in(words) : ENOMEM;
    if (!obstacle->error) {
        obstacle->error = want;
        if (want)
            varlen_text_add(&obstacle->words, ": there %s", want == ENOMEM ? "is no memory" : "are no descriptors");
    }
    return NULL;
}

void *varlen_os_library_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

void varlen_os_library_close(void *library)
{
    dlclose(library);
}
