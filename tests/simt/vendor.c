/* The test platform, for the tests of GPU backends; see tests/gpu/vendor.h. It has no graphs: a replay makes the call
 * again. So what is compared is compared here too; that a call can be captured is not seen. */
#include "gpu/vendor.h"

#include "gpu/report.h"

#include <stdlib.h>

const char *const vendor_backend = "simt";
/* Nothing runs side by side. A second round sees what the first has left; a sanitizer has seen all in the first. */
#ifdef SANITIZED
const int vendor_rounds = 1;
#else
const int vendor_rounds = 2;
#endif

struct vendor_graph {
    varlen_status (*enqueue)(void *user, varlen_stream stream);
    void *user;
};

int vendor_device_count(void)
{
    return 1;
}

int vendor_device(void)
{
    return 0;
}

void vendor_set_device(int device)
{
    (void)device;
}

varlen_stream vendor_stream_create(void)
{
    return NULL;
}

void vendor_stream_destroy(varlen_stream stream)
{
    (void)stream;
}

vendor_graph *vendor_capture(varlen_stream stream, varlen_status (*enqueue)(void *user, varlen_stream stream),
                             void *user)
{
    (void)stream;
    vendor_graph *graph = must_allocate(sizeof *graph);
    *graph = (vendor_graph){enqueue, user};
    return graph;
}

void vendor_replay(const vendor_graph *graph, varlen_stream stream)
{
    must(graph->enqueue(graph->user, stream), "a replay");
}

void vendor_graph_destroy(vendor_graph *graph)
{
    free(graph);
}
