#include "problem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The second sequence is decoded with split keys, and in each tensor some rows belong to nobody. */
enum { BATCH = 3, TOTAL_Q = 440, TOTAL_K = 3440, Q_HEADS = 4, KV_HEADS = 2, DIM = 64, ROTARY_DIM = 32, PARTS = 2 };
static const int32_t cu_seqlens_q[BATCH + 1] = {0, 300, 301, 430};
static const int32_t cu_seqlens_k[BATCH + 1] = {0, 300, 3300, 3429};
static const int32_t no_keys[BATCH] = {0};

enum {
    ELEMENTS_Q = TOTAL_Q * Q_HEADS * DIM,
    ELEMENTS_K = TOTAL_K * KV_HEADS * DIM,
    ELEMENT_BYTES = 4,
    ALIGNMENT = 256
};

typedef struct tensors {
    _Alignas(ALIGNMENT) char q[ELEMENTS_Q * ELEMENT_BYTES], dout[ELEMENTS_Q * ELEMENT_BYTES];
    char k[ELEMENTS_K * ELEMENT_BYTES], v[ELEMENTS_K * ELEMENT_BYTES];
    char partial_out[PARTS * ELEMENTS_Q * ELEMENT_BYTES];
    float partial_lse[PARTS * Q_HEADS * TOTAL_Q];
    float rotary_cos[TOTAL_K * ROTARY_DIM / 2], rotary_sin[TOTAL_K * ROTARY_DIM / 2];
    /* What follows is written, and hashed. */
    char out[ELEMENTS_Q * ELEMENT_BYTES], dq[ELEMENTS_Q * ELEMENT_BYTES], merged[ELEMENTS_Q * ELEMENT_BYTES];
    char dk[ELEMENTS_K * ELEMENT_BYTES], dv[ELEMENTS_K * ELEMENT_BYTES];
    char k_cache[ELEMENTS_K * ELEMENT_BYTES], v_cache[ELEMENTS_K * ELEMENT_BYTES];
    float lse[Q_HEADS * TOTAL_Q], merged_lse[Q_HEADS * TOTAL_Q];
} tensors;

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

/* Numbers of either sign between 1/16 and 1, or denormal. */
static void fill(void *data, int64_t count, varlen_dtype dtype, problem_inputs inputs, uint64_t seed)
{
    const int mantissa = dtype == VARLEN_FLOAT32 ? 23 : dtype == VARLEN_FLOAT16 ? 10 : 7;
    const uint32_t bias = dtype == VARLEN_FLOAT16 ? 15 : 127;
    const int width = dtype == VARLEN_FLOAT32 ? 32 : 16;
    for (int64_t i = 0; i < count; i++) {
        uint32_t random = next_random(&seed);
        uint32_t exponent = inputs == PROBLEM_DENORMAL ? 0 : bias - 1 - (random >> 24) % 4;
        uint32_t bits = random >> 31 << (width - 1) | exponent << mantissa | (random & ((1u << mantissa) - 1));
        if (width == 32)
            ((uint32_t *)data)[i] = bits;
        else
            ((uint16_t *)data)[i] = (uint16_t)bits;
    }
}

static tensors *make_tensors(varlen_dtype dtype, problem_inputs inputs)
{
    tensors *made = aligned_alloc(ALIGNMENT, sizeof *made);
    if (!made)
        return NULL;
    memset(made, 0, sizeof *made);
    fill(made->q, ELEMENTS_Q, dtype, inputs, 1);
    fill(made->k, ELEMENTS_K, dtype, inputs, 2);
    fill(made->v, ELEMENTS_K, dtype, inputs, 3);
    fill(made->dout, ELEMENTS_Q, dtype, inputs, 4);
    fill(made->partial_out, PARTS * ELEMENTS_Q, dtype, inputs, 5);
    fill(made->partial_lse, PARTS * Q_HEADS * TOTAL_Q, VARLEN_FLOAT32, inputs, 6);
    fill(made->rotary_cos, TOTAL_K * ROTARY_DIM / 2, VARLEN_FLOAT32, inputs, 7);
    fill(made->rotary_sin, TOTAL_K * ROTARY_DIM / 2, VARLEN_FLOAT32, inputs, 8);
    return made;
}

static varlen_inputs inputs_of(tensors *in)
{
    return (varlen_inputs){
        .struct_size = sizeof(varlen_inputs),
        .q.data = in->q,
        .k.data = in->k,
        .v.data = in->v,
        .cu_seqlens_q = cu_seqlens_q,
        .cu_seqlens_k = cu_seqlens_k,
    };
}

