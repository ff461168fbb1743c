/* The processor's own peaks: see bench/probe.h. */
#include "bench/probe.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/kernels.h"
#include "progress.h"

enum { TRIALS = 7 };

#define TRIAL_SECONDS 0.03
#define SMALLEST_BUFFER ((size_t)256 << 20) /* bytes */
#define SLICE_UNIT ((size_t)4096)           /* bytes: slices of the buffers begin at multiples of it */

typedef struct probe probe;

/* One thread's part of the work, `rounds` times over. */
typedef void (*probe_work)(const probe *what, int thread, int64_t rounds);

struct probe {
    probe_work work;
    double per_round; /* operations or bytes that a round of all threads comes to */
    int threads;
    bench_arithmetic arithmetic; /* for the arithmetic probes */
    char *source;                /* for the memory probes: two buffers, cut into a slice per thread */
    char *target;
    size_t slice;
};

typedef struct probe_thread {
    const probe *what;
    atomic_int *order;
    int64_t rounds;
    int index;
    pthread_t handle;
} probe_thread;

static void work_arithmetic(const probe *what, int thread, int64_t rounds)
{
    float sink = (float)thread;
    what->arithmetic.run(rounds, &sink);
    volatile float kept = sink;
    (void)kept;
}

static void work_read(const probe *what, int thread, int64_t rounds)
{
    volatile uint64_t kept;
    for (int64_t round = 0; round < rounds; round++)
        kept = bench_read(what->source + (size_t)thread * what->slice, what->slice);
    (void)kept;
}

static void work_copy(const probe *what, int thread, int64_t rounds)
{
    const size_t start = (size_t)thread * what->slice;
    for (int64_t round = 0; round < rounds; round++)
        memcpy(what->target + start, what->source + start, what->slice);
}

