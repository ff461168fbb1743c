/* The checks of backends/gpu/platform.h. */
#include "copy_contract.h"
#include "device_contract.h"
#include "product_contract.h"

namespace
{

template <auto KERNEL, int THREADS, int SHARED_BYTES, int BLOCKS = 1>
varlen_status run(int32_t device, const contract_memory &memory)
{
    return contract_launch<KERNEL>(device, THREADS, SHARED_BYTES, memory, BLOCKS);
}

constexpr int TILES_BYTES = 64 * 1024; /* of two tiles of 64 x 128, or a larger one, however their elements lie */

template <auto KERNEL> varlen_status run_products(int32_t device, const contract_memory &memory)
{
    return run<KERNEL, product_contract::HOST_THREADS, TILES_BYTES>(device, memory);
}

template <auto KERNEL> varlen_status run_copies(int32_t device, const contract_memory &memory)
{
    return run<KERNEL, copy_contract::THREADS, 16 * 1024>(device, memory);
}

template <auto KERNEL> varlen_status run_threads(int32_t device, const contract_memory &memory)
{
    return run<KERNEL, device_contract::THREADS, 1024>(device, memory);
}

} // namespace

contract_table portable_checks()
{
    static const contract_check checks[] = {
        {"threads and blocks", run<device_contract::places, device_contract::THREADS, 0, device_contract::BLOCKS>},
        {"block_barrier, warp_barrier", run_threads<device_contract::barriers>},
        {"warp_xor, warp_first, warp_any", run_threads<device_contract::warps>},
        {"atomic_add, atomic_exchange, atomic_min, atomic_max, atomic_add_4", run_threads<device_contract::atomics>},
        {"exp2_fast, reciprocal, log2_accurate, tanh_accurate, multiply_high", run_threads<device_contract::numbers>},
        {"rounding to float16", run_threads<device_contract::rounding<float16>>},
        {"rounding to bfloat16", run_threads<device_contract::rounding<bfloat16>>},
        {"add_pairs, multiply_pairs of float16", run_threads<device_contract::pairs<float16>>},
        {"add_pairs, multiply_pairs of bfloat16", run_threads<device_contract::pairs<bfloat16>>},
        {"numbers of one byte to float16", run_threads<device_contract::widened<float16>>},
        {"numbers of one byte to bfloat16", run_threads<device_contract::widened<bfloat16>>},
        {"load_16, store_16", run_copies<copy_contract::words>},
        {"copy_16, copies_commit, copies_wait", run_copies<copy_contract::groups>},
        {"copy_batch", run_copies<copy_contract::batches>},
        {"fetched_pieces", run_copies<copy_contract::fetched>},
        {"multiply_rows, float16", run_products<product_contract::rows<float16>>},
        {"multiply_rows, bfloat16", run_products<product_contract::rows<bfloat16>>},
        {"multiply_columns, float16", run_products<product_contract::columns<float16>>},
        {"multiply_columns, bfloat16", run_products<product_contract::columns<bfloat16>>},
        {"multiply_tiles, float16", run_products<product_contract::tiles<float16>>},
        {"multiply_tiles, bfloat16", run_products<product_contract::tiles<bfloat16>>},
        {"multiply_operand, float16", run_products<product_contract::operand<float16>>},
        {"multiply_operand, bfloat16", run_products<product_contract::operand<bfloat16>>},
        {"multiply_operand of an interleaved tile, float16", run_products<product_contract::interleaved<float16>>},
        {"multiply_operand of an interleaved tile, bfloat16", run_products<product_contract::interleaved<bfloat16>>},
        {"store_sums, float16", run_products<product_contract::stored<float16>>},
        {"store_sums, bfloat16", run_products<product_contract::stored<bfloat16>>},
        {"sums_row_sum, sums_row_max, for_each_run_with", run_products<product_contract::reductions>},
        {"sums_first_lane", run_products<product_contract::first_lanes>},
    };
    return {checks, (int32_t)(sizeof checks / sizeof *checks)};
}
