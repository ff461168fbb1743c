/* Locking. One lock guards the list of calls that have places for workers, and every count beside it; it is held for a
 * few instructions at a time, never while a loop runs or a thread is started. Loops are handed out by atomic counters.
 * A call's record lies on its caller's stack: workers enter and leave it under the lock, and the caller returns when
 * the last has left. Workers sleep after a short spin, so that calls that follow one another find them awake, and a
 * processor that is wanted elsewhere is soon free. */
#define _GNU_SOURCE
#include "team.h"

#include "spin.h"

#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum {
    CACHE_LINE = 64,
    STACK_BYTES =
        1 << 20, /* of a worker; the kernels need some 40 KiB, the rest is for the program's thread-local data */
    WAKES = 2,   /* workers that a caller wakes, and each that comes wakes: nobody has to wake them all */
};

/* How far the threads of a call are with one of its loops. */
typedef struct loop_progress {
    _Alignas(CACHE_LINE) _Atomic int64_t next; /* the first index that has not been handed out */
    _Alignas(CACHE_LINE) _Atomic int64_t done; /* how many indices are */
} loop_progress;

typedef struct team_call {
    loop_progress progress[CPU_TEAM_LOOPS];
    const cpu_loop *loops;
    const void *work;
    int32_t loop_count;
    _Atomic int32_t inside; /* workers that have come and not left; changes under the lock */
    int32_t members;        /* threads that have come, the caller included */
    int32_t places;         /* for workers that may still come */
    int32_t to_wake;        /* of these, those that nobody has been woken for */
    pthread_cond_t changed; /* a loop is done, or the last worker has left */
    struct team_call *next;
} team_call;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t called;  /* there are places */
    team_call *calls;       /* with places, the oldest first */
    _Atomic int32_t places; /* of all calls; changes under the lock */
    int32_t workers;        /* started, or about to be */
    int32_t busy;           /* workers inside a call */
} team = {.lock = PTHREAD_MUTEX_INITIALIZER, .called = PTHREAD_COND_INITIALIZER};

/* ---- Waiting ---- */

/* As pthread_cond_wait, under the lock. A thread that is cancelled goes on until the call is over. */
static void sleep_until(pthread_cond_t *condition)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    pthread_cond_wait(condition, &team.lock);
    pthread_setcancelstate(before, &before);
}

static bool are_done(team_call *call, int32_t loop_count)
{
    for (int32_t i = 0; i < loop_count; i++)
        if (atomic_load_explicit(&call->progress[i].done, memory_order_acquire) < call->loops[i].count)
            return false;
    return true;
}

static void wait_for_loops(team_call *call, int32_t loop_count)
{
    cpu_spin spin = {0};
    while (!are_done(call, loop_count))
        if (!cpu_spin_on(&spin)) {
            pthread_mutex_lock(&team.lock);
            while (!are_done(call, loop_count))
                sleep_until(&call->changed);
            pthread_mutex_unlock(&team.lock);
        }
}

/* The lock is taken also if the last has left already: it may be on its way out of the record. */
static void wait_for_workers(team_call *call)
{
    cpu_spin spin = {0};
    while (atomic_load_explicit(&call->inside, memory_order_relaxed) > 0 && cpu_spin_on(&spin))
        continue;
    pthread_mutex_lock(&team.lock);
    while (call->inside > 0)
        sleep_until(&call->changed);
    pthread_mutex_unlock(&team.lock);
}

/* ---- Loops ---- */

static void announce(team_call *call)
{
    pthread_mutex_lock(&team.lock);
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&team.lock);
}

static void run_loop(team_call *call, int32_t number, int32_t member)
{
    const cpu_loop *loop = &call->loops[number];
    loop_progress *progress = &call->progress[number];
    int64_t chunk = loop->chunk ? loop->chunk : 1;
    int64_t done = 0;
    int64_t first;
    while ((first = atomic_fetch_add_explicit(&progress->next, chunk, memory_order_relaxed)) < loop->count) {
        int64_t end = loop->count - first < chunk ? loop->count : first + chunk;
        for (int64_t index = first; index < end; index++)
            loop->body(call->work, member, index);
        done += end - first;
    }
    if (done && atomic_fetch_add_explicit(&progress->done, done, memory_order_acq_rel) + done == loop->count)
        announce(call);
}

static void run_loops(team_call *call, int32_t member)
{
    for (int32_t i = 0; i < call->loop_count; i++) {
        if (call->loops[i].waits)
            wait_for_loops(call, i);
        run_loop(call, i, member);
    }
}

static void run_alone(const void *work, const cpu_loop *loops, int32_t loop_count)
{
    for (const cpu_loop *loop = loops; loop < loops + loop_count; loop++)
        for (int64_t index = 0; index < loop->count; index++)
            loop->body(work, 0, index);
}

/* ---- Coming and going. What has to hold the lock says so ---- */

/* Needs the lock. How many workers are to be woken now. */
static int32_t take_wakes(team_call *call)
{
    int32_t wakes = call->to_wake < WAKES ? call->to_wake : WAKES;
    call->to_wake -= wakes;
    return wakes;
}

