#include "threads.h"

#include "openmp.h"
#include "processors.h"
#include "span.h"

int64_t cpu_threads_for_rows(int64_t rows, int64_t row_bytes)
{
    const int64_t bytes_per_thread = 1 << 18; /* some 20 microseconds of copying */
    int64_t rows_per_thread = row_bytes ? cpu_max(bytes_per_thread / row_bytes, 1) : bytes_per_thread;
    return rows / rows_per_thread;
}

/* Calls that share the processors, which they do if the program names no number, share as many workers as there are. */
cpu_team_size cpu_team_for(const cpu_state *state, int64_t threads)
{
    threads = cpu_min(threads, state->threads);
    if (!state->follows_openmp)
        return (cpu_team_size){(int32_t)threads, CPU_TEAM_THREADS};
    if (threads > 1)
        threads = cpu_min(threads, cpu_openmp_threads(state->environment));
    return (cpu_team_size){(int32_t)threads, state->threads - 1};
}

int32_t cpu_default_threads(void)
{
    return (int32_t)cpu_min(cpu_processors(), cpu_openmp_threads(cpu_openmp_environment()));
}
