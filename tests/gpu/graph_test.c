/* Calls captured in a graph and replayed on other batches: nothing in a call allocates, waits, or reads device memory
 * from the host. Each replay is held against the CPU backend on the same data.
 *
 * usage: graph_test    exit status 77: there is no device */
#include "operations.h"
#include "reference.h"
#include "report.h"
#include "vendor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct replay {
    const char *what;
    filling how;
} replay;

/* In this order; each has data of its own. */
static const replay replays[] = {
    {"a first batch", FILL_ALL},
    {"other lengths", FILL_ALL},
    {"a smaller batch", FILL_PART},
    {"bad metadata", FILL_BAD},
    {"after bad metadata", FILL_ALL},
    {"bad metadata again", FILL_BAD},
    {"a smaller batch after that", FILL_PART},
};

static varlen_status enqueue(void *place, varlen_stream stream)
{
    return placement_submit(place, stream);
}

/* The violation must be told once, in the words of `expected`; without one, there must be none to tell. */
static bool status_is(varlen_context *context, const char *expected, const char *title)
{
    const varlen_status told = varlen_context_status(context);
    if (told != (expected ? VARLEN_ERROR_BAD_METADATA : VARLEN_OK)) {
        printf("        %s: varlen_context_status gave %s %s\n", title, varlen_status_name(told),
               told ? varlen_error_message() : "");
        return false;
    }
    if (expected && strcmp(varlen_error_message(), expected) != 0) {
        printf("        %s: \"%s\", not \"%s\"\n", title, varlen_error_message(), expected);
        return false;
    }
    if (varlen_context_status(context) == VARLEN_OK)
        return true;
    printf("        %s: told a second time\n", title);
    return false;
}

static bool replay_once(const vendor_graph *graph, placement *place, varlen_stream stream, int number)
{
    const workload *work = place->work;
    const replay *wanted = &replays[number];
    unsigned char *image = workload_image(work, wanted->how, (uint64_t)number);
    unsigned char *expected = reference_run(work, image);
    char words[512] = "";
    if (!expected)
        snprintf(words, sizeof words, "%s", varlen_error_message());
    placement_set(place, image);
    placement_reset(place, stream);
    vendor_replay(graph, stream);
    unsigned char *got = placement_result(place, stream);
    const bool told = status_is(place->context, expected ? NULL : words, wanted->what);
    const bool refused = (wanted->how == FILL_BAD) == !expected;
    if (!refused)
        printf("        %s: the CPU backend %s\n", wanted->what, expected ? "took it" : words);
    if (!expected)
        workload_spoil(work, image);
    const bool right = workload_compare(work, expected ? expected : image, got, false, wanted->what);
    free(image);
    free(expected);
    free(got);
    return told && refused && right;
}

static void test_operation(varlen_context *context, varlen_stream stream, const operation *kind)
{
    const workload work = workload_make(kind);
    placement place = placement_make(&work, context);
    vendor_graph *graph = vendor_capture(stream, enqueue, &place);
    report(graph != NULL, "%s: captured", kind->name);
    for (int n = 0; graph && n < (int)(sizeof replays / sizeof replays[0]); n++)
        if (kind->has_metadata || replays[n].how != FILL_BAD)
            report(replay_once(graph, &place, stream, n), "%s: %s", kind->name, replays[n].what);
    if (graph)
        vendor_graph_destroy(graph);
    placement_free(&place);
}

int main(void)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = vendor_backend};
    varlen_context *context;
    varlen_stream stream;
    if (vendor_device_count() == 0) {
        printf("skipped: there is no device for the backend \"%s\"\n", vendor_backend);
        return EXIT_SKIPPED;
    }
    setenv("VARLEN_VALIDATE", "1", 1);
    must(varlen_open(&options, &context), "varlen_open");
    must(varlen_stream_create(context, &stream), "varlen_stream_create");
    for (int n = 0; n < operation_count; n++)
        test_operation(context, stream, operations[n]);
    must(varlen_stream_destroy(context, stream), "varlen_stream_destroy");
    varlen_close(context);
    reference_close();
    return report_end();
}
