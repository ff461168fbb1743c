/* Two arrays of the same candidates. */
#include "catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "rule.h"

static int by_name(const void *left, const void *right)
{
    const varlen_candidate *one = *(varlen_candidate *const *)left;
    const varlen_candidate *other = *(varlen_candidate *const *)right;
    const int order = strcmp(one->name, other->name);
    return order ? order : (one->position > other->position) - (one->position < other->position);
}

static void add(varlen_catalogue *catalogue, varlen_candidate *candidate)
{
    candidate->position = catalogue->count;
    catalogue->in_order[catalogue->count++] = candidate;
}

varlen_status varlen_catalogue_fill(varlen_catalogue *catalogue, varlen_candidate *builtins, int32_t builtin_count,
                                    const varlen_folder_list *folders)
{
    size_t count = (size_t)builtin_count;
    for (int32_t i = 0; i < folders->count; i++)
        count += (size_t)folders->items[i]->candidate_count;
    varlen_candidate **rows = count < INT32_MAX ? malloc(2 * (count + 1) * sizeof(varlen_candidate *)) : NULL;
    VARLEN_RULE(rows, OUT_OF_MEMORY, "there is no memory to list %zu backends", count);
    free(catalogue->in_order);
    *catalogue = (varlen_catalogue){.in_order = rows, .by_name = rows + count};

    for (int32_t i = 0; i < builtin_count; i++)
        add(catalogue, &builtins[i]);
    for (int32_t i = 0; i < folders->count; i++)
        for (int32_t c = 0; c < folders->items[i]->candidate_count; c++)
            add(catalogue, folders->items[i]->candidates[c]);
    memcpy(catalogue->by_name, catalogue->in_order, count * sizeof(varlen_candidate *));
    qsort(catalogue->by_name, count, sizeof(varlen_candidate *), by_name);
    return VARLEN_OK;
}

varlen_namesakes varlen_catalogue_at(const varlen_catalogue *catalogue, int32_t first)
{
    varlen_namesakes same = {first, first + 1};
    while (same.end < catalogue->count &&
           strcmp(catalogue->by_name[same.end]->name, catalogue->by_name[first]->name) == 0)
        same.end++;
    return same;
}

varlen_namesakes varlen_catalogue_find(const varlen_catalogue *catalogue, const char *name)
{
    int32_t low = 0;
    int32_t high = catalogue->count;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (strcmp(catalogue->by_name[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == catalogue->count || strcmp(catalogue->by_name[low]->name, name) != 0)
        return (varlen_namesakes){0, 0};
    return varlen_catalogue_at(catalogue, low);
}
