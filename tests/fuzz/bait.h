/* Calls around attention that must not run, because the target has no memory for what their arguments say: one argument
 * that is certainly refused stands in, so that all rules still see the others. */
#ifndef VARLEN_FUZZ_BAIT_H
#define VARLEN_FUZZ_BAIT_H

#include "expectation.h"

typedef varlen_status (*around_function)(varlen_context *context, const void *args);

typedef struct around_call {
    const char *name;
    around_function call;
    varlen_context *context;
    const char *bait; /* how the message begins that refuses the stand-in */
} around_call;

/* Makes the call on sealed memory of which all blocks may be touched, and checks that it was refused for a reason that
 * `expected` allows. */
void bait_run(const around_call *around, const void *args, const expectation *expected);

/* Makes the call on what was permitted. True if it was accepted; else it is checked that it was refused as it should
 * be, and a finding reported if `must_run`. */
bool around_run(const around_call *around, const void *args, bool must_run);

/* An address that no array of 4-byte elements can have. */
void *bait_address(void);

#endif
