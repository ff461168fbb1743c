/* The calling thread's floating-point state. A call works in a default one (round to nearest, denormals kept, no
 * traps), so that its bits do not depend on the program's, and leaves the program's as it was, raised flags included.
 */
#ifndef VARLEN_CORE_FLOAT_STATE_H
#define VARLEN_CORE_FLOAT_STATE_H

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif !defined(__aarch64__)
#include <fenv.h>
#endif

typedef struct varlen_float_state {
#if defined(__x86_64__)
    uint32_t mxcsr; /* nothing here computes in the x87's registers */
#elif defined(__aarch64__)
    uint64_t control, status;
#else
    fenv_t environment;
#endif
} varlen_float_state;

/* Returns the program's state. */
static inline varlen_float_state varlen_float_enter(void)
{
    varlen_float_state program;
#if defined(__x86_64__)
    const uint32_t all_masked = 0x1f80;
    program.mxcsr = _mm_getcsr();
    _mm_setcsr(all_masked);
#elif defined(__aarch64__)
    const uint64_t defaults = 0;
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(program.control), "=r"(program.status));
    __asm__ volatile("msr fpcr, %0" : : "r"(defaults) : "memory");
#else
    fegetenv(&program.environment);
    fesetenv(FE_DFL_ENV);
#endif
    return program;
}

static inline void varlen_float_leave(const varlen_float_state *program)
{
#if defined(__x86_64__)
    _mm_setcsr(program->mxcsr);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0\n\tmsr fpsr, %1" : : "r"(program->control), "r"(program->status) : "memory");
#else
    fesetenv(&program->environment);
#endif
}

/* Declares that the function around it works in the default state, from here to wherever it returns. */
#define VARLEN_DEFAULT_FLOAT_STATE                                                                                     \
    __attribute__((cleanup(varlen_float_leave), unused)) const varlen_float_state program_state = varlen_float_enter()

#endif
