/* Removes unfinished files when a signal ends the process: see unfinished.h.
 *
 * The handler may run on any thread, also on one that the backend has made. So the list has a lock, which the handler
 * takes and never gives back; whoever else holds it keeps the signals off its own thread, and the handler waits no
 * longer than for one open or rename. */
#include "npy/unfinished.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int ending_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGXCPU};

enum { ENDING_SIGNALS = sizeof ending_signals / sizeof ending_signals[0] };

static atomic_flag lock = ATOMIC_FLAG_INIT;
static char paths[UNFINISHED_MOST][PATH_MAX]; /* "": free */

static sigset_t set_of_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < ENDING_SIGNALS; i++)
        sigaddset(&set, ending_signals[i]);
    return set;
}

static void take_lock(void)
{
    while (atomic_flag_test_and_set(&lock))
        continue;
}

static void remove_all_and_end(int number)
{
    take_lock();
    for (int i = 0; i < UNFINISHED_MOST; i++)
        if (paths[i][0])
            unlink(paths[i]);
    signal(number, SIG_DFL);
    raise(number); /* kept off until the handler returns */
}

/* Signals that the process was started to ignore (nohup) stay ignored. */
static void watch_signals(void)
{
    static bool watched;
    struct sigaction action = {.sa_handler = remove_all_and_end, .sa_mask = set_of_signals()};
    struct sigaction before;
    if (watched)
        return;
    watched = true;
    for (int i = 0; i < ENDING_SIGNALS; i++)
        if (sigaction(ending_signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(ending_signals[i], &action, NULL);
}

static void begin(sigset_t *mask)
{
    const sigset_t set = set_of_signals();
    sigprocmask(SIG_BLOCK, &set, mask);
    take_lock();
}

static void end(const sigset_t *mask)
{
    atomic_flag_clear(&lock);
    sigprocmask(SIG_SETMASK, mask, NULL);
}

/* With "", one that is free. NULL if there is none. */
static char *find(const char *path)
{
    for (int i = 0; i < UNFINISHED_MOST; i++)
        if (strcmp(paths[i], path) == 0)
            return paths[i];
    return NULL;
}

static int create(const char *path, mode_t mode)
{
    char *kept = find("");
    if (!kept || strlen(path) >= PATH_MAX) {
        errno = kept ? ENAMETOOLONG : EMFILE;
        return -1;
    }
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor >= 0)
        strcpy(kept, path);
    return descriptor;
}

int unfinished_create(const char *path, mode_t mode)
{
    sigset_t mask;
    watch_signals();
    begin(&mask);
    const int descriptor = create(path, mode);
    const int error = errno;
    end(&mask);
    errno = error;
    return descriptor;
}

void unfinished_remove(const char *path)
{
    sigset_t mask;
    begin(&mask);
    char *kept = find(path);
    if (kept) {
        unlink(path);
        kept[0] = '\0';
    }
    end(&mask);
}

int unfinished_rename_all(const unfinished_file *files, int count)
{
    sigset_t mask;
    int done = 0;
    begin(&mask);
    for (; done < count && rename(files[done].path, files[done].finished) == 0; done++) {
        char *kept = find(files[done].path);
        if (kept)
            kept[0] = '\0';
    }
    const int error = errno;
    end(&mask);
    errno = error;
    return done;
}
