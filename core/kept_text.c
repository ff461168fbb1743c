/* A table of texts by their hash. */
#include "kept_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "os.h"
#include "text.h"

typedef struct kept {
    struct kept *next;
    char text[];
} kept;

enum { BUCKETS = 1024 };

static varlen_mutex lock = VARLEN_MUTEX_INITIALIZER;
static kept *buckets[BUCKETS];

/* FNV-1a */
static uint32_t hash(const char *text)
{
    uint32_t value = 2166136261u;
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * 16777619u;
    return value;
}

static const char *find_or_add(const varlen_text *line)
{
    kept **bucket = &buckets[hash(line->data) % BUCKETS];
    for (const kept *old = *bucket; old; old = old->next)
        if (strcmp(old->text, line->data) == 0)
            return old->text;
    kept *added = malloc(sizeof *added + line->length + 1);
    if (!added)
        return "(there was no memory to keep the text)";
    memcpy(added->text, line->data, line->length + 1);
    added->next = *bucket;
    *bucket = added;
    return added->text;
}

const char *varlen_kept_text(const char *text)
{
    varlen_text line = {0};
    varlen_text_add(&line, "%s", text);
    varlen_mutex_lock(&lock);
    const char *found = find_or_add(&line);
    varlen_mutex_unlock(&lock);
    return found;
}

const char *varlen_printable_text(const char *text)
{
    return varlen_text_is_printable(text) ? text : varlen_kept_text(text);
}

void varlen_kept_text_hold(void)
{
    varlen_mutex_lock(&lock);
}

void varlen_kept_text_release(void)
{
    varlen_mutex_unlock(&lock);
}
