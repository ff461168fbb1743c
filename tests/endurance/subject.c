/* Calls, and what they must leave; see subject.h. */
#include "subject.h"

#include "clock.h"
#include "gpu/reference.h"
#include "gpu/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

varlen_context *open_backend(const char *backend)
{
    varlen_context *context;
    const varlen_open_options options = {.struct_size = sizeof options, .backend = backend};
    must(varlen_open(&options, &context), backend);
    return context;
}

bool subject_open(subject *of, const char *backend, varlen_context *context, const operation *kind)
{
    *of = (subject){.backend = backend, .context = context, .work = workload_make(kind)};
    of->image = workload_image(&of->work, FILL_ALL, 0);
    placement place = placement_make(&of->work, context);
    of->expected = placement_run(&place, of->image, NULL);
    placement_free(&place);
    if (kind->has_metadata) {
        of->bad_image = workload_image(&of->work, FILL_BAD, 0);
        of->spoilt = must_allocate(of->work.size);
        memcpy(of->spoilt, of->bad_image, of->work.size);
        workload_spoil(&of->work, of->spoilt);
    }
    unsigned char *reference = reference_run(&of->work, of->image);
    const bool right = workload_compare(&of->work, reference, of->expected, false, "the first call");
    free(reference);
    return right;
}

void subject_close(subject *of)
{
    free(of->image);
    free(of->expected);
    free(of->bad_image);
    free(of->spoilt);
}

static bool wrong(const subject *of, const char *what)
{
    printf("        %s on %s: %s (%s)\n", of->work.operation->name, of->backend, what, varlen_error_message());
    return false;
}

/* The call on an image in memory and a stream of its own; *status is what it returned. */
static unsigned char *call(const workload *work, varlen_context *context, const unsigned char *image,
                           varlen_status *status)
{
    varlen_stream stream;
    placement place = placement_make(work, context);
    must(varlen_stream_create(context, &stream), "varlen_stream_create");
    placement_set(&place, image);
    placement_reset(&place, stream);
    *status = placement_submit(&place, stream);
    unsigned char *result = placement_result(&place, stream);
    must(varlen_stream_destroy(context, stream), "varlen_stream_destroy");
    placement_free(&place);
    return result;
}

bool subject_run(const subject *of, varlen_context *context)
{
    varlen_status status;
    unsigned char *result = call(&of->work, context, of->image, &status);
    const bool right = status == VARLEN_OK ? workload_compare(&of->work, of->expected, result,
                                                              of->work.operation->repeats, of->work.operation->name)
                                           : wrong(of, varlen_status_name(status));
    free(result);
    return right;
}

bool subject_run_bad(const subject *of)
{
    varlen_status status;
    varlen_context *context = open_backend(of->backend);
    unsigned char *result = call(&of->work, context, of->bad_image, &status);
    const bool is_refused = status == VARLEN_ERROR_BAD_METADATA;
    bool right = is_refused || status == VARLEN_OK || wrong(of, varlen_status_name(status));
    right &= workload_compare(&of->work, is_refused ? of->bad_image : of->spoilt, result, true, "bad metadata");
    if (!is_refused && varlen_context_status(context) != VARLEN_ERROR_BAD_METADATA)
        right = wrong(of, "bad metadata was not told");
    if (varlen_context_status(context) != VARLEN_OK)
        right = wrong(of, "bad metadata was told twice");
    right &= subject_run(of, context);
    varlen_close(context);
    free(result);
    return right;
}

bool subject_run_refused(const subject *of)
{
    operation kind = *of->work.operation;
    workload work = of->work;
    placement place = placement_make(&of->work, of->context);
    kind.attention.head_dim = 12;
    work.operation = &kind;
    placement_set(&place, of->image);
    placement_reset(&place, NULL);
    place.work = &work;
    const varlen_status status = placement_submit(&place, NULL);
    unsigned char *result = placement_result(&place, NULL);
    bool right = workload_compare(&of->work, of->image, result, true, "a refused call");
    if (status != VARLEN_ERROR_INVALID_ARGUMENT || !strstr(varlen_error_message(), "head_dim"))
        right = wrong(of, "a head_dim of 12 was not refused");
    placement_free(&place);
    free(result);
    return right;
}

double subject_time(const subject *of)
{
    enum { MOST_REPEATS = 5 };
    const double enough = 20; /* milliseconds */
    double fastest = 0, total = 0;
    placement place = placement_make(&of->work, of->context);
    placement_set(&place, of->image);
    for (int repeat = 0; repeat < MOST_REPEATS && total < enough; repeat++) {
        placement_reset(&place, NULL);
        must(varlen_stream_synchronize(of->context, NULL), "varlen_stream_synchronize");
        const double start = clock_milliseconds();
        must(placement_submit(&place, NULL), of->work.operation->name);
        must(varlen_stream_synchronize(of->context, NULL), "varlen_stream_synchronize");
        const double took = clock_milliseconds() - start;
        fastest = repeat == 0 || took < fastest ? took : fastest;
        total += took;
    }
    placement_free(&place);
    return fastest;
}
