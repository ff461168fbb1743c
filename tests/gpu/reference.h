/* The CPU backend, whose results those of a GPU are held against. */
#ifndef VARLEN_TESTS_GPU_REFERENCE_H
#define VARLEN_TESTS_GPU_REFERENCE_H

#include "workload.h"

/* Open from the first call to reference_close. */
varlen_context *reference_context(void);
void reference_close(void);

/* What the buffers hold after the call on an image, for the caller to free; NULL if the call is refused for bad
 * metadata, in the words of varlen_error_message. */
unsigned char *reference_run(const workload *work, const unsigned char *image);

#endif
