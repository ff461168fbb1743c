/* Runs the contract's checks on device 0, and prints a line for each. Exit status: 0 if all passed, 1 if one did not,
 * 77 if there is no device. */
#include "contract.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

thread_local const varlen_host *gpu_host;

static char failure[1024];

static varlen_status fail(varlen_status status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(failure, sizeof failure, format, values);
    va_end(values);
    return status;
}

static void must(varlen_status status, const char *what)
{
    if (status == VARLEN_OK)
        return;
    printf("FAILED: %s: %s\n", what, failure);
    exit(1);
}

static contract_memory allocate()
{
    contract_memory memory = {};
    constexpr size_t bytes = CONTRACT_ELEMENTS * sizeof(uint16_t);
    void *verdict, *source, *target;
    must(runtime_alloc(sizeof(contract_verdict), &verdict), "memory");
    must(runtime_alloc(bytes, &source), "memory");
    must(runtime_alloc(bytes, &target), "memory");
    memory.verdict = (contract_verdict *)verdict;
    memory.source = (uint16_t *)source;
    memory.target = (uint16_t *)target;
    static uint16_t elements[CONTRACT_ELEMENTS];
    for (int i = 0; i < CONTRACT_ELEMENTS; i++)
        elements[i] = (uint16_t)i;
    must(runtime_copy(nullptr, memory.source, elements, bytes), "memory");
    must(runtime_synchronize(), "memory");
    return memory;
}

static void release(const contract_memory &memory)
{
    must(runtime_free(memory.verdict), "memory");
    must(runtime_free(memory.source), "memory");
    must(runtime_free(memory.target), "memory");
}

/* A kernel that has compared nothing has not run. */
static bool run_check(const contract_memory &memory, const contract_check &check)
{
    contract_verdict verdict;
    printf("%-72s ", check.rule);
    fflush(stdout); /* a check that hangs is seen */
    must(runtime_fill(nullptr, memory.verdict, 0, sizeof verdict), "memory");
    must(runtime_fill(nullptr, memory.target, 0xff, CONTRACT_ELEMENTS * sizeof(uint16_t)), "memory");
    must(check.run(0, memory), "launch");
    must(runtime_synchronize(), "kernel");
    must(runtime_copy(nullptr, &verdict, memory.verdict, sizeof verdict), "memory");
    must(runtime_synchronize(), "memory");
    const bool passed = verdict.compared > 0 && verdict.wrong == 0;
    printf("%s", passed ? "passed\n" : "FAILED");
    if (passed)
        return true;
    printf(": %d of %d wrong\n", (int)verdict.wrong, (int)verdict.compared);
    for (int i = 0; i < verdict.wrong && i < CONTRACT_FINDINGS; i++) {
        const contract_finding &finding = verdict.findings[i];
        printf("    at (%d, %d): %g and not %g\n", (int)finding.row, (int)finding.column, (double)finding.got,
               (double)finding.expected);
    }
    return false;
}

static int run_chapters(const contract_memory &memory, const runtime_device &device)
{
    int passed = 0;
    int failed = 0;
    const contract_chapters promised = promised_chapters();
    for (int32_t n = 0; n < promised.count; n++) {
        const contract_chapter &chapter = promised.chapters[n];
        const char *reason = chapter.left_out ? chapter.left_out(device) : nullptr;
        if (reason)
            printf("%s: not checked, %s\n", chapter.name, reason);
        const contract_table table = chapter.checks();
        for (int32_t i = 0; !reason && i < table.count; i++) {
            const bool good = run_check(memory, table.checks[i]);
            passed += good;
            failed += !good;
        }
    }
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed ? 1 : 0;
}

int main()
{
    static varlen_host host;
    host.fail = fail;
    gpu_host = &host;
    int32_t count = 0;
    runtime_device device;
    if (runtime_device_count(&count) != VARLEN_OK || runtime_describe(0, &device) != VARLEN_OK) {
        printf("skipped: %s\n", failure);
        return 77;
    }
    must(runtime_set_device(0), "the device");
    printf("%s, %s\n", device.name, device.architecture->code);
    const contract_memory memory = allocate();
    const int status = run_chapters(memory, device);
    release(memory);
    return status;
}
