/* The problem that `varlen explain` is asked about. */
#ifndef VARLEN_TOOLS_EXPLAIN_PROBLEM_H
#define VARLEN_TOOLS_EXPLAIN_PROBLEM_H

#include "explain/arguments.h"
#include "work.h"

typedef struct explain_problem {
    varlen_attention attention;
    attention_work work;
    int passes; /* bits, 1 << varlen_pass */
} explain_problem;

/* Reads the files among the arguments. */
bool explain_problem_make(const explain_arguments *arguments, explain_problem *problem, reason *why);

#endif
