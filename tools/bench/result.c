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

static bench_peak_kind arithmetic_of(const bench_peaks *peaks, bool on_processor, varlen_dtype dtype)
{
    if (bench_peak_known(peaks, BENCH_PEAK_GIVEN_ARITHMETIC))
        return BENCH_PEAK_GIVEN_ARITHMETIC;
    if (!on_processor)
        return bench_peak_even(dtype);
    const bool dot = dtype == VARLEN_BFLOAT16 && bench_peak_known(peaks, BENCH_PEAK_BFLOAT16);
    return dot ? BENCH_PEAK_BFLOAT16 : BENCH_PEAK_FLOAT32;
}

static bench_peak_kind bandwidth_of(const bench_peaks *peaks, bool on_processor)
{
    const bench_peak *values = peaks->values;
    if (bench_peak_known(peaks, BENCH_PEAK_GIVEN_BANDWIDTH))
        return BENCH_PEAK_GIVEN_BANDWIDTH;
    /* An accelerator's reading is a kernel's, which may be slower than its memory. */
    if (!on_processor && values[BENCH_PEAK_COPY].all_threads > values[BENCH_PEAK_READ].all_threads)
        return BENCH_PEAK_COPY;
    return BENCH_PEAK_READ;
}

bench_bound bench_bound_of(const bench_peaks *peaks, bool on_processor, varlen_dtype dtype, double flops, double bytes)
{
    const bench_peak_kind arithmetic = arithmetic_of(peaks, on_processor, dtype);
    const bench_peak_kind bandwidth = bandwidth_of(peaks, on_processor);
    if (!bench_peak_known(peaks, arithmetic) || !bench_peak_known(peaks, bandwidth))
        return (bench_bound){0};
    const double by_arithmetic = flops / peaks->values[arithmetic].all_threads * 1e-6;
    const double by_bytes = bytes / peaks->values[bandwidth].all_threads * 1e-6;
    if (by_bytes > by_arithmetic)
        return (bench_bound){by_bytes, bandwidth, true};
    return (bench_bound){by_arithmetic, arithmetic, !bench_peak_is_even(arithmetic)};
}

bench_bound bench_result_bound(const bench_results *results, const bench_result *result)
{
    return bench_bound_of(&results->peaks, results->threads > 0, result->dtype,
                          bench_flops(result->workload, result->pass),
                          bench_bytes(result->workload, result->dtype, result->pass));
}
