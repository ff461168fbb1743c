/* Streams, threads, contexts and devices: calls that run side by side, each with a workspace of its own, give the bits
 * that they give alone.
 *
 * usage: streams_test    exit status 77: there is no device */
#include "operations.h"
#include "reference.h"
#include "report.h"
#include "vendor.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static varlen_context *open_device(int device)
{
    char name[32];
    varlen_context *context;
    snprintf(name, sizeof name, "%s:%d", vendor_backend, device);
    const varlen_open_options options = {.struct_size = sizeof options, .backend = name};
    must(varlen_open(&options, &context), "varlen_open");
    return context;
}

/* What a call leaves when nothing else is going on. Kept: many a test makes the same call in one context. */
typedef struct solo {
    const varlen_context *context;
    const operation *kind;
    int number; /* of the image */
    unsigned char *image;
    unsigned char *left;
} solo;

enum { MOST_SOLOS = 1000 };

static solo solos[MOST_SOLOS];
static int solo_count;

static const solo *solo_of(placement *place, varlen_stream stream, int number)
{
    const workload *work = place->work;
    for (int n = 0; n < solo_count; n++)
        if (solos[n].context == place->context && solos[n].kind == work->operation && solos[n].number == number)
            return &solos[n];
    if (solo_count == MOST_SOLOS) {
        fprintf(stderr, "more than %d calls\n", MOST_SOLOS);
        exit(EXIT_FAILURE);
    }
    solo *made = &solos[solo_count++];
    *made = (solo){place->context, work->operation, number, workload_image(work, FILL_ALL, (uint64_t)number), NULL};
    made->left = placement_run(place, made->image, stream);
    return made;
}

/* Before contexts are closed, whose addresses others may get. */
static void forget_solos(void)
{
    while (solo_count > 0) {
        free(solos[--solo_count].image);
        free(solos[solo_count].left);
    }
}

/* One call, made over and over on one stream, with what each round left. */
typedef struct lane {
    workload work;
    placement place;
    varlen_stream stream;
    const unsigned char *image;
    const unsigned char *expected; /* what the call leaves when nothing else is going on */
    unsigned char *history;        /* in device memory: the buffers after each round */
} lane;

static void lane_open(lane *of, varlen_context *context, const operation *kind, int number)
{
    void *history;
    of->work = workload_make(kind);
    of->place = placement_make(&of->work, context);
    must(varlen_stream_create(context, &of->stream), "varlen_stream_create");
    must(varlen_alloc(context, of->work.size * (size_t)vendor_rounds, &history), "varlen_alloc");
    of->history = history;
    const solo *alone = solo_of(&of->place, of->stream, number);
    of->image = alone->image;
    of->expected = alone->left;
    placement_set(&of->place, of->image);
}

static void lane_close(lane *of)
{
    must(varlen_free(of->place.context, of->history), "varlen_free");
    must(varlen_stream_destroy(of->place.context, of->stream), "varlen_stream_destroy");
    placement_free(&of->place);
}

static void lane_enqueue(const lane *of, int round)
{
    const size_t size = of->work.size;
    placement_reset(&of->place, of->stream);
    must(placement_submit(&of->place, of->stream), of->work.operation->name);
    must(varlen_copy(of->place.context, of->stream, of->history + (size_t)round * size, of->place.data, size),
         "varlen_copy");
}

static bool lane_is_right(const lane *of)
{
    const size_t size = of->work.size;
    unsigned char *got = must_allocate(size);
    bool right = true;
    for (int round = 0; round < vendor_rounds && right; round++) {
        char title[64];
        snprintf(title, sizeof title, "%s, round %d", of->work.operation->name, round);
        must(varlen_copy(of->place.context, of->stream, got, of->history + (size_t)round * size, size), "varlen_copy");
        must(varlen_stream_synchronize(of->place.context, of->stream), "varlen_stream_synchronize");
        right = workload_compare(&of->work, of->expected, got, of->work.operation->repeats, title);
    }
    free(got);
    return right;
}

/* Keeps the lanes' streams waiting until all that they are to do has been enqueued, or nearly so: other work, in
 * another stream, comes first. */
