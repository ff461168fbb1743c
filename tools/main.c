/* The `varlen` command: picks the subcommand. */
#include <stdio.h>
#include <string.h>
#include <varlen/varlen.h>

#include "commands.h"
#include "standard_streams.h"
#include "text_table.h"

static const struct {
    const char *name;
    const char *summary;
    int (*run)(int count, char **words);
} commands[] = {
    {"info", "what was found: backends, devices, searched folders, environment", command_info},
    {"explain", "which backends take a problem, by which kernels and why not by others", command_explain},
    {"run", "attention on arrays in .npy files", command_run},
    {"check", "the conformance table on a backend", command_check},
    {"bench", "the speed of a backend, and its time over the machine's floor", command_bench},
};

static const int command_count = (int)(sizeof commands / sizeof commands[0]);

int command_failed(const char *command, const char *why, int status)
{
    fprintf(stderr, "varlen %s: %s\n", command, why);
    return status;
}

static void print_help(FILE *stream)
{
    fputs("usage: varlen COMMAND [options]\n\n", stream);
    text_table table = {.columns = 2};
    for (int i = 0; i < command_count; i++) {
        text_table_add(&table, "%s", commands[i].name);
        text_table_add(&table, "%s", commands[i].summary);
    }
    text_table_print(&table, stream);
    fputs("\nvarlen COMMAND --help lists a command's options; varlen --version prints the version.\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
          stream);
}

static int run_command(const char *name, int count, char **words)
{
    for (int i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(count, words);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("varlen %s\n", varlen_version());
        return EXIT_DONE;
    }
    if (*name)
        fprintf(stderr, "varlen: unknown command %s\n\n", name);
    print_help(stderr);
    return EXIT_USAGE;
}

int main(int count, char **words)
{
    const char *name = count > 1 ? words[1] : "";
    reason why;
    standard_streams_prepare();
    const int status = run_command(name, count - 2, words + 2);
    if (!standard_output_finish(&why) && status == EXIT_DONE)
        return command_failed(name, why.text, EXIT_FAILED);
    return status;
}
