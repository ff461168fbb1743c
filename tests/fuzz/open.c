/* varlen_open: a context or a reason, never both and never neither, whatever the options and the environment say. */
#include "target.h"

#include "arena.h"
#include "fields.h"
#include "finding.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_TEXT = 300 };

static const char *const known[] = {"cpu", "auto", "cpu:0", "nowhere,cpu", "cpu,nowhere:3", "cpu:1", "nowhere", ""};

static const char *pick_text(fuzz_input *input, char *text)
{
    const int32_t choice = input_below(input, 12);
    if (choice < 8)
        return known[choice];
    if (choice == 8)
        return NULL;
    input_text(input, text, LONGEST_TEXT);
    return text;
}

static void set_environment(const char *text)
{
    if (text)
        setenv("VARLEN_BACKEND", text, 1);
    else
        unsetenv("VARLEN_BACKEND");
}

static void check_opened(varlen_context *context, const varlen_open_options *options)
{
    varlen_device_info device = {.struct_size = sizeof device};
    if (options->threads < 0 || options->threads > 1024 || options->reserved != 0)
        finding("varlen_open: accepted threads = %d, reserved = %u", options->threads, options->reserved);
    if (varlen_context_device(context, &device) != VARLEN_OK)
        finding("varlen_context_device: %s", varlen_error_message());
    if (varlen_context_status(context) != VARLEN_OK)
        finding("a context is opened with a violation: %s", varlen_error_message());
    varlen_close(context);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    varlen_open_options options = {.struct_size = sizeof options};
    static char text[LONGEST_TEXT];
    const bool is_hostile = input_chance(&input, 96);
    options.threads = input_chance(&input, 64) ? (int32_t)input_bytes(&input, 4) : input_below(&input, 5);
    options.reserved = input_chance(&input, 16) ? (uint32_t)input_bytes(&input, 4) : 0;
    const bool by_environment = input_chance(&input, 96), without_options = input_chance(&input, 16);
    options.backend = pick_text(&input, text);
    if (by_environment) {
        set_environment(options.backend);
        options.backend = NULL;
    }
    arena_reset();
    const void *placed = fields_place_struct(&input, "options", &options, sizeof options, is_hostile);
    varlen_context *context = (varlen_context *)text;
    arena_seal();
    arena_permit_all();
    refusal_prepare();
    const varlen_status status = varlen_open(without_options ? NULL : placed, &context);
    arena_open();
    arena_check("varlen_open");
    unsetenv("VARLEN_BACKEND");
    if (status == VARLEN_OK && !context)
        finding("varlen_open: succeeded without a context");
    if (status == VARLEN_OK) {
        if (without_options)
            varlen_close(context);
        else
            check_opened(context, &options);
        return 0;
    }
    refusal_check("varlen_open", status);
    if (context)
        finding("varlen_open: failed, and *context = %p", (void *)context);
    return 0;
}
