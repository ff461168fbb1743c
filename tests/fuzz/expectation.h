/* What the public header lets expect of a call, from its arguments alone. */
#ifndef VARLEN_FUZZ_EXPECTATION_H
#define VARLEN_FUZZ_EXPECTATION_H

#include "view.h"

typedef struct expectation {
    view_reach reach;  /* the worst of all arguments */
    const char *where; /* the argument or the rule that decided it */
} expectation;

void expect_rule(expectation *expected, bool holds, const char *rule);
void expect_memory(expectation *expected, bool is_there, const char *what);
void expect_view(expectation *expected, const tensor_view *view);

typedef enum array_presence { ARRAY_OPTIONAL, ARRAY_REQUIRED, ARRAY_ABSENT } array_presence;

/* An array of count * size bytes, whose elements are aligned to their size. */
void expect_array(expectation *expected, const char *name, const void *data, __int128 count, int64_t size,
                  array_presence presence);

/* The bytes of such an array may be touched by the call, if it was given. */
void permit_array(const void *data, int64_t count, int64_t size);

#endif
