/* Files that code is loaded from: who owns them, who may write them, and opening them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os.h"

/* ---- Who is trusted ---- */

enum { MAX_TRUSTED = 32 };

/* Whoever is not counted for want of room is not trusted. */
typedef struct trusted {
    int user_count;
    int group_count;
    uid_t users[MAX_TRUSTED];
    gid_t groups[MAX_TRUSTED];
} trusted;

static bool is_trusted_user(const trusted *who, uid_t user)
{
    for (int i = 0; i < who->user_count; i++)
        if (who->users[i] == user)
            return true;
    return false;
}

/* The group that distributions make for each user, and for root, has the user's number. */
static bool is_trusted_group(const trusted *who, gid_t group)
{
    for (int i = 0; i < who->group_count; i++)
        if (who->groups[i] == group)
            return true;
    return is_trusted_user(who, group);
}

static void trust_user(trusted *who, uid_t user)
{
    if (who->user_count < MAX_TRUSTED && !is_trusted_user(who, user))
        who->users[who->user_count++] = user;
}

static bool trust_writers(void *user, const char *path, bool is_last)
{
    trusted *who = user;
    struct stat status;
    if (lstat(path, &status) != 0)
        return true;
    trust_user(who, status.st_uid);
    const bool group_may_replace = (status.st_mode & S_IWGRP) && (is_last || !(status.st_mode & S_ISVTX));
    if (group_may_replace && who->group_count < MAX_TRUSTED && !is_trusted_group(who, status.st_gid))
        who->groups[who->group_count++] = status.st_gid;
    return true;
}

/* ---- Paths ---- */

/* Calls `visit` with "/", with each folder below it that the path goes through, and with the path, until it returns
 * false, and returns what it returned last. False for what is too long to be a path. */
static bool walk(const char *real_path, bool (*visit)(void *user, const char *path, bool is_last), void *user)
{
    char part[PATH_MAX];
    const size_t length = strlen(real_path);
    if (length >= sizeof part)
        return false;
    bool wanted = visit(user, "/", length == 1);
    for (size_t end = 1; wanted && end < length;) {
        end += strcspn(real_path + end, "/");
        memcpy(part, real_path, end);
        part[end] = '\0';
        wanted = visit(user, part, end == length);
        end++;
    }
    return wanted;
}

static trusted find_trusted(void)
{
    const char *own_path = varlen_os_own_path();
    trusted who = {0};
    trust_user(&who, 0);
    trust_user(&who, geteuid());
    if (own_path)
        walk(own_path, trust_writers, &who);
    return who;
}

/* ---- Judgement ---- */

static bool refuse_error(varlen_obstacle *obstacle, const char *path)
{
    obstacle->error = errno;
    varlen_text_add(&obstacle->words, "%s: %m", path);
    return false;
}

/* `kind` is "file" or "folder". What is above a folder that may be sticky is safe there, for it has been looked at. */
static bool judge(const trusted *who, const struct stat *status, const char *kind, const char *path, bool may_be_sticky,
                  varlen_obstacle *obstacle)
{
    const unsigned mode = (unsigned)status->st_mode & 07777u;
    const bool is_sticky = may_be_sticky && (mode & S_ISVTX);
    if (!is_trusted_user(who, status->st_uid)) {
        varlen_text_add(&obstacle->words,
                        "the %s %s belongs to user %u, who is neither root, nor the user of this process (%u), nor an "
                        "owner of libvarlen and the folders above it",
                        kind, path, (unsigned)status->st_uid, (unsigned)geteuid());
        return false;
    }
    if ((mode & S_IWOTH) && !is_sticky) {
        varlen_text_add(&obstacle->words, "every user may write the %s %s (mode %04o)", kind, path, mode);
        return false;
    }
    if ((mode & S_IWGRP) && !is_sticky && !is_trusted_group(who, status->st_gid)) {
        varlen_text_add(&obstacle->words,
                        "group %u may write the %s %s (mode %04o), and is no trusted user's private group",
                        (unsigned)status->st_gid, kind, path, mode);
        return false;
    }
    return true;
}

