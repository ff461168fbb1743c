/* How an argument rule is written. */
#ifndef VARLEN_CORE_RULE_H
#define VARLEN_CORE_RULE_H

#include "error.h"

/* One rule: unless `holds`, the calling function fails with VARLEN_ERROR_<status> and the sentence that follows, which
 * names the argument, its value and the rule. A macro, because a function cannot return for its caller. */
#define VARLEN_RULE(holds, status, ...)                                                                                \
    do {                                                                                                               \
        if (!(holds))                                                                                                  \
            return varlen_fail(VARLEN_ERROR_##status, __VA_ARGS__);                                                    \
    } while (0)

#endif
