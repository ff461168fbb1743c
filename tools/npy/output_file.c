/* Replaces files whole: see output_file.h. */
#include "npy/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "npy/unfinished.h"

enum { MOST_LINKS = 40, MOST_NAMES_TRIED = 100 };

/* ---- Where a path leads ---- */

/* The folder of `path` with a slash at its end, "" for the working directory; returns the rest of the path. */
static const char *split(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    memcpy(folder, path, length);
    folder[length] = '\0';
    return path + length;
}

static bool join(char path[PATH_MAX], const char *folder, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s%s", folder, name) < PATH_MAX)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

/* Replaces a link by what it points to. False if it is none. */
static bool follow_link(char path[PATH_MAX])
{
    char link[PATH_MAX], folder[PATH_MAX];
    const ssize_t length = readlink(path, link, sizeof link - 1);
    if (length < 0)
        return false;
    link[length] = '\0';
    split(path, folder);
    return join(path, link[0] == '/' ? "" : folder, link);
}

/* The absolute path of the file, which may be absent, but not its folder. False with errno if there is none. */
static bool resolve(const char *path, char target[PATH_MAX])
{
    char current[PATH_MAX], folder[PATH_MAX], real[PATH_MAX];
    if (realpath(path, target))
        return true;
    if (errno != ENOENT || !join(current, "", path))
        return false;
    for (int links = 0; follow_link(current); links++)
        if (links == MOST_LINKS) {
            errno = ELOOP;
            return false;
        }
    const char *name = split(current, folder);
    if (!*name) {
        errno = EISDIR;
        return false;
    }
    if (!realpath(*folder ? folder : ".", real))
        return false;
    return join(folder, real, real[1] ? "/" : "") && join(target, folder, name);
}

/* ---- Which file that is ---- */

typedef struct identity {
    dev_t device;
    ino_t number;          /* of the file; of its folder, if it is absent */
    char absent[PATH_MAX]; /* its name, if it is absent */
    bool is_device;
} identity;

static bool identify(const char *path, identity *file)
{
    struct stat status;
    char target[PATH_MAX], folder[PATH_MAX];
    *file = (identity){0};
    if (stat(path, &status) != 0) {
        if (!resolve(path, target))
            return false;
        strcpy(file->absent, split(target, folder));
        if (stat(folder, &status) != 0)
            return false;
    }
    file->device = status.st_dev;
    file->number = status.st_ino;
    file->is_device = S_ISCHR(status.st_mode);
    return true;
}

bool output_paths_meet(const char *left, const char *right)
{
    identity a, b;
    if (!identify(left, &a) || !identify(right, &b))
        return strcmp(left, right) == 0;
    return !a.is_device && a.device == b.device && a.number == b.number && strcmp(a.absent, b.absent) == 0;
}

bool output_path_is_stdout(const char *path)
{
    struct stat status, standard;
    return stat(path, &status) == 0 && fstat(STDOUT_FILENO, &standard) == 0 && !S_ISCHR(status.st_mode) &&
           status.st_dev == standard.st_dev && status.st_ino == standard.st_ino;
}

/* ---- Writing ---- */

static bool refuse_errno(reason *why, const output_file *file, const char *what)
{
    return refuse(why, "%s: %s: %s", file->path, what, strerror(errno));
}

static bool open_stream(output_file *file, int descriptor, reason *why)
{
    file->stream = fdopen(descriptor, "wb");
    if (file->stream)
        return true;
    refuse_errno(why, file, "cannot be opened");
    close(descriptor);
    return false;
}

/* Without waiting for a reader, where it is a pipe; writing then waits as usual. */
static bool open_directly(output_file *file, reason *why)
{
    const int descriptor = open(file->path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENXIO)
        return refuse(why, "%s: no process reads this pipe", file->path);
    if (descriptor < 0)
        return refuse_errno(why, file, "cannot be opened");
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
    return open_stream(file, descriptor, why);
}

/* Creates "<folder>/.<name>.<process>-<try>.partial"; a long name is cut, so that there is room. */
static int create_beside(output_file *file)
{
    enum { LONGEST_NAME = 200 };
    char folder[PATH_MAX], name[NAME_MAX + 1];
    const char *base = split(file->target, folder);
    int descriptor = -1;
    for (int n = 0; n < MOST_NAMES_TRIED && descriptor < 0; n++) {
        snprintf(name, sizeof name, ".%.*s.%ld-%d.partial", LONGEST_NAME, base, (long)getpid(), n);
        if (!join(file->temporary, folder, name))
            break;
        descriptor = unfinished_create(file->temporary, file->replaces ? 0600 : 0666);
        if (descriptor < 0 && errno != EEXIST)
            break;
    }
    if (descriptor < 0)
        file->temporary[0] = '\0';
    return descriptor;
}

static bool open_beside(output_file *file, reason *why)
{
    if (!resolve(file->path, file->target))
        return refuse_errno(why, file, "cannot be created");
    if (file->replaces && faccessat(AT_FDCWD, file->target, W_OK, AT_EACCESS) != 0)
        return refuse_errno(why, file, "cannot be replaced");
    const int descriptor = create_beside(file);
    if (descriptor < 0)
        return refuse_errno(why, file, "cannot be created");
    return open_stream(file, descriptor, why);
}

bool output_file_open(output_file *file, const char *path, reason *why)
{
    struct stat status;
    *file = (output_file){.path = path};
    file->replaces = stat(path, &status) == 0;
    if (file->replaces && S_ISDIR(status.st_mode))
        return refuse(why, "%s: a folder, not a file", path);
    if (file->replaces && !S_ISREG(status.st_mode))
        return open_directly(file, why);
    return open_beside(file, why);
}

bool output_file_possible(const char *path, reason *why)
{
    struct stat status;
    output_file file = {.path = path};
    const bool is_direct = stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
    if (is_direct) /* not opened: who reads a pipe would see it end */
        return access(path, W_OK) == 0 || refuse_errno(why, &file, "cannot be written");
    const bool ok = output_file_open(&file, path, why);
    output_file_discard(&file);
    return ok;
}

/* Of the file that is replaced. Another's file stays theirs if we may give it away; else at least its group. */
static bool keep_mode_and_owner(const output_file *file)
{
    struct stat before, now;
    const int descriptor = fileno(file->stream);
    if (stat(file->target, &before) != 0 || fstat(descriptor, &now) != 0)
        return false;
    bool kept = before.st_uid == now.st_uid && before.st_gid == now.st_gid;
    if (!kept)
        kept = fchown(descriptor, before.st_uid, before.st_gid) == 0;
    if (!kept && fchown(descriptor, (uid_t)-1, before.st_gid) != 0)
        before.st_mode &= ~(mode_t)(S_IRWXG & ~S_IRGRP); /* another group gets no more than to read */
    return fchmod(descriptor, before.st_mode & (kept ? 07777 : 0777)) == 0;
}

bool output_file_finish(output_file *file, reason *why)
{
    bool ok = !ferror(file->stream) && fflush(file->stream) == 0;
    if (ok && file->temporary[0]) {
        ok = !file->replaces || keep_mode_and_owner(file);
        ok = ok && (fsync(fileno(file->stream)) == 0 || errno == EINVAL || errno == ENOTSUP);
    }
    const int error = errno;
    if (fclose(file->stream) != 0)
        ok = false;
    else
        errno = error;
    file->stream = NULL;
    return ok || refuse_errno(why, file, "cannot be written");
}

bool output_files_commit(output_file *files, int count, reason *why)
{
    unfinished_file renames[UNFINISHED_MOST];
    output_file *renamed[UNFINISHED_MOST];
    int wanted = 0;
    for (int i = 0; i < count; i++)
        if (files[i].temporary[0]) {
            renames[wanted] = (unfinished_file){files[i].temporary, files[i].target};
            renamed[wanted++] = &files[i];
        }
    const int done = unfinished_rename_all(renames, wanted);
    const int error = errno;
    for (int i = 0; i < done; i++)
        renamed[i]->temporary[0] = '\0';
    errno = error;
    return done == wanted || refuse_errno(why, renamed[done], "cannot be replaced");
}

void output_file_discard(output_file *file)
{
    if (file->stream)
        fclose(file->stream);
    if (file->temporary[0])
        unfinished_remove(file->temporary);
    *file = (output_file){.path = file->path};
}
