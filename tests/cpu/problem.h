/* Calls of the CPU backend that are worth several threads, and the bits that they give. */
#ifndef VARLEN_TESTS_CPU_PROBLEM_H
#define VARLEN_TESTS_CPU_PROBLEM_H

#include <stdint.h>

#include <varlen/varlen.h>

#if defined(__cplusplus)
extern "C" {
#endif

typedef enum problem_inputs { PROBLEM_NORMAL, PROBLEM_DENORMAL } problem_inputs;

/* Runs forward, backward, merge and kv_append in every dtype, and hashes all that they write. 0 if a call fails, with
 * its reason in varlen_error_message. No arithmetic of floats is its own. */
VARLEN_API uint64_t problem_hash(varlen_context *context, problem_inputs inputs);

/* The same on a context of its own. */
VARLEN_API uint64_t problem_hash_with(int32_t threads, problem_inputs inputs);

/* NULL if this many threads are refused, which problem_close allows. */
VARLEN_API varlen_context *problem_open(int32_t threads);
VARLEN_API void problem_close(varlen_context *context);

#if defined(__cplusplus)
}
#endif

#endif
