/* The command line of `varlen bench`: see bench/arguments.h. */
#include "bench/arguments.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const char notes[] =
    "Without --workload or --lens, the workloads that suit the device are run; --list prints them all. Data are random\n"
    "and the same in every run. Times are medians after a warm-up; the spread is (p90 - p10) / median. GFLOP/s counts\n"
    "visible pairs only, and a backward pass as 2.5 forward passes; GB/s counts every operand once. On accelerators\n"
    "host us is how long a call takes to return, in microseconds. What a backend does not support is left out and named.\n"
    "\n"
    "The floor is the larger of flops / arithmetic peak and bytes / bandwidth: no kernel takes less, unless caches still\n"
    "hold its operands. The share is floor / time, of the rate that bounds. A processor's rates are measured first, with\n"
    "as many threads. On an accelerator the bandwidth is measured: the faster of device copies and of merging 16 parts\n"
    "into one, bytes read and written. Its arithmetic peak is not, since no call of the library does products alone: give\n"
    "as --peak what its matrix products reach. Without it, rows that arithmetic may bound have no floor; their share is\n"
    "of the highest rate that forward attention on even, full batches reached first (\"even attention\"), which a better\n"
    "kernel may exceed.\n"
    "\n"
    "--plot needs python3 with matplotlib.";
/* clang-format on */

static const option_choice masks[] = {{"full", VARLEN_MASK_FULL}, {"causal", VARLEN_MASK_CAUSAL}, {NULL, 0}};

/* clang-format off */
static const command_option options[] = {
    {"--workload", "NAME,...", read_text, .offset = offsetof(bench_arguments, words),
     .help = "the workloads of these names, or with these words in their names"},
    {"--list", NULL, read_switch, .offset = offsetof(bench_arguments, list),
     .help = "print the workloads, run nothing"},
    {"--lens", "N,N,...", read_lengths, .offset = offsetof(bench_arguments, lens),
     .help = "in place of a named workload: sequences of these lengths"},
    {"--q-heads", "N", read_count, .offset = offsetof(bench_arguments, q_heads),
     .help = "with --lens: query heads; default 8"},
    {"--kv-heads", "N", read_count, .offset = offsetof(bench_arguments, kv_heads),
     .help = "with --lens: heads of keys and values; default: as many as of queries"},
    {"--head-dim", "N", read_count, .offset = offsetof(bench_arguments, head_dim),
     .help = "with --lens: dim of queries and keys; default 128"},
    {"--value-dim", "N", read_count, .offset = offsetof(bench_arguments, value_dim),
     .help = "with --lens: dim of values; default: that of queries and keys"},
    {"--mask", NULL, read_choice, .offset = offsetof(bench_arguments, mask), .choices = masks,
     .help = "with --lens: which keys a query sees; default full"},
    {"--page-size", "N", read_count, .offset = offsetof(bench_arguments, page_size),
     .help = "with --lens: keys and values in scattered pages of N tokens; default: packed"},
    {"--kv-dtype", NULL, read_choice, .offset = offsetof(bench_arguments, kv_dtype), .choices = kv_dtype_choices,
     .help = "with --lens: quantised keys and values, with a scale per head; default: the dtype of the queries"},
    {"--dtype", "f32|f16|bf16,...", read_choices, .offset = offsetof(bench_arguments, dtypes), .choices = dtype_choices,
     .help = "one or more; default bf16"},
    {"--pass", NULL, read_choice, .offset = offsetof(bench_arguments, passes), .choices = pass_choices,
     .help = "default forward"},
    {"--backend", "B", read_text, .offset = offsetof(bench_arguments, backend),
     .help = "as VARLEN_BACKEND: cpu, cuda:1, auto, ..."},
    {"--threads", "N", read_count, .offset = offsetof(bench_arguments, threads),
     .help = "threads of the CPU backend; default: as many as there are processors"},
    {"--repeats", "N", read_count, .offset = offsetof(bench_arguments, repeats),
     .help = "measured calls; default: 5 to 50, as many as take two seconds"},
    {"--no-peaks", NULL, read_switch, .offset = offsetof(bench_arguments, no_peaks),
     .help = "measure no peaks: no floors, unless --peak and --bandwidth are given"},
    {"--peak", "TFLOP/S", read_rate, .offset = offsetof(bench_arguments, peak),
     .help = "the device's arithmetic peak, of all dtypes of this run; on a GPU, of matrix products"},
    {"--bandwidth", "GB/S", read_rate, .offset = offsetof(bench_arguments, bandwidth),
     .help = "the bandwidth of the device's memory"},
    {"--json", "FILE", read_text, .offset = offsetof(bench_arguments, json),
     .help = "written: the device, its peaks and the measurements"},
    {"--compare", "FILE", read_text, .offset = offsetof(bench_arguments, compare),
     .help = "a file of --json: prints ratios to its measurements"},
    {"--report", "FILE", read_text, .offset = offsetof(bench_arguments, report),
     .help = "written: one HTML page with a chart of time over floor, the machine and all figures"},
    {"--plot", "FILE", read_text, .offset = offsetof(bench_arguments, plot),
     .help = "written: bars against the peaks; .svg, .png or .pdf"},
};
/* clang-format on */

