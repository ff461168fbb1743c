#include "graph.h"

const char graph_kind[] = "calls";

varlen_status graph_run(graph *of, const varlen_device_info *device, varlen_stream stream, graph_work work, void *user)
{
    (void)of;
    (void)device;
    return work(user, stream);
}

void graph_free(graph *of)
{
    (void)of;
}
