/* A serving loop on varlen: continuous batching, chunked prefill, a paged cache, preemption. docs/serving.md tells it
 * in the order in which it is read: scheduler.h, engine.h, engine.c, this file. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "engine.h"
#include "options.h"

/* Everything of one run, so that one function frees it, whatever was made of it. */
typedef struct server {
    serve_options options;
    request *requests;
    int32_t *storage; /* the requests' tokens and pages */
    int32_t *next_tokens;
    model model;
    engine engine;
    scheduler scheduler;
    check check;
} server;

typedef struct totals {
    int64_t steps, tokens, generated;
    int32_t most_pages;
    double seconds;
} totals;

static int fail_varlen(varlen_status status)
{
    fprintf(stderr, "serve: %s: %s\n", varlen_status_name(status), varlen_error_message());
    return EXIT_FAILURE;
}

static int fail_memory(void)
{
    fputs("serve: no memory\n", stderr);
    return EXIT_FAILURE;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* A number from 1 to `largest`, small ones more often: a few requests are much longer than the rest. */
static int32_t ragged(int32_t largest, uint32_t id, uint32_t what)
{
    const double x = (double)model_word(id, 0x10000u + what) / MODEL_WORDS;
    return 1 + (int32_t)(x * x * largest);
}

/* Requests with prompts and answers of all lengths; the longest has all that the options allow. */
static int make_requests(server *of, int32_t width)
{
    const serve_options *options = &of->options;
    const int32_t longest = options->longest + options->generate;
    of->requests = calloc((size_t)options->requests, sizeof *of->requests);
    of->storage = calloc((size_t)options->requests * (size_t)(longest + width), sizeof *of->storage);
    of->next_tokens = calloc((size_t)options->slots, sizeof *of->next_tokens);
    if (!of->requests || !of->storage || !of->next_tokens)
        return -1;
    for (int32_t id = 0; id < options->requests; id++) {
        request *made = &of->requests[id];
        made->id = made->arrival = id;
        made->prompt = made->length = id == 0 ? options->longest : ragged(options->longest - 1, (uint32_t)id, 0);
        made->limit = made->length + (id == 0 ? options->generate : ragged(options->generate - 1, (uint32_t)id, 1));
        made->tokens = of->storage + (size_t)id * (size_t)(longest + width);
        made->pages = made->tokens + longest;
        for (int32_t position = 0; position < made->prompt; position++)
            made->tokens[position] = model_word((uint32_t)id, (uint32_t)position);
    }
    return 0;
}

static int prepare(server *of)
{
    const serve_options *options = &of->options;
    const int32_t longest = options->longest + options->generate;
    const scheduler_limits limits = {.slots = options->slots,
                                     .budget = options->budget,
                                     .page_size = options->page_size,
                                     .page_count = options->pages,
                                     .width = (longest + options->page_size - 1) / options->page_size};
    varlen_dtype dtype;
    varlen_status status = engine_open(&of->engine, &dtype);
    if (status)
        return fail_varlen(status);
    if (make_requests(of, limits.width) || model_make(&of->model, dtype, longest) ||
        scheduler_make(&of->scheduler, &limits, options->requests) ||
        (options->check && check_make(&of->check, &of->model, of->requests, options->requests)))
        return fail_memory();
    status = engine_prepare(&of->engine, &of->model, &limits);
    if (status)
        return fail_varlen(status);
    return EXIT_SUCCESS;
}

static void print_head(const server *of)
{
    const varlen_device_info *device = &of->engine.device;
    printf("%s:%d (%s, %s), %s, %s\n", device->backend, (int)device->device, device->name, device->architecture,
           of->model.dtype == VARLEN_FLOAT32 ? "float32" : "bfloat16", graph_kind);
    printf("\n  %5s  %7s  %7s  %7s  %7s  %7s  %9s\n", "step", "running", "waiting", "prompt", "decode", "pages",
           "preempted");
}

static void print_step(const server *of, int64_t step)
{
    const scheduler *from = &of->scheduler;
    int32_t decoding = 0;
    for (int32_t b = 0; b < from->next.size; b++)
        decoding += from->next.cu_seqlens[b + 1] - from->next.cu_seqlens[b] == 1;
    printf("  %5lld  %7d  %7d  %7d  %7d  %7d  %9d\n", (long long)step, (int)from->running, (int)from->waiting,
           (int)(from->next.cu_seqlens[from->next.size] - decoding), (int)decoding,
           (int)(from->limits.page_count - from->free_count), (int)from->preempted);
}

/* One step: plan, compute, read the next tokens. Adds to the totals, and takes what is done off `*left`. */
static varlen_status step(server *of, totals *sums, int32_t *left)
{
    scheduler *from = &of->scheduler;
    scheduler_plan(from);
    const varlen_status status = engine_step(&of->engine, &from->next);
    if (status)
        return status;
    if (of->options.check)
        check_keep(&of->check, &of->engine, &from->next);
    for (int32_t b = 0; b < from->next.size; b++) {
        const int32_t last_row = from->next.cu_seqlens[b + 1] - 1;
        of->next_tokens[b] = model_next(&of->model, engine_out(&of->engine, MODEL_LAYERS - 1, last_row));
    }
    if (sums->steps % 10 == 0)
        print_step(of, sums->steps);
    const int32_t pages = from->limits.page_count - from->free_count;
    sums->most_pages = pages > sums->most_pages ? pages : sums->most_pages;
    sums->steps++;
    sums->tokens += from->next.cu_seqlens[from->next.size];
    *left -= scheduler_accept(from, of->next_tokens);
    return VARLEN_OK;
}

static varlen_status serve(server *of, totals *sums)
{
    int32_t left = of->options.requests, arrived = 0;
    const double started = now();
    while (left > 0) {
        if (arrived < of->options.requests && of->requests[arrived].arrival <= sums->steps)
            scheduler_add(&of->scheduler, &of->requests[arrived++]);
        const varlen_status status = step(of, sums, &left);
        if (status)
            return status;
    }
    sums->seconds = now() - started;
    for (int32_t id = 0; id < of->options.requests; id++)
        sums->generated += of->requests[id].limit - of->requests[id].prompt;
    return VARLEN_OK;
}

static void print_totals(const server *of, const totals *sums)
{
    const int64_t steps = sums->steps;
    printf("\n  %-19s %d, with %lld tokens generated\n", "requests", of->options.requests, (long long)sums->generated);
    printf("  %-19s %lld in %lld steps; preemptions: %d\n", "tokens computed", (long long)sums->tokens,
           (long long)steps, (int)of->scheduler.preempted);
    printf("  %-19s %d of %d, of %d keys\n", "most pages in use", (int)sums->most_pages, of->options.pages,
           of->options.page_size);
    printf("  %-19s %.0f\n", "tokens per second", (double)sums->tokens / sums->seconds);
}

/* Whether what was served is what recomputation gives. */
static int compare(const server *of)
{
    float largest;
    const float tolerance = check_tolerance(of->model.dtype);
    const varlen_status status = check_compare(&of->check, of->engine.context, &largest);
    if (status)
        return fail_varlen(status);
    printf("  %-19s %.1e, of %.1e allowed, to one call over %lld rows\n", "largest difference", (double)largest,
           (double)tolerance, (long long)of->check.rows);
    if (largest <= tolerance)
        return EXIT_SUCCESS;
    fputs("serve: what was served is not what recomputation gives\n", stderr);
    return EXIT_FAILURE;
}

static int run(server *of)
{
    totals sums = {0};
    if (prepare(of) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    print_head(of);
    const varlen_status status = serve(of, &sums);
    if (status)
        return fail_varlen(status);
    print_totals(of, &sums);
    return of->options.check ? compare(of) : EXIT_SUCCESS;
}

int main(int count, char **words)
{
    server made = {0};
    switch (options_read(&made.options, count, words)) {
    case OPTIONS_HELP: return EXIT_SUCCESS;
    case OPTIONS_WRONG: return 2;
    case OPTIONS_READ: break;
    }
    const int status = run(&made);
    check_free(&made.check);
    engine_close(&made.engine);
    scheduler_free(&made.scheduler);
    model_free(&made.model);
    free(made.requests);
    free(made.storage);
    free(made.next_tokens);
    return status;
}
