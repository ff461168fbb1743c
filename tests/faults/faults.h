/* Makes allocations fail: malloc and its like, wherever in the process they are called, in glibc and its dynamic loader
 * too. A program that links faults.c steers it by the functions below. Loaded before another program (LD_PRELOAD), it
 * reads the environment instead:
 *
 *     VARLEN_FAULTS=once:17    the 17th allocation after the program's start fails
 *     VARLEN_FAULTS=from:17    so do all after it
 *     VARLEN_FAULTS=none       none does
 *     VARLEN_FAULTS_REPORT=F   at its end the program writes the faults_report into the file F, as three numbers
 */
#ifndef VARLEN_TESTS_FAULTS_H
#define VARLEN_TESTS_FAULTS_H

typedef enum faults_mode { FAULTS_NONE, FAULTS_ONCE, FAULTS_FROM } faults_mode;

typedef struct faults_report {
    long asked;  /* allocations that were asked for since faults_start */
    long failed; /* of those, the ones that were made to fail */
    long live;   /* allocations of the whole process that have not been freed */
} faults_report;

/* From here on allocations are counted from 1, in all threads together, and the nth fails. */
void faults_start(faults_mode mode, long nth);

/* From here on none is counted, and none fails. */
faults_report faults_stop(void);

#endif
