/* The subcommands of `varlen`. Each takes the words after its name and returns the exit status. */
#ifndef VARLEN_TOOLS_COMMANDS_H
#define VARLEN_TOOLS_COMMANDS_H

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* what was asked for could not be done, or did not pass */
    EXIT_USAGE = 2   /* the command line itself is wrong */
};

int command_info(int count, char **words);
int command_run(int count, char **words);
int command_check(int count, char **words);
int command_bench(int count, char **words);
int command_explain(int count, char **words);

/* Prints "varlen run: reason" to stderr and returns `status`. */
int command_failed(const char *command, const char *why, int status);

#endif
