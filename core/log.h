/* Log lines. */
#ifndef VARLEN_CORE_LOG_H
#define VARLEN_CORE_LOG_H

#include <varlen/backend.h>

/* One line, without a newline. Also what backends get as host->log. */
void varlen_log(varlen_log_level level, const char *format, ...) VARLEN_PRINTF(2, 3);

#endif