/* The rules between options, one line each. */
static bool check_combination(const bench_arguments *arguments, reason *why)
{
    const struct {
        bool broken;
        const char *rule;
    } rules[] = {
        {arguments->words && arguments->lens.count, "--workload and --lens exclude each other"},
        {!arguments->lens.count && arguments->q_heads, "--q-heads needs --lens"},
        {!arguments->lens.count && arguments->kv_heads, "--kv-heads needs --lens"},
        {!arguments->lens.count && arguments->head_dim, "--head-dim needs --lens"},
        {!arguments->lens.count && arguments->value_dim, "--value-dim needs --lens"},
        {!arguments->lens.count && arguments->page_size, "--page-size needs --lens"},
        {!arguments->lens.count && arguments->kv_dtype, "--kv-dtype needs --lens"},
        {!arguments->lens.count && arguments->mask != BENCH_MASK_NOT_GIVEN, "--mask needs --lens"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].broken)
            return refuse(why, "%s", rules[i].rule);
    return true;
}

options_outcome bench_arguments_parse(int count, char **words, bench_arguments *arguments, reason *why)
{
    const command_usage usage = {
        .command = "bench",
        .summary =
            "Measures attention on a backend: time, GFLOP/s, GB/s, and time over the floor that the machine sets.",
        .notes = notes,
        .options = options,
        .option_count = (int)(sizeof options / sizeof options[0]),
    };
    *arguments = (bench_arguments){.mask = BENCH_MASK_NOT_GIVEN,
                                   .dtypes = 1u << VARLEN_BFLOAT16,
                                   .passes = 1 << VARLEN_PASS_FORWARD,
                                   .word_count = count,
                                   .command_line = words};
    const options_outcome outcome = options_parse(&usage, count, words, arguments, why);
    if (outcome == OPTIONS_PARSED && !check_combination(arguments, why))
        return OPTIONS_REFUSED;
    return outcome;
}

static int32_t given_or(int32_t value, int32_t otherwise)
{
    return value ? value : otherwise;
}

/* The shape in the manner of the named workloads, so that equal names mean equal work. */
static void print_name(const bench_workload *workload, const char *lens, char name[BENCH_NAME_SIZE])
{
    enum { LONGEST_LIST = 48 };
    char heads[32];
    char dims[32];
    char page[32] = "";
    char lengths[64];
    if (strlen(lens) <= LONGEST_LIST)
        snprintf(lengths, sizeof lengths, "%s", lens);
    else
        snprintf(lengths, sizeof lengths, "%d-of-%lld", workload->batch, (long long)bench_total_keys(workload));
    if (workload->q_heads == workload->kv_heads)
        snprintf(heads, sizeof heads, "h%d", workload->q_heads);
    else
        snprintf(heads, sizeof heads, "gqa%d/%d", workload->q_heads, workload->kv_heads);
    if (workload->page_size)
        snprintf(page, sizeof page, "-page%d", workload->page_size);
    if (workload->head_dim == workload->value_dim)
        snprintf(dims, sizeof dims, "d%d", workload->head_dim);
    else
        snprintf(dims, sizeof dims, "d%d/%d", workload->head_dim, workload->value_dim);
    snprintf(name, BENCH_NAME_SIZE, "lens-%s-%s-%s%s%s%s%s", lengths, heads, dims,
             workload->mask == VARLEN_MASK_CAUSAL ? "-causal" : "", page, workload->kv_dtype ? "-" : "",
             workload->kv_dtype ? dtype_word(workload->kv_dtype) : "");
}

bench_workload bench_arguments_workload(const bench_arguments *arguments, char name[BENCH_NAME_SIZE])
{
    const int32_t q_heads = given_or(arguments->q_heads, 8);
    const int32_t head_dim = given_or(arguments->head_dim, 128);
    const bench_workload workload = {
        .name = name,
        .lengths = arguments->lens.values,
        .batch = arguments->lens.count,
        .q_heads = q_heads,
        .kv_heads = given_or(arguments->kv_heads, q_heads),
        .head_dim = head_dim,
        .value_dim = given_or(arguments->value_dim, head_dim),
        .mask = arguments->mask == VARLEN_MASK_CAUSAL ? VARLEN_MASK_CAUSAL : VARLEN_MASK_FULL,
        .page_size = arguments->page_size,
        .kv_dtype = (varlen_dtype)arguments->kv_dtype,
    };
    print_name(&workload, arguments->lens.text, name);
    return workload;
}
