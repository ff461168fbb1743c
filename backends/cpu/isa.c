#include "isa.h"

#include "amx_support.h"
#include "state.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct cpu_isa {
    const cpu_kernels *kernels;
    bool (*runs_here)(void); /* by the processor, and by what the operating system saves on a context switch */
    bool (*pays_here)(void); /* whether it is faster than the next; NULL: wherever it runs */
} cpu_isa;

static bool always(void)
{
    return true;
}

#if defined(__aarch64__)
extern const cpu_kernels cpu_kernels_neon; /* a part of the architecture */
#else
extern const cpu_kernels cpu_kernels_baseline;
#endif

#if defined(__x86_64__)
extern const cpu_kernels cpu_kernels_avx2;
extern const cpu_kernels cpu_kernels_avx512;
extern const cpu_kernels cpu_kernels_avx512_bf16;
extern const cpu_kernels cpu_kernels_amx_bf16;

/* GCC's and Clang's feature tests include XGETBV's answer. */
static bool has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    __builtin_cpu_init();
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static bool has_avx512_bf16(void)
{
    return has_avx512() && __builtin_cpu_supports("avx512bf16");
}

/* Processors with matrix units for bfloat16 multiply it in vectors at half the rate of floats only
 * (docs/performance.md). */
static bool has_no_amx_bf16(void)
{
    return !cpu_has_amx_bf16();
}

#if defined(CPU_EMULATE_AMX)
/* For tests, where the tiles are ordinary memory. */
static bool has_amx_bf16(void)
{
    return has_avx512_bf16();
}

static bool never(void)
{
    return false;
}
#else
static bool has_amx_bf16(void)
{
    return has_avx512_bf16() && cpu_may_use_amx_bf16();
}
#endif
#endif

/* From the most to the least wanted. */
static const cpu_isa isas[] = {
#if defined(__x86_64__)
#if defined(CPU_EMULATE_AMX)
    {&cpu_kernels_amx_bf16, has_amx_bf16, never},
#else
    {&cpu_kernels_amx_bf16, has_amx_bf16, NULL},
#endif
    {&cpu_kernels_avx512_bf16, has_avx512_bf16, has_no_amx_bf16},
    {&cpu_kernels_avx512, has_avx512, NULL},
    {&cpu_kernels_avx2, has_avx2, NULL},
#endif
#if defined(__aarch64__)
    {&cpu_kernels_neon, always, NULL},
#else
    {&cpu_kernels_baseline, always, NULL},
#endif
};
enum { ISA_COUNT = sizeof isas / sizeof *isas };

static void list_runnable(char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < ISA_COUNT && length < size; i++)
        if (isas[i].runs_here())
            length += (size_t)snprintf(text + length, size - length, "%s%s", length ? ", " : "", isas[i].kernels->name);
}

static bool is_best(const cpu_isa *isa)
{
    return isa->runs_here() && (!isa->pays_here || isa->pays_here());
}

varlen_status cpu_isa_choose(const varlen_host *host, const cpu_kernels **kernels)
{
    const char *wanted = host->environment("VARLEN_CPU_ISA");
    bool automatic = !wanted || strcmp(wanted, "auto") == 0;
    const char *problem = "is not a kernel set";
    for (int i = 0; i < ISA_COUNT; i++) {
        bool named = !automatic && strcmp(wanted, isas[i].kernels->name) == 0;
        if ((automatic && is_best(&isas[i])) || (named && isas[i].runs_here())) {
            *kernels = isas[i].kernels;
            return VARLEN_OK;
        }
        if (named)
            problem = "needs what this processor or its system lacks";
    }
    char runnable[128];
    list_runnable(runnable, sizeof runnable);
    return host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "VARLEN_CPU_ISA = \"%s\" %s; it can be auto, %s", wanted,
                      problem, runnable);
}

/* What the choice is without VARLEN_CPU_ISA. The last set runs everywhere. */
static const cpu_kernels *automatic_choice(void)
{
    int best = 0;
    while (best < ISA_COUNT - 1 && !is_best(&isas[best]))
        best++;
    return isas[best].kernels;
}

/* Why calls do not go to a set; NULL: because another comes first. */
static const char *reason_against(const cpu_isa *isa, const cpu_kernels *opened, const cpu_kernels *taken)
{
    if (!isa->runs_here())
        return "it needs what this processor or its system lacks";
    if (isa->kernels->floats && taken == opened->floats)
        return "it is for bfloat16 alone";
    if (opened != automatic_choice())
        return "VARLEN_CPU_ISA asks for another";
    if (!is_best(isa))
        return "it is slower on this processor than the next";
    return NULL;
}

void cpu_isa_explain(const cpu_kernels *opened, const cpu_kernels *taken, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "%s takes it", taken->name);
    for (int i = 0; i < ISA_COUNT && length < size; i++) {
        if (isas[i].kernels == taken)
            continue;
        const char *reason = reason_against(&isas[i], opened, taken);
        length += (size_t)snprintf(text + length, size - length, "\n%s does not: %s%s", isas[i].kernels->name,
                                   reason ? reason : taken->name, reason ? "" : " comes first");
    }
}
