/* What an accelerator reaches: see bench/device_probe.h. */
#include "bench/device_probe.h"

#include <stdio.h>

#include "bench/arguments.h"
#include "bench/problem.h"
#include "bench/run.h"
#include "progress.h"

enum { REPEATS = 15 };

/* Each of two buffers: several times the caches, so that next to nothing of one call is still there for the next. A
 * device has some thousand times as much memory as it has caches. */
#define LARGEST_BUFFER ((size_t)1 << 30)
#define SMALLEST_BUFFER ((size_t)64 << 20)
enum { SHARE_OF_MEMORY = 64 };

/* Merging reads this many parts of one size to write one: nearly all of its traffic is reading. */
enum { PARTS = 16, MERGED_HEADS = 16, MERGED_DIM = 256 };

typedef struct device_buffers {
    varlen_context *context;
    void *source;
    void *target;
    size_t size; /* bytes of each, a power of two */
} device_buffers;

static void free_buffers(device_buffers *buffers)
{
    varlen_free(buffers->context, buffers->source);
    varlen_free(buffers->context, buffers->target);
}

static varlen_status allocate(device_buffers *buffers)
{
    buffers->source = buffers->target = NULL;
    const varlen_status status = varlen_alloc(buffers->context, buffers->size, &buffers->source);
    return status == VARLEN_OK ? varlen_alloc(buffers->context, buffers->size, &buffers->target) : status;
}

/* As large as there is memory for. The source holds numbers, the target zeros. */
static bool make_buffers(device_buffers *buffers, uint64_t memory, reason *why)
{
    buffers->size = LARGEST_BUFFER;
    while (buffers->size > SMALLEST_BUFFER && memory && buffers->size > memory / SHARE_OF_MEMORY)
        buffers->size /= 2;
    while (allocate(buffers) != VARLEN_OK) {
        free_buffers(buffers);
        buffers->size /= 2;
        if (buffers->size < SMALLEST_BUFFER)
            return refuse(why, "no memory to measure the bandwidth with; --no-peaks leaves that out");
    }
    const int small_float = 0x3c; /* 0x3c3c3c3c = 0.0115 */
    if (varlen_fill(buffers->context, NULL, buffers->source, small_float, buffers->size) == VARLEN_OK &&
        varlen_fill(buffers->context, NULL, buffers->target, 0, buffers->size) == VARLEN_OK)
        return true;
    free_buffers(buffers);
    return refuse(why, "%s", varlen_error_message());
}

static varlen_status copy(const void *user)
{
    const device_buffers *buffers = user;
    return varlen_copy(buffers->context, NULL, buffers->target, buffers->source, buffers->size);
}

static int64_t merged_tokens(const device_buffers *buffers)
{
    return (int64_t)(buffers->size / (sizeof(float) * PARTS * MERGED_HEADS * MERGED_DIM));
}

/* The parts fill the source. The target has the result at its start and, from its middle on, an lse of zeros. */
static varlen_status merge(const void *user)
{
    const device_buffers *buffers = user;
    const varlen_merge_args args = {
        .struct_size = sizeof args,
        .dtype = VARLEN_FLOAT32,
        .partial_dtype = VARLEN_FLOAT32,
        .parts = PARTS,
        .heads = MERGED_HEADS,
        .tokens = merged_tokens(buffers),
        .partial_out = {.data = buffers->source},
        .partial_lse = (const float *)((const char *)buffers->target + buffers->size / 2),
        .out = {.data = buffers->target},
        .value_dim = MERGED_DIM,
    };
    return varlen_merge(buffers->context, NULL, &args);
}

/* Each part's row has a float of lse. */
static double merged_bytes(const device_buffers *buffers)
{
    const double rows = (double)merged_tokens(buffers) * MERGED_HEADS;
    return sizeof(float) * rows * ((double)PARTS * (MERGED_DIM + 1) + MERGED_DIM);
}

static void show_repetition(void *what, int number, int count)
{
    char text[96];
    snprintf(text, sizeof text, "measuring peaks: %s", (const char *)what);
    progress_show(number, count, text);
}

