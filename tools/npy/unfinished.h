/* Files that must not outlive the command unfinished. A signal that ends the process removes them first. */
#ifndef VARLEN_TOOLS_UNFINISHED_H
#define VARLEN_TOOLS_UNFINISHED_H

#include <stdbool.h>
#include <sys/types.h>

/* Creates a file that is not there yet, for writing. Returns its descriptor; -1 and errno if it cannot. At most
 * UNFINISHED_MOST at a time; EMFILE if there are more. */
enum { UNFINISHED_MOST = 8 };
int unfinished_create(const char *path, mode_t mode);

/* Removes a file that unfinished_create made. */
void unfinished_remove(const char *path);

typedef struct unfinished_file {
    const char *path;
    const char *finished; /* the name that it gets; what has that name is replaced */
} unfinished_file;

/* Gives all files their names. No signal ends the process between the first and the last. Returns how many have got
 * theirs: `count`, or with errno the index of the one that cannot. */
int unfinished_rename_all(const unfinished_file *files, int count);

#endif
