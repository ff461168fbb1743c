/* Reading the environment variables that varlen declares. */
#ifndef VARLEN_CORE_ENVIRONMENT_H
#define VARLEN_CORE_ENVIRONMENT_H

/* The value of a declared variable, NULL if it is not set or not trusted. A name that is not in the table is a defect:
 * it gives NULL, and a line in the log. Also what backends get as host->environment. */
const char *varlen_environment(const char *name);

#endif
