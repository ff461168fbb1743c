/* The command line of `varlen run`: see run/arguments.h. */
#include "run/arguments.h"

static const char notes[] =
    "Files are NumPy .npy, little-endian, C order. Numbers may be f2, f4 or f8 and are converted to --dtype; metadata\n"
    "may be i4 or i8. Inputs may be pipes. Outputs are f4: new files, which take the places of the old ones and their\n"
    "modes, all together, when everything else has succeeded. An output may be one of the inputs, but not two outputs\n"
    "one file. Tq, Tk: tokens in all; Hq, Hk: heads, of which Hk divides Hq; D, Dv: dims; B: sequences. With\n"
    "--page-table, k and v are [pages, page_size, Hk, D] and [pages, page_size, Hk, Dv], and the lengths come from\n"
    "--seqused-k. Times are medians after one warm-up.";

static bool read_scale(const command_option *option, const char *value, void *target, reason *why)
{
    run_scale *scale = target;
    scale->given = true;
    return read_float(option, value, &scale->value, why);
}

/* clang-format off */
static const command_option options[] = {
    {"--q", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_Q]), .required = true,
     .help = "queries [Tq, Hq, D]"},
    {"--k", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_K]), .required = true,
     .help = "keys [Tk, Hk, D]"},
    {"--v", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_V]), .required = true,
     .help = "values [Tk, Hk, Dv]"},
    {"--cu-seqlens-q", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_CU_SEQLENS_Q]),
     .required = true, .help = "running sums of the query lengths [B+1]"},
    {"--cu-seqlens-k", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_CU_SEQLENS_K]),
     .help = "the same for keys; default: those of the queries"},
    {"--seqused-q", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_SEQUSED_Q]),
     .help = "queries in use in each slot [B]"},
    {"--seqused-k", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_SEQUSED_K]),
     .help = "keys in use in each slot [B]"},
    {"--leftpad-q", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_LEFTPAD_Q]),
     .help = "queries to skip at the start of each slot [B]"},
    {"--leftpad-k", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_LEFTPAD_K]),
     .help = "keys to skip at the start of each slot [B]"},
    {"--page-table", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_PAGE_TABLE]),
     .help = "pages of each sequence [B, width]"},
    {"--query-positions", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_QUERY_POSITIONS]),
     .help = "where the first query of each sequence stands among its keys [B]; default: by --alignment"},
    {"--key-starts", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_KEY_STARTS]),
     .help = "row where the keys of each sequence begin [B], which may share them; with --seqused-k"},
    {"--mask", NULL, read_choice, .offset = offsetof(run_arguments, mask), .choices = mask_choices,
     .help = "which keys a query sees; default full"},
    {"--window", "L,R", read_window, .offset = offsetof(run_arguments, window),
     .help = "keys seen left and right of the query's own; inf: no bound"},
    {"--chunk", "C", read_count, .offset = offsetof(run_arguments, chunk),
     .help = "queries see keys of their own chunk of C positions alone"},
    {"--key-begin", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_KEY_BEGIN]),
     .help = "the first key that each query may see [Tq]"},
    {"--key-end", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_KEY_END]),
     .help = "the key after the last [Tq]"},
    {"--tree-mask", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_TREE_MASK]),
     .help = "i8: of the sequence's last keys, those that each query may see, as bits [Tq]"},
    {"--alignment", NULL, read_choice, .offset = offsetof(run_arguments, alignment), .choices = alignment_choices,
     .help = "where queries stand if there are more or fewer keys; default bottom-right"},
    {"--scale", "S", read_scale, .offset = offsetof(run_arguments, scale),
     .help = "multiplies q.k; default 1/sqrt(D)"},
    {"--softcap", "C", read_float, .offset = offsetof(run_arguments, softcap),
     .help = "replaces a score s by C * tanh(s / C)"},
    {"--alibi", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_ALIBI]),
     .help = "ALiBi slopes [Hq] or [B, Hq]"},
    {"--sinks", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_SINKS]),
     .help = "a sink logit per head [Hq]"},
    {"--dtype", NULL, read_choice, .offset = offsetof(run_arguments, dtype), .choices = dtype_choices,
     .help = "to compute in; default: that of q, where f8 becomes f32"},
    {"--backend", "B", read_text, .offset = offsetof(run_arguments, backend),
     .help = "as VARLEN_BACKEND: cpu, cuda:1, auto, ..."},
    {"--out", "FILE", read_text, .offset = offsetof(run_arguments, outputs[OUTPUT_OUT]), .required = true,
     .help = "written: the result [Tq, Hq, Dv]"},
    {"--lse", "FILE", read_text, .offset = offsetof(run_arguments, outputs[OUTPUT_LSE]),
     .help = "written: logarithm of the softmax denominators [Hq, Tq]"},
    {"--dout", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_DOUT]),
     .help = "gradient of the result [Tq, Hq, Dv]: runs the backward pass too"},
    {"--dq", "FILE", read_text, .offset = offsetof(run_arguments, outputs[OUTPUT_DQ]),
     .help = "written: gradient of the queries [Tq, Hq, D]"},
    {"--dk", "FILE", read_text, .offset = offsetof(run_arguments, outputs[OUTPUT_DK]),
     .help = "written: gradient of the keys [Tk, Hk, D]"},
    {"--dv", "FILE", read_text, .offset = offsetof(run_arguments, outputs[OUTPUT_DV]),
     .help = "written: gradient of the values [Tk, Hk, Dv]"},
    {"--expect", "FILE", read_text, .offset = offsetof(run_arguments, inputs[INPUT_EXPECT]),
     .help = "what the result should be [Tq, Hq, Dv]: prints the largest error"},
};
/* clang-format on */