/* The median rate of a call, in 10^9 per second. */
static bool measure_rate(const device_buffers *buffers, bench_call call, double bytes, bench_peak *peak, reason *why)
{
    const bench_plan plan = {.repeats = REPEATS, .starts = show_repetition, .user = peak->with};
    bench_time time;
    if (!bench_time_calls(buffers->context, call, buffers, &plan, &time, why))
        return false;
    peak->all_threads = bytes / time.median * 1e-6;
    return true;
}

static bool measure_buffers(const device_buffers *buffers, bench_peaks *peaks, reason *why)
{
    bench_peak copying = {.with = "device copies"};
    bench_peak reading = {.with = "merging 16 parts"};
    if (!measure_rate(buffers, copy, 2.0 * (double)buffers->size, &copying, why))
        return false;
    peaks->values[BENCH_PEAK_COPY] = copying;
    const varlen_status status = merge(buffers);
    if (status == VARLEN_ERROR_UNSUPPORTED)
        return true;
    if (status != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    if (!measure_rate(buffers, merge, merged_bytes(buffers), &reading, why))
        return false;
    peaks->values[BENCH_PEAK_READ] = reading;
    return true;
}

bool bench_probe_memory(varlen_context *context, uint64_t memory, bench_peaks *peaks, reason *why)
{
    device_buffers buffers = {.context = context};
    if (!make_buffers(&buffers, memory, why))
        return false;
    const bool ok = measure_buffers(&buffers, peaks, why);
    free_buffers(&buffers);
    return ok;
}

/* The shape on which kernels are fastest. */
static bench_workload even_batch(int32_t length)
{
    return (bench_workload){
        .length = length, .batch = 4, .q_heads = 16, .kv_heads = 16, .head_dim = 128, .value_dim = 128};
}

static bool measure_even(varlen_context *context, const bench_workload *workload, varlen_dtype dtype, bench_time *time,
                         reason *why)
{
    char batch[64];
    snprintf(batch, sizeof batch, "%s attention, 4 x %d", dtype_word(dtype), (int)workload->length);
    const bench_plan plan = {.repeats = REPEATS, .starts = show_repetition, .user = batch};
    bench_problem problem;
    if (!bench_problem_open(context, workload, dtype, VARLEN_PASS_FORWARD, &problem, why))
        return false;
    const bool ok = bench_run(&problem, &plan, time, why);
    bench_problem_close(&problem);
    return ok;
}

static bool takes(varlen_context *context, varlen_dtype dtype)
{
    const bench_workload workload = even_batch(1);
    const varlen_attention attention = bench_attention(&workload, dtype);
    return varlen_supports(context, &attention, VARLEN_PASS_FORWARD) == VARLEN_OK;
}

/* From short to long, until a call takes so long that more tokens would not fill the device better. */
static bool probe_even_of(varlen_context *context, varlen_dtype dtype, bench_peak *best, reason *why)
{
    enum { SHORTEST = 512, LONGEST = 8192 };
    const double long_enough = 4.0; /* milliseconds */
    bench_time time = {0};
    for (int32_t length = SHORTEST; length <= LONGEST && time.median < long_enough; length *= 2) {
        const bench_workload workload = even_batch(length);
        if (!measure_even(context, &workload, dtype, &time, why))
            return false;
        const double rate = bench_flops(&workload, VARLEN_PASS_FORWARD) / time.median * 1e-6;
        if (rate <= best->all_threads)
            continue;
        best->all_threads = rate;
        snprintf(best->with, sizeof best->with, "%s forward, 4 x %d, 16 heads, d128", dtype_word(dtype), (int)length);
    }
    return true;
}

bool bench_probe_even(varlen_context *context, uint32_t dtypes, bench_peaks *peaks, reason *why)
{
    for (varlen_dtype dtype = VARLEN_FLOAT32; dtype <= VARLEN_BFLOAT16; dtype++)
        if (dtypes & 1u << dtype && takes(context, dtype) &&
            !probe_even_of(context, dtype, &peaks->values[bench_peak_even(dtype)], why))
            return false;
    return true;
}