typedef struct gate {
    varlen_context *context;
    varlen_stream stream;
    varlen_event opened;
    void *memory;
} gate;

enum { GATE_BYTES = 1 << 26, GATE_FILLS = 4 /* for each round */ };

static gate gate_close(const lane *lanes, int count)
{
    gate closed = {.context = lanes[0].place.context};
    must(varlen_stream_create(closed.context, &closed.stream), "varlen_stream_create");
    must(varlen_event_create(closed.context, &closed.opened), "varlen_event_create");
    must(varlen_alloc(closed.context, GATE_BYTES, &closed.memory), "varlen_alloc");
    for (int n = 0; n < GATE_FILLS * vendor_rounds; n++)
        must(varlen_fill(closed.context, closed.stream, closed.memory, 0, GATE_BYTES), "varlen_fill");
    must(varlen_event_record(closed.context, closed.opened, closed.stream), "varlen_event_record");
    for (int n = 0; n < count; n++)
        must(varlen_stream_wait(lanes[n].place.context, lanes[n].stream, closed.opened), "varlen_stream_wait");
    return closed;
}

static void gate_free(gate *of)
{
    must(varlen_stream_synchronize(of->context, of->stream), "varlen_stream_synchronize");
    must(varlen_free(of->context, of->memory), "varlen_free");
    must(varlen_event_destroy(of->context, of->opened), "varlen_event_destroy");
    must(varlen_stream_destroy(of->context, of->stream), "varlen_stream_destroy");
}

/* All of `lanes` at once, without waiting for anything in between. */
static bool run_side_by_side(const lane *lanes, int count)
{
    bool right = true;
    gate before = gate_close(lanes, count);
    for (int round = 0; round < vendor_rounds; round++)
        for (int n = 0; n < count; n++)
            lane_enqueue(&lanes[n], round);
    for (int n = 0; n < count; n++)
        right &= lane_is_right(&lanes[n]);
    gate_free(&before);
    return right;
}

/* ---- Streams of one context ----------------------------------------------------------------------------------------
 */

static void test_kinds_of_streams(varlen_context *context)
{
    const varlen_stream other = vendor_stream_create();
    for (int n = 0; n < operation_count; n++) {
        lane one;
        lane_open(&one, context, operations[n], 0);
        unsigned char *on_default = placement_run(&one.place, one.image, NULL);
        unsigned char *on_other = placement_run(&one.place, one.image, other);
        const bool bits = operations[n]->repeats;
        bool same = workload_compare(&one.work, one.expected, on_default, bits, "the default stream");
        same &= workload_compare(&one.work, one.expected, on_other, bits, "a stream made elsewhere");
        report(same, "%s: the default stream, varlen's and others", operations[n]->name);
        free(on_default);
        free(on_other);
        lane_close(&one);
    }
    vendor_stream_destroy(other);
}

/* Each call beside itself on other data, and beside the next one. */
static void test_pairs(varlen_context *first, varlen_context *second, const char *what)
{
    for (int n = 0; n < operation_count; n++) {
        lane lanes[3];
        lane_open(&lanes[0], first, operations[n], 0);
        lane_open(&lanes[1], second, operations[n], 1);
        lane_open(&lanes[2], first, operations[(n + 1) % operation_count], 2);
        report(run_side_by_side(lanes, 3), "%s: %s", what, operations[n]->name);
        for (int l = 0; l < 3; l++)
            lane_close(&lanes[l]);
    }
}

/* ---- Threads -------------------------------------------------------------------------------------------------------
 */

typedef struct worker {
    lane lane;
    pthread_t thread;
} worker;

static void *work(void *data)
{
    const lane *own = data;
    for (int round = 0; round < vendor_rounds; round++) {
        lane_enqueue(own, round);
        if (round % 8 == 0)
            must(varlen_stream_synchronize(own->place.context, own->stream), "varlen_stream_synchronize");
    }
    return NULL;
}

