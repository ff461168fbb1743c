/* The command line of `varlen explain`: see explain/arguments.h. */
#include "explain/arguments.h"

/* clang-format off */
static const char notes[] =
    "Nothing is computed: each backend is asked as a call would ask it. Without --backend, the first device of every\n"
    "backend that can be used is asked. The kernels' words are the backend's own. FLOP are those of visible pairs, a\n"
    "backward pass counting as 2.5 forward passes; bytes count every tensor of the call once. The floor, as in varlen\n"
    "bench, is the larger of FLOP / arithmetic peak and bytes / bandwidth; what of them is not given is measured, for\n"
    "some seconds. A GPU's arithmetic peak cannot be: give --peak, or the time is that at the rate of even batches.\n"
    "\n"
    "Exit status: 0 if a backend takes every pass that was asked for, 1 if none does, 2 for wrong usage.";
/* clang-format on */

/* The number of the feature's bit. The last two follow from flags. */
static const option_choice feature_choices[] = {
    {"lse", __builtin_ctzll(VARLEN_FEATURE_LSE)},
    {"alibi", __builtin_ctzll(VARLEN_FEATURE_ALIBI)},
    {"sinks", __builtin_ctzll(VARLEN_FEATURE_SINKS)},
    {"seqused-q", __builtin_ctzll(VARLEN_FEATURE_SEQUSED_Q)},
    {"seqused-k", __builtin_ctzll(VARLEN_FEATURE_SEQUSED_K)},
    {"leftpad-q", __builtin_ctzll(VARLEN_FEATURE_LEFTPAD_Q)},
    {"leftpad-k", __builtin_ctzll(VARLEN_FEATURE_LEFTPAD_K)},
    {"expanded", __builtin_ctzll(VARLEN_FEATURE_EXPANDED)},
    {"dropout-state", __builtin_ctzll(VARLEN_FEATURE_DROPOUT_STATE)},
    {"dsinks", __builtin_ctzll(VARLEN_FEATURE_DSINKS)},
    {"dlse", __builtin_ctzll(VARLEN_FEATURE_DLSE)},
    {"key-ranges", __builtin_ctzll(VARLEN_FEATURE_KEY_RANGES)},
    {"query-positions", __builtin_ctzll(VARLEN_FEATURE_QUERY_POSITIONS)},
    {"key-starts", __builtin_ctzll(VARLEN_FEATURE_KEY_STARTS)},
    {"tree-mask", __builtin_ctzll(VARLEN_FEATURE_TREE_MASK)},
    {"deterministic", __builtin_ctzll(VARLEN_FEATURE_DETERMINISTIC)},
    {"batch-invariant", __builtin_ctzll(VARLEN_FEATURE_BATCH_INVARIANT)},
    {NULL, 0},
};

uint64_t explain_features(uint32_t words, int passes)
{
    const uint64_t of_flags = VARLEN_FEATURE_DETERMINISTIC | VARLEN_FEATURE_BATCH_INVARIANT;
    const bool backward = passes & 1 << VARLEN_PASS_BACKWARD;
    return (words & ~of_flags) | (backward ? VARLEN_FEATURE_LSE : 0);
}

uint32_t explain_flags(uint32_t words)
{
    return (words & VARLEN_FEATURE_DETERMINISTIC ? VARLEN_FLAG_DETERMINISTIC : 0) |
           (words & VARLEN_FEATURE_BATCH_INVARIANT ? VARLEN_FLAG_BATCH_INVARIANT : 0);
}

