/* Rates that figures are judged by: see bench/peaks.h. */
#include "bench/peaks.h"

static bool is_of_memory(bench_peak_kind kind)
{
    return kind == BENCH_PEAK_READ || kind == BENCH_PEAK_COPY || kind == BENCH_PEAK_GIVEN_BANDWIDTH;
}

const char *bench_peak_name(bench_peak_kind kind)
{
    static const char *const names[BENCH_PEAK_COUNT] = {
        [BENCH_PEAK_FLOAT32] = "float32 FMA",
        [BENCH_PEAK_BFLOAT16] = "bf16 dot product",
        [BENCH_PEAK_READ] = "read bandwidth",
        [BENCH_PEAK_COPY] = "copy bandwidth",
        [BENCH_PEAK_EVEN_FLOAT32] = "even attention",
        [BENCH_PEAK_EVEN_FLOAT16] = "even attention",
        [BENCH_PEAK_EVEN_BFLOAT16] = "even attention",
        [BENCH_PEAK_GIVEN_ARITHMETIC] = "given peak",
        [BENCH_PEAK_GIVEN_BANDWIDTH] = "given bandwidth",
    };
    return names[kind];
}

const char *bench_peak_unit(bench_peak_kind kind)
{
    return is_of_memory(kind) ? "GB/s" : "GFLOP/s";
}

bool bench_peak_known(const bench_peaks *peaks, bench_peak_kind kind)
{
    return peaks->values[kind].with[0] != '\0';
}

bench_peak_kind bench_peak_even(varlen_dtype dtype)
{
    return (bench_peak_kind)(BENCH_PEAK_EVEN_FLOAT32 + (int)dtype);
}

bool bench_peak_is_even(bench_peak_kind kind)
{
    return kind >= BENCH_PEAK_EVEN_FLOAT32 && kind <= BENCH_PEAK_EVEN_BFLOAT16;
}
