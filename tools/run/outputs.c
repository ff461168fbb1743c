/* Writes the output files of `varlen run`: see run/outputs.h. */
#include "run/outputs.h"

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

static bool write_one(const char *path, const npy_array *array, output_file *file, reason *why)
{
    if (!output_file_open(file, path, why))
        return false;
    npy_write(file->stream, array);
    return output_file_finish(file, why);
}

bool run_outputs_write(const run_arguments *arguments, const npy_array arrays[OUTPUT_COUNT], run_outputs *outputs,
                       reason *why)
{
    reason fault;
    *outputs = (run_outputs){0};
    for (run_output i = 0; i < OUTPUT_COUNT; i++)
        if (arguments->outputs[i] && !write_one(arguments->outputs[i], &arrays[i], &outputs->files[i], &fault))
            return refuse(why, "%s %.2000s", run_output_option(i), fault.text);
    return true;
}

bool run_outputs_commit(run_outputs *outputs, reason *why)
{
    return output_files_commit(outputs->files, OUTPUT_COUNT, why);
}

void run_outputs_free(run_outputs *outputs)
{
    for (int i = 0; i < OUTPUT_COUNT; i++)
        output_file_discard(&outputs->files[i]);
}
