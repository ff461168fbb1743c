/* Open contexts of the CPU backend: each kernel set that this processor runs, on one thread and on two. */
#ifndef VARLEN_FUZZ_CONTEXTS_H
#define VARLEN_FUZZ_CONTEXTS_H

#include "input.h"

#include <varlen/varlen.h>

/* Mostly one thread. Opened once, for all runs. */
varlen_context *context_pick(fuzz_input *input);

#endif
