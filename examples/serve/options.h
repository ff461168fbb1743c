#ifndef SERVE_OPTIONS_H
#define SERVE_OPTIONS_H

#include <stdbool.h>

typedef struct serve_options {
    int requests;
    int longest;  /* tokens of the longest prompt */
    int generate; /* tokens that the longest answer has */
    int slots;
    int budget;
    int page_size;
    int pages;
    bool check;
} serve_options;

typedef enum options_outcome { OPTIONS_READ, OPTIONS_HELP, OPTIONS_WRONG } options_outcome;

/* Prints the help, or what is wrong with the words. */
options_outcome options_read(serve_options *options, int count, char **words);

#endif
