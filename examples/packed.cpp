// examples/packed.c in C++17, by varlen.hpp: three sequences of 2, 3 and 1 tokens, and an error that is caught.
#include <iostream>

#include "varlen.hpp"

int main()
try {
    const varlen::context context("cpu");
    const varlen::stream stream(context);

    auto attention = varlen::make<varlen_attention>();
    attention.batch = 3;
    attention.q_heads = 4;
    attention.kv_heads = 2;
    attention.head_dim = 64;
    attention.total_q = attention.total_k = 6;
    attention.mask = VARLEN_MASK_CAUSAL;

    std::vector<float> values(6 * 2 * 64);
    for (std::size_t token = 0; token < 6; token++)
        values[token * 2 * 64] = static_cast<float>(token);
    const varlen::buffer<float> q(context, std::vector<float>(6 * 4 * 64)), k(context, std::vector<float>(6 * 2 * 64));
    const varlen::buffer<float> v(context, values), out(context, 6 * 4 * 64);
    const varlen::buffer<std::int32_t> cu_seqlens(context, {0, 2, 5, 6});
    const varlen::buffer<std::byte> workspace(context, context.workspace_size(attention, VARLEN_PASS_FORWARD));

    auto inputs = varlen::make<varlen_inputs>();
    inputs.q.data = q.data();
    inputs.k.data = k.data();
    inputs.v.data = v.data();
    inputs.cu_seqlens_q = inputs.cu_seqlens_k = cu_seqlens.data();
    auto args = varlen::make<varlen_forward_args>();
    args.inputs = &inputs;
    args.out.data = out.data();
    args.workspace = workspace.data();
    args.workspace_size = workspace.bytes();
    context.forward(stream.get(), attention, args);

    const std::vector<float> result = out.to_vector(stream.get());
    for (std::size_t token = 0; token < 6; token++)
        std::cout << result[token * 4 * 64] << (token < 5 ? ' ' : '\n'); // 0 0.5 2 2.5 3 5

    attention.head_dim = 60;
    try {
        context.forward(stream.get(), attention, args);
    } catch (const varlen::error &refused) {
        std::cout << refused.what() << '\n';
    }
} catch (const varlen::error &failed) {
    std::cerr << varlen_status_name(failed.status()) << ": " << failed.what() << '\n';
    return 1;
}
