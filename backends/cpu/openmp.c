#define _GNU_SOURCE
#include "openmp.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { RUNTIMES = 8, PATH_BYTES = 1024 };

/* A loaded OpenMP runtime. */
typedef struct runtime {
    ElfW(Addr) base;
    bool of_llvm; /* two of these in one process end it when the second is first used */
    int (*max_threads)(void);
    int (*active_level)(void);
    int (*max_active_levels)(void);
} runtime;

typedef struct runtimes {
    unsigned long long loads; /* how many objects the process had ever loaded when they were looked for */
    int32_t count;
    runtime at[RUNTIMES];
} runtimes;

/* The lock guards the copy alone: it is never held beside the dynamic loader's. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static runtimes known;

int32_t cpu_openmp_parse(const char *text)
{
    char *end;
    if (!text)
        return CPU_OPENMP_SILENT;
    errno = 0;
    long number = strtol(text, &end, 10);
    end += strspn(end, " \t");
    bool is_number = errno == 0 && (*end == '\0' || *end == ',') && number > 0 && number < CPU_OPENMP_SILENT;
    return is_number ? (int32_t)number : CPU_OPENMP_SILENT;
}

int32_t cpu_openmp_environment(void)
{
    return cpu_openmp_parse(getenv("OMP_NUM_THREADS"));
}

/* In a forked child, where the thread that held the lock may be missing. */
static void forget(void)
{
    pthread_mutex_init(&lock, NULL);
    known = (runtimes){0};
}

static void prepare(void)
{
    pthread_atfork(NULL, NULL, forget);
}

static bool is_known(const runtimes *found, ElfW(Addr) base)
{
    for (int32_t i = 0; i < found->count; i++)
        if (found->at[i].base == base)
            return true;
    return false;
}

/* Loaded objects with the name of a runtime that were not known; not every such object is one. */
typedef struct candidates {
    const runtimes *known;
    int32_t count;
    struct {
        ElfW(Addr) base;
        char path[PATH_BYTES];
    } at[RUNTIMES];
} candidates;

/* The names begin as those of the runtimes of GCC, LLVM and Intel. */
static int note_object(struct dl_phdr_info *object, size_t size, void *pointer)
{
    candidates *noted = pointer;
    const char *slash = strrchr(object->dlpi_name, '/');
    const char *name = slash ? slash + 1 : object->dlpi_name;
    (void)size;
    bool is_named_so =
        strncmp(name, "libgomp", 7) == 0 || strncmp(name, "libomp", 6) == 0 || strncmp(name, "libiomp", 7) == 0;
    if (!is_named_so || is_known(noted->known, object->dlpi_addr) || noted->count == RUNTIMES ||
        strlen(object->dlpi_name) >= PATH_BYTES)
        return 0;
    noted->at[noted->count].base = object->dlpi_addr;
    strcpy(noted->at[noted->count].path, object->dlpi_name);
    noted->count++;
    return 0;
}

/* Keeps the runtime loaded, if it is one. */
static void add_runtime(runtimes *found, const char *path, ElfW(Addr) base)
{
    void *library = found->count < RUNTIMES ? dlopen(path, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (!library)
        return;
    runtime added = {
        .base = base,
        .of_llvm = dlsym(library, "kmp_get_blocktime") != NULL,
        .max_threads = (int (*)(void))dlsym(library, "omp_get_max_threads"),
        .active_level = (int (*)(void))dlsym(library, "omp_get_active_level"),
        .max_active_levels = (int (*)(void))dlsym(library, "omp_get_max_active_levels"),
    };
    if (added.max_threads && added.active_level && added.max_active_levels)
        found->at[found->count++] = added;
    else
        dlclose(library);
}

/* The loader must not be called back from inside a walk over its objects. */
static void add_new_runtimes(runtimes *found)
{
    const runtimes before = *found;
    candidates noted = {.known = &before};
    dl_iterate_phdr(note_object, &noted);
    for (int32_t i = 0; i < noted.count; i++)
        add_runtime(found, noted.at[i].path, noted.at[i].base);
}

static int read_loads(struct dl_phdr_info *object, size_t size, void *loads)
{
    (void)size;
    *(unsigned long long *)loads = object->dlpi_adds;
    return 1;
}

static runtimes copy_known(void)
{
    pthread_mutex_lock(&lock);
    runtimes copy = known;
    pthread_mutex_unlock(&lock);
    return copy;
}

static runtimes find_runtimes(void)
{
    unsigned long long loads = 0;
    runtimes found = copy_known();
    dl_iterate_phdr(read_loads, &loads);
    if (found.loads == loads)
        return found;
    found.loads = loads;
    add_new_runtimes(&found);
    pthread_mutex_lock(&lock);
    known = found;
    pthread_mutex_unlock(&lock);
    return found;
}

static int32_t offer_of(const runtime *asked)
{
    if (asked->active_level() >= asked->max_active_levels())
        return 1;
    int32_t threads = asked->max_threads();
    return threads > 0 ? threads : 1;
}

int32_t cpu_openmp_threads(int32_t otherwise)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare);
    runtimes found = find_runtimes();
    int32_t of_llvm = 0;
    int32_t least = CPU_OPENMP_SILENT;
    for (int32_t i = 0; i < found.count; i++)
        of_llvm += found.at[i].of_llvm;
    for (int32_t i = 0; i < found.count; i++)
        if (!found.at[i].of_llvm || of_llvm == 1) {
            int32_t offer = offer_of(&found.at[i]);
            least = offer < least ? offer : least;
        }
    return least == CPU_OPENMP_SILENT ? otherwise : least;
}
