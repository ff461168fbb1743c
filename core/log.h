/* Log lines. */
#ifndef VARLEN_CORE_LOG_H
#define VARLEN_CORE_LOG_H

#include <varlen/backend.h>

/* One line, without a newline. Also what backends get as host->log. */
void varlen_log(varlen_log_level level, const char *format, ...) VARLEN_PRINTF(2, 3);

/* Not 0 if a line of this level goes somewhere. */
int32_t varlen_log_wanted(varlen_log_level level);

/* For fork.c: no other thread is writing a line, or changing who gets it, between the two. */
void varlen_log_hold(void);
void varlen_log_release(void);

#endif
