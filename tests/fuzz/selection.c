/* The parser of VARLEN_BACKEND: what it accepts is what the text says, spaces aside, and nothing else is accepted. */
#include "target.h"

#include "finding.h"
#include "input.h"

#include "core/selection.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_TEXT = 400 };

/* The text without spaces and tabs, which lists may have around names. */
static void without_spaces(const char *text, char *bare)
{
    for (; *text; text++)
        if (!strchr(" \t", *text))
            *bare++ = *text;
    *bare = '\0';
}

/* The list written out, with devices where the text has them. */
static void write_out(const varlen_selection *selection, const char *bare, char *text, size_t size)
{
    size_t length = 0;
    for (int32_t n = 0; n < selection->count && length < size; n++) {
        const varlen_choice *choice = &selection->choices[n];
        const size_t piece = strcspn(bare, ",");
        const char *colon = memchr(bare, ':', piece);
        length += (size_t)snprintf(text + length, size - length, "%s%s", n ? "," : "", choice->backend);
        /* Digits may lead with zeros, and are compared as numbers. */
        long long device = 0;
        if (colon && (sscanf(colon + 1, "%lld", &device) != 1 || device != choice->device))
            finding("\"%s\" is taken for device %d", bare, choice->device);
        if (!colon && choice->device != 0)
            finding("\"%s\" names no device, and is taken for device %d", bare, choice->device);
        if (colon && length < size)
            length += (size_t)snprintf(text + length, size - length, "%.*s", (int)(bare + piece - colon), colon);
        bare += piece + (bare[piece] == ',');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    char text[LONGEST_TEXT], bare[LONGEST_TEXT], written[2 * LONGEST_TEXT] = "auto";
    varlen_selection selection;
    input_text(&input, text, sizeof text);
    refusal_prepare();
    const varlen_status status = varlen_parse_selection("VARLEN_BACKEND", text, &selection);
    if (status != VARLEN_OK) {
        refusal_check("varlen_parse_selection", status);
        return 0;
    }
    without_spaces(text, bare);
    if (selection.count == 0 && bare[0] == '\0')
        return 0; /* the same as auto, or refused */
    write_out(&selection, bare, written, sizeof written);
    if (strcmp(bare, written) != 0)
        finding("\"%s\" is taken for \"%s\"", text, written);
    for (int32_t n = 0; n < selection.count; n++)
        if (!varlen_is_backend_name(selection.choices[n].backend))
            finding("\"%s\" is taken for a backend's name", selection.choices[n].backend);
    return 0;
}