static const int option_count = (int)(sizeof options / sizeof options[0]);

static const char *option_at(size_t offset)
{
    for (int i = 0; i < option_count; i++)
        if (options[i].offset == offset)
            return options[i].name;
    return "";
}

const char *run_input_option(run_input input)
{
    return option_at(offsetof(run_arguments, inputs) + (size_t)input * sizeof(const char *));
}

const char *run_output_option(run_output output)
{
    return option_at(offsetof(run_arguments, outputs) + (size_t)output * sizeof(const char *));
}

/* The rules between options, one line each. */
static bool check_combination(const run_arguments *arguments, reason *why)
{
    const bool paged = arguments->inputs[INPUT_PAGE_TABLE];
    const bool started = arguments->inputs[INPUT_KEY_STARTS];
    const bool windowed = arguments->mask == VARLEN_MASK_WINDOW;
    const int gradients = !!arguments->inputs[INPUT_DOUT] + !!arguments->outputs[OUTPUT_DQ] +
                          !!arguments->outputs[OUTPUT_DK] + !!arguments->outputs[OUTPUT_DV];
    const struct {
        bool broken;
        const char *rule;
    } rules[] = {
        {windowed && !arguments->window.given, "--mask window needs --window L,R"},
        {arguments->window.given && !windowed, "--window needs --mask window"},
        {paged && arguments->inputs[INPUT_CU_SEQLENS_K],
         "--cu-seqlens-k and --page-table exclude each other: the slots of paged keys are the rows of the table"},
        {paged && !arguments->inputs[INPUT_SEQUSED_K], "--page-table needs --seqused-k, the number of keys in use"},
        {started && arguments->inputs[INPUT_CU_SEQLENS_K],
         "--cu-seqlens-k and --key-starts exclude each other: both say where keys begin"},
        {started && paged, "--key-starts and --page-table exclude each other: both say where keys are"},
        {started && !arguments->inputs[INPUT_SEQUSED_K], "--key-starts needs --seqused-k, the number of keys in use"},
        {arguments->inputs[INPUT_QUERY_POSITIONS] && arguments->alignment != VARLEN_ALIGN_BOTTOM_RIGHT,
         "--query-positions and --alignment top-left exclude each other: both say where queries stand"},
        {gradients && arguments->inputs[INPUT_TREE_MASK],
         "--tree-mask and --dout exclude each other: drafts have no gradients"},
        {gradients != 0 && gradients != 4, "--dout, --dq, --dk and --dv go together: give all four or none"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].broken)
            return refuse(why, "%s", rules[i].rule);
    return true;
}

options_outcome run_arguments_parse(int count, char **words, run_arguments *arguments, reason *why)
{
    const command_usage usage = {
        .command = "run",
        .summary = "Computes attention on packed sequences of different lengths, from and to files.",
        .notes = notes,
        .options = options,
        .option_count = option_count,
    };
    *arguments = (run_arguments){.dtype = DTYPE_OF_Q};
    const options_outcome outcome = options_parse(&usage, count, words, arguments, why);
    if (outcome == OPTIONS_PARSED && !check_combination(arguments, why))
        return OPTIONS_REFUSED;
    return outcome;
}
