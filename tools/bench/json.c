/* The measurements of `varlen bench` as JSON: see bench/report.h. */
#include <stdio.h>

#include "bench/arguments.h"
#include "bench/report.h"
#include "npy/output_file.h"

static const char *const peak_keys[BENCH_PEAK_COUNT] = {
    [BENCH_PEAK_FLOAT32] = "float32_fma_gflops",
    [BENCH_PEAK_BFLOAT16] = "bfloat16_dot_gflops",
    [BENCH_PEAK_READ] = "read_gb_per_s",
    [BENCH_PEAK_COPY] = "copy_gb_per_s",
    [BENCH_PEAK_EVEN_FLOAT32] = "even_float32_gflops",
    [BENCH_PEAK_EVEN_FLOAT16] = "even_float16_gflops",
    [BENCH_PEAK_EVEN_BFLOAT16] = "even_bfloat16_gflops",
    [BENCH_PEAK_GIVEN_ARITHMETIC] = "given_gflops",
    [BENCH_PEAK_GIVEN_BANDWIDTH] = "given_gb_per_s",
};

static void write_text(FILE *stream, const char *key, const char *text)
{
    fprintf(stream, "\"%s\": \"", key);
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\')
            fputc('\\', stream);
        fputc((unsigned char)*at < ' ' ? ' ' : *at, stream);
    }
    fputc('"', stream);
}

static void write_device(FILE *stream, const bench_results *results)
{
    const varlen_device_info *device = &results->device;
    fputs("  \"device\": {", stream);
    write_text(stream, "backend", device->backend);
    fprintf(stream, ", \"device\": %d, ", (int)device->device);
    write_text(stream, "name", device->name);
    fputs(", ", stream);
    write_text(stream, "architecture", device->architecture);
    fprintf(stream, results->threads ? ", \"threads\": %d},\n" : ", \"threads\": null},\n", (int)results->threads);
}

/* A figure, or null where it is 0. */
static void write_known(FILE *stream, const char *key, double value)
{
    fprintf(stream, value > 0 ? "\"%s\": %.6g" : "\"%s\": null", key, value);
}

static void write_peaks(FILE *stream, const bench_peaks *peaks)
{
    fputs("  \"peaks\": {\n", stream);
    for (int i = 0; i < BENCH_PEAK_COUNT; i++) {
        const bench_peak *peak = &peaks->values[i];
        fprintf(stream, "    \"%s\": ", peak_keys[i]);
        if (bench_peak_known(peaks, (bench_peak_kind)i)) {
            fputc('{', stream);
            write_text(stream, "with", peak->with);
            fputs(", ", stream);
            write_known(stream, "one_thread", peak->one_thread);
            fprintf(stream, ", \"all_threads\": %.6g}", peak->all_threads);
        } else {
            fputs("null", stream);
        }
        fputs(i + 1 < BENCH_PEAK_COUNT ? ",\n" : "\n", stream);
    }
    fputs("  },\n", stream);
}

static void write_result(FILE *stream, const bench_results *results, const bench_result *result)
{
    write_text(stream, "workload", result->workload->name);
    fprintf(stream, ", \"dtype\": \"%s\", \"pass\": \"%s\", ", dtype_word(result->dtype), pass_word(result->pass));
    if (result->time.repetitions == 0) {
        write_text(stream, "not_supported", result->skipped);
        return;
    }
    fprintf(stream, "\"repetitions\": %d, \"median_ms\": %.6g, \"p10_ms\": %.6g, \"p90_ms\": %.6g, ",
            result->time.repetitions, result->time.median, result->time.p10, result->time.p90);
    const bench_bound bound = bench_result_bound(results, result);
    const double floor = bound.is_floor ? bound.milliseconds : 0;
    if (results->threads == 0)
        fprintf(stream, "\"host_us\": %.6g, ", result->time.host);
    fprintf(stream, "\"gflops\": %.6g, \"gb_per_s\": %.6g, ", bench_gflops(result), bench_gigabytes(result));
    write_known(stream, "floor_ms", floor);
    fputs(", ", stream);
    write_known(stream, "over_floor", floor > 0 ? result->time.median / floor : 0);
    fputs(", ", stream);
    if (bound.milliseconds > 0)
        fprintf(stream, "\"share\": %.4g, \"bound\": \"%s\"", bound.milliseconds / result->time.median,
                peak_keys[bound.by]);
    else
        fputs("\"share\": null, \"bound\": null", stream);
}

void bench_print_json(FILE *stream, const bench_results *results)
{
    fprintf(stream, "{\n  \"varlen\": \"%s\",\n", varlen_version());
    write_device(stream, results);
    write_peaks(stream, &results->peaks);
    fputs("  \"results\": [\n", stream);
    for (int i = 0; i < results->count; i++) {
        fputs("    {", stream);
        write_result(stream, results, &results->items[i]);
        fputs(i + 1 < results->count ? "},\n" : "}\n", stream);
    }
    fputs("  ]\n}\n", stream);
}

bool bench_write_json(const char *path, const bench_results *results, reason *why)
{
    output_file file;
    bool ok = output_file_open(&file, path, why);
    if (ok) {
        bench_print_json(file.stream, results);
        ok = output_file_finish(&file, why) && output_files_commit(&file, 1, why);
    }
    output_file_discard(&file);
    return ok;
}
