/* Counts skipped cases by reason: see check/skipped.h. */
#include "check/skipped.h"

#include <stdlib.h>
#include <string.h>

#include "text_table.h"

static skip_reason *find(skip_counts *counts, const char *reason)
{
    for (int i = 0; i < counts->count; i++)
        if (strcmp(counts->reasons[i].text, reason) == 0)
            return &counts->reasons[i];
    return NULL;
}

/* NULL: there is no memory. */
static skip_reason *append(skip_counts *counts, const char *reason)
{
    skip_reason *reasons = realloc(counts->reasons, ((size_t)counts->count + 1) * sizeof *reasons);
    char *text = reasons ? strdup(reason) : NULL;
    if (reasons)
        counts->reasons = reasons;
    if (!text)
        return NULL;
    reasons[counts->count] = (skip_reason){.text = text};
    return &reasons[counts->count++];
}

void skip_counts_add(skip_counts *counts, const char *reason)
{
    skip_reason *found = find(counts, reason);
    if (!found)
        found = append(counts, reason);
    if (found)
        found->cases++;
    else
        counts->uncounted++;
}

static int by_cases(const void *left, const void *right)
{
    const skip_reason *a = left;
    const skip_reason *b = right;
    if (a->cases != b->cases)
        return b->cases - a->cases;
    return strcmp(a->text, b->text);
}

void skip_counts_print(skip_counts *counts)
{
    text_table table = {.columns = 2};
    if (counts->count > 0)
        qsort(counts->reasons, (size_t)counts->count, sizeof counts->reasons[0], by_cases);
    if (counts->count + counts->uncounted > 0) {
        text_table_add(&table, "skipped");
        text_table_add(&table, "because");
    }
    for (int i = 0; i < counts->count; i++) {
        text_table_add(&table, "%7d", counts->reasons[i].cases);
        text_table_add(&table, "%s", counts->reasons[i].text);
    }
    if (counts->uncounted > 0) {
        text_table_add(&table, "%7d", counts->uncounted);
        text_table_add(&table, "of reasons that there was no memory to keep");
    }
    text_table_print(&table, stdout);
}

void skip_counts_free(skip_counts *counts)
{
    for (int i = 0; i < counts->count; i++)
        free(counts->reasons[i].text);
    free(counts->reasons);
    *counts = (skip_counts){0};
}
