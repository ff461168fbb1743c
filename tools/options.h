/* Command-line options, declared in a table: parsing, errors and --help all come from it. */
#ifndef VARLEN_TOOLS_OPTIONS_H
#define VARLEN_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "reason.h"

typedef struct command_option command_option;

/* Turns an option's value into what `target` points to. The reason says what is wrong with it, "not a number"; the
 * caller puts the option and the value in front. */
typedef bool (*option_reader)(const command_option *option, const char *value, void *target, reason *why);

/* One word that an option accepts. Arrays of them end with a NULL name. */
typedef struct option_choice {
    const char *name;
    int value;
} option_choice;

struct command_option {
    const char *name;       /* "--scale" */
    const char *value_name; /* "S", for --help; NULL: the choices' names, or with neither: a switch */
    option_reader read;
    size_t offset; /* of the value, in the struct that options_parse fills in */
    const char *help;
    const option_choice *choices; /* for read_choice */
    bool required;
};

/* Everything about a command's usage. */
typedef struct command_usage {
    const char *command; /* "run" */
    const char *summary;
    const char *notes; /* printed at the end of --help; NULL = none */
    const command_option *options;
    int option_count;
} command_usage;

bool read_switch(const command_option *option, const char *value, void *target, reason *why); /* bool */
bool read_text(const command_option *option, const char *value, void *target, reason *why);   /* const char *, not "" */
bool read_float(const command_option *option, const char *value, void *target, reason *why);  /* float */
bool read_choice(const command_option *option, const char *value, void *target, reason *why); /* int */

typedef enum options_outcome {
    OPTIONS_PARSED,
    OPTIONS_HELP_PRINTED, /* --help was given, and has been answered */
    OPTIONS_REFUSED       /* the reason names the option and its value */
} options_outcome;

/* Parses what follows the command's name: `--name value` or `--name=value`, in any order, each at most once. What is
 * not given is left alone in `values`. */
options_outcome options_parse(const command_usage *usage, int count, char **words, void *values, reason *why);

#endif
