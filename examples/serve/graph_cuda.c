#include "graph.h"

#include <cuda_runtime_api.h>
#include <string.h>

const char graph_kind[] = "CUDA graphs";

/* The first run: the work is recorded, not done. A call that is refused ends the recording, and nothing has run. */
static varlen_status capture(graph *of, cudaStream_t stream, graph_work work, void *user)
{
    cudaGraph_t recorded = NULL;
    cudaGraphExec_t executable = NULL;
    if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess)
        return VARLEN_ERROR_DEVICE;
    const varlen_status status = work(user, stream);
    const cudaError_t ended = cudaStreamEndCapture(stream, &recorded);
    if (status == VARLEN_OK && ended == cudaSuccess)
        cudaGraphInstantiateWithFlags(&executable, recorded, 0);
    if (recorded)
        cudaGraphDestroy(recorded);
    of->captured = executable;
    return status != VARLEN_OK ? status : executable ? VARLEN_OK : VARLEN_ERROR_DEVICE;
}

varlen_status graph_run(graph *of, const varlen_device_info *device, varlen_stream stream, graph_work work, void *user)
{
    if (strcmp(device->backend, "cuda") != 0)
        return work(user, stream);
    if (!of->captured) {
        if (cudaSetDevice(device->device) != cudaSuccess)
            return VARLEN_ERROR_DEVICE;
        const varlen_status status = capture(of, stream, work, user);
        if (status != VARLEN_OK)
            return status;
    }
    return cudaGraphLaunch(of->captured, stream) == cudaSuccess ? VARLEN_OK : VARLEN_ERROR_DEVICE;
}

void graph_free(graph *of)
{
    if (of->captured)
        cudaGraphExecDestroy(of->captured);
    of->captured = NULL;
}
