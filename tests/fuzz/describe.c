/* Structs that the library fills in: written up to their struct_size and no further, what is unknown to it zeroed, and
 * not written at all where it refuses. */
#include "target.h"

#include "arena.h"
#include "contexts.h"
#include "finding.h"

#include <string.h>

typedef struct device_question {
    varlen_context *context;
    int32_t index;
    char backend[20];
} device_question;

typedef varlen_status (*asker)(const device_question *question, void *answer);

static varlen_status ask_context(const device_question *question, void *answer)
{
    return varlen_context_device(question->context, answer);
}

static varlen_status ask_device(const device_question *question, void *answer)
{
    return varlen_get_device(question->backend, question->index, answer);
}

static varlen_status ask_backend(const device_question *question, void *answer)
{
    return varlen_get_backend(question->index, answer);
}

static varlen_status ask_folder(const device_question *question, void *answer)
{
    return varlen_get_search_folder(question->index, answer);
}

static varlen_status ask_environment(const device_question *question, void *answer)
{
    return varlen_get_environment(question->index, answer);
}

static const struct {
    const char *name;
    asker ask;
    size_t size;
} kinds[] = {
    {"varlen_context_device", ask_context, sizeof(varlen_device_info)},
    {"varlen_get_device", ask_device, sizeof(varlen_device_info)},
    {"varlen_get_backend", ask_backend, sizeof(varlen_backend_info)},
    {"varlen_get_search_folder", ask_folder, sizeof(varlen_search_folder)},
    {"varlen_get_environment", ask_environment, sizeof(varlen_environment_variable)},
};

/* What a struct claims to be, and the memory that it has: all that is claimed, as far as the library may believe it. */
static size_t pick_size(fuzz_input *input, size_t size, size_t *backed)
{
    size_t claimed = size;
    switch (input_below(input, 4)) {
    case 1: claimed = size + (size_t)input_byte(input); break;
    case 2: claimed = (size_t)input_bytes(input, 2) % 8192; break;
    case 3: claimed = (size_t)input_bytes(input, 8); break;
    }
    *backed = claimed < sizeof claimed ? sizeof claimed : claimed;
    if (*backed > 4096)
        *backed = size;
    return claimed;
}

static void check_zeros(const char *name, const uint8_t *answer, size_t from, size_t to)
{
    for (size_t n = from; n < to; n++)
        if (answer[n] != 0)
            finding("%s: byte %zu, which this library does not know, is 0x%02x and not 0", name, n, answer[n]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    device_question question = {.context = context_pick(&input)};
    const int32_t kind = input_below(&input, sizeof kinds / sizeof kinds[0]);
    const char *name = kinds[kind].name;
    size_t backed;
    arena_reset();
    const size_t claimed = pick_size(&input, kinds[kind].size, &backed);
    const bool is_null = input_chance(&input, 8);
    uint8_t *answer = arena_take("answer", backed, 0);
    memcpy(answer, &claimed, sizeof claimed);
    question.index = input_chance(&input, 64) ? (int32_t)input_bytes(&input, 4) : input_below(&input, 8);
    strcpy(question.backend, "cpu");
    if (input_chance(&input, 64))
        input_text(&input, question.backend, sizeof question.backend);

    arena_seal();
    arena_permit_all();
    refusal_prepare();
    const varlen_status status = kinds[kind].ask(&question, is_null ? NULL : answer);
    arena_open();
    if (status != VARLEN_OK) {
        refusal_check(name, status);
        arena_check(name);
        return 0;
    }
    if (is_null || claimed < kinds[kind].size || claimed > 4096)
        finding("%s: accepted a struct_size of %zu", name, claimed);
    arena_accept(answer, claimed);
    arena_check(name);
    check_zeros(name, answer, kinds[kind].size, claimed);
    if (memcmp(answer, &claimed, sizeof claimed) != 0)
        finding("%s: struct_size was changed", name);
    return 0;
}
