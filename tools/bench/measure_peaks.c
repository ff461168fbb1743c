/* The rates that figures on a device are judged by: see bench/measure_peaks.h. */
#include "bench/measure_peaks.h"

#include "bench/device_probe.h"
#include "bench/probe.h"
#include "progress.h"

static void take_given(const bench_peaks_wanted *wanted, bench_peaks *peaks)
{
    if (wanted->peak > 0)
        peaks->values[BENCH_PEAK_GIVEN_ARITHMETIC] =
            (bench_peak){.with = "--peak", .all_threads = 1000.0 * (double)wanted->peak};
    if (wanted->bandwidth > 0)
        peaks->values[BENCH_PEAK_GIVEN_BANDWIDTH] =
            (bench_peak){.with = "--bandwidth", .all_threads = (double)wanted->bandwidth};
}

/* What is given need not be measured. */
static bool probe_accelerator(varlen_context *context, const bench_peaks_wanted *wanted, bench_peaks *peaks,
                              reason *why)
{
    return (wanted->bandwidth > 0 || bench_probe_memory(context, wanted->memory, peaks, why)) &&
           (wanted->peak > 0 || bench_probe_even(context, wanted->dtypes, peaks, why));
}

bool bench_measure_peaks(varlen_context *context, const bench_peaks_wanted *wanted, bench_peaks *peaks, reason *why)
{
    take_given(wanted, peaks);
    if (!wanted->measured)
        return true;
    const bool ok =
        wanted->threads ? bench_probe(wanted->threads, peaks, why) : probe_accelerator(context, wanted, peaks, why);
    progress_clear();
    return ok;
}
