#include "scheduler.h"

#include <stdlib.h>
#include <string.h>

int scheduler_make(scheduler *made, const scheduler_limits *limits, int32_t requests)
{
    *made = (scheduler){.limits = *limits, .free_count = limits->page_count};
    made->live = calloc((size_t)requests, sizeof *made->live);
    made->free_pages = calloc((size_t)limits->page_count, sizeof *made->free_pages);
    made->next.requests = calloc((size_t)limits->slots, sizeof *made->next.requests);
    made->next.tokens = calloc((size_t)limits->budget, sizeof *made->next.tokens);
    made->next.metadata = calloc((size_t)batch_metadata_size(limits), sizeof *made->next.metadata);
    if (!made->live || !made->free_pages || !made->next.requests || !made->next.tokens || !made->next.metadata)
        return -1;
    made->next.cu_seqlens = made->next.metadata;
    made->next.cached = made->next.cu_seqlens + limits->slots + 1;
    made->next.page_table = made->next.cached + limits->slots;
    for (int32_t page = 0; page < limits->page_count; page++)
        made->free_pages[page] = page;
    return 0;
}

void scheduler_free(scheduler *made)
{
    free(made->live);
    free(made->free_pages);
    free(made->next.requests);
    free(made->next.tokens);
    free(made->next.metadata);
}

void scheduler_add(scheduler *made, request *added)
{
    made->live[made->running + made->waiting++] = added;
}

/* ---- Pages ------------------------------------------------------------------------------------------------------- */

static void release_pages(scheduler *made, request *of)
{
    while (of->page_count > 0)
        made->free_pages[made->free_count++] = of->pages[--of->page_count];
    of->cached = 0;
}

/* All pages that `keys` keys need, or none more than there were. */
static bool take_pages(scheduler *made, request *taker, int32_t keys)
{
    const int32_t wanted = (keys + made->limits.page_size - 1) / made->limits.page_size;
    if (wanted - taker->page_count > made->free_count)
        return false;
    while (taker->page_count < wanted)
        taker->pages[taker->page_count++] = made->free_pages[--made->free_count];
    return true;
}

/* ---- The batch --------------------------------------------------------------------------------------------------- */

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Adds the next `count` tokens of a request, for which it has pages. */
static void batch_add(scheduler *made, request *added, int32_t count)
{
    batch *next = &made->next;
    const int32_t b = next->size++;
    const int32_t first = next->cu_seqlens[b];
    next->requests[b] = added;
    next->cached[b] = added->cached;
    next->cu_seqlens[b + 1] = first + count;
    next->decodes_only = next->decodes_only && count == 1;
    memcpy(next->tokens + first, added->tokens + added->cached, (size_t)count * sizeof *next->tokens);
    memcpy(next->page_table + b * made->limits.width, added->pages, (size_t)added->page_count * sizeof *added->pages);
}

static void preempt_last(scheduler *made)
{
    release_pages(made, made->live[--made->running]);
    made->waiting++;
    made->preempted++;
}

/* The running requests, oldest first, so that whoever must give way is not in the batch yet. Returns what is left of
 * the budget. Each request keeps one token of it: all run in every step. */
static int32_t plan_running(scheduler *made)
{
    int32_t left = made->limits.budget;
    for (int32_t i = 0; i < made->running; i++) {
        request *runner = made->live[i];
        const int32_t others = made->running - i - 1;
        const int32_t count = smaller(runner->length - runner->cached, left - others);
        while (i < made->running && !take_pages(made, runner, runner->cached + count))
            preempt_last(made);
        if (i == made->running)
            break; /* it was the last itself */
        batch_add(made, runner, count);
        left -= count;
    }
    return left;
}

/* Those that wait, oldest first, as long as there are tokens, slots, and pages for all that is known of them. */
static void admit_waiting(scheduler *made, int32_t left)
{
    while (made->waiting > 0 && left > 0 && made->running < made->limits.slots) {
        request *oldest = made->live[made->running];
        const int32_t count = smaller(oldest->length, left);
        if (!take_pages(made, oldest, oldest->length))
            break;
        made->running++;
        made->waiting--;
        batch_add(made, oldest, count);
        left -= count;
    }
}

void scheduler_plan(scheduler *made)
{
    batch *next = &made->next;
    const int32_t preempted = made->preempted;
    next->size = 0;
    next->decodes_only = true;
    const int32_t left = plan_running(made);
    if (made->preempted == preempted) /* or a request would come back to pages that were just too few */
        admit_waiting(made, left);
    for (int32_t b = next->size; b < made->limits.slots; b++) {
        next->cached[b] = 0;
        next->cu_seqlens[b + 1] = next->cu_seqlens[next->size];
    }
}

static void remove_live(scheduler *made, int32_t index)
{
    const int32_t behind = --made->running + made->waiting - index;
    memmove(made->live + index, made->live + index + 1, (size_t)behind * sizeof *made->live);
}

int32_t scheduler_accept(scheduler *made, const int32_t *next_tokens)
{
    int32_t done = 0;
    for (int32_t b = 0; b < made->next.size; b++) {
        request *runner = made->next.requests[b];
        runner->cached += made->next.cu_seqlens[b + 1] - made->next.cu_seqlens[b];
        if (runner->cached < runner->length)
            continue; /* its prompt is not through */
        runner->tokens[runner->length++] = next_tokens[b];
        if (runner->length < runner->limit)
            continue;
        release_pages(made, runner);
        remove_live(made, b - done++); /* the batch has the running requests in their order */
    }
    return done;
}
