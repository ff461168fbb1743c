/* The library's lists of backends and folders, which are short while memory is wanting. */
#ifndef VARLEN_TOOLS_BACKEND_LISTS_H
#define VARLEN_TOOLS_BACKEND_LISTS_H

#include <stdint.h>

/* Where memory was wanting the lists are short, or refuse what they would not, and nothing else tells: whole, they are
 * the same before and after. To be compared by commands that go through them, which otherwise call
 * standard_output_lost. */
uint64_t backend_lists_digest(void);

#endif
