#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRINTED = 5, GUARD = 64, ALIGNMENT = 64 };
static const uint32_t canary = 0x7fa5a5a5;

static int failures; /* of the test that runs */

typedef struct memory {
    struct memory *next;
    float *floats; /* GUARD, then `count`, then GUARD */
    int64_t count;
} memory;

static memory *memories;

void check_failed(const char *format, ...)
{
    va_list arguments;
    if (failures++ >= PRINTED)
        return;
    printf("  ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void check_near(double got, double want, double bound, const char *what, int64_t row, int64_t column)
{
    const double error = got > want ? got - want : want - got;
    CHECK(got == want || error <= bound, "%s[%lld][%lld] = %.9g in place of %.9g: %.3g off, %.3g allowed", what,
          (long long)row, (long long)column, got, want, error, bound);
}

static void fill_with_canaries(float *places, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        memcpy(places + i, &canary, sizeof canary);
}

static void *allocate(size_t bytes)
{
    void *allocated = aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    if (!allocated) {
        printf("no memory\n");
        exit(EXIT_FAILURE);
    }
    return allocated;
}

float *check_floats(int64_t count)
{
    memory *made = allocate(sizeof *made);
    const int64_t all = count + 2 * GUARD;
    *made = (memory){.next = memories, .floats = allocate((size_t)all * sizeof(float)), .count = count};
    fill_with_canaries(made->floats, all);
    memories = made;
    return made->floats + GUARD;
}

bool check_is_untouched(const float *place)
{
    return memcmp(place, &canary, sizeof canary) == 0;
}

void check_untouched(const float *places, int64_t count, const char *what, int64_t row, int64_t column)
{
    for (int64_t i = 0; i < count; i++)
        CHECK(check_is_untouched(places + i), "%s[%lld][%lld] was written", what, (long long)row,
              (long long)(column + i));
}

static void release_memory(void)
{
    while (memories) {
        memory *last = memories;
        memories = last->next;
        check_untouched(last->floats, GUARD, "before the memory", 0, -GUARD);
        check_untouched(last->floats + GUARD + last->count, GUARD, "behind the memory", 0, last->count);
        free(last->floats);
        free(last);
    }
}

int check_run(const check_test *tests, int count)
{
    int failed = 0;
    for (const check_test *test = tests; test < tests + count; test++) {
        failures = 0;
        test->run();
        release_memory();
        if (failures > 0)
            printf("FAILED: %s, %d times\n", test->name, failures);
        failed += failures > 0;
    }
    return failed;
}

uint32_t check_random_bits(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

float check_random(void)
{
    return (float)(int32_t)check_random_bits() * 0x1p-31f;
}

float *check_random_rows(int64_t rows, int64_t columns, int64_t stride, float scale)
{
    float *made = check_floats((rows + 1) * stride);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++)
            made[row * stride + column] = check_random() * scale;
    return made;
}
