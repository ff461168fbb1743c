/* Calls of the backend that VARLEN_BACKEND names, with the workspace that varlen_workspace_size asks for and not a byte
 * more: what lies behind it cannot be touched. Batches are those that need the most of their shape, and others. Device
 * memory must be the host's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <varlen/varlen.h>

#include "conformance/dtypes.h"

enum { GROUPS = 5, DIM = 16, ALIGNMENT = 256, CANARY = 0x5a, POISON = 0xff };

/* So many sequences of so many queries and keys. */
typedef struct sequences {
    int32_t count;
    int32_t queries;
    int32_t keys;
} sequences;

typedef struct workload {
    const char *name;
    sequences groups[GROUPS];
    int32_t q_heads; /* 0 = 2 */
    int32_t kv_heads;
    int32_t slack; /* rows of no sequence */
    int32_t page_size;
    bool without_table;
    uint32_t flags;
} workload;

/* clang-format off */
static const workload workloads[] = {
    {.name = "nothing", .groups = {{0, 0, 0}}},
    {.name = "no tokens", .groups = {{300, 0, 0}}},
    {.name = "no keys", .groups = {{3, 5, 0}, {20, 0, 0}}},
    {.name = "no queries", .groups = {{3, 0, 200}, {20, 0, 0}}, .slack = 3},
    {.name = "one token each", .groups = {{400, 1, 1}}},
    {.name = "short", .groups = {{70, 16, 16}}},
    {.name = "short behind empty ones", .groups = {{90, 0, 0}, {9, 16, 16}, {90, 0, 1}, {1, 40, 300}}, .slack = 70},
    {.name = "keys without queries first", .groups = {{4, 0, 300}, {1, 150, 150}, {30, 1, 129}}},
    {.name = "queries without keys first", .groups = {{40, 3, 0}, {1, 150, 150}, {3, 1, 129}}},
    {.name = "one key more than a tile", .groups = {{30, 1, 129}, {3, 49, 129}, {9, 1, 65}}},
    {.name = "rows that fill no panel", .groups = {{5, 25, 140}, {5, 49, 140}, {5, 65, 140}}},
    {.name = "long", .groups = {{1, 700, 700}, {30, 2, 2}}},
    {.name = "most parts", .groups = {{3, 16, 1025}, {1, 16, 3073}, {40, 1, 1}}, .q_heads = 4},
    {.name = "most parts, few rows", .groups = {{1, 1, 5000}, {2, 1, 1025}, {40, 0, 0}}, .q_heads = 4},
    {.name = "most parts, batch invariant", .groups = {{2, 8, 1025}, {1, 1, 2049}, {9, 30, 7}}, .q_heads = 4,
     .flags = VARLEN_FLAG_BATCH_INVARIANT},
    {.name = "in order", .groups = {{2, 70, 300}, {20, 3, 3}, {1, 9, 140}}, .flags = VARLEN_FLAG_DETERMINISTIC},
    {.name = "wide group", .groups = {{3, 1, 1500}, {2, 3, 70}}, .q_heads = 40, .kv_heads = 1},
    {.name = "paged", .groups = {{3, 1, 1100}, {2, 20, 50}, {30, 0, 0}}, .q_heads = 4, .page_size = 16},
    {.name = "paged, no table", .groups = {{30, 2, 0}}, .page_size = 16, .without_table = true},
};
/* clang-format on */

typedef struct problem {
    varlen_attention attention;
    int32_t *cu_seqlens_q;
    int32_t *cu_seqlens_k;
    int32_t *seqused_k; /* paged only, as the next */
    int32_t *page_table;
} problem;

static varlen_context *context;

static int set_up(void **state)
{
    (void)state;
    if (varlen_open(NULL, &context) != VARLEN_OK)
        fail_msg("%s", varlen_error_message());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    varlen_close(context);
    return 0;
}

static void expect_ok(const workload *w, varlen_status status)
{
    if (status != VARLEN_OK)
        fail_msg("%s: %s", w->name, varlen_error_message());
}

static int32_t *ints(int64_t count)
{
    int32_t *result = calloc((size_t)count + 1, sizeof *result);
    assert_non_null(result);
    return result;
}

static uint16_t *numbers(int64_t rows, int32_t heads, float value)
{
    int64_t count = rows * heads * DIM;
    uint16_t *result = malloc((size_t)(count + 8) * sizeof *result);
    assert_non_null(result);
    for (int64_t n = 0; n < count; n++)
        result[n] = dtype_bfloat16_from(value);
    return result;
}

