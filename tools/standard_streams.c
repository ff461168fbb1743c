/* Makes sure of stdin, stdout and stderr: see standard_streams.h. */
#include "standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_incomplete;

void standard_streams_prepare(void)
{
    /* Opened the wrong way round, so that using them fails as if they were closed. */
    static const int directions[] = {[STDIN_FILENO] = O_WRONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_RDONLY};
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", directions[stream]); /* takes the lowest free number, which is this one */
    signal(SIGXFSZ, SIG_IGN);                      /* a file that grows too large is an error, with its reason */
}

void standard_output_lost(void)
{
    is_incomplete = true;
}

bool standard_output_check(reason *why)
{
    const bool failed = ferror(stdout);
    errno = 0;
    if (fflush(stdout) != 0 || failed)
        return refuse(why, "stdout: cannot be written: %s", strerror(errno ? errno : EIO));
    return !is_incomplete || refuse(why, "stdout: incomplete: out of memory");
}

bool standard_output_finish(reason *why)
{
    if (!standard_output_check(why))
        return false;
    return fclose(stdout) == 0 || refuse(why, "stdout: cannot be written: %s", strerror(errno));
}
