/* Which names a filter lets through; see filter.h. */
#include "filter.h"

#include <stddef.h>
#include <string.h>

static bool pattern_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL; /* the last * and where it gave up matching more */
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool filter_matches(const char *filter, const char *name)
{
    if (!filter || !*filter)
        return true;
    return strpbrk(filter, "*?") ? pattern_matches(filter, name) : strstr(name, filter) != NULL;
}
