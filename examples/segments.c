/* An embedding engine that has its texts end to end already: attention by a loop over them, and by one call. Both give
 * the same. docs/embedding.md shows the two functions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <varlen/varlen.h>

enum { HEADS = 6, DIM = 64, ROW = 3 * HEADS * DIM }; /* a token's row of the fused projection: queries, keys, values */

/* out [tokens, HEADS * DIM] from qkv [tokens, ROW]: text t has the tokens starts[t] .. starts[t + 1] - 1. `scores` has
 * room for the longest. */
static void attend_by_loop(const float *qkv, float *out, const int32_t *starts, int32_t texts, float *scores)
{
    for (int32_t t = 0; t < texts; t++)
        for (int32_t head = 0; head < HEADS; head++)
            for (int32_t i = starts[t]; i < starts[t + 1]; i++) {
                const float *q = qkv + (size_t)i * ROW + head * DIM;
                float *to = out + (size_t)i * HEADS * DIM + head * DIM, sum = 0, largest = -INFINITY;
                for (int32_t j = starts[t]; j < starts[t + 1]; j++) {
                    const float *k = qkv + (size_t)j * ROW + (HEADS + head) * DIM;
                    float product = 0;
                    for (int32_t d = 0; d < DIM; d++)
                        product += q[d] * k[d];
                    scores[j - starts[t]] = product / sqrtf(DIM);
                    largest = fmaxf(largest, scores[j - starts[t]]);
                }
                for (int32_t d = 0; d < DIM; d++)
                    to[d] = 0;
                for (int32_t j = starts[t]; j < starts[t + 1]; j++) {
                    const float *v = qkv + (size_t)j * ROW + (2 * HEADS + head) * DIM;
                    const float weight = expf(scores[j - starts[t]] - largest);
                    sum += weight;
                    for (int32_t d = 0; d < DIM; d++)
                        to[d] += weight * v[d];
                }
                for (int32_t d = 0; d < DIM; d++)
                    to[d] /= sum;
            }
}

static varlen_attention texts_problem(int32_t texts, int32_t tokens)
{
    return (varlen_attention){.struct_size = sizeof(varlen_attention),
                              .batch = texts,
                              .q_heads = HEADS,
                              .kv_heads = HEADS,
                              .head_dim = DIM,
                              .total_q = tokens,
                              .total_k = tokens};
}

/* The same, for a context that was opened once and a workspace that is large enough. */
static varlen_status attend_by_one_call(varlen_context *context, float *qkv, float *out, const int32_t *starts,
                                        int32_t texts, void *workspace, size_t workspace_size)
{
    const varlen_attention problem = texts_problem(texts, starts[texts]);
    const varlen_inputs inputs = {.struct_size = sizeof inputs,
                                  .q = varlen_view_fused(qkv, VARLEN_FLOAT32, 0, HEADS, HEADS, DIM),
                                  .k = varlen_view_fused(qkv, VARLEN_FLOAT32, 1, HEADS, HEADS, DIM),
                                  .v = varlen_view_fused(qkv, VARLEN_FLOAT32, 2, HEADS, HEADS, DIM),
                                  .cu_seqlens_q = starts,
                                  .cu_seqlens_k = starts};
    const varlen_forward_args args = {.struct_size = sizeof args,
                                      .inputs = &inputs,
                                      .out.data = out,
                                      .workspace = workspace,
                                      .workspace_size = workspace_size};
    return varlen_forward(context, NULL, &problem, &args);
}

static float largest_difference(const float *a, const float *b, size_t elements)
{
    float largest = 0;
    for (size_t i = 0; i < elements; i++)
        largest = fmaxf(largest, fabsf(a[i] - b[i]));
    return largest;
}

enum { TEXTS = 5 };

int main(void)
{
    static const int32_t starts[TEXTS + 1] = {0, 7, 7, 90, 91, 128}; /* one of them is empty */
    const size_t tokens = (size_t)starts[TEXTS], elements = tokens * HEADS * DIM;
    float *scores = malloc(tokens * sizeof *scores), *by_loop = malloc(elements * sizeof *by_loop);
    float *qkv = aligned_alloc(64, tokens * ROW * sizeof *qkv),
          *by_call = aligned_alloc(64, elements * sizeof *by_call);
    if (!scores || !by_loop || !qkv || !by_call)
        return puts("no memory"), 1;
    for (size_t i = 0; i < tokens * ROW; i++)
        qkv[i] = sinf((float)(i * i % 1000003));

    const varlen_open_options options = {.struct_size = sizeof options, .backend = "cpu"};
    const varlen_attention largest = texts_problem(TEXTS, starts[TEXTS]); /* the most that a batch may have */
    varlen_context *context;
    void *workspace;
    size_t workspace_size;
    if (varlen_open(&options, &context) ||
        varlen_workspace_size(context, &largest, VARLEN_PASS_FORWARD, &workspace_size) ||
        varlen_alloc(context, workspace_size, &workspace))
        return puts(varlen_error_message()), 1;

    attend_by_loop(qkv, by_loop, starts, TEXTS, scores);
    if (attend_by_one_call(context, qkv, by_call, starts, TEXTS, workspace, workspace_size))
        return puts(varlen_error_message()), 1;
    const float difference = largest_difference(by_loop, by_call, elements);
    printf("%s\n", difference < 1e-5f ? "the same" : "NOT the same");
    varlen_free(context, workspace);
    varlen_close(context);
    free(scores), free(by_loop), free(qkv), free(by_call);
    return difference < 1e-5f ? 0 : 1;
}
