/* Memory, streams and events: what is copied and filled is there and nothing else is changed, sizes that no machine has
 * are refused, and so are arguments that are missing. */
#include "target.h"

#include "contexts.h"
#include "finding.h"

#include <string.h>

enum { SLOTS = 4, MOST_BYTES = 600, MOST_STEPS = 64 };

/* Memory of the device, and what it must hold. */
typedef struct slot {
    uint8_t *data;
    size_t size;
    uint8_t expected[MOST_BYTES];
} slot;

typedef struct machine {
    varlen_context *context;
    fuzz_input input;
    slot slots[SLOTS];
    varlen_stream stream; /* NULL: the default one */
    varlen_event events[2];
    bool is_recorded[2];
} machine;

static void expect_ok(const char *call, varlen_status status)
{
    if (status != VARLEN_OK)
        finding("%s: %s: %s", call, varlen_status_name(status), varlen_error_message());
}

static void expect_refused(const char *call, varlen_status status)
{
    if (status == VARLEN_OK)
        finding("%s: accepted", call);
    refusal_check(call, status);
}

static slot *pick_slot(machine *m)
{
    return &m->slots[input_below(&m->input, SLOTS)];
}

static void free_slot(machine *m, slot *s)
{
    expect_ok("varlen_free", varlen_free(m->context, s->data));
    s->data = NULL;
    s->size = 0;
}

static void allocate(machine *m)
{
    slot *s = pick_slot(m);
    free_slot(m, s);
    const size_t size = (size_t)input_bytes(&m->input, 2) % (MOST_BYTES + 1);
    void *data = m;
    expect_ok("varlen_alloc", varlen_alloc(m->context, size, &data));
    if ((data == NULL) != (size == 0) || (uintptr_t)data % 256 != 0)
        finding("varlen_alloc: %zu bytes at %p", size, data);
    s->data = data;
    s->size = size;
    memset(s->expected, 0x3c, sizeof s->expected);
    if (size > 0)
        memset(data, 0x3c, size);
}

/* Of so many bytes no machine has memory. */
static void allocate_too_much(machine *m)
{
    const size_t size = ~(size_t)0 - (size_t)input_bytes(&m->input, 4);
    void *data = m;
    refusal_prepare();
    const varlen_status status = varlen_alloc(m->context, size, &data);
    if (status != VARLEN_ERROR_OUT_OF_MEMORY && status != VARLEN_ERROR_INVALID_ARGUMENT)
        finding("varlen_alloc: %zu bytes: %s", size, varlen_status_name(status));
    if (data)
        finding("varlen_alloc: refused, and *data = %p", data);
    text_check("varlen_alloc", varlen_error_message());
}

/* Part of a slot: it begins at *offset. */
static size_t pick_range(machine *m, const slot *s, size_t *offset)
{
    *offset = s->size ? (size_t)input_bytes(&m->input, 2) % s->size : 0;
    return s->size ? (size_t)input_bytes(&m->input, 2) % (s->size - *offset + 1) : 0;
}

static void fill(machine *m)
{
    slot *s = pick_slot(m);
    size_t offset;
    const size_t size = pick_range(m, s, &offset);
    const uint8_t value = input_byte(&m->input);
    expect_ok("varlen_fill", varlen_fill(m->context, m->stream, s->data ? s->data + offset : NULL, value, size));
    memset(s->expected + offset, value, size);
}

static void copy(machine *m)
{
    slot *to = pick_slot(m), *from = pick_slot(m);
    size_t to_offset, from_offset;
    const size_t room = pick_range(m, to, &to_offset), there = pick_range(m, from, &from_offset);
    const size_t size = room < there ? room : there;
    const bool overlap = size > 0 && to == from && to_offset < from_offset + size && from_offset < to_offset + size;
    refusal_prepare();
    const varlen_status status = varlen_copy(m->context, m->stream, to->data ? to->data + to_offset : NULL,
                                             from->data ? from->data + from_offset : NULL, size);
    if (overlap) {
        expect_refused("varlen_copy of overlapping ranges", status);
        return;
    }
    expect_ok("varlen_copy", status);
    memmove(to->expected + to_offset, from->expected + from_offset, size);
}

static void replace_stream(machine *m)
{
    if (m->stream)
        expect_ok("varlen_stream_destroy", varlen_stream_destroy(m->context, m->stream));
    m->stream = NULL;
    if (input_byte(&m->input) % 2)
        expect_ok("varlen_stream_create", varlen_stream_create(m->context, &m->stream));
}

