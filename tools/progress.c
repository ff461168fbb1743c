/* One line that shows how far a long command has come: see progress.h. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#define CLEAR_LINE "\r\033[K"

void progress_show(int done, int total, const char *what)
{
    if (!isatty(STDERR_FILENO))
        return;
    fputs(CLEAR_LINE, stderr);
    if (total > 0)
        fprintf(stderr, "%d/%d ", done, total);
    fprintf(stderr, "%.100s", what);
    fflush(stderr);
}

void progress_clear(void)
{
    if (!isatty(STDERR_FILENO))
        return;
    fputs(CLEAR_LINE, stderr);
    fflush(stderr);
}
