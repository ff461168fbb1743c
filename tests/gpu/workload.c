/* Calls on buffers in one piece of memory; see workload.h. */
#include "workload.h"

#include "conformance/dtypes.h"
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, GARBAGE = 0xFF /* a NaN in every floating-point type */ };

static size_t element_size(buffer_type type)
{
    switch (type) {
    case UINT64: return 8;
    case FLOAT16: return 2;
    default: return 4;
    }
}

static size_t buffer_size(const buffer *of)
{
    return element_size(of->type) * (size_t)of->count;
}

workload workload_make(const operation *kind)
{
    workload work = {.operation = kind};
    kind->lay_out(&work);
    return work;
}

void workload_add_result(workload *work, int index, const char *name, buffer_type type, int64_t count, double tolerance,
                         buffer_when_bad when_bad)
{
    buffer *to = &work->buffers[index];
    *to = (buffer){name, type, count, tolerance, when_bad, work->size};
    work->size += (buffer_size(to) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void workload_add_input(workload *work, int index, const char *name, buffer_type type, int64_t count)
{
    workload_add_result(work, index, name, type, count, 0, LEFT_ALONE);
}

void *buffer_in(const workload *work, unsigned char *memory, int index)
{
    return work->buffers[index].name ? memory + work->buffers[index].offset : NULL;
}

void *buffer_at(const placement *place, int index)
{
    return buffer_in(place->work, place->data, index);
}

unsigned char *workload_image(const workload *work, filling how, uint64_t number)
{
    random_source source = {random_seed_of(work->operation->name) + number};
    unsigned char *image = must_allocate(work->size);
    memset(image, GARBAGE, work->size);
    work->operation->fill(work, image, how, &source);
    return image;
}

static double element(const buffer *of, const unsigned char *memory, int64_t index)
{
    const unsigned char *at = memory + of->offset + (size_t)index * element_size(of->type);
    int32_t whole;
    uint64_t bits;
    switch (of->type) {
    case INT32: memcpy(&whole, at, sizeof whole); return whole;
    case UINT64: memcpy(&bits, at, sizeof bits); return (double)bits;
    case FLOAT16: return (double)dtype_load(VARLEN_FLOAT16, at);
    default: return (double)dtype_load(VARLEN_FLOAT32, at);
    }
}

void workload_spoil(const workload *work, unsigned char *image)
{
    for (int n = 0; n < WORKLOAD_BUFFERS; n++) {
        const buffer *of = &work->buffers[n];
        if (!of->name || of->when_bad == LEFT_ALONE)
            continue;
        memset(image + of->offset, 0, buffer_size(of));
        for (int64_t i = 0; i < of->count && of->when_bad == MINUS_INFINITIES; i++)
            dtype_store(VARLEN_FLOAT32, image + of->offset + 4 * i, -INFINITY);
    }
}

/* The largest finite element. */
static double largest(const buffer *of, const unsigned char *memory)
{
    double found = 0;
    for (int64_t i = 0; i < of->count; i++) {
        double size = fabs(element(of, memory, i));
        found = isfinite(size) && size > found ? size : found;
    }
    return found;
}

static bool compare_buffer(const buffer *of, const unsigned char *expected, const unsigned char *got, bool bits,
                           const char *title)
{
    if (memcmp(expected + of->offset, got + of->offset, buffer_size(of)) == 0)
        return true;
    const bool exact = bits || of->tolerance == 0;
    const double bound = exact ? 0 : of->tolerance * largest(of, expected);
    for (int64_t i = 0; i < of->count; i++) {
        const double is = element(of, got, i), due = element(of, expected, i);
        const size_t at = of->offset + (size_t)i * element_size(of->type);
        if (exact ? memcmp(expected + at, got + at, element_size(of->type)) == 0 : is == due || fabs(is - due) <= bound)
            continue;
        printf("        %s: %s[%lld] is %.9g, not %.9g (within %.2g)\n", title, of->name, (long long)i, is, due, bound);
        return false;
    }
    return true;
}

bool workload_compare(const workload *work, const unsigned char *expected, const unsigned char *got, bool bits,
                      const char *title)
{
    bool same = true;
    for (int n = 0; n < WORKLOAD_BUFFERS; n++)
        if (work->buffers[n].name)
            same &= compare_buffer(&work->buffers[n], expected, got, bits, title);
    return same;
}
