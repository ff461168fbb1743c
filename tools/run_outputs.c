/* Writes the output files of `varlen run`: see run_outputs.h. */
#include "run_outputs.h"

#include "output_file.h"

bool run_outputs_check(const run_arguments *arguments, reason *why)
{
    const char *const *paths = arguments->outputs;
    for (run_output i = 0; i < OUTPUT_COUNT; i++) {
        if (paths[i] && output_path_is_stdout(paths[i]))
            return refuse(why, "%s %s: stdout takes what the command prints", run_output_option(i), paths[i]);
        for (run_output j = 0; j < i; j++)
            if (paths[i] && paths[j] && output_paths_meet(paths[i], paths[j]))
                return refuse(why, "two outputs go to the same file, %s %s and %s %s", run_output_option(j), paths[j],
                              run_output_option(i), paths[i]);
    }
    return true;
}

static bool write_files(output_file files[OUTPUT_COUNT], const run_arguments *arguments,
                        const npy_array arrays[OUTPUT_COUNT], reason *why)
{
    reason fault;
    for (run_output i = 0; i < OUTPUT_COUNT; i++) {
        if (!arguments->outputs[i])
            continue;
        bool ok = output_file_open(&files[i], arguments->outputs[i], &fault);
        if (ok) {
            npy_write(files[i].stream, &arrays[i]);
            ok = output_file_finish(&files[i], &fault);
        }
        if (!ok)
            return refuse(why, "%s %.2000s", run_output_option(i), fault.text);
    }
    return output_files_commit(files, OUTPUT_COUNT, why);
}

bool run_outputs_write(const run_arguments *arguments, const npy_array arrays[OUTPUT_COUNT], reason *why)
{
    output_file files[OUTPUT_COUNT] = {{0}};
    const bool ok = write_files(files, arguments, arrays, why);
    for (int i = 0; i < OUTPUT_COUNT; i++)
        output_file_discard(&files[i]);
    return ok;
}
