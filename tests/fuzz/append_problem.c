/* Valid kv_append calls; see append_model.h. */
#include "append_scales.h"
#include "arena.h"
#include "numbers.h"

static view_shape rows_of(const varlen_kv_append_args *args, const char *name, int64_t heads, int64_t dim, bool written)
{
    return (view_shape){.name = name,
                        .written = written,
                        .element_size = varlen_dtype_size(args->dtype),
                        .alignment = 16,
                        .steps = 1,
                        .tokens = args->total_new,
                        .heads = heads,
                        .dim = dim};
}

static varlen_tensor place_cache(fuzz_input *input, const varlen_kv_append_args *args, const char *name, int64_t dim,
                                 int64_t *page_stride)
{
    view_shape shape = rows_of(args, name, args->kv_heads, dim, true);
    shape.element_size = varlen_dtype_size(args->cache_dtype ? args->cache_dtype : args->dtype);
    shape.tokens = args->page_size ? args->page_size : args->total_k;
    shape.steps = args->page_size ? args->page_count : 1;
    return view_place(input, &shape, args->page_size ? page_stride : NULL);
}

static varlen_tensor place_new(fuzz_input *input, const varlen_kv_append_args *args, const char *name, int64_t heads,
                               int64_t dim, bool written)
{
    const view_shape shape = rows_of(args, name, heads, dim, written);
    const varlen_tensor placed = view_place(input, &shape, NULL);
    numbers_fill_newest(args->dtype);
    return placed;
}

static int32_t *make_pages(fuzz_input *input, varlen_kv_append_args *args, const int32_t *rows)
{
    int32_t width = 0, pages = 0;
    for (int32_t b = 0; b < args->batch; b++) {
        const int32_t needed = (rows[b] + args->page_size - 1) / args->page_size;
        width = needed > width ? needed : width;
        pages += needed;
    }
    width += INPUT_PICK(input, 0, 0, 1, 2);
    args->page_table_width = width;
    args->page_count = pages + input_below(input, 2);
    int32_t *table = metadata_take("page_table", (int64_t)args->batch * width);
    for (int32_t b = 0; b < args->batch; b++)
        for (int32_t n = 0; n < width; n++)
            table[b * width + n] = n * args->page_size < rows[b] ? --pages : (n % 2 ? INT32_MAX : -1);
    return (int64_t)args->batch * width == 0 && input_chance(input, 128) ? NULL : table;
}

static void give_metadata(fuzz_input *input, varlen_kv_append_args *args)
{
    int32_t *ends = metadata_take("cu_seqlens_new", args->batch + 1);
    int32_t *used = metadata_take("seqused_k", args->batch), *slots = NULL, rows[MOST_SEQUENCES];
    int32_t *leftpad = input_chance(input, 64) ? metadata_take("leftpad_k", args->batch) : NULL;
    args->page_size = input_chance(input, 96) ? INPUT_PICK(input, 1, 2, 3, 4, 16) : 0;
    if (!args->page_size)
        args->cu_seqlens_k = slots = metadata_take("cu_seqlens_k", args->batch + 1);
    ends[0] = 0;
    for (int32_t b = 0; b < args->batch; b++) {
        const int32_t added = INPUT_PICK(input, 1, 0, 2, 3, 7);
        ends[b + 1] = ends[b] + added;
        used[b] = input_below(input, 9);
        rows[b] = used[b] + added;
        if (leftpad)
            leftpad[b] = input_below(input, used[b] + 1);
        args->rotary_positions = rows[b] > args->rotary_positions ? rows[b] : args->rotary_positions;
    }
    for (int32_t b = -1; b < args->batch && slots; b++)
        slots[b + 1] = b < 0 ? 0 : slots[b] + rows[b] + input_below(input, 3);
    if (slots)
        args->total_k = slots[args->batch] + INPUT_PICK(input, 0, 0, 1, 3);
    else
        args->page_table = make_pages(input, args, rows);
    args->total_new = ends[args->batch] + INPUT_PICK(input, 0, 0, 1, 3);
    args->cu_seqlens_new = ends;
    args->seqused_k = used;
    args->leftpad_k = leftpad;
    const int32_t out = input_below(input, 3);
    args->seqused_k_out = out == 0 ? metadata_take("seqused_k_out", args->batch) : (out == 1 ? used : NULL);
}

static const float *take_table(const varlen_kv_append_args *args, const char *name)
{
    void *table = arena_take(name, (size_t)(args->rotary_positions * args->rotary_dim / 2) * sizeof(float), 0);
    numbers_fill_newest(VARLEN_FLOAT32);
    return table;
}

/* Dims of quantised rows are multiples of 16. */
static void give_cache_dtype(fuzz_input *input, varlen_kv_append_args *args)
{
    args->cache_dtype = INPUT_PICK(input, VARLEN_FLOAT8_E4M3, VARLEN_FLOAT8_E5M2, VARLEN_INT8);
    args->scales_given = input_chance(input, 96);
    args->head_dim = (args->head_dim + 15) / 16 * 16;
    args->value_dim = (args->value_dim + 15) / 16 * 16;
}

varlen_kv_append_args append_problem_make(fuzz_input *input)
{
    varlen_kv_append_args args = {.struct_size = sizeof args, .dtype = (varlen_dtype)input_below(input, 3)};
    args.batch = input_below(input, 5);
    args.kv_heads = 1 + input_below(input, 3);
    args.head_dim = INPUT_PICK(input, 8, 8, 16, 520, 24, 40, 64, 128, 256);
    args.value_dim = input_chance(input, 64) ? INPUT_PICK(input, 8, 16, 24, 128) : 0;
    if (input_chance(input, 96))
        give_cache_dtype(input, &args);
    numbers_seed(input_byte(input));
    give_metadata(input, &args);
    if (input_chance(input, 128)) {
        args.rotary_dim = 2 * (1 + input_below(input, args.head_dim / 2));
        args.rotary_begin = INPUT_PICK(input, 0, 0, 1, 2, 3, 7) % (args.head_dim - args.rotary_dim + 1);
        if (input_chance(input, 64))
            args.rotary_begin = args.head_dim - args.rotary_dim;
        args.rotary_interleaved = input_below(input, 2);
        args.q_heads = input_below(input, 4);
        args.rotary_cos = take_table(&args, "rotary_cos");
        args.rotary_sin = take_table(&args, "rotary_sin");
    } else {
        args.rotary_positions = 0;
    }
    args.k_new = place_new(input, &args, "k_new", args.kv_heads, args.head_dim, false);
    if (args.q_heads)
        args.q = place_new(input, &args, "q", args.q_heads, args.head_dim, true);
    args.k_cache = place_cache(input, &args, "k_cache", args.head_dim, &args.k_page_stride);
    if (!input_chance(input, 64)) {
        const int32_t value_dim = args.value_dim ? args.value_dim : args.head_dim;
        args.v_new = place_new(input, &args, "v_new", args.kv_heads, value_dim, false);
        args.v_cache = place_cache(input, &args, "v_cache", value_dim, &args.v_page_stride);
    }
    if (args.cache_dtype)
        append_scales_make(input, &args);
    return args;
}
