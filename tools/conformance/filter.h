/* Which names a filter lets through. */
#ifndef VARLEN_TESTS_FILTER_H
#define VARLEN_TESTS_FILTER_H

#include <stdbool.h>

/* A filter with * (any characters) or ? (any one) is a pattern of the whole name; any other must be a part of it. NULL
 * and "" let everything through. */
bool filter_matches(const char *filter, const char *name);

#endif
