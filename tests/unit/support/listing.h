/* Looking at the registry through the public API. Failures of all of these fail the test. */
#ifndef VARLEN_TESTS_LISTING_H
#define VARLEN_TESTS_LISTING_H

#include "test.h"

varlen_backend_info listed_backend(int32_t index);
varlen_backend_info backend_with_path(const char *path); /* the one backend with this path */
varlen_search_folder listed_folder(int32_t index);

/* varlen_open with options that name the backend. */
varlen_status open_backend(const char *name, varlen_context **context);
void assert_opens(const char *name);

#endif
