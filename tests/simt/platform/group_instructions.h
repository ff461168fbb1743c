/* Products of warp groups, instruction by instruction: see backends/gpu/async_platform.h, and group.h for how. */
#ifndef VARLEN_SIMT_GROUP_INSTRUCTIONS_H
#define VARLEN_SIMT_GROUP_INSTRUCTIONS_H

#include "async.h"
#include "platform/device.h"

#include <type_traits>

template <typename T, int COUNT> struct group_registers {
    T value[COUNT];
    simt_registers state;

    T *touch()
    {
        state.touch();
        return value;
    }
    void settle_all()
    {
    }
    void release()
    {
        state.release();
    }
};

GPU_DEVICE void products_fence()
{
    simt_products_fence();
}

GPU_DEVICE void products_commit()
{
    simt_products_commit();
}

template <int LATER> GPU_DEVICE void products_wait_groups()
{
    simt_products_wait(LATER);
}

template <typename T, int COLUMNS, bool A_TRANSPOSED, bool B_TRANSPOSED>
GPU_DEVICE void multiply_shared(group_registers<float, COLUMNS / 2> &sums, uint64_t a, uint64_t b, bool add)
{
    simt_product product = {std::is_same<T, float16>::value,
                            add,
                            A_TRANSPOSED,
                            B_TRANSPOSED,
                            COLUMNS,
                            a,
                            b,
                            sums.value,
                            &sums.state,
                            nullptr,
                            nullptr};
    simt_multiply_later(product);
}

template <typename T, int COLUMNS, bool B_TRANSPOSED, int PAIRS>
GPU_DEVICE void multiply_registers(group_registers<float, COLUMNS / 2> &sums, group_registers<uint32_t, PAIRS> &operand,
                                   int step, uint64_t b, bool add)
{
    simt_product product = {
        std::is_same<T, float16>::value, add,           false, B_TRANSPOSED, COLUMNS, 0, b, sums.value, &sums.state,
        operand.value + 4 * step,        &operand.state};
    simt_multiply_later(product);
}

#endif
