/* What was measured between the spells of a run, and what it says of growth. */
#ifndef VARLEN_TESTS_ENDURANCE_HISTORY_H
#define VARLEN_TESTS_ENDURANCE_HISTORY_H

#include "footprint.h"
#include "subject.h"

enum { QUARTERS = 4 };

typedef struct history {
    int spells; /* a multiple of QUARTERS */
    int subject_count;
    footprint *footprints;     /* [spells] */
    double *times;             /* [subject_count, spells], milliseconds of a call */
    unsigned long long *steps; /* [spells], since the start */
} history;

history history_make(int spells, int subject_count);
void history_free(history *of);

/* Measures, with nothing else going on. */
void history_add(history *of, int spell, const subject *subjects, unsigned long long steps);

/* Prints the tables. */
void history_print(const history *of, const subject *subjects);

/* Reports whether the last quarter holds more than the first, and whether its calls take longer. */
void history_judge(const history *of);

#endif