/* Each thread touches its slices first, so that they lie in memory near it. */
static void work_touch(const probe *what, int thread, int64_t rounds)
{
    (void)rounds;
    const size_t start = (size_t)thread * what->slice;
    memset(what->source + start, 1, what->slice);
    memset(what->target + start, 2, what->slice);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

enum { ORDER_WAIT, ORDER_GO, ORDER_LEAVE };

static void *run_thread(void *pointer)
{
    const probe_thread *thread = pointer;
    while (atomic_load(thread->order) == ORDER_WAIT)
        sched_yield();
    if (atomic_load(thread->order) == ORDER_GO)
        thread->what->work(thread->what, thread->index, thread->rounds);
    return NULL;
}

/* Seconds from the start of all threads to the end of the last. */
static bool time_rounds(const probe *what, int64_t rounds, double *seconds, reason *why)
{
    atomic_int order = ORDER_WAIT;
    probe_thread *threads = calloc((size_t)what->threads, sizeof *threads);
    if (!threads)
        return refuse(why, "the probe: out of memory");
    int started = 1; /* this thread is the first */
    for (; started < what->threads; started++) {
        threads[started] = (probe_thread){.what = what, .order = &order, .rounds = rounds, .index = started};
        if (pthread_create(&threads[started].handle, NULL, run_thread, &threads[started]) != 0)
            break;
    }
    const bool ok = started == what->threads;
    const double start = now();
    atomic_store(&order, ok ? ORDER_GO : ORDER_LEAVE);
    if (ok)
        what->work(what, 0, rounds);
    for (int i = 1; i < started; i++)
        pthread_join(threads[i].handle, NULL);
    *seconds = now() - start;
    free(threads);
    return ok || refuse(why, "the probe: only %d of %d threads could be started", started, what->threads);
}

/* The best rate of some trials, in 10^9 per second. */
static bool best_rate(const probe *what, bench_peak_kind kind, double *rate, reason *why)
{
    char text[96];
    snprintf(text, sizeof text, "measuring peaks: %s, %d thread%s", bench_peak_name(kind), what->threads,
             what->threads == 1 ? "" : "s");
    int64_t rounds = 1;
    double seconds = 0;
    *rate = 0;
    for (; seconds < TRIAL_SECONDS; rounds *= 2)
        if (!time_rounds(what, rounds, &seconds, why))
            return false;
    rounds /= 2;
    for (int trial = 0; trial < TRIALS; trial++) {
        progress_show(trial + 1, TRIALS, text);
        if (!time_rounds(what, rounds, &seconds, why))
            return false;
        const double trial_rate = what->per_round * (double)rounds / seconds * 1e-9;
        *rate = trial_rate > *rate ? trial_rate : *rate;
    }
    return true;
}

static bool measure_arithmetic(bench_arithmetic arithmetic, int threads, bench_peak_kind kind, double *rate,
                               reason *why)
{
    const probe what = {
        .work = work_arithmetic,
        .per_round = arithmetic.flops_per_round * threads,
        .threads = threads,
        .arithmetic = arithmetic,
    };
    return best_rate(&what, kind, rate, why);
}

/* Twice the last-level cache, or more where it is small. */
static size_t buffer_size(void)
{
    const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    const size_t wanted = cache > 0 ? 2 * (size_t)cache : 0;
    return wanted > SMALLEST_BUFFER ? wanted : SMALLEST_BUFFER;
}

static bool measure_memory(int threads, double rates[BENCH_PEAK_COUNT], reason *why)
{
    probe what = {.threads = threads, .slice = buffer_size() / (size_t)threads / SLICE_UNIT * SLICE_UNIT};
    const size_t size = what.slice * (size_t)threads;
    double seconds;
    what.source = aligned_alloc(SLICE_UNIT, size);
    what.target = aligned_alloc(SLICE_UNIT, size);
    bool ok = what.source && what.target;
    if (ok) {
        what.work = work_touch;
        ok = time_rounds(&what, 1, &seconds, why);
    } else {
        refuse(why, "the probe: out of memory for two buffers of %zu bytes", size);
    }
    what.work = work_read;
    what.per_round = (double)size;
    ok = ok && best_rate(&what, BENCH_PEAK_READ, &rates[BENCH_PEAK_READ], why);
    what.work = work_copy;
    what.per_round = 2.0 * (double)size;
    ok = ok && best_rate(&what, BENCH_PEAK_COPY, &rates[BENCH_PEAK_COPY], why);
    free(what.source);
    free(what.target);
    return ok;
}

static bool measure_all(int threads, double rates[BENCH_PEAK_COUNT], reason *why)
{
    const bench_arithmetic float32 = bench_float32_arithmetic();
    const bench_arithmetic bfloat16 = bench_bfloat16_arithmetic();
    return measure_arithmetic(float32, threads, BENCH_PEAK_FLOAT32, &rates[BENCH_PEAK_FLOAT32], why) &&
           (!bfloat16.run ||
            measure_arithmetic(bfloat16, threads, BENCH_PEAK_BFLOAT16, &rates[BENCH_PEAK_BFLOAT16], why)) &&
           measure_memory(threads, rates, why);
}

bool bench_probe(int threads, bench_peaks *peaks, reason *why)
{
    const char *const with[BENCH_PEAK_COUNT] = {
        [BENCH_PEAK_FLOAT32] = bench_float32_arithmetic().instructions,
        [BENCH_PEAK_BFLOAT16] = bench_bfloat16_arithmetic().instructions,
        [BENCH_PEAK_READ] = "loads",
        [BENCH_PEAK_COPY] = "memcpy",
    };
    double one[BENCH_PEAK_COUNT] = {0};
    double all[BENCH_PEAK_COUNT] = {0};
    if (!measure_all(1, one, why) || (threads > 1 && !measure_all(threads, all, why)))
        return false;
    for (int i = 0; i < BENCH_PEAK_COUNT; i++) {
        bench_peak *peak = &peaks->values[i];
        if (!with[i])
            continue;
        snprintf(peak->with, sizeof peak->with, "%s", with[i]);
        peak->one_thread = one[i];
        peak->all_threads = threads > 1 ? all[i] : one[i];
    }
    return true;
}