typedef struct judging {
    trusted who;
    varlen_obstacle *obstacle;
} judging;

static bool judge_folder(void *user, const char *path, bool is_last)
{
    judging *now = user;
    struct stat status;
    if (lstat(path, &status) != 0)
        return refuse_error(now->obstacle, path);
    if (!S_ISDIR(status.st_mode)) {
        varlen_text_add(&now->obstacle->words, "%s is not a folder", path);
        return false;
    }
    return judge(&now->who, &status, "folder", path, !is_last, now->obstacle);
}

/* From the root down: who cannot write a folder cannot replace what has been looked at in it. */
bool varlen_os_trusts_folder(const char *real_path, varlen_obstacle *obstacle)
{
    judging now = {.who = find_trusted(), .obstacle = obstacle};
    if (walk(real_path, judge_folder, &now))
        return true;
    if (obstacle->words.length == 0)
        varlen_text_add(&obstacle->words, "the path is too long");
    return false;
}

/* ---- Files ---- */

static varlen_file_id id_of(const struct stat *status)
{
    return (varlen_file_id){.device = status->st_dev, .number = status->st_ino};
}

bool varlen_os_identify(const char *path, varlen_file_id *id, varlen_obstacle *obstacle)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        obstacle->error = errno;
        varlen_text_add(&obstacle->words, "%m");
        return false;
    }
    *id = id_of(&status);
    return true;
}

static bool judge_file(int descriptor, const char *real_path, varlen_file *file, varlen_obstacle *obstacle)
{
    const trusted who = find_trusted();
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return refuse_error(obstacle, real_path);
    if (!S_ISREG(status.st_mode)) {
        varlen_text_add(&obstacle->words, "%s is not a file", real_path);
        return false;
    }
    *file = (varlen_file){
        .descriptor = descriptor,
        .id = id_of(&status),
        .size = (uint64_t)status.st_size,
        .changed = {status.st_ctim.tv_sec, status.st_ctim.tv_nsec},
    };
    return judge(&who, &status, "file", real_path, false, obstacle);
}

static bool trusts_folder_of(const char *real_path, varlen_obstacle *obstacle)
{
    char folder[PATH_MAX];
    const size_t length = (size_t)(strrchr(real_path, '/') - real_path);
    if (length >= sizeof folder) {
        varlen_text_add(&obstacle->words, "the path is too long");
        return false;
    }
    memcpy(folder, real_path, length);
    folder[length] = '\0';
    return varlen_os_trusts_folder(length ? folder : "/", obstacle);
}

bool varlen_os_file_open(const char *real_path, varlen_file *file, varlen_obstacle *obstacle)
{
    if (!trusts_folder_of(real_path, obstacle))
        return false;
    /* A pipe or a device must not make the caller wait, and be refused for what it is. */
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    const int descriptor = (int)TEMP_FAILURE_RETRY(open(real_path, flags));
    if (descriptor < 0)
        return refuse_error(obstacle, real_path);
    if (judge_file(descriptor, real_path, file, obstacle))
        return true;
    close(descriptor);
    return false;
}

bool varlen_os_file_read(const varlen_file *file, uint64_t offset, void *to, size_t size, varlen_obstacle *obstacle)
{
    for (size_t done = 0; done < size;) {
        const ssize_t count =
            TEMP_FAILURE_RETRY(pread(file->descriptor, (char *)to + done, size - done, (off_t)(offset + done)));
        if (count <= 0) {
            obstacle->error = count < 0 ? errno : 0;
            varlen_text_add(&obstacle->words, count < 0 ? "it cannot be read: %m" : "it has been cut short");
            return false;
        }
        done += (size_t)count;
    }
    return true;
}

bool varlen_os_file_is_at(const varlen_file *file, const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && status.st_dev == file->id.device && status.st_ino == file->id.number &&
           (uint64_t)status.st_size == file->size && status.st_ctim.tv_sec == file->changed[0] &&
           status.st_ctim.tv_nsec == file->changed[1];
}

void varlen_os_file_close(const varlen_file *file)
{
    close(file->descriptor);
}