/* clang-format off */
static const command_option options[] = {
    {"--workload", "NAME", read_text, .offset = offsetof(explain_arguments, workload),
     .help = "a workload of varlen bench, with its heads, dims, mask and pages"},
    {"--lens", "N,N,...", read_lengths, .offset = offsetof(explain_arguments, lens),
     .help = "keys of each sequence, and its queries"},
    {"--q-lens", "N,N,...", read_lengths, .offset = offsetof(explain_arguments, q_lens),
     .help = "with --lens: queries of each sequence; one number: of all"},
    {"--cu-seqlens-q", "FILE", read_text, .offset = offsetof(explain_arguments, cu_seqlens_q),
     .help = "in place of --lens: running sums of the query lengths [B+1], as for varlen run"},
    {"--cu-seqlens-k", "FILE", read_text, .offset = offsetof(explain_arguments, cu_seqlens_k),
     .help = "the same for keys; default: those of the queries"},
    {"--q-heads", "N", read_count, .offset = offsetof(explain_arguments, q_heads), .help = "query heads; default 8"},
    {"--kv-heads", "N", read_count, .offset = offsetof(explain_arguments, kv_heads),
     .help = "heads of keys and values; default: as many as of queries"},
    {"--head-dim", "N", read_count, .offset = offsetof(explain_arguments, head_dim),
     .help = "dim of queries and keys; default 128"},
    {"--value-dim", "N", read_count, .offset = offsetof(explain_arguments, value_dim),
     .help = "dim of values; default: that of queries and keys"},
    {"--page-size", "N", read_count, .offset = offsetof(explain_arguments, page_size),
     .help = "keys and values in pages of N tokens; default: packed"},
    {"--mask", NULL, read_choice, .offset = offsetof(explain_arguments, mask), .choices = mask_choices,
     .help = "which keys a query sees; default full"},
    {"--window", "L,R", read_window, .offset = offsetof(explain_arguments, window),
     .help = "keys seen left and right of the query's own; inf: no bound"},
    {"--chunk", "C", read_count, .offset = offsetof(explain_arguments, chunk),
     .help = "queries see keys of their own chunk of C positions alone"},
    {"--alignment", NULL, read_choice, .offset = offsetof(explain_arguments, alignment), .choices = alignment_choices,
     .help = "where queries stand if there are more or fewer keys; default bottom-right"},
    {"--softcap", "C", read_float, .offset = offsetof(explain_arguments, softcap),
     .help = "replaces a score s by C * tanh(s / C)"},
    {"--dropout", "P", read_float, .offset = offsetof(explain_arguments, dropout),
     .help = "probability of dropping a softmax weight"},
    {"--features", "WORD,...", read_choices, .offset = offsetof(explain_arguments, features), .choices = feature_choices,
     .help = "what calls bring besides: lse, alibi, sinks, seqused-q, seqused-k, leftpad-q, leftpad-k, expanded, "
             "dropout-state, dsinks, dlse, key-ranges, query-positions, key-starts, tree-mask, deterministic, "
             "batch-invariant"},
    {"--dtype", NULL, read_choice, .offset = offsetof(explain_arguments, dtype), .choices = dtype_choices,
     .help = "default bf16"},
    {"--pass", NULL, read_choice, .offset = offsetof(explain_arguments, passes), .choices = pass_choices,
     .help = "default both, or forward with pages or a tree mask"},
    {"--backend", "B", read_text, .offset = offsetof(explain_arguments, backend),
     .help = "as VARLEN_BACKEND: cpu, cuda:1, auto, ...; default: the first device of each"},
    {"--threads", "N", read_count, .offset = offsetof(explain_arguments, threads),
     .help = "threads of the CPU backend; default: as many as there are processors"},
    {"--floor", NULL, read_switch, .offset = offsetof(explain_arguments, floor),
     .help = "measure the device's peaks, and print the least time that they allow"},
    {"--peak", "TFLOP/S", read_rate, .offset = offsetof(explain_arguments, peak),
     .help = "with --floor: the device's arithmetic peak; on a GPU, of matrix products"},
    {"--bandwidth", "GB/S", read_rate, .offset = offsetof(explain_arguments, bandwidth),
     .help = "with --floor: the bandwidth of the device's memory"},
};
/* clang-format on */

/* The rules between options, one line each. */
static bool check_combination(const explain_arguments *arguments, reason *why)
{
    const int given = !!arguments->workload + !!arguments->lens.count + !!arguments->cu_seqlens_q;
    const bool windowed = arguments->mask == VARLEN_MASK_WINDOW;
    const int32_t lens = arguments->lens.count, q_lens = arguments->q_lens.count;
    const struct {
        bool broken;
        const char *rule;
    } rules[] = {
        {given == 0, "--lens, --cu-seqlens-q or --workload is missing: which lengths have the sequences?"},
        {given > 1, "--lens, --cu-seqlens-q and --workload exclude one another"},
        {q_lens && !lens, "--q-lens needs --lens"},
        {q_lens > 1 && q_lens != lens, "--q-lens must have one number, or as many as --lens"},
        {arguments->cu_seqlens_k && !arguments->cu_seqlens_q, "--cu-seqlens-k needs --cu-seqlens-q"},
        {windowed && !arguments->window.given, "--mask window needs --window L,R"},
        {arguments->window.given && !windowed, "--window needs --mask window"},
        {arguments->workload &&
             (arguments->q_heads || arguments->kv_heads || arguments->head_dim || arguments->value_dim ||
              arguments->page_size || arguments->chunk || arguments->mask != VARLEN_MASK_FULL),
         "--workload has heads, dims, pages and a mask of its own"},
        {!arguments->floor && (arguments->peak > 0 || arguments->bandwidth > 0), "--peak and --bandwidth need --floor"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].broken)
            return refuse(why, "%s", rules[i].rule);
    return true;
}

options_outcome explain_arguments_parse(int count, char **words, explain_arguments *arguments, reason *why)
{
    const command_usage usage = {
        .command = "explain",
        .summary = "Tells which backends take a problem, by which kernels and why not by others, how much workspace it "
                   "needs, what\nit comes to, and, with --floor, the least time that it can take.",
        .notes = notes,
        .options = options,
        .option_count = (int)(sizeof options / sizeof options[0]),
    };
    *arguments = (explain_arguments){.dtype = VARLEN_BFLOAT16};
    const options_outcome outcome = options_parse(&usage, count, words, arguments, why);
    return outcome == OPTIONS_PARSED && !check_combination(arguments, why) ? OPTIONS_REFUSED : outcome;
}
