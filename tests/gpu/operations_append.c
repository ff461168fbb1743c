/* varlen_kv_append with rotation, to a packed cache and to a paged one. Rotated elements are rounded to float16 once on
 * each backend; everything else is copied. */
#include "operations.h"

#include "fill.h"

#include <math.h>
#include <stddef.h>

enum { Q, K_NEW, V_NEW, K_CACHE, V_CACHE, CU_SEQLENS_NEW, CU_SEQLENS_K, SEQUSED_K, SEQUSED_OUT, PAGE_TABLE, COS, SIN };

static const double rotated_tolerance = 0x1p-10;

/* New rows of one sequence. */
enum { MOST_NEW = 5 };

static int64_t positions(const varlen_attention *sizes)
{
    return sizes->page_size ? (int64_t)sizes->page_size * sizes->page_table_width : sizes->total_k;
}

static void lay_out(workload *work)
{
    const varlen_attention *a = &work->operation->attention;
    const int64_t heads = a->kv_heads, dim = a->head_dim, table = positions(a) * dim / 2;
    const int64_t rows = a->page_size ? a->page_count * a->page_size : a->total_k;
    workload_add_result(work, Q, "q", FLOAT16, a->total_q * a->q_heads * dim, rotated_tolerance, LEFT_ALONE);
    workload_add_input(work, K_NEW, "k_new", FLOAT16, a->total_q * heads * dim);
    workload_add_input(work, V_NEW, "v_new", FLOAT16, a->total_q * heads * dim);
    workload_add_result(work, K_CACHE, "k_cache", FLOAT16, rows * heads * dim, rotated_tolerance, LEFT_ALONE);
    workload_add_result(work, V_CACHE, "v_cache", FLOAT16, rows * heads * dim, 0, LEFT_ALONE);
    workload_add_input(work, CU_SEQLENS_NEW, "cu_seqlens_new", INT32, a->batch + 1);
    workload_add_input(work, SEQUSED_K, "seqused_k", INT32, a->batch);
    workload_add_input(work, COS, "rotary_cos", FLOAT32, table);
    workload_add_input(work, SIN, "rotary_sin", FLOAT32, table);
    if (a->page_size) {
        workload_add_input(work, PAGE_TABLE, "page_table", INT32, (int64_t)a->batch * a->page_table_width);
    } else {
        workload_add_input(work, CU_SEQLENS_K, "cu_seqlens_k", INT32, a->batch + 1);
        workload_add_result(work, SEQUSED_OUT, "seqused_k_out", INT32, a->batch, 0, ZEROS);
    }
}

static void fill_tables(const workload *work, unsigned char *memory)
{
    const int64_t half = work->operation->attention.head_dim / 2;
    float *cosines = buffer_in(work, memory, COS), *sines = buffer_in(work, memory, SIN);
    for (int64_t n = 0; n < work->buffers[COS].count; n++) {
        const double angle = (double)(n / half) * pow(10000, -(double)(n % half) / (double)half);
        cosines[n] = (float)cos(angle);
        sines[n] = (float)sin(angle);
    }
}

/* Each sequence's page table entries are its own, as two rows of one place in the cache would race. */
static void fill_own_pages(const workload *work, unsigned char *memory, int32_t b)
{
    const varlen_attention *a = &work->operation->attention;
    int32_t *table = buffer_in(work, memory, PAGE_TABLE);
    for (int32_t n = b * a->page_table_width; n < (b + 1) * a->page_table_width; n++)
        table[n] = (int32_t)a->page_count - 1 - n;
}

static void fill_lengths(const workload *work, unsigned char *memory, filling how, random_source *source)
{
    const varlen_attention *a = &work->operation->attention;
    int32_t *slots = buffer_in(work, memory, CU_SEQLENS_K), *used = buffer_in(work, memory, SEQUSED_K);
    int32_t *added = buffer_in(work, memory, CU_SEQLENS_NEW);
    if (slots)
        fill_cu_seqlens(slots, a->batch, a->total_k, FILL_ALL, source);
    added[0] = 0;
    for (int32_t b = 0; b < a->batch; b++) {
        const int64_t slot = slots ? slots[b + 1] - slots[b] : positions(a);
        used[b] = (int32_t)random_below(source, slot + 1);
        const int64_t most = slot - used[b] < MOST_NEW ? slot - used[b] : MOST_NEW;
        added[b + 1] = added[b] + (int32_t)random_below(source, fill_limit(b, a->batch, most, how) + 1);
        if (!slots)
            fill_own_pages(work, memory, b);
    }
}

/* In the packed cache a length is bad, in the paged one a page that new rows go to. */
static void fill(const workload *work, unsigned char *memory, filling how, random_source *source)
{
    const varlen_attention *a = &work->operation->attention;
    int32_t *used = buffer_in(work, memory, SEQUSED_K), *table = buffer_in(work, memory, PAGE_TABLE);
    for (int index = Q; index <= V_CACHE; index++)
        fill_floats(work, memory, index, source);
    fill_tables(work, memory);
    fill_lengths(work, memory, how, source);
    if (how != FILL_BAD)
        return;
    if (!table) {
        used[a->batch / 2] = FAR_OUT;
        return;
    }
    const int32_t *added = buffer_in(work, memory, CU_SEQLENS_NEW);
    int32_t b = 0;
    while (added[b + 1] == added[b])
        b++;
    table[b * a->page_table_width + used[b] / a->page_size] = FAR_OUT;
}

static varlen_tensor tensor_at(const placement *place, int index)
{
    return (varlen_tensor){.data = buffer_at(place, index)};
}

static varlen_status kv_append(const placement *place, varlen_stream stream)
{
    const varlen_attention *a = &place->work->operation->attention;
    const varlen_kv_append_args args = {
        .struct_size = sizeof args,
        .dtype = VARLEN_FLOAT16,
        .batch = a->batch,
        .kv_heads = a->kv_heads,
        .head_dim = a->head_dim,
        .q_heads = a->q_heads,
        .total_new = a->total_q,
        .total_k = a->total_k,
        .page_size = a->page_size,
        .page_table_width = a->page_table_width,
        .page_count = a->page_count,
        .q = tensor_at(place, Q),
        .k_new = tensor_at(place, K_NEW),
        .v_new = tensor_at(place, V_NEW),
        .k_cache = tensor_at(place, K_CACHE),
        .v_cache = tensor_at(place, V_CACHE),
        .cu_seqlens_new = buffer_at(place, CU_SEQLENS_NEW),
        .cu_seqlens_k = buffer_at(place, CU_SEQLENS_K),
        .seqused_k = buffer_at(place, SEQUSED_K),
        .page_table = buffer_at(place, PAGE_TABLE),
        .seqused_k_out = buffer_at(place, a->page_size ? SEQUSED_K : SEQUSED_OUT),
        .rotary_cos = buffer_at(place, COS),
        .rotary_sin = buffer_at(place, SIN),
        .rotary_positions = positions(a),
        .rotary_dim = a->head_dim,
    };
    return varlen_kv_append(place->context, stream, &args);
}

/* clang-format off */
#define APPEND .lay_out = lay_out, .fill = fill, .submit = kv_append, .has_metadata = true, .repeats = true

#define SIZES .batch = 10, .q_heads = 4, .kv_heads = 2, .head_dim = 32, .total_q = 10 * MOST_NEW + 3
/* clang-format on */

const operation append_packed = {.name = "kv_append", .attention = {SIZES, .total_k = 300}, APPEND};

const operation append_paged = {
    .name = "kv_append, paged", .attention = {SIZES, .page_size = 8, .page_table_width = 6, .page_count = 64}, APPEND};
