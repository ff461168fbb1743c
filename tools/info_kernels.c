/* What `varlen info` says of kernels: see info_kernels.h. */
#include "info_kernels.h"

#include <stdio.h>
#include <string.h>

#include "problem_options.h"

typedef struct common_call {
    const char *name;
    varlen_pass pass;
    int32_t batch;
    int32_t queries; /* of each sequence, as the next */
    int32_t keys;
    int32_t page_size;
} common_call;

static const common_call calls[] = {
    {"one text of 128 tokens", VARLEN_PASS_FORWARD, 1, 128, 128, 0},
    {"16 texts of 1024 tokens", VARLEN_PASS_FORWARD, 16, 1024, 1024, 0},
    {"64 tokens decoded with 4096 keys each in pages of 16", VARLEN_PASS_FORWARD, 64, 1, 4096, 16},
    {"the gradients of one text of 128 tokens", VARLEN_PASS_BACKWARD, 1, 128, 128, 0},
    {"the gradients of 16 texts of 1024 tokens", VARLEN_PASS_BACKWARD, 16, 1024, 1024, 0},
};

enum { CALL_COUNT = sizeof calls / sizeof calls[0] };

static varlen_attention attention_of(const common_call *call, varlen_dtype dtype)
{
    varlen_attention attention = {
        .struct_size = sizeof attention,
        .dtype = dtype,
        .batch = call->batch,
        .q_heads = 32,
        .kv_heads = 8,
        .head_dim = 128,
        .total_q = (int64_t)call->batch * call->queries,
        .max_seqlen_q = call->queries,
        .max_seqlen_k = call->keys,
        .mask = VARLEN_MASK_CAUSAL,
        .page_size = call->page_size,
        .features = VARLEN_FEATURE_LSE,
    };
    if (call->page_size) {
        attention.page_table_width = (call->keys + call->page_size - 1) / call->page_size;
        attention.page_count = (int64_t)call->batch * attention.page_table_width;
    } else {
        attention.total_k = (int64_t)call->batch * call->keys;
    }
    return attention;
}

/* The device's words on a call, or why there are none. */
static void explain_call(varlen_context *context, const common_call *call, varlen_dtype dtype,
                         char text[VARLEN_EXPLAIN_SIZE])
{
    const varlen_attention attention = attention_of(call, dtype);
    if (varlen_explain(context, &attention, call->pass, text, VARLEN_EXPLAIN_SIZE) != VARLEN_OK)
        snprintf(text, VARLEN_EXPLAIN_SIZE, "%s", varlen_error_message());
}

static void print_indented(const char *lines)
{
    for (const char *line = lines; *line;) {
        const size_t length = strcspn(line, "\n");
        printf("    %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

/* Calls of which the device says the same stand together. */
void info_print_kernels(varlen_context *context, const varlen_device_info *device)
{
    varlen_dtype dtype = VARLEN_BFLOAT16;
    while (dtype > VARLEN_FLOAT32 && !(device->dtypes & 1u << dtype))
        dtype--;
    printf("\nKernels of %s:%d for some calls in %s, of 32 heads on 8, d128, causal; varlen explain tells of others\n",
           device->backend, (int)device->device, dtype_word(dtype));
    char text[VARLEN_EXPLAIN_SIZE], next[VARLEN_EXPLAIN_SIZE] = "";
    explain_call(context, &calls[0], dtype, text);
    for (int i = 0; i < CALL_COUNT; i++) {
        printf("  %s\n", calls[i].name);
        if (i + 1 < CALL_COUNT)
            explain_call(context, &calls[i + 1], dtype, next);
        if (i + 1 == CALL_COUNT || strcmp(text, next) != 0)
            print_indented(text);
        memcpy(text, next, sizeof text);
    }
}
