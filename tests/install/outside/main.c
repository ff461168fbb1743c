/* An outside project: attention of one token to itself is its value. Prints where the backend came from. */
#include <stdio.h>
#include <varlen/varlen.h>

int main(void)
{
    _Alignas(16) float q[8] = {1}, k[8] = {2}, v[8] = {3}, out[8] = {0};
    const int32_t cu_seqlens[] = {0, 1};
    const varlen_attention attention = {.struct_size = sizeof attention, .batch = 1, .q_heads = 1, .kv_heads = 1,
        .head_dim = 8, .total_q = 1, .total_k = 1};
    const varlen_inputs inputs = {.struct_size = sizeof inputs, .q.data = q, .k.data = k, .v.data = v,
        .cu_seqlens_q = cu_seqlens, .cu_seqlens_k = cu_seqlens};
    varlen_forward_args args = {.struct_size = sizeof args, .inputs = &inputs, .out.data = out};
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "cpu"};
    varlen_backend_info backend = {.struct_size = sizeof backend};
    varlen_context *context;
    if (varlen_open(&options, &context) || varlen_get_backend(0, &backend) ||
        varlen_workspace_size(context, &attention, VARLEN_PASS_FORWARD, &args.workspace_size) ||
        varlen_alloc(context, args.workspace_size, &args.workspace) || varlen_forward(context, NULL, &attention, &args))
        return puts(varlen_error_message()), 1;
    printf("%g %s\n", (double)out[0], backend.path);
    varlen_free(context, args.workspace);
    varlen_close(context);
    return 0;
}