static void wake(int32_t workers)
{
    for (; workers > 0; workers--)
        pthread_cond_signal(&team.called);
}

/* Needs the lock. */
static void add_call(team_call *call)
{
    team_call **end = &team.calls;
    while (*end)
        end = &(*end)->next;
    *end = call;
    atomic_fetch_add_explicit(&team.places, call->places, memory_order_relaxed);
}

/* Needs the lock. No more workers come. */
static void close_call(team_call *call)
{
    team_call **link = &team.calls;
    while (*link && *link != call)
        link = &(*link)->next;
    if (*link)
        *link = call->next;
    atomic_fetch_sub_explicit(&team.places, call->places, memory_order_relaxed);
    call->places = 0;
}

/* Needs the lock. The oldest call with a place, which the worker has taken; NULL if there is none. */
static team_call *enter(void)
{
    team_call *call = team.calls;
    if (!call)
        return NULL;
    team.busy++;
    call->inside++;
    call->members++;
    call->places--;
    atomic_fetch_sub_explicit(&team.places, 1, memory_order_relaxed);
    if (call->to_wake > call->places)
        call->to_wake = call->places;
    if (call->places == 0)
        close_call(call);
    return call;
}

/* Needs the lock. */
static void leave(team_call *call)
{
    team.busy--;
    if (--call->inside == 0)
        pthread_cond_broadcast(&call->changed);
}

/* ---- Workers ---- */

/* Needs the lock, and gives it back while it waits. */
static team_call *wait_for_call(void)
{
    team_call *call = enter();
    if (call)
        return call;
    pthread_mutex_unlock(&team.lock);
    for (cpu_spin spin = {0}; atomic_load_explicit(&team.places, memory_order_relaxed) == 0 && cpu_spin_on(&spin);)
        continue;
    pthread_mutex_lock(&team.lock);
    while (!(call = enter()))
        sleep_until(&team.called);
    return call;
}

static void *work(void *nothing)
{
    pthread_setname_np(pthread_self(), "varlen");
    fesetenv(FE_DFL_ENV); /* not that of the thread that started it */
    pthread_mutex_lock(&team.lock);
    for (;;) {
        team_call *call = wait_for_call();
        int32_t member = call->members - 1;
        int32_t wakes = take_wakes(call);
        pthread_mutex_unlock(&team.lock);
        wake(wakes);
        run_loops(call, member);
        pthread_mutex_lock(&team.lock);
        leave(call);
    }
    return nothing;
}

/* Signals are the program's, and so are its threads to deliver them to; what a worker does itself (a fault in the
 * program's memory) must reach its handler. */
static void block_signals(sigset_t *before)
{
    const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&blocked, own[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, before);
}

static bool start_worker(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int error = pthread_create(&thread, &attributes, work, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

/* Workers that have been counted as started. */
static void start_workers(int32_t count)
{
    sigset_t before;
    block_signals(&before);
    while (count > 0 && start_worker())
        count--;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (count == 0)
        return;
    pthread_mutex_lock(&team.lock);
    team.workers -= count;
    pthread_mutex_unlock(&team.lock);
}

/* Needs the lock. How many more are wanted than there are, up to a limit on all; they are counted at once. */
static int32_t count_missing(int32_t limit)
{
    int32_t missing = atomic_load_explicit(&team.places, memory_order_relaxed) - (team.workers - team.busy);
    if (missing > limit - team.workers)
        missing = limit - team.workers;
    if (missing <= 0)
        return 0;
    team.workers += missing;
    return missing;
}

/* ---- Forks ---- */

static void start_anew(void)
{
    pthread_mutex_init(&team.lock, NULL);
    pthread_cond_init(&team.called, NULL);
    team.calls = NULL;
    team.places = 0;
    team.workers = 0;
    team.busy = 0;
}

static bool survives_fork;

static void prepare_for_fork(void)
{
    survives_fork = pthread_atfork(NULL, NULL, start_anew) == 0;
}

/* ---- Calls ---- */

static void run_together(team_call *call, int32_t worker_limit)
{
    pthread_mutex_lock(&team.lock);
    add_call(call);
    int32_t missing = count_missing(worker_limit);
    int32_t wakes = take_wakes(call);
    pthread_mutex_unlock(&team.lock);
    wake(wakes);
    start_workers(missing);

    run_loops(call, 0);

    pthread_mutex_lock(&team.lock);
    close_call(call);
    pthread_mutex_unlock(&team.lock);
    wait_for_workers(call);
    pthread_cond_destroy(&call->changed);
}

void cpu_team_run(cpu_team_size size, const void *work, const cpu_loop *loops, int32_t loop_count)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (size.threads > 1)
        pthread_once(&once, prepare_for_fork);
    if (size.threads <= 1 || !survives_fork) {
        run_alone(work, loops, loop_count);
        return;
    }
    team_call call = {
        .loops = loops,
        .work = work,
        .loop_count = loop_count,
        .members = 1,
        .places = size.threads - 1,
        .to_wake = size.threads - 1,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    run_together(&call, size.workers);
}
