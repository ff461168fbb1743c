/* What the tests of GPU backends need of a vendor's runtime. Each vendor has one source that defines these. A function
 * that fails prints what the runtime says and ends the program. */
#ifndef VARLEN_TESTS_GPU_VENDOR_H
#define VARLEN_TESTS_GPU_VENDOR_H

#include <varlen/varlen.h>

extern const char *const vendor_backend; /* the name of varlen's backend: "cuda" */
extern const int vendor_rounds;          /* how often calls side by side are made */

int vendor_device_count(void); /* 0 where there is no driver either */
int vendor_device(void);       /* the thread's current device */
void vendor_set_device(int device);

/* A stream of the current device that varlen did not make. */
varlen_stream vendor_stream_create(void);
void vendor_stream_destroy(varlen_stream stream);

/* Work that was captured and can be run again. */
typedef struct vendor_graph vendor_graph;

/* Captures what `enqueue` puts into `stream`, which is not run; any call that allocates or waits while it is captured
 * fails. NULL, with the reason printed, if the capture fails or holds anything but kernels. */
vendor_graph *vendor_capture(varlen_stream stream, varlen_status (*enqueue)(void *user, varlen_stream stream),
                             void *user);
void vendor_replay(const vendor_graph *graph, varlen_stream stream);
void vendor_graph_destroy(vendor_graph *graph);

#endif
