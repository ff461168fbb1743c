/* The table as a whole: which case has which number and name. */
#ifndef VARLEN_TESTS_SUITES_H
#define VARLEN_TESTS_SUITES_H

#include "case.h"

typedef struct suite_case {
    const case_suite *suite;
    const case_head *row;
    varlen_pass pass;
    varlen_dtype dtype;
} suite_case;

/* False past the last one. */
bool suites_find(int index, suite_case *found);

void suite_case_name(const suite_case *found, char name[CONFORMANCE_NAME_SIZE]);

#endif
