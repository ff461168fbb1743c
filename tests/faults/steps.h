/* What is done with failing allocations. */
#ifndef VARLEN_TESTS_FAULTS_STEPS_H
#define VARLEN_TESTS_FAULTS_STEPS_H

#include <stdbool.h>
#include <varlen/varlen.h>

typedef struct step {
    const char *name;
    void (*prepare)(void);      /* what is there before it, with no allocation failing */
    varlen_status (*run)(void); /* gives back all that it takes; VARLEN_OK only where all is as it should be */
    bool allocates_nothing;
} step;

extern const step steps[];
extern const int step_count;

/* The library's words for its last failure. */
const char *steps_message(void);

/* Folders with the plugin "partial", and with one that is broken; gone at the end. */
void steps_begin(const char *plugin);
void steps_end(void);

#endif
