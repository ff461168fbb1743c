/* The contract of backends/gpu/platform.h and async_platform.h, as checks that every platform runs: a kernel compares
 * what it gets with plain loops, and leaves what it found in a verdict. */
#ifndef VARLEN_TESTS_PLATFORM_CONTRACT_H
#define VARLEN_TESTS_PLATFORM_CONTRACT_H

#include "platform.h"
#include "platform/runtime.h"

constexpr int CONTRACT_FINDINGS = 4;

struct contract_finding {
    int32_t row;
    int32_t column;
    float got;
    float expected;
};

struct contract_verdict {
    int32_t compared;
    int32_t wrong;
    contract_finding findings[CONTRACT_FINDINGS]; /* of the first that came */
};

/* Device memory of one check. */
struct contract_memory {
    contract_verdict *verdict;
    uint16_t *source; /* CONTRACT_ELEMENTS: element i is i modulo 65536 */
    uint16_t *target; /* as many, 0xffff */
};

constexpr int CONTRACT_ELEMENTS = 1 << 18;

struct contract_check {
    const char *rule;
    varlen_status (*run)(int32_t device, const contract_memory &memory);
};

struct contract_table {
    const contract_check *checks;
    int32_t count;
};

contract_table portable_checks(); /* of platform.h */
contract_table async_checks();    /* of async_platform.h */

/* Why a device has no such machinery, or NULL. */
const char *async_left_out(const runtime_device &device);

/* What a platform promises. */
struct contract_chapter {
    const char *name;
    contract_table (*checks)();
    const char *(*left_out)(const runtime_device &device); /* why the device does not have it, or NULL; may be NULL */
};

struct contract_chapters {
    const contract_chapter *chapters;
    int32_t count;
};

contract_chapters promised_chapters();

GPU_DEVICE void contract_expect(const contract_memory &memory, int32_t row, int32_t column, float got, float expected)
{
    atomic_add(&memory.verdict->compared, (int32_t)1);
    if (got == expected)
        return;
    const int32_t number = atomic_add(&memory.verdict->wrong, (int32_t)1);
    if (number < CONTRACT_FINDINGS)
        memory.verdict->findings[number] = {row, column, got, expected};
}

/* Small whole numbers, which every type holds, and of which all sums here are exact. */
GPU_DEVICE float contract_number(int32_t row, int32_t column)
{
    return (float)((row * 7 + column * 13 + row * column % 5) % 17 - 8);
}

template <auto KERNEL, typename ARGUMENTS>
varlen_status contract_launch(int32_t device, int32_t threads, int32_t shared_bytes, const ARGUMENTS &arguments,
                              int32_t blocks = 1)
{
    return launch<KERNEL>(device, {blocks, threads, shared_bytes}, nullptr, arguments);
}

#endif
