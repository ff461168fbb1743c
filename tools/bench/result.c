/* Figures derived from a measurement: see bench/result.h. */
#include "bench/result.h"

double bench_gflops(const bench_result *result)
{
    return bench_flops(result->workload, result->pass) / result->time.median * 1e-6;
}

double bench_gigabytes(const bench_result *result)
{
    return bench_bytes(result->workload, result->dtype, result->pass) / result->time.median * 1e-6;
}

double bench_spread_percent(const bench_result *result)
{
    return 100.0 * (result->time.p90 - result->time.p10) / result->time.median;
}

bench_share bench_result_share(const bench_results *results, const bench_result *result)
{
    const bench_peak *peaks = results->peaks.values;
    const bool dot = result->dtype == VARLEN_BFLOAT16 && peaks[BENCH_PEAK_BFLOAT16].instructions;
    const bench_peak_kind arithmetic = dot ? BENCH_PEAK_BFLOAT16 : BENCH_PEAK_FLOAT32;
    if (!peaks[arithmetic].instructions || !peaks[BENCH_PEAK_READ].instructions)
        return (bench_share){0};
    const bench_share by_arithmetic = {bench_gflops(result) / peaks[arithmetic].all_threads, arithmetic};
    const bench_share by_bytes = {bench_gigabytes(result) / peaks[BENCH_PEAK_READ].all_threads, BENCH_PEAK_READ};
    return by_arithmetic.share >= by_bytes.share ? by_arithmetic : by_bytes;
}