/* Pages are shared: all sequences read the same ones, in order. */
static void make_pages(const workload *w, problem *p, int32_t longest)
{
    varlen_attention *a = &p->attention;
    a->total_k = 0;
    a->page_size = w->page_size;
    a->page_count = (longest + w->page_size - 1) / w->page_size + 1;
    a->page_table_width = w->without_table ? 0 : (int32_t)a->page_count;
    p->page_table = ints((int64_t)a->batch * a->page_table_width);
    for (int32_t n = 0; n < a->batch * a->page_table_width; n++)
        p->page_table[n] = n % a->page_table_width;
    free(p->cu_seqlens_k);
    p->cu_seqlens_k = NULL;
}

static problem make_problem(const workload *w)
{
    problem p = {.attention = {.struct_size = sizeof p.attention,
                               .dtype = VARLEN_BFLOAT16,
                               .q_heads = w->q_heads ? w->q_heads : 2,
                               .kv_heads = w->kv_heads ? w->kv_heads : 2,
                               .head_dim = DIM,
                               .flags = w->flags}};
    for (int n = 0; n < GROUPS; n++)
        p.attention.batch += w->groups[n].count;
    p.cu_seqlens_q = ints(p.attention.batch + 1);
    p.cu_seqlens_k = ints(p.attention.batch + 1);
    p.seqused_k = ints(p.attention.batch);
    int32_t b = 0, longest = 0;
    for (int n = 0; n < GROUPS; n++)
        for (int32_t i = 0; i < w->groups[n].count; i++, b++) {
            p.cu_seqlens_q[b + 1] = p.cu_seqlens_q[b] + w->groups[n].queries;
            p.cu_seqlens_k[b + 1] = p.cu_seqlens_k[b] + w->groups[n].keys;
            p.seqused_k[b] = w->groups[n].keys;
            longest = w->groups[n].keys > longest ? w->groups[n].keys : longest;
        }
    p.attention.total_q = p.cu_seqlens_q[b] + w->slack;
    p.attention.total_k = p.cu_seqlens_k[b] + w->slack;
    if (w->page_size)
        make_pages(w, &p, longest);
    return p;
}

static void free_problem(problem *p)
{
    free(p->cu_seqlens_q);
    free(p->cu_seqlens_k);
    free(p->seqused_k);
    free(p->page_table);
}

/* A workspace that ends, but for its alignment, where memory does. */
typedef struct fenced {
    unsigned char *pages; /* the last of which is out of bounds */
    size_t bytes;         /* of the others */
    unsigned char *data;
    size_t size;
} fenced;

static fenced fenced_take(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    fenced memory = {.bytes = (size / page + 2) * page, .size = size};
    memory.pages = mmap(NULL, memory.bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory.pages != MAP_FAILED);
    assert_int_equal(mprotect(memory.pages + memory.bytes, page, PROT_NONE), 0);
    memory.data = memory.pages + (memory.bytes - size) / ALIGNMENT * ALIGNMENT;
    memset(memory.pages, CANARY, memory.bytes);
    memset(memory.data, POISON, size);
    return memory;
}

static void fenced_check(const workload *w, fenced *memory)
{
    for (unsigned char *byte = memory->pages; byte < memory->pages + memory->bytes; byte++)
        if (*byte != CANARY && (byte < memory->data || byte >= memory->data + memory->size))
            fail_msg("%s: byte %td of a workspace of %zu was written", w->name, byte - memory->data, memory->size);
    munmap(memory->pages, memory->bytes + (size_t)sysconf(_SC_PAGESIZE));
}

static fenced take_workspace(const workload *w, const problem *p, varlen_pass pass)
{
    size_t size;
    expect_ok(w, varlen_workspace_size(context, &p->attention, pass, &size));
    return fenced_take(size);
}

static void expect_numbers(const workload *w, const char *name, const uint16_t *got, int64_t count, double low,
                           double high)
{
    for (int64_t n = 0; n < count; n++) {
        double value = dtype_from_bfloat16(got[n]);
        if (!(value >= low && value <= high))
            fail_msg("%s: %s: element %lld is %g", w->name, name, (long long)n, value);
    }
}

static varlen_inputs inputs_of(const problem *p, uint16_t *const tensors[3])
{
    const varlen_attention *a = &p->attention;
    return (varlen_inputs){.struct_size = sizeof(varlen_inputs),
                           .q.data = tensors[0],
                           .k.data = tensors[1],
                           .v.data = tensors[2],
                           .cu_seqlens_q = p->cu_seqlens_q,
                           .cu_seqlens_k = p->cu_seqlens_k,
                           .seqused_k = a->page_size ? p->seqused_k : NULL,
                           .page_table = a->page_table_width ? p->page_table : NULL};
}

