/* Tests of what a process can do only once, such as finding its plugins: each case in a process of its own. */
#ifndef VARLEN_TESTS_ALONE_H
#define VARLEN_TESTS_ALONE_H

#include "test.h"

/* Runs the cases one by one, each in a fork of this process, which must not have called varlen. Returns what main
 * should. */
int run_each_alone(const char *group, const struct CMUnitTest *cases, size_t count);

#endif
