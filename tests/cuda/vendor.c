/* The CUDA runtime, for the tests of GPU backends; see tests/gpu/vendor.h. */
#include "gpu/vendor.h"

#include "gpu/report.h"

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

const char *const vendor_backend = "cuda";
const int vendor_rounds = 40;

struct vendor_graph {
    cudaGraphExec_t work;
};

static bool succeeded(cudaError_t error, const char *what)
{
    if (error != cudaSuccess)
        fprintf(stderr, "%s: %s: %s\n", what, cudaGetErrorName(error), cudaGetErrorString(error));
    return error == cudaSuccess;
}

static void must_succeed(cudaError_t error, const char *what)
{
    if (!succeeded(error, what))
        exit(EXIT_FAILURE);
}

int vendor_device_count(void)
{
    int count = 0;
    return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

int vendor_device(void)
{
    int device;
    must_succeed(cudaGetDevice(&device), "cudaGetDevice");
    return device;
}

void vendor_set_device(int device)
{
    must_succeed(cudaSetDevice(device), "cudaSetDevice");
}

varlen_stream vendor_stream_create(void)
{
    cudaStream_t stream;
    must_succeed(cudaStreamCreate(&stream), "cudaStreamCreate");
    return stream;
}

void vendor_stream_destroy(varlen_stream stream)
{
    must_succeed(cudaStreamDestroy(stream), "cudaStreamDestroy");
}

/* Whether a call put kernels into the graph and nothing else. */
static bool is_kernels(cudaGraph_t graph)
{
    cudaGraphNode_t nodes[64];
    size_t count = sizeof nodes / sizeof nodes[0];
    if (!succeeded(cudaGraphGetNodes(graph, nodes, &count), "cudaGraphGetNodes"))
        return false;
    for (size_t n = 0; n < count; n++) {
        enum cudaGraphNodeType type;
        if (!succeeded(cudaGraphNodeGetType(nodes[n], &type), "cudaGraphNodeGetType"))
            return false;
        if (type != cudaGraphNodeTypeKernel) {
            fprintf(stderr, "node %zu of the graph is of type %d, no kernel\n", n, (int)type);
            return false;
        }
    }
    return count > 0;
}

vendor_graph *vendor_capture(varlen_stream stream, varlen_status (*enqueue)(void *user, varlen_stream stream),
                             void *user)
{
    cudaGraph_t graph = NULL;
    vendor_graph *captured = must_allocate(sizeof *captured);
    must_succeed(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
    const varlen_status status = enqueue(user, stream);
    if (status != VARLEN_OK)
        fprintf(stderr, "the call that was captured: %s\n", varlen_error_message());
    bool good = succeeded(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture") && status == VARLEN_OK;
    good = good && is_kernels(graph) &&
           succeeded(cudaGraphInstantiateWithFlags(&captured->work, graph, 0), "cudaGraphInstantiateWithFlags");
    if (graph)
        must_succeed(cudaGraphDestroy(graph), "cudaGraphDestroy");
    if (good)
        return captured;
    free(captured);
    return NULL;
}

void vendor_replay(const vendor_graph *graph, varlen_stream stream)
{
    must_succeed(cudaGraphLaunch(graph->work, stream), "cudaGraphLaunch");
}

void vendor_graph_destroy(vendor_graph *graph)
{
    must_succeed(cudaGraphExecDestroy(graph->work), "cudaGraphExecDestroy");
    free(graph);
}
