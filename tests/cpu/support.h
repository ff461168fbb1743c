/* What the tests of the CPU backend share. */
#ifndef VARLEN_TESTS_CPU_SUPPORT_H
#define VARLEN_TESTS_CPU_SUPPORT_H

enum { CHILD_SKIPS = 77 }; /* what a child exits with if the system does not let it try */

/* Forks, and returns what the child's exit status is, work(argument), or 128 + the number of the signal that ended it.
 * A child that hangs is ended by SIGALRM. */
int run_in_child(int (*work)(void *), void *argument);

/* Threads of this process that the backend has started. */
int count_workers(void);

#endif
