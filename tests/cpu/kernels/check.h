/* What the tests of the kernels' pieces share: failures in words, memory with canaries, and numbers at random. */
#ifndef VARLEN_TESTS_CPU_KERNELS_CHECK_H
#define VARLEN_TESTS_CPU_KERNELS_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* Counts a failure, and prints the first few of a test. */
void check_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fails, in words, unless the condition holds. A macro, so that the words cost nothing where it does. */
#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            check_failed(__VA_ARGS__);                                                                                 \
    } while (0)

/* Fails unless got is within `bound` of want. */
void check_near(double got, double want, double bound, const char *what, int64_t row, int64_t column);

typedef struct check_test {
    const char *name;
    void (*run)(void);
} check_test;

/* Runs tests, and prints the name of each that fails. Returns how many do. */
int check_run(const check_test *tests, int count);

/* So many floats, aligned to 64 bytes, each of them the canary; there are more before and behind them. The canary is a
 * signalling NaN: what is read and should not be shows in results, as a NaN with other bits than the canary. They
 * belong to the test that runs, at whose end those before and behind must still be there. */
float *check_floats(int64_t count);

/* Whether the canary is still there. */
bool check_is_untouched(const float *place);

/* Fails if one of `count` floats, the columns from `column` on of a row, has been written. */
void check_untouched(const float *places, int64_t count, const char *what, int64_t row, int64_t column);

uint32_t check_random_bits(void);

/* Between -1 and 1. */
float check_random(void);

/* check_floats of so many rows, `stride` apart, and one more; the first `columns` of each of the first `rows` are at
 * random between -scale and scale. */
float *check_random_rows(int64_t rows, int64_t columns, int64_t stride, float scale);

#endif
