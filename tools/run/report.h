/* What `varlen run` prints. */
#ifndef VARLEN_TOOLS_RUN_REPORT_H
#define VARLEN_TOOLS_RUN_REPORT_H

#include "run/execute.h"

void run_report_print(const run_arguments *arguments, const run_problem *problem, const run_result *result);

#endif
