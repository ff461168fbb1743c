/* What a family of kernels is. A platform lists its families in platform/families.h, in an order for each pass: the
 * first that takes a problem gets it, and the last takes them all. */
#ifndef VARLEN_GPU_HOST_FAMILY_H
#define VARLEN_GPU_HOST_FAMILY_H

#include "host/state.h"

/* Why a family declines, in words: "total_k = 4096 is above 1024". */
struct family_reason {
    char text[160];
};

template <typename ARGS> struct kernel_family {
    const char *name; /* the same in both passes */

    /* Whether devices of an architecture have it. NULL: all do. */
    bool (*is_there)(const gpu_architecture &architecture);

    /* Whether it takes a problem. If not, and `why` is not NULL, says why. NULL: it takes all. */
    bool (*takes)(const gpu_state &state, const varlen_attention &attention, family_reason *why);

    /* In bytes, for any call of a problem that it takes. Never falls as a size of the problem grows. */
    size_t (*workspace)(const gpu_state &state, const varlen_attention &attention);

    varlen_status (*launch)(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                            const ARGS &args);
};

using forward_family = kernel_family<varlen_forward_args>;
using backward_family = kernel_family<varlen_backward_args>;

/* For `takes`: false, with the reason if one is wanted. A call that nobody asks about pays for no words. */
bool declines(family_reason *why, const char *format, ...) VARLEN_PRINTF(2, 3);

/* The same of a problem that is_wide, by families that have no such kernels. */
bool declines_wide(family_reason *why, const varlen_attention &attention);

#endif
