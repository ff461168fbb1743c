/* Open contexts of the CPU backend; see contexts.h. */
#include "contexts.h"

#include "finding.h"

#include <stdlib.h>

enum { MOST_SETS = 8 };

static varlen_context *contexts[2][MOST_SETS];
static int set_count;

static void open_all(void)
{
    static const char *const sets[] = {"neon", "baseline", "avx2", "avx512", "avx512_bf16", "amx_bf16"};
    unsetenv("VARLEN_VALIDATE");
    for (size_t n = 0; n < sizeof sets / sizeof sets[0]; n++) {
        varlen_open_options options = {.struct_size = sizeof options, .backend = "cpu", .threads = 1};
        setenv("VARLEN_CPU_ISA", sets[n], 1);
        if (varlen_open(&options, &contexts[0][set_count]) != VARLEN_OK)
            continue; /* not on this processor */
        options.threads = 2;
        if (varlen_open(&options, &contexts[1][set_count]) != VARLEN_OK)
            finding("%s opens with one thread, and not with two: %s", sets[n], varlen_error_message());
        set_count++;
    }
    unsetenv("VARLEN_CPU_ISA");
    if (set_count == 0)
        finding("no kernel set of the CPU backend opens: %s", varlen_error_message());
}

varlen_context *context_pick(fuzz_input *input)
{
    if (set_count == 0)
        open_all();
    const int threads = input_chance(input, 12) ? 1 : 0;
    return contexts[threads][input_below(input, set_count)];
}