static void test_threads(varlen_context *context)
{
    for (int n = 0; n < operation_count; n++) {
        worker workers[2];
        bool right = true;
        for (int w = 0; w < 2; w++)
            lane_open(&workers[w].lane, context, operations[(n + w) % operation_count], w);
        for (int w = 0; w < 2; w++)
            right &= pthread_create(&workers[w].thread, NULL, work, &workers[w].lane) == 0;
        for (int w = 0; w < 2; w++) {
            right &= pthread_join(workers[w].thread, NULL) == 0 && lane_is_right(&workers[w].lane);
            lane_close(&workers[w].lane);
        }
        report(right, "two threads on one context: %s", operations[n]->name);
    }
}

/* ---- Contexts ------------------------------------------------------------------------------------------------------
 */

static void test_violations_stay_with_their_context(varlen_context *bad, varlen_context *good)
{
    for (int n = 0; n < operation_count; n++) {
        if (!operations[n]->has_metadata)
            continue;
        const workload work = workload_make(operations[n]);
        placement place = placement_make(&work, bad);
        unsigned char *image = workload_image(&work, FILL_BAD, 0);
        unsigned char *got = placement_run(&place, image, NULL);
        workload_spoil(&work, image);
        bool right = workload_compare(&work, image, got, true, "bad metadata");
        unsigned char *sound = workload_image(&work, FILL_ALL, 0);
        unsigned char *expected = reference_run(&work, sound);
        unsigned char *after = placement_run(&place, sound, NULL);
        right &= workload_compare(&work, expected, after, false, "the call after it");
        report(right && varlen_context_status(good) == VARLEN_OK &&
                   varlen_context_status(bad) == VARLEN_ERROR_BAD_METADATA && varlen_context_status(bad) == VARLEN_OK,
               "bad metadata is told to its context alone, and spoils no other call: %s", operations[n]->name);
        free(image);
        free(got);
        free(sound);
        free(expected);
        free(after);
        placement_free(&place);
    }
}

/* ---- Devices -------------------------------------------------------------------------------------------------------
 */

/* The result of a call on one device while another is the caller's current one. */
static bool runs_from(varlen_context *context, const operation *kind, int current)
{
    const workload work = workload_make(kind);
    unsigned char *image = workload_image(&work, FILL_ALL, 0);
    unsigned char *expected = reference_run(&work, image);
    vendor_set_device(current);
    placement place = placement_make(&work, context);
    unsigned char *got = placement_run(&place, image, NULL);
    placement_free(&place);
    const bool right = workload_compare(&work, expected, got, false, "beside another device");
    free(image);
    free(expected);
    free(got);
    return right && vendor_device() == current;
}

static void test_current_device(int device, int current)
{
    vendor_set_device(current);
    varlen_context *context = open_device(device);
    report(vendor_device() == current, "device %d: opening it leaves device %d the current one", device, current);
    for (int n = 0; n < operation_count; n++)
        report(runs_from(context, operations[n], current), "device %d, while %d is the current one: %s", device,
               current, operations[n]->name);
    varlen_close(context);
    report(vendor_device() == current, "device %d: closing it leaves device %d the current one", device, current);
}

static void test_devices(varlen_context *first)
{
    const int count = vendor_device_count();
    if (count < 2) {
        report_skipped("several devices: there is one here");
        return;
    }
    test_current_device(1, 0);
    test_current_device(0, 1);
    vendor_set_device(0);
    varlen_context *second = open_device(1);
    test_pairs(first, second, "two devices");
    forget_solos();
    varlen_close(second);
}

int main(void)
{
    if (vendor_device_count() == 0) {
        printf("skipped: there is no device for the backend \"%s\"\n", vendor_backend);
        return EXIT_SKIPPED;
    }
    setenv("VARLEN_VALIDATE", "1", 1);
    varlen_context *context = open_device(0), *other = open_device(0);
    test_kinds_of_streams(context);
    test_pairs(context, context, "two streams and more");
    test_pairs(context, other, "two contexts on one device");
    test_threads(context);
    test_violations_stay_with_their_context(context, other);
    test_devices(context);
    forget_solos();
    varlen_close(other);
    varlen_close(context);
    reference_close();
    return report_end();
}
