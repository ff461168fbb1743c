/* The same problem again, with something different around it: every bit of the result must be the same. Rows are
 * attention_case. */
#ifndef VARLEN_TESTS_INVARIANCE_H
#define VARLEN_TESTS_INVARIANCE_H

#include "case.h"

void invariance_alone(case_trial *trial, const void *row);      /* each sequence as a batch of its own */
void invariance_twice(case_trial *trial, const void *row);      /* nothing different */
void invariance_threads(case_trial *trial, const void *row);    /* 1, 2 or 3 threads */
void invariance_poison(case_trial *trial, const void *row);     /* other bytes in outputs and workspace before */
void invariance_max_seqlen(case_trial *trial, const void *row); /* the upper bounds unknown, exact, loose */
void invariance_copies(case_trial *trial, const void *row);     /* keys of its own for each sequence, by cu_seqlens_k */

#endif
