/* Reads files and pipes: see input_file.h. */
#include "npy/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MILLISECONDS = 3000, STEP_MILLISECONDS = 50 };

bool input_file_open(input_file *file, const char *path, reason *why)
{
    struct stat status;
    *file = (input_file){.path = path, .size = -1};
    /* A pipe without a writer would keep a plain open waiting. */
    file->descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file->descriptor < 0)
        return refuse(why, "%s: cannot be opened: %s", path, strerror(errno));
    const bool known = fstat(file->descriptor, &status) == 0;
    if (known && S_ISREG(status.st_mode))
        file->size = (int64_t)status.st_size;
    if (known && (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode)))
        return true;
    input_file_close(file);
    return refuse(why, "%s: neither a regular file nor a pipe", path);
}

/* After a read that found nothing and no writer: whether the pipe has come to its end, or has one now, or not yet. */
typedef enum pipe_state { PIPE_ENDED, PIPE_GOES_ON, PIPE_WITHOUT_WRITER } pipe_state;

static pipe_state await_writer(input_file *file, int *waited)
{
    struct pollfd wanted = {.fd = file->descriptor, .events = POLLIN};
    if (file->has_writer)
        return PIPE_ENDED;
    if (poll(&wanted, 1, STEP_MILLISECONDS) == 0)
        *waited += STEP_MILLISECONDS;
    if (wanted.revents & POLLIN)
        return PIPE_GOES_ON;
    if (wanted.revents & POLLHUP)
        return PIPE_ENDED; /* one came and went, and wrote nothing */
    return *waited < PATIENCE_MILLISECONDS ? PIPE_GOES_ON : PIPE_WITHOUT_WRITER;
}

static void await_bytes(input_file *file)
{
    struct pollfd wanted = {.fd = file->descriptor, .events = POLLIN};
    file->has_writer = true;
    poll(&wanted, 1, -1);
}

bool input_file_read(input_file *file, void *target, size_t size, size_t *count, reason *why)
{
    int waited = 0;
    *count = 0;
    while (*count < size) {
        const ssize_t got = read(file->descriptor, (char *)target + *count, size - *count);
        if (got > 0) {
            file->has_writer = true;
            *count += (size_t)got;
        } else if (got < 0 && errno == EAGAIN) {
            await_bytes(file);
        } else if (got < 0 && errno != EINTR) {
            return refuse(why, "%s: cannot be read: %s", file->path, strerror(errno));
        } else if (got == 0) {
            const pipe_state state = file->size < 0 ? await_writer(file, &waited) : PIPE_ENDED;
            if (state == PIPE_WITHOUT_WRITER)
                return refuse(why, "%s: no process writes into this pipe", file->path);
            if (state == PIPE_ENDED)
                break;
        }
    }
    return true;
}

void input_file_close(input_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
}
