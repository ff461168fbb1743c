/* One valid call of each kind on the fake backend, for tests to change. */
#ifndef VARLEN_TESTS_VERSIONS_CALLS_H
#define VARLEN_TESTS_VERSIONS_CALLS_H

#include "plugins/fake.h"
#include "support/test.h"

typedef struct calls {
    varlen_context *context;
    varlen_attention attention;
    varlen_inputs inputs;
    varlen_forward_args forward; /* like backward, without the inputs */
    varlen_backward_args backward;
    varlen_merge_args merge;
    varlen_pack_args pack;
    varlen_kv_append_args kv_append;
} calls;

/* Opens the backend, whose record is fresh. */
calls calls_make(void);

varlen_status calls_forward(const calls *made);
varlen_status calls_backward(const calls *made);

/* Makes them all: each succeeds, and the backend gets every struct in its own size. */
void calls_expect_served(const calls *made);

#endif
