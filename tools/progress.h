/* One line that shows how far a long command has come, on a terminal only. */
#ifndef VARLEN_TOOLS_PROGRESS_H
#define VARLEN_TOOLS_PROGRESS_H

/* Rewrites the line on stderr. total 0: not known, nothing is counted. Prints nothing where stderr is not a terminal.
 */
void progress_show(int done, int total, const char *what);

/* Clears the line: before anything else is printed, and at the end. */
void progress_clear(void);

#endif