static void replace_event(machine *m)
{
    const int32_t n = input_below(&m->input, 2);
    if (m->events[n])
        expect_ok("varlen_event_destroy", varlen_event_destroy(m->context, m->events[n]));
    m->events[n] = NULL;
    m->is_recorded[n] = false;
    expect_ok("varlen_event_create", varlen_event_create(m->context, &m->events[n]));
}

static void record(machine *m)
{
    const int32_t n = input_below(&m->input, 2);
    refusal_prepare();
    const varlen_status status = varlen_event_record(m->context, m->events[n], m->stream);
    if (!m->events[n]) {
        expect_refused("varlen_event_record of NULL", status);
        return;
    }
    expect_ok("varlen_event_record", status);
    m->is_recorded[n] = true;
}

static void wait_for(machine *m)
{
    const varlen_event event = m->events[input_below(&m->input, 2)];
    expect_ok("varlen_stream_synchronize", varlen_stream_synchronize(m->context, m->stream));
    if (!event)
        return;
    expect_ok("varlen_event_synchronize", varlen_event_synchronize(m->context, event));
    expect_ok("varlen_stream_wait", varlen_stream_wait(m->context, m->stream, event));
}

static void measure(machine *m)
{
    const double untouched = -1;
    double milliseconds = untouched;
    refusal_prepare();
    const varlen_status status = varlen_event_elapsed(m->context, m->events[0], m->events[1], &milliseconds);
    if (m->is_recorded[0] && m->is_recorded[1]) {
        expect_ok("varlen_event_elapsed", status);
        return;
    }
    expect_refused("varlen_event_elapsed before it was recorded", status);
    if (milliseconds != untouched)
        finding("varlen_event_elapsed: refused, and *milliseconds was written");
}

static void leave_out(machine *m)
{
    void *pointer = NULL;
    refusal_prepare();
    switch (input_below(&m->input, 10)) {
    case 0: expect_refused("varlen_alloc", varlen_alloc(NULL, 1, &pointer)); break;
    case 1: expect_refused("varlen_alloc", varlen_alloc(m->context, 1, NULL)); break;
    case 2: expect_refused("varlen_fill", varlen_fill(m->context, m->stream, NULL, 0, 1)); break;
    case 3: expect_refused("varlen_copy", varlen_copy(m->context, m->stream, NULL, m, 1)); break;
    case 4: expect_refused("varlen_copy", varlen_copy(m->context, m->stream, m, NULL, 1)); break;
    case 5: expect_refused("varlen_stream_create", varlen_stream_create(m->context, NULL)); break;
    case 6: expect_refused("varlen_event_create", varlen_event_create(NULL, &m->events[0])); break;
    case 7: expect_refused("varlen_stream_wait", varlen_stream_wait(m->context, m->stream, NULL)); break;
    case 8: expect_refused("varlen_context_status", varlen_context_status(NULL)); break;
    default: expect_refused("varlen_free", varlen_free(NULL, NULL)); break;
    }
}

static void check_slots(const machine *m)
{
    for (const slot *s = m->slots; s < m->slots + SLOTS; s++)
        if (s->size > 0 && memcmp(s->data, s->expected, s->size) != 0)
            finding("a block of %zu bytes does not hold what was copied and filled", s->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const steps[])(machine *) = {
        allocate,      allocate,         fill, fill, copy, copy, record, wait_for, measure, leave_out, replace_stream,
        replace_event, allocate_too_much};
    static machine m; /* too large for a stack */
    memset(&m, 0, sizeof m);
    m.input = (fuzz_input){data, size};
    m.context = context_pick(&m.input);
    for (int n = 0; n < MOST_STEPS && m.input.left > 0; n++)
        steps[input_below(&m.input, sizeof steps / sizeof steps[0])](&m);
    check_slots(&m);
    expect_ok("varlen_context_status", varlen_context_status(m.context));
    for (int n = 0; n < SLOTS; n++)
        free_slot(&m, &m.slots[n]);
    for (int n = 0; n < 2; n++)
        if (m.events[n])
            expect_ok("varlen_event_destroy", varlen_event_destroy(m.context, m.events[n]));
    if (m.stream)
        expect_ok("varlen_stream_destroy", varlen_stream_destroy(m.context, m.stream));
    return 0;
}
