/* The cases that `varlen check` skipped, counted by reason. */
#ifndef VARLEN_TOOLS_CHECK_SKIPPED_H
#define VARLEN_TOOLS_CHECK_SKIPPED_H

typedef struct skip_reason {
    char *text; /* owned */
    int cases;
} skip_reason;

/* Zeroed, none was skipped. */
typedef struct skip_counts {
    skip_reason *reasons; /* owned, in the order in which they came up */
    int count;
    int uncounted; /* cases whose reason there was no memory to keep */
} skip_counts;

void skip_counts_add(skip_counts *counts, const char *reason);

/* Prints a row for each reason, the most frequent first. Prints nothing where no case was skipped. */
void skip_counts_print(skip_counts *counts);

void skip_counts_free(skip_counts *counts);

#endif
