/* Who runs in a step, and on which pages. Requests wait in the order of their arrival; the first `running` of them have
 * places in the batch and pages of the cache. A step gives every running request its next tokens, one for a request
 * that generates, up to what is left of the step's budget for one whose prompt is not through: so long prompts go in
 * chunks, beside the others' decoding. When pages run out, the request that came last gives all of its own back, and is
 * computed once more, with what it has generated, when there is room: the oldest always gets on, so all end.
 *
 * Nothing here knows varlen: the batch that comes out is what its arrays hold. */
#ifndef SERVE_SCHEDULER_H
#define SERVE_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct request {
    int32_t id;
    int32_t arrival;    /* the step in which it comes */
    int32_t limit;      /* tokens when it is done */
    int32_t prompt;     /* tokens when it comes */
    int32_t length;     /* tokens now */
    int32_t cached;     /* of these, the ones whose keys and values are in the cache */
    int32_t page_count; /* pages that it has */
    int32_t *tokens;    /* [limit] */
    int32_t *pages;     /* [width of the page table] */
} request;

typedef struct scheduler_limits {
    int32_t slots;      /* requests that run at the same time */
    int32_t budget;     /* tokens of a step, at least as many as slots */
    int32_t page_size;  /* keys of a page */
    int32_t page_count; /* pages in the pool */
    int32_t width;      /* pages of the longest request */
} scheduler_limits;

/* One step: sequence b is requests[b], and its new tokens are rows cu_seqlens[b] .. cu_seqlens[b + 1] - 1. Slots from
 * `size` on are empty sequences, so that every step has the same shape. */
typedef struct batch {
    int32_t size;
    bool decodes_only;   /* no sequence has more than one new token */
    request **requests;  /* [slots] */
    int32_t *tokens;     /* [budget] */
    int32_t *metadata;   /* these three, one behind another, to be copied as one */
    int32_t *cu_seqlens; /* [slots + 1] */
    int32_t *cached;     /* [slots]: keys that are in the cache already */
    int32_t *page_table; /* [slots, width] */
} batch;

typedef struct scheduler {
    scheduler_limits limits;
    request **live;  /* those that have come and are not done, in the order of arrival */
    int32_t running; /* the first so many run, the others wait */
    int32_t waiting;
    int32_t *free_pages;
    int32_t free_count;
    int32_t preempted; /* how often a request had to give its pages back */
    batch next;
} scheduler;

/* For `requests` at most. 0, or -1 for want of memory; to be freed in either case. */
int scheduler_make(scheduler *made, const scheduler_limits *limits, int32_t requests);
void scheduler_free(scheduler *made);

/* A request comes. It belongs to the caller, and is in use until it is done. Its limit is at most width * page_size,
 * and the pool has pages for it alone. */
void scheduler_add(scheduler *made, request *added);

/* The next step's batch, in made->next. */
void scheduler_plan(scheduler *made);

/* The step is done: next_tokens[b] is what follows the last row of sequence b. Returns how many requests are done. */
int32_t scheduler_accept(scheduler *made, const int32_t *next_tokens);

/* Elements of batch.metadata, and of its parts before page_table. */
static inline int32_t batch_metadata_size(const scheduler_limits *limits)
{
    return limits->slots + 1 + limits->slots + limits->slots * limits->width;
}

#endif
