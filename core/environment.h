/* Reading the environment variables that varlen declares. */
#ifndef VARLEN_CORE_ENVIRONMENT_H
#define VARLEN_CORE_ENVIRONMENT_H

#include <stdbool.h>

bool varlen_environment_is_declared(const char *name);

/* The value of a declared variable, NULL if it is not set, not trusted, or not declared. */
const char *varlen_environment(const char *name);

#endif
