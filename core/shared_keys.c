/* The search for keys that two sequences share. A call must not allocate, so spans are sorted a few hundred at a time,
 * and all later ones are looked up among them. */
#include "shared_keys.h"

#include <stdbool.h>
#include <string.h>

/* Rows begin .. end - 1 of k, at least one. */
typedef struct span {
    int32_t begin;
    int32_t end;
} span;

/* Spans that do not overlap, in order. */
enum { SORTED_ROOM = 256 };

typedef struct sorted_spans {
    int32_t count;
    span at[SORTED_ROOM];
} sorted_spans;

/* The keys of a sequence, padding skipped; false if it has none. */
static bool keys_of(const varlen_inputs *inputs, int32_t b, span *keys)
{
    const int32_t start = inputs->key_starts[b];
    *keys = (span){start + (inputs->leftpad_k ? inputs->leftpad_k[b] : 0), start + inputs->seqused_k[b]};
    return keys->begin < keys->end;
}

static bool overlap(span a, span b)
{
    return a.begin < b.end && b.begin < a.end;
}

/* How most programs lay keys out: nothing needs to be sorted. */
static bool follow_one_another(int32_t batch, const varlen_inputs *inputs)
{
    int32_t end = 0;
    span keys;
    for (int32_t b = 0; b < batch; b++) {
        if (!keys_of(inputs, b, &keys))
            continue;
        if (keys.begin < end)
            return false;
        end = keys.end;
    }
    return true;
}

/* The first of the sorted spans that ends behind where `keys` begin: none before it can overlap them. */
static int32_t place_of(const sorted_spans *sorted, span keys)
{
    int32_t low = 0, high = sorted->count;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (sorted->at[middle].end <= keys.begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(sorted_spans *sorted, int32_t place, span keys)
{
    memmove(sorted->at + place + 1, sorted->at + place, (size_t)(sorted->count - place) * sizeof keys);
    sorted->at[place] = keys;
    sorted->count++;
}

/* The first sequence that shares a key with an earlier one; batch if there is none. */
static int32_t first_that_shares(int32_t batch, const varlen_inputs *inputs)
{
    int32_t limit = batch;
    for (int32_t first = 0, next = 0; first < limit; first = next) {
        sorted_spans sorted;
        sorted.count = 0;
        next = limit;
        for (int32_t b = first; b < limit; b++) {
            span keys;
            if (!keys_of(inputs, b, &keys))
                continue;
            const int32_t place = place_of(&sorted, keys);
            if (place < sorted.count && overlap(sorted.at[place], keys))
                limit = b;
            else if (sorted.count < SORTED_ROOM)
                insert(&sorted, place, keys);
            else if (next == limit)
                next = b;
        }
    }
    return limit;
}

varlen_violation varlen_inspect_shared_keys(int32_t batch, const varlen_inputs *inputs)
{
    const int32_t sharing = follow_one_another(batch, inputs) ? batch : first_that_shares(batch, inputs);
    span keys = {0, 0}, others = {0, 0};
    int32_t other = 0;
    if (sharing == batch)
        return (varlen_violation){.rule = VARLEN_VIOLATION_NONE};
    keys_of(inputs, sharing, &keys);
    while (!keys_of(inputs, other, &others) || !overlap(keys, others))
        other++;
    /* Told of the one that begins later. */
    const bool later = keys.begin >= others.begin;
    return (varlen_violation){.rule = VARLEN_VIOLATION_SHARED,
                              .argument = VARLEN_METADATA_KEY_STARTS,
                              .index = later ? sharing : other,
                              .column = later ? other : sharing,
                              .value = later ? keys.begin : others.begin,
                              .bound = later ? others.end : keys.end};
}