/* Values are all 0.5, and so are their means. */
static void run_forward(const workload *w, const problem *p, uint16_t *const tensors[3], uint16_t *out, float *lse)
{
    const varlen_attention *a = &p->attention;
    fenced workspace = take_workspace(w, p, VARLEN_PASS_FORWARD);
    const varlen_inputs inputs = inputs_of(p, tensors);
    const varlen_forward_args args = {.struct_size = sizeof args,
                                      .inputs = &inputs,
                                      .out.data = out,
                                      .lse = lse,
                                      .workspace = workspace.data,
                                      .workspace_size = workspace.size};
    expect_ok(w, varlen_forward(context, NULL, a, &args));
    fenced_check(w, &workspace);
    for (int32_t b = 0; b < a->batch; b++) {
        double expected = p->seqused_k[b] ? 0.5 : 0.0;
        int64_t row = (int64_t)a->q_heads * DIM;
        expect_numbers(w, "out", out + p->cu_seqlens_q[b] * row, (p->cu_seqlens_q[b + 1] - p->cu_seqlens_q[b]) * row,
                       expected * 0.99, expected * 1.01);
    }
}

/* dv of a key is the sum over queries and heads of what they give it: 1 / keys of dout, which is 1. */
static void run_backward(const workload *w, const problem *p, uint16_t *const tensors[3], uint16_t *out, float *lse)
{
    const varlen_attention *a = &p->attention;
    uint16_t *dout = numbers(a->total_q, a->q_heads, 1.0f), *dq = numbers(a->total_q, a->q_heads, NAN);
    uint16_t *dk = numbers(a->total_k, a->kv_heads, NAN), *dv = numbers(a->total_k, a->kv_heads, NAN);
    fenced workspace = take_workspace(w, p, VARLEN_PASS_BACKWARD);
    const varlen_inputs inputs = inputs_of(p, tensors);
    const varlen_backward_args args = {.struct_size = sizeof args,
                                       .inputs = &inputs,
                                       .out.data = out,
                                       .lse = lse,
                                       .dout.data = dout,
                                       .dq.data = dq,
                                       .dk.data = dk,
                                       .dv.data = dv,
                                       .workspace = workspace.data,
                                       .workspace_size = workspace.size};
    expect_ok(w, varlen_backward(context, NULL, a, &args));
    fenced_check(w, &workspace);
    expect_numbers(w, "dq", dq, a->total_q * a->q_heads * DIM, -0.01, 0.01);
    expect_numbers(w, "dk", dk, a->total_k * a->kv_heads * DIM, -0.1, 0.1);
    int32_t group = a->q_heads / a->kv_heads;
    for (int32_t b = 0; b < a->batch; b++) {
        int32_t queries = p->cu_seqlens_q[b + 1] - p->cu_seqlens_q[b];
        double expected = p->seqused_k[b] ? (double)queries * group / p->seqused_k[b] : 0.0;
        int64_t row = (int64_t)a->kv_heads * DIM;
        expect_numbers(w, "dv", dv + p->cu_seqlens_k[b] * row, p->seqused_k[b] * row, expected * 0.98, expected * 1.02);
    }
    free(dout);
    free(dq);
    free(dk);
    free(dv);
}

static void calls_stay_inside(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof workloads / sizeof workloads[0]; n++) {
        const workload *w = &workloads[n];
        problem p = make_problem(w);
        const varlen_attention *a = &p.attention;
        int64_t k_rows = a->page_size ? a->page_count * a->page_size : a->total_k;
        uint16_t *tensors[3] = {numbers(a->total_q, a->q_heads, 0.25f), numbers(k_rows, a->kv_heads, 0.25f),
                                numbers(k_rows, a->kv_heads, 0.5f)};
        uint16_t *out = numbers(a->total_q, a->q_heads, NAN);
        float *lse = malloc((size_t)(a->total_q * a->q_heads + 1) * sizeof *lse);
        assert_non_null(lse);
        run_forward(w, &p, tensors, out, lse);
        if (!a->page_size)
            run_backward(w, &p, tensors, out, lse);
        for (int t = 0; t < 3; t++)
            free(tensors[t]);
        free(out);
        free(lse);
        free_problem(&p);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(calls_stay_inside)};
    return cmocka_run_group_tests_name("workspace/calls", cases, set_up, tear_down);
}
