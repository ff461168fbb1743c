#include "options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct number_option {
    const char *name;
    size_t offset;
    int initial, smallest, largest;
    const char *help;
} number_option;

static const number_option numbers[] = {
    {"--requests", offsetof(serve_options, requests), 24, 1, 100000, "requests in all; one comes with each step"},
    {"--longest", offsetof(serve_options, longest), 300, 1, 100000, "tokens of the longest prompt"},
    {"--generate", offsetof(serve_options, generate), 120, 1, 100000, "tokens of the longest answer"},
    {"--slots", offsetof(serve_options, slots), 8, 1, 4096, "requests that run at the same time"},
    {"--budget", offsetof(serve_options, budget), 128, 1, 65536, "tokens of a step, decoding and prompts together"},
    {"--page-size", offsetof(serve_options, page_size), 16, 1, 4096, "keys of a page"},
    {"--pages", offsetof(serve_options, pages), 64, 1, 10000000, "pages in the pool, for each layer"},
};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static int *value_of(serve_options *options, const number_option *of)
{
    return (int *)((char *)options + of->offset);
}

static void print_help(void)
{
    puts("usage: serve [options]\n"
         "\n"
         "Serves requests of ragged lengths from a paged cache by varlen: prompts in chunks beside the decoding of "
         "others,\n"
         "requests that come and go, and pages that run out. The model is a stand-in, made from a hash: the same "
         "options\n"
         "give the same requests. Prints what ran in every tenth step, and the tokens per second.\n");
    for (int i = 0; i < NUMBERS; i++)
        printf("  %-12s N  %s (default %d)\n", numbers[i].name, numbers[i].help, numbers[i].initial);
    puts("  --check         compare all that attention gave with one packed call over the whole sequences\n"
         "  --help          print this\n"
         "\n"
         "environment:\n"
         "  VARLEN_BACKEND  what computes: cpu, cuda, hip, cuda:1, a list; default: the best that works here\n"
         "\n"
         "Exit status: 0 if all was served (and as recomputed), 1 if not, 2 for wrong usage.");
}

static options_outcome wrong(const char *word, const char *rule)
{
    fprintf(stderr, "serve: %s %s; see --help\n", word, rule);
    return OPTIONS_WRONG;
}

static options_outcome read_number(serve_options *options, const number_option *of, const char *word)
{
    char *end = NULL;
    const long value = word ? strtol(word, &end, 10) : 0;
    if (!word || end == word || *end || value < of->smallest || value > of->largest) {
        fprintf(stderr, "serve: %s takes a number from %d to %d; see --help\n", of->name, of->smallest, of->largest);
        return OPTIONS_WRONG;
    }
    *value_of(options, of) = (int)value;
    return OPTIONS_READ;
}

static options_outcome check_together(const serve_options *options)
{
    const int longest = options->longest + options->generate;
    if (options->budget < options->slots)
        return wrong("--budget", "must be --slots or more: each running request has a token in every step");
    if ((longest + options->page_size - 1) / options->page_size > options->pages)
        return wrong("--pages", "are too few for the longest request alone");
    return OPTIONS_READ;
}

options_outcome options_read(serve_options *options, int count, char **words)
{
    *options = (serve_options){0};
    for (int i = 0; i < NUMBERS; i++)
        *value_of(options, &numbers[i]) = numbers[i].initial;
    for (int at = 1; at < count; at++) {
        const number_option *found = NULL;
        for (int i = 0; i < NUMBERS; i++)
            if (strcmp(words[at], numbers[i].name) == 0)
                found = &numbers[i];
        if (strcmp(words[at], "--help") == 0) {
            print_help();
            return OPTIONS_HELP;
        }
        if (strcmp(words[at], "--check") == 0) {
            options->check = true;
            continue;
        }
        if (!found)
            return wrong(words[at], "is not an option");
        const options_outcome outcome = read_number(options, found, at + 1 < count ? words[at + 1] : NULL);
        if (outcome != OPTIONS_READ)
            return outcome;
        at++;
    }
    return check_together(options);
}
