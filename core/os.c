/* The POSIX and glibc side of os.h. */
#define _GNU_SOURCE
#include "os.h"

#include <dirent.h>
#include <dlfcn.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

bool varlen_os_is_absolute(const char *path)
{
    return path[0] == '/';
}

char *varlen_os_real_path(const char *path)
{
    return realpath(path, NULL);
}

static bool trusts(const char *path, mode_t type, const char *type_name, varlen_text *reason)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        varlen_text_add(reason, "%m");
        return false;
    }
    if ((status.st_mode & S_IFMT) != type) {
        varlen_text_add(reason, "%s is not a %s", path, type_name);
        return false;
    }
    if (status.st_mode & S_IWOTH) {
        varlen_text_add(reason, "every user may write the %s %s (mode %04o)", type_name, path,
                        (unsigned)status.st_mode & 07777u);
        return false;
    }
    return true;
}

bool varlen_os_trusts_folder(const char *path, varlen_text *reason)
{
    return trusts(path, S_IFDIR, "folder", reason);
}

bool varlen_os_trusts_file(const char *path, varlen_text *reason)
{
    if (!trusts(path, S_IFREG, "file", reason))
        return false;
    char *copy = strdup(path);
    if (!copy) {
        varlen_text_add(reason, "%s: out of memory", path);
        return false;
    }
    const bool trusted = varlen_os_trusts_folder(dirname(copy), reason);
    free(copy);
    return trusted;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

bool varlen_os_list_folder(const char *path, varlen_os_visitor visit, void *user, varlen_text *reason)
{
    struct dirent **entries;
    const int count = scandir(path, &entries, NULL, by_name);
    if (count < 0) {
        varlen_text_add(reason, "%m");
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

char *varlen_os_own_folder(void)
{
    static const char inside = 0; /* any address inside this library */
    Dl_info info;
    if (!dladdr(&inside, &info) || !info.dli_fname)
        return NULL;
    char *file = realpath(info.dli_fname, NULL);
    char *folder = file ? strdup(dirname(file)) : NULL;
    free(file);
    return folder;
}

void *varlen_os_library_open(const char *path, varlen_text *reason)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *words = dlerror();
        varlen_text_add(reason, "%s", words ? words : "the dynamic loader gave no reason");
    }
    return library;
}

void *varlen_os_library_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

void varlen_os_library_close(void *library)
{
    dlclose(library);
}
