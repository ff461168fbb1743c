/* Workloads in a context's device memory; see workload.h. */
#include "workload.h"

#include "report.h"

#include <stdlib.h>

enum { GARBAGE = 0xFF };

placement placement_make(const workload *work, varlen_context *context)
{
    placement place = {.work = work, .context = context};
    if (work->operation->scratch_size)
        must(work->operation->scratch_size(context, work, &place.scratch_size), "the size of the workspace");
    must(varlen_alloc(context, place.scratch_size, &place.scratch), "varlen_alloc");
    must(varlen_alloc(context, work->size, (void **)&place.data), "varlen_alloc");
    must(varlen_alloc(context, work->size, (void **)&place.initial), "varlen_alloc");
    return place;
}

void placement_free(placement *place)
{
    must(varlen_free(place->context, place->scratch), "varlen_free");
    must(varlen_free(place->context, place->data), "varlen_free");
    must(varlen_free(place->context, place->initial), "varlen_free");
}

void placement_set(placement *place, const unsigned char *image)
{
    must(varlen_copy(place->context, NULL, place->initial, image, place->work->size), "varlen_copy");
    must(varlen_stream_synchronize(place->context, NULL), "varlen_stream_synchronize");
}

void placement_reset(const placement *place, varlen_stream stream)
{
    must(varlen_copy(place->context, stream, place->data, place->initial, place->work->size), "varlen_copy");
    if (place->scratch_size)
        must(varlen_fill(place->context, stream, place->scratch, GARBAGE, place->scratch_size), "varlen_fill");
}

varlen_status placement_submit(const placement *place, varlen_stream stream)
{
    return place->work->operation->submit(place, stream);
}

unsigned char *placement_result(const placement *place, varlen_stream stream)
{
    unsigned char *result = must_allocate(place->work->size);
    must(varlen_copy(place->context, stream, result, place->data, place->work->size), "varlen_copy");
    must(varlen_stream_synchronize(place->context, stream), "varlen_stream_synchronize");
    return result;
}

unsigned char *placement_run(placement *place, const unsigned char *image, varlen_stream stream)
{
    placement_set(place, image);
    placement_reset(place, stream);
    must(placement_submit(place, stream), place->work->operation->name);
    return placement_result(place, stream);
}
