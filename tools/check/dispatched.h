/* The calls that each family of kernels has taken while `varlen check` ran. */
#ifndef VARLEN_TOOLS_CHECK_DISPATCHED_H
#define VARLEN_TOOLS_CHECK_DISPATCHED_H

#include <stdbool.h>
#include <varlen/varlen.h>

enum { DISPATCH_LIMIT = 32 }; /* families of a device, by pass: more are not counted */

/* Zeroed, nothing was counted. `calls` adds up over contexts of one device. */
typedef struct dispatch_counts {
    varlen_kernel_family families[DISPATCH_LIMIT];
    int count;
} dispatch_counts;

/* Adds what a context has counted so far. */
void dispatch_counts_add(dispatch_counts *counts, const varlen_context *context);

void dispatch_counts_print(const dispatch_counts *counts);

/* Prints a line for each family that took no call of a pass of which others did. Returns whether there was none. */
bool dispatch_counts_all_ran(const dispatch_counts *counts);

#endif