static varlen_status run_forward(varlen_context *context, const varlen_attention *attention, tensors *in)
{
    const varlen_inputs inputs = inputs_of(in);
    varlen_forward_args args = {
        .struct_size = sizeof args,
        .inputs = &inputs,
        .out.data = in->out,
        .lse = in->lse,
    };
    varlen_status status = varlen_workspace_size(context, attention, VARLEN_PASS_FORWARD, &args.workspace_size);
    if (!status)
        status = varlen_alloc(context, args.workspace_size, &args.workspace);
    if (!status)
        status = varlen_forward(context, NULL, attention, &args);
    varlen_free(context, args.workspace);
    return status;
}

static varlen_status run_backward(varlen_context *context, const varlen_attention *attention, tensors *in)
{
    const varlen_inputs inputs = inputs_of(in);
    varlen_backward_args args = {
        .struct_size = sizeof args,
        .inputs = &inputs,
        .out.data = in->out,
        .lse = in->lse,
        .dout.data = in->dout,
        .dq.data = in->dq,
        .dk.data = in->dk,
        .dv.data = in->dv,
    };
    varlen_status status = varlen_workspace_size(context, attention, VARLEN_PASS_BACKWARD, &args.workspace_size);
    if (!status)
        status = varlen_alloc(context, args.workspace_size, &args.workspace);
    if (!status)
        status = varlen_backward(context, NULL, attention, &args);
    varlen_free(context, args.workspace);
    return status;
}

static varlen_status run_merge(varlen_context *context, varlen_dtype dtype, tensors *in)
{
    const varlen_merge_args args = {
        .struct_size = sizeof args,
        .dtype = dtype,
        .partial_dtype = dtype,
        .parts = PARTS,
        .heads = Q_HEADS,
        .tokens = TOTAL_Q,
        .partial_out.data = in->partial_out,
        .partial_lse = in->partial_lse,
        .out.data = in->merged,
        .lse = in->merged_lse,
        .value_dim = DIM,
    };
    return varlen_merge(context, NULL, &args);
}

static varlen_status run_kv_append(varlen_context *context, varlen_dtype dtype, tensors *in)
{
    const varlen_kv_append_args args = {
        .struct_size = sizeof args,
        .dtype = dtype,
        .batch = BATCH,
        .kv_heads = KV_HEADS,
        .head_dim = DIM,
        .total_new = TOTAL_K,
        .total_k = TOTAL_K,
        .k_new.data = in->k,
        .v_new.data = in->v,
        .k_cache.data = in->k_cache,
        .v_cache.data = in->v_cache,
        .cu_seqlens_new = cu_seqlens_k,
        .cu_seqlens_k = cu_seqlens_k,
        .seqused_k = no_keys,
        .rotary_cos = in->rotary_cos,
        .rotary_sin = in->rotary_sin,
        .rotary_positions = TOTAL_K,
        .rotary_dim = ROTARY_DIM,
    };
    return varlen_kv_append(context, NULL, &args);
}

static bool run(varlen_context *context, varlen_dtype dtype, tensors *in)
{
    const varlen_attention attention = {
        .struct_size = sizeof attention,
        .dtype = dtype,
        .batch = BATCH,
        .q_heads = Q_HEADS,
        .kv_heads = KV_HEADS,
        .head_dim = DIM,
        .total_q = TOTAL_Q,
        .total_k = TOTAL_K,
        .mask = VARLEN_MASK_CAUSAL,
    };
    return !run_forward(context, &attention, in) && !run_backward(context, &attention, in) &&
           !run_merge(context, dtype, in) && !run_kv_append(context, dtype, in);
}

/* FNV-1a. */
static uint64_t add_to_hash(uint64_t hash, const char *begin, const char *end)
{
    for (; begin < end; begin++)
        hash = (hash ^ (unsigned char)*begin) * 1099511628211u;
    return hash;
}

uint64_t problem_hash(varlen_context *context, problem_inputs inputs)
{
    const varlen_dtype dtypes[] = {VARLEN_FLOAT32, VARLEN_FLOAT16, VARLEN_BFLOAT16};
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        tensors *made = make_tensors(dtypes[i], inputs);
        bool done = made && run(context, dtypes[i], made);
        if (done)
            hash = add_to_hash(hash, made->out, (const char *)(made + 1));
        free(made);
        if (!done)
            return 0;
    }
    return hash ? hash : 1;
}

varlen_context *problem_open(int32_t threads)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "cpu", .threads = threads};
    varlen_context *context;
    return varlen_open(&options, &context) == VARLEN_OK ? context : NULL;
}

void problem_close(varlen_context *context)
{
    varlen_close(context);
}

uint64_t problem_hash_with(int32_t threads, problem_inputs inputs)
{
    varlen_context *context = problem_open(threads);
    uint64_t hash = context ? problem_hash(context, inputs) : 0;
    problem_close(context);
    return hash;
}
