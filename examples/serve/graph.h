/* A step's device work, to be run again and again on the same addresses: as calls, or captured once in a graph and
 * replayed. graph_none.c is for every backend; graph_cuda.c captures on cuda, and needs the CUDA runtime to build. */
#ifndef SERVE_GRAPH_H
#define SERVE_GRAPH_H

#include <varlen/varlen.h>

typedef varlen_status (*graph_work)(void *user, varlen_stream stream);

typedef struct graph {
    void *captured; /* NULL before the first run, and always where there is nothing to capture */
} graph;

extern const char graph_kind[]; /* for people: "calls", "CUDA graphs" */

/* Runs the work on the stream. `work` and `user` are the same at each run of one graph. */
varlen_status graph_run(graph *of, const varlen_device_info *device, varlen_stream stream, graph_work work, void *user);
void graph_free(graph *of);

#endif
