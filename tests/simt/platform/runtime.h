/* Launches on the machine in machine.h; runtime.cpp has the rest of backends/gpu/host/runtime.h. */
#ifndef VARLEN_SIMT_RUNTIME_H
#define VARLEN_SIMT_RUNTIME_H

#include "host/runtime.h"
#include "machine.h"

template <auto KERNEL, typename ARGUMENTS>
varlen_status launch(int32_t, const launch_shape &shape, varlen_stream, const ARGUMENTS &arguments)
{
    simt_grid grid = {};
    grid.blocks = shape.blocks;
    grid.threads = shape.threads;
    grid.shared_bytes = shape.shared_bytes;
    grid.body = [](const void *bytes) { KERNEL(*(const ARGUMENTS *)bytes); };
    grid.arguments = &arguments;
    simt_run(grid);
    return VARLEN_OK;
}

#endif
