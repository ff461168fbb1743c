/* Three sequences of 2, 3 and 1 tokens, end to end in one array: causal attention, 4 query heads on 2 kv heads. */
#include <stdio.h>
#include <varlen/varlen.h>

_Alignas(16) static float q[6][4][64], k[6][2][64], out[6][4][64]; /* zero: queries take the mean of what they see */
_Alignas(16) static float v[6][2][64] = {{{0}}, {{1}}, {{2}}, {{3}}, {{4}}, {{5}}};

int main(void)
{
    const int32_t cu_seqlens[] = {0, 2, 5, 6};
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "cpu"};
    const varlen_attention attention = {.struct_size = sizeof attention, .batch = 3, .q_heads = 4, .kv_heads = 2,
        .head_dim = 64, .total_q = 6, .total_k = 6, .mask = VARLEN_MASK_CAUSAL};
    const varlen_inputs inputs = {.struct_size = sizeof inputs, .q.data = q, .k.data = k, .v.data = v,
        .cu_seqlens_q = cu_seqlens, .cu_seqlens_k = cu_seqlens};
    varlen_forward_args args = {.struct_size = sizeof args, .inputs = &inputs, .out.data = out};
    varlen_context *context;
    if (varlen_open(&options, &context) ||
        varlen_workspace_size(context, &attention, VARLEN_PASS_FORWARD, &args.workspace_size) ||
        varlen_alloc(context, args.workspace_size, &args.workspace) || varlen_forward(context, NULL, &attention, &args))
        return puts(varlen_error_message()), 1;
    for (int token = 0; token < 6; token++)
        printf("%g%c", (double)out[token][0][0], token < 5 ? ' ' : '\n'); /* 0 0.5 2 2.5 3 5 */
    varlen_free(context, args.workspace);
    varlen_close(context);
}
