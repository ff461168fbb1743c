/* Threads at work; see crew.h. */
#include "crew.h"

#include "clock.h"
#include "gpu/report.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const step_names[STEPS] = {
    "calls on a shared context",   "contexts opened, used and closed", "calls with bad metadata",
    "calls with a wrong argument", "opens of what is not there",
};

typedef struct member {
    pthread_t thread;
    crew *all;
    double end;
    int number;
    random_source source;
} member;

static step choose_step(member *of)
{
    static const int shares[STEPS] = {12, 1, 2, 2, 1};
    int64_t at = random_below(&of->source, 12 + 1 + 2 + 2 + 1);
    int chosen = 0;
    while (at >= shares[chosen])
        at -= shares[chosen++];
    return (step)chosen;
}

static bool open_what_is_not_there(void)
{
    varlen_context *context;
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "nowhere"};
    if (varlen_open(&options, &context) == VARLEN_ERROR_BACKEND_UNAVAILABLE && !context &&
        strstr(varlen_error_message(), "there is no backend nowhere"))
        return true;
    printf("        a backend that is not there: %s\n", varlen_error_message());
    return false;
}

/* Another subject of the same backend where this one has no such call. */
static const subject *choose_subject(member *of, step chosen)
{
    const int count = of->all->subject_count / of->all->backend_count;
    const subject *own = of->all->subjects + of->number % of->all->backend_count * count;
    for (;;) {
        const subject *one = &own[random_below(&of->source, count)];
        if ((chosen != STEP_BAD_METADATA || one->bad_image) &&
            (chosen != STEP_REFUSED || one->work.operation->scratch_size))
            return one;
    }
}

static bool take_step(member *of, step chosen)
{
    const subject *one = choose_subject(of, chosen);
    varlen_context *context;
    bool right = false;
    switch (chosen) {
    case STEP_CALL: return subject_run(one, one->context);
    case STEP_FRESH_CONTEXT:
        context = open_backend(one->backend);
        right = subject_run(one, context);
        varlen_close(context);
        return right;
    case STEP_BAD_METADATA: return subject_run_bad(one);
    case STEP_REFUSED: return subject_run_refused(one);
    default: return open_what_is_not_there();
    }
}

static void *work(void *data)
{
    member *of = data;
    do {
        const step chosen = choose_step(of);
        if (!take_step(of, chosen))
            of->all->wrong++;
        of->all->done[chosen]++;
    } while (clock_milliseconds() < of->end);
    return NULL;
}

void crew_work(crew *all, double end, int spell)
{
    member *members = must_allocate((size_t)all->threads * sizeof *members);
    for (int n = 0; n < all->threads; n++) {
        members[n] = (member){.all = all, .end = end, .number = n};
        members[n].source.state = random_seed_of("endurance") + (uint64_t)spell * (uint64_t)all->threads + (uint64_t)n;
        if (pthread_create(&members[n].thread, NULL, work, &members[n]) != 0) {
            fprintf(stderr, "endurance: thread %d of %d could not be started\n", n + 1, all->threads);
            exit(EXIT_FAILURE);
        }
    }
    for (int n = 0; n < all->threads; n++)
        pthread_join(members[n].thread, NULL);
    free(members);
}
