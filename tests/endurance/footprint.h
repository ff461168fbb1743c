/* What a process holds. */
#ifndef VARLEN_TESTS_ENDURANCE_FOOTPRINT_H
#define VARLEN_TESTS_ENDURANCE_FOOTPRINT_H

typedef struct footprint {
    double heap;     /* MiB that malloc has given out */
    double resident; /* MiB of memory in use by the process, code and libraries included */
    int descriptors;
    int threads;
} footprint;

/* As things are: nothing of the program's own may be going on. */
footprint footprint_now(void);

#endif
