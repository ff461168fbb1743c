/* How many threads a call uses: no more than its work is worth, than its context allows, and, where the program has
 * left the number to the backend, than OpenMP offers. */
#ifndef VARLEN_CPU_THREADS_H
#define VARLEN_CPU_THREADS_H

#include "state.h"
#include "team.h"

/* Further threads that moving memory is worth: `rows` rows of `row_bytes`, read or written, >= 0 both. */
int64_t cpu_threads_for_rows(int64_t rows, int64_t row_bytes);

/* For a call whose work is worth so many threads, >= 1. */
cpu_team_size cpu_team_for(const cpu_state *state, int64_t threads);

/* Of a context whose program names no number, as things are. Reads files. */
int32_t cpu_default_threads(void);

#endif
