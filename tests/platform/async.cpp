/* The checks of backends/gpu/async_platform.h. */
#include "barrier_contract.h"
#include "group_contract.h"
#include "tensor_contract.h"

#include "platform/tensor_map.h"

const char *async_left_out(const runtime_device &device)
{
    const bool has_it = device.architecture->async_products && device.architecture->tensor_copies;
    return has_it ? nullptr : "the device has no such machinery";
}

namespace
{

/* ---- Barriers -----------------------------------------------------------------------------------------------------
 */

template <auto KERNEL, int THREADS, int SHARED_BYTES> varlen_status run(int32_t device, const contract_memory &memory)
{
    return contract_launch<KERNEL>(device, THREADS, SHARED_BYTES, memory);
}

template <auto KERNEL> varlen_status run_barriers(int32_t device, const contract_memory &memory)
{
    return run<KERNEL, barrier_contract::THREADS, 8 * 1024>(device, memory);
}

/* ---- Tensors ------------------------------------------------------------------------------------------------------
 */

varlen_status make_map(tensor_map *map, const uint16_t *data, int dimensions, int swizzle)
{
    using namespace tensor_contract;
    tensor_layout layout = {};
    layout.data = data;
    layout.dtype = VARLEN_FLOAT16;
    layout.dimensions = dimensions;
    layout.swizzle = swizzle;
    uint64_t stride = 2;
    for (int n = 0; n < dimensions; n++) {
        layout.size[n] = (uint64_t)SIZE[n];
        layout.stride[n] = stride;
        stride *= (uint64_t)SIZE[n];
        layout.box[n] = 1;
    }
    layout.box[0] = (uint32_t)swizzle / 2;
    layout.box[1] = dimensions > 2 ? BOX_ROWS / 2 : BOX_ROWS;
    if (dimensions > 2)
        layout.box[2] = 2;
    return make_tensor_map(map, layout);
}

template <int DIMENSIONS, int SWIZZLE> varlen_status run_loads(int32_t device, const contract_memory &memory)
{
    tensor_contract::tensor_arguments arguments = {memory, {}, {}};
    const varlen_status status = make_map(&arguments.from, memory.source, DIMENSIONS, SWIZZLE);
    if (status != VARLEN_OK)
        return status;
    return contract_launch<tensor_contract::loads<DIMENSIONS, SWIZZLE>>(device, tensor_contract::THREADS, 4096,
                                                                        arguments);
}

template <int DIMENSIONS, int SWIZZLE> varlen_status run_stores(int32_t device, const contract_memory &memory)
{
    tensor_contract::tensor_arguments arguments = {memory, {}, {}};
    varlen_status status = make_map(&arguments.to, memory.target, DIMENSIONS, SWIZZLE);
    if (status == VARLEN_OK)
        status = contract_launch<tensor_contract::stores<DIMENSIONS, SWIZZLE>>(device, tensor_contract::THREADS, 4096,
                                                                               arguments);
    if (status != VARLEN_OK)
        return status;
    return contract_launch<tensor_contract::stored<DIMENSIONS, SWIZZLE>>(device, tensor_contract::THREADS, 0, memory);
}

varlen_status run_ragged(int32_t device, const contract_memory &memory)
{
    using namespace tensor_contract;
    constexpr uint64_t row_bytes = RAGGED_COLUMNS * 2;
    tensor_layout layout = {};
    layout.data = (const void *)((uintptr_t)memory.target - RAGGED_BIG * row_bytes);
    layout.dtype = VARLEN_FLOAT16;
    layout.dimensions = 3;
    layout.swizzle = 128;
    layout.size[0] = layout.box[0] = RAGGED_COLUMNS;
    layout.size[1] = layout.size[2] = RAGGED_BIG;
    layout.stride[1] = layout.stride[2] = row_bytes;
    layout.box[1] = 16;
    layout.box[2] = 1;
    tensor_arguments arguments = {memory, {}, {}};
    varlen_status status = make_tensor_map(&arguments.to, layout);
    if (status == VARLEN_OK)
        status = contract_launch<ragged>(device, THREADS, 2048, arguments);
    if (status != VARLEN_OK)
        return status;
    return contract_launch<ragged_stored>(device, THREADS, 0, memory);
}

varlen_status run_bulk_stores(int32_t device, const contract_memory &memory)
{
    using namespace tensor_contract;
    varlen_status status = contract_launch<clear_sums>(device, THREADS, 0, memory);
    if (status == VARLEN_OK)
        status = contract_launch<bulk_stores>(device, THREADS, 4096, memory, 3);
    if (status != VARLEN_OK)
        return status;
    return contract_launch<bulk_stored>(device, THREADS, 0, memory);
}

/* ---- Products -----------------------------------------------------------------------------------------------------
 */

template <typename T, int COLUMNS, int SWIZZLE = 128, bool LEFT_BY_COLUMNS = false, bool RIGHT_BY_COLUMNS = false>
varlen_status run_shared(int32_t device, const contract_memory &memory)
{
    using layout = group_contract::shared_case<T, COLUMNS, SWIZZLE, LEFT_BY_COLUMNS, RIGHT_BY_COLUMNS>;
    return contract_launch<group_contract::shared_product<layout, T, COLUMNS>>(device, group_contract::THREADS,
                                                                               layout::BYTES, memory);
}

template <typename T, int COLUMNS, int SWIZZLE = 128, bool RIGHT_BY_COLUMNS = true>
varlen_status run_registers(int32_t device, const contract_memory &memory)
{
    using right = group_contract::side<T, COLUMNS, SWIZZLE, RIGHT_BY_COLUMNS>;
    return contract_launch<group_contract::register_product<right, T, COLUMNS>>(device, group_contract::THREADS,
                                                                                right::BYTES, memory);
}

template <typename T> varlen_status run_attention(int32_t device, const contract_memory &memory)
{
    using namespace group_contract;
    tensor_layout layout = {};
    layout.data = memory.target;
    layout.dtype = sizeof(T) == 2 ? VARLEN_FLOAT16 : VARLEN_FLOAT32; /* bits alone matter */
    layout.dimensions = 2;
    layout.swizzle = 128;
    layout.size[0] = layout.size[1] = layout.box[1] = 128;
    layout.stride[1] = 256;
    layout.box[0] = 64;
    attention_arguments arguments = {memory, {}};
    varlen_status status = make_tensor_map(&arguments.map, layout);
    if (status == VARLEN_OK)
        status = contract_launch<write_values<T>>(device, THREADS, 0, memory);
    if (status != VARLEN_OK)
        return status;
    return contract_launch<attention<T>>(device, THREADS, 2 * 128 * 256 + 16, arguments);
}

constexpr bool rows = false;
constexpr bool columns = true;

} // namespace

