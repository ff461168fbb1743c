/* What was measured between the spells of a run, and what it says of growth. */
#ifndef VARLEN_TESTS_ENDURANCE_HISTORY_H
#define VARLEN_TESTS_ENDURANCE_HISTORY_H

#include "footprint.h"
#include "subject.h"

enum { QUARTERS = 4 };

typedef struct history {
    int spells; /* so far */
    int capacity;
    int subject_count;
    footprint *footprints;     /* [capacity] */
    double *times;             /* [subject_count, capacity], milliseconds of a call */
    unsigned long long *steps; /* [capacity], since the start */
} history;

/* Room for so many spells. */
history history_make(int capacity, int subject_count);
bool history_has_room(const history *of);
void history_free(history *of);

/* Measures, with nothing else going on. */
void history_add(history *of, const subject *subjects, unsigned long long steps);

/* Prints what the last spell has left, as a line: a run that is ended from outside has told of what it held. */
void history_print_last(const history *of, double seconds);

/* Prints the tables. */
void history_print(const history *of, const subject *subjects);

/* Reports whether the last quarter holds more than the first, and whether its calls take longer. */
void history_judge(const history *of);

#endif
