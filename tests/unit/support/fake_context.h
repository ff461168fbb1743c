/* Contexts of fake backends. */
#ifndef VARLEN_TESTS_FAKE_CONTEXT_H
#define VARLEN_TESTS_FAKE_CONTEXT_H

#include "fakes.h"
#include "test.h"

/* Set-up of a case: the thread's records are as new. */
int forget_records(void **state);

varlen_context *open_fake(const char *backend);

#endif
