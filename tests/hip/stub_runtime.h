/* A HIP runtime for tests on machines without an AMD GPU: memory is the host's, and kernels are not run, only noted.
 * In the environment:
 *
 *     VARLEN_STUB_DEVICES         how many devices there are (default 0)
 *     VARLEN_STUB_ARCHITECTURE    what they are (default gfx942)
 */
#ifndef VARLEN_TESTS_HIP_STUB_RUNTIME_H
#define VARLEN_TESTS_HIP_STUB_RUNTIME_H

#include <stddef.h>

/* What a block of threads may have on every device that the HIP backend knows. */
enum { STUB_MOST_THREADS = 1024, STUB_MOST_SHARED = 64 * 1024 };

typedef struct stub_launch {
    const char *kernel; /* its mangled name */
    unsigned blocks;
    unsigned threads;
    size_t shared_bytes; /* dynamic shared memory */
    int device;          /* the current one */
    void *stream;
} stub_launch;

/* Between these two, whatever allocates, waits, copies or asks the device ends the program with the name of the
 * function: all that may be done is to choose a device and to launch kernels. The launches before are forgotten. */
void stub_call_begins(void);
void stub_call_ends(void);

/* The launches since stub_call_begins. */
int stub_launch_count(void);
const stub_launch *stub_launch_at(int number);

#endif
