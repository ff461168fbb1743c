/* varlen_cu_seqlens: see backends/gpu/cu_seqlens.h. */
#include "around/cu_seqlens.h"

#include "host/around.h"
#include "host/around_launch.h"

varlen_status gpu_cu_seqlens(void *state, varlen_stream stream, int32_t batch, const int32_t *lengths,
                             int32_t *cu_seqlens)
{
    const gpu_state &gpu = *(const gpu_state *)state;
    const cu_seqlens_arguments work = {lengths, cu_seqlens, batch, gpu.validate, gpu.mailbox};
    const launch_shape shape = around_launch(gpu, batch, CU_SEQLENS_STEP, sizeof(cu_seqlens_shared));
    return on_device(gpu.device, [&] { return launch<cu_seqlens_kernel>(gpu.device, shape, stream, work); });
}