contract_table async_checks()
{
    static const contract_check checks[] = {
        {"arrival_barrier: phases of arrivals", run_barriers<barrier_contract::phases>},
        {"arrival_barrier: a ring of copies", run_barriers<barrier_contract::ring>},
        {"arrival_barrier: bytes expected apart from arrivals", run_barriers<barrier_contract::bytes>},
        {"named_barrier_wait, named_barrier_arrive", run_barriers<barrier_contract::named>},
        {"elect_one", run_barriers<barrier_contract::elected>},
        {"registers_shrink, registers_grow", run<barrier_contract::registers, barrier_contract::REGISTER_THREADS, 0>},
        {"copy_tensor, 2 dimensions, swizzle 128", run_loads<2, 128>},
        {"copy_tensor, 2 dimensions, swizzle 64", run_loads<2, 64>},
        {"copy_tensor, 2 dimensions, swizzle 32", run_loads<2, 32>},
        {"copy_tensor, 3 dimensions, swizzle 128", run_loads<3, 128>},
        {"copy_tensor, 4 dimensions, swizzle 64", run_loads<4, 64>},
        {"copy_tensor, 5 dimensions, swizzle 128", run_loads<5, 128>},
        {"store_tensor, 2 dimensions, swizzle 128", run_stores<2, 128>},
        {"store_tensor, 2 dimensions, swizzle 64", run_stores<2, 64>},
        {"store_tensor, 2 dimensions, swizzle 32", run_stores<2, 32>},
        {"store_tensor, 3 dimensions, swizzle 64", run_stores<3, 64>},
        {"store_tensor, 4 dimensions, swizzle 128", run_stores<4, 128>},
        {"store_tensor, 5 dimensions, swizzle 32", run_stores<5, 32>},
        {"store_tensor, rows that end at each sequence's", run_ragged},
        {"store_bulk, add_bulk", run_bulk_stores},
        {"group_sums: rows, row_sum, row_max", run<group_contract::reductions, group_contract::THREADS, 0>},
        {"group_store, group_store_flat, bfloat16, swizzle 128",
         run<group_contract::stored<bfloat16, 128>, group_contract::THREADS, 96 * 1024>},
        {"group_store, group_store_flat, float16, swizzle 32",
         run<group_contract::stored<float16, 32>, group_contract::THREADS, 96 * 1024>},
        {"group_multiply, bfloat16, 16 columns", run_shared<bfloat16, 16>},
        {"group_multiply, bfloat16, 48 columns", run_shared<bfloat16, 48>},
        {"group_multiply, bfloat16, 80 columns", run_shared<bfloat16, 80>},
        {"group_multiply, bfloat16, 128 columns", run_shared<bfloat16, 128>},
        {"group_multiply, bfloat16, 176 columns", run_shared<bfloat16, 176>},
        {"group_multiply, bfloat16, 256 columns", run_shared<bfloat16, 256>},
        {"group_multiply, float16, 64 columns, swizzle 128, rows x rows", run_shared<float16, 64, 128, rows, rows>},
        {"group_multiply, float16, 64 columns, swizzle 128, rows x columns",
         run_shared<float16, 64, 128, rows, columns>},
        {"group_multiply, float16, 64 columns, swizzle 128, columns x rows",
         run_shared<float16, 64, 128, columns, rows>},
        {"group_multiply, float16, 64 columns, swizzle 128, columns x columns",
         run_shared<float16, 64, 128, columns, columns>},
        {"group_multiply, bfloat16, 192 columns, swizzle 128, columns x columns",
         run_shared<bfloat16, 192, 128, columns, columns>},
        {"group_multiply, bfloat16, 256 columns, swizzle 128, rows x columns",
         run_shared<bfloat16, 256, 128, rows, columns>},
        {"group_multiply, float16, 96 columns, swizzle 64, rows x rows", run_shared<float16, 96, 64, rows, rows>},
        {"group_multiply, float16, 96 columns, swizzle 64, rows x columns", run_shared<float16, 96, 64, rows, columns>},
        {"group_multiply, bfloat16, 96 columns, swizzle 64, columns x rows",
         run_shared<bfloat16, 96, 64, columns, rows>},
        {"group_multiply, bfloat16, 96 columns, swizzle 64, columns x columns",
         run_shared<bfloat16, 96, 64, columns, columns>},
        {"group_multiply, bfloat16, 80 columns, swizzle 32, rows x rows", run_shared<bfloat16, 80, 32, rows, rows>},
        {"group_multiply, bfloat16, 80 columns, swizzle 32, rows x columns",
         run_shared<bfloat16, 80, 32, rows, columns>},
        {"group_multiply, float16, 80 columns, swizzle 32, columns x rows", run_shared<float16, 80, 32, columns, rows>},
        {"group_multiply, float16, 80 columns, swizzle 32, columns x columns",
         run_shared<float16, 80, 32, columns, columns>},
        {"group_multiply of an operand, bfloat16, 64 columns, swizzle 128, rows",
         run_registers<bfloat16, 64, 128, rows>},
        {"group_multiply of an operand, bfloat16, 64 columns, swizzle 128, columns", run_registers<bfloat16, 64>},
        {"group_multiply of an operand, float16, 112 columns, swizzle 32, columns", run_registers<float16, 112, 32>},
        {"group_multiply of an operand, float16, 144 columns, swizzle 128, rows",
         run_registers<float16, 144, 128, rows>},
        {"group_multiply of an operand, float16, 160 columns, swizzle 64, columns", run_registers<float16, 160, 64>},
        {"group_multiply of an operand, bfloat16, 256 columns, swizzle 128, columns", run_registers<bfloat16, 256>},
        {"products_wait with a later group under way",
         run<group_contract::two_groups, group_contract::THREADS, 16 * 1024>},
        {"copy, scores, operand, store, values: float16", run_attention<float16>},
        {"copy, scores, operand, store, values: bfloat16", run_attention<bfloat16>},
    };
    return {checks, (int32_t)(sizeof checks / sizeof *checks)};
}
