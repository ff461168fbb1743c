/* Words by which command lines describe a problem of attention, and how their values are read: the same in every
 * command that has them. */
#ifndef VARLEN_TOOLS_PROBLEM_OPTIONS_H
#define VARLEN_TOOLS_PROBLEM_OPTIONS_H

#include <stdint.h>
#include <varlen/varlen.h>

#include "options.h"

enum { MOST_LENGTHS = 4096 };

extern const option_choice mask_choices[];      /* full|causal|window: varlen_mask */
extern const option_choice alignment_choices[]; /* varlen_alignment */
extern const option_choice dtype_choices[];     /* f32|f16|bf16: varlen_dtype, in the order of its values */
extern const option_choice kv_dtype_choices[];  /* e4m3|e5m2|int8: those that follow, of keys and values alone */
extern const option_choice pass_choices[];      /* forward|backward|both: bits, 1 << varlen_pass */

const char *dtype_word(varlen_dtype dtype); /* "bf16", "e4m3" */
const char *pass_word(varlen_pass pass);    /* "backward" */

/* A list of lengths in tokens; count 0 = not given. */
typedef struct length_list {
    const char *text;
    int32_t values[MOST_LENGTHS];
    int32_t count;
} length_list;

typedef struct window_bounds {
    bool given;
    int32_t left; /* VARLEN_UNBOUNDED: inf */
    int32_t right;
} window_bounds;

bool read_count(const command_option *option, const char *value, void *target, reason *why);   /* int32_t, >= 1 */
bool read_lengths(const command_option *option, const char *value, void *target, reason *why); /* length_list */
bool read_rate(const command_option *option, const char *value, void *target, reason *why);    /* float, > 0 */
bool read_window(const command_option *option, const char *value, void *target, reason *why);  /* window_bounds */

/* One or more of the option's choices, with commas between them: uint32_t, 1u << value for each. */
bool read_choices(const command_option *option, const char *value, void *target, reason *why);

#endif
