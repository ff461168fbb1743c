/* The grammar of VARLEN_BACKEND and varlen_open_options.backend. */
#ifndef VARLEN_CORE_SELECTION_H
#define VARLEN_CORE_SELECTION_H

#include <stdbool.h>

#include <varlen/varlen.h>

/* Nothing but spaces: names nothing. */
bool varlen_is_blank(const char *text);

/* A backend's name: 1 to 15 of a-z, 0-9, _ and -, but not "auto". */
bool varlen_is_backend_name(const char *name);

typedef struct varlen_choice {
    char backend[16];
    int32_t device;
} varlen_choice;

enum { VARLEN_MAX_CHOICES = 16 };

/*     selection = "auto" | choice {"," choice}
 *     choice    = name [":" device]               device 0 unless given
 *
 * with spaces around names and lists, as in "cuda:1, cpu". Blank text is auto. */
typedef struct varlen_selection {
    int32_t count; /* 0: auto */
    varlen_choice choices[VARLEN_MAX_CHOICES];
} varlen_selection;

/* `origin` is who wrote `text`, for the message: "VARLEN_BACKEND". */
varlen_status varlen_parse_selection(const char *origin, const char *text, varlen_selection *selection);

#endif
