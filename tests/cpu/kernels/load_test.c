/* load.h: rows of the caller's tensors, packed or paged, as the products want them. */
#include "check.h"
#include "half.h"
#include "kernels/load.h"
#include "operands.h"
#include "pieces.h"

enum { HEADS = 3, HEAD = 1, ROWS = 48, PAGE = 5, MOST_DIM = 40 };

/* A tensor of halves or floats with gaps between its rows, and its pages in disorder. */
typedef struct source {
    varlen_tensor tensor;
    varlen_dtype dtype;
    int32_t pages[ROWS];
    int32_t page_size; /* 0: packed */
} source;

static source make_source(varlen_dtype dtype, int32_t page_size)
{
    const int64_t head_stride = MOST_DIM + 8;
    source made = {.tensor = {.token_stride = HEADS * head_stride + 8, .head_stride = head_stride},
                   .dtype = dtype,
                   .page_size = page_size};
    const int64_t elements = 2 * ROWS * made.tensor.token_stride;
    float *floats = check_floats(elements);
    uint16_t *halves = (uint16_t *)floats;
    for (int64_t i = 0; i < elements; i++)
        if (dtype == VARLEN_FLOAT32)
            floats[i] = check_random();
        else
            halves[i] = half_nearest((double)check_random(), dtype == VARLEN_FLOAT16 ? HALF_FLOAT16 : HALF_BFLOAT16);
    made.tensor.data = floats;
    for (int32_t page = 0; page < ROWS; page++)
        made.pages[page] = (page * 7 + 3) % (2 * ROWS / PAGE);
    return made;
}

/* Bits of an element of row `row` of a sequence whose first row is row `first` of the tensor or the slot. */
static const void *element_at(const source *from, int64_t row, int32_t head, int64_t dim)
{
    const int64_t place = from->page_size > 0
                              ? (int64_t)from->pages[row / from->page_size] * from->page_size + row % from->page_size
                              : row;
    const int64_t element = place * from->tensor.token_stride + head * from->tensor.head_stride + dim;
    return (const char *)from->tensor.data + element * varlen_dtype_size(from->dtype);
}

static double value_at(const source *from, int64_t row, int32_t head, int64_t dim)
{
    const void *element = element_at(from, row, head, dim);
    if (from->dtype == VARLEN_FLOAT32)
        return (double)*(const float *)element;
    return half_value(*(const uint16_t *)element, from->dtype == VARLEN_FLOAT16 ? HALF_FLOAT16 : HALF_BFLOAT16);
}

/* Two bfloat16 side by side; those past the end of a row or behind the last row are 0. */
static uint32_t half_bits(const source *from, int64_t row, int64_t rows, int64_t dim, int64_t dims)
{
    return row < rows && dim < dims ? *(const uint16_t *)element_at(from, row, HEAD, dim) : 0;
}

static void check_pair(float got, uint32_t low, uint32_t high, const char *what, int64_t row, int64_t column)
{
    CHECK(operand_bits(got) == (low | high << 16), "%s[%lld][%lld] = 0x%08x in place of 0x%08x", what, (long long)row,
          (long long)column, operand_bits(got), low | high << 16);
}

static cpu_key_rows rows_of(const source *from, int32_t first_row)
{
    const cpu_cache cache = {from->tensor, from->tensor.token_stride * from->page_size, from->page_size, from->dtype};
    const cpu_sequence sequence = {.keys = ROWS - first_row, .first_key = first_row, .pages = from->pages};
    return cpu_key_rows_of(&cache, HEAD, &sequence);
}

/* Keys `begin` .. end - 1 of a sequence that begins with row 2. */
static void check_keys(const source *from, int32_t dim, int32_t begin, int32_t end)
{
    const int32_t first = 2;
    const int64_t stride = load_stride(dim);
    const cpu_key_rows keys = rows_of(from, first);
    float *rows = check_floats((end - begin + 1) * stride);
    load_keys(rows, stride, &keys, from->dtype, dim, begin, end);
    for (int32_t key = begin; key < end; key++) {
        const float *row = rows + (key - begin) * stride;
        for (int32_t i = 0; i < dim; i++)
            check_near((double)row[i], value_at(from, first + key, HEAD, i), 0.0, "keys", key, i);
        check_untouched(row + dim, stride - dim, "keys", key, dim);
    }
    check_untouched(rows + (end - begin) * stride, stride, "keys", end, 0);
}

static void keys_are_loaded_as_floats(void)
{
    for (varlen_dtype dtype = VARLEN_FLOAT32; dtype <= VARLEN_BFLOAT16; dtype++)
        for (int paged = 0; paged < 2; paged++) {
            const source from = make_source(dtype, paged ? PAGE : 0);
            for (int32_t dim = 8; dim <= MOST_DIM; dim += 8)
                check_keys(&from, dim, dim % 3, dim % 3 + dim / 2);
        }
}

static void check_key_pairs(const source *from, int32_t dim, int32_t begin, int32_t end)
{
    const int64_t stride = load_stride(dim);
    const cpu_key_rows keys = rows_of(from, 0);
    float *rows = check_floats((end - begin + 1) * stride);
    load_key_pairs(rows, stride, &keys, dim, begin, end);
    for (int32_t key = begin; key < end; key++) {
        const float *row = rows + (key - begin) * stride;
        for (int32_t i = 0; i < load_pairs_of(dim); i++)
            check_pair(row[i], half_bits(from, key, ROWS, 2 * i, dim), half_bits(from, key, ROWS, 2 * i + 1, dim),
                       "pairs of keys", key, i);
        check_untouched(row + load_pairs_of(dim), stride - load_pairs_of(dim), "pairs of keys", key,
                        load_pairs_of(dim));
    }
}

/* The left matrix of the product over keys: row dim, step a pair of keys. */
static void check_transposed_pairs(const source *from, int32_t dim, int32_t begin, int32_t end)
{
    const int32_t most = 2 * ROWS;
    const cpu_key_rows keys = rows_of(from, 0);
    float *data = check_floats((int64_t)(load_transposed_bytes(dim, most) / sizeof(float)));
    float *row = check_floats(load_stride(dim));
    load_transposed_pairs(data, row, &keys, dim, most, begin, end);
    const panel_left left = load_transposed(data, dim, most, 0, PANEL_PAIRS);
    const int32_t steps = panel_round_up((end - begin + 1) / 2, PANEL_STEPS);
    for (int32_t i = 0; i < dim; i++)
        for (int32_t step = 0; step < steps; step++)
            check_pair(left.data[i * left.row_stride + step * left.step_stride],
                       half_bits(from, begin + 2 * step, end, i, dim),
                       half_bits(from, begin + 2 * step + 1, end, i, dim), "pairs of neighbouring keys", i, step);
}

static void keys_are_loaded_as_pairs(void)
{
    for (int paged = 0; paged < 2; paged++) {
        const source from = make_source(VARLEN_BFLOAT16, paged ? PAGE : 0);
        for (int32_t dim = 8; dim <= MOST_DIM; dim += 8)
            for (int32_t end = 9; end < ROWS; end += 13) {
                check_key_pairs(&from, dim, 4, end);
                check_transposed_pairs(&from, dim, 4, end);
            }
    }
}

/* Columns of any rows and heads; those that are no rows of the tile repeat the last one. */
static panel_columns make_columns(int32_t count)
{
    panel_columns columns = {.count = count, .vectors = (count + LANES - 1) / LANES};
    for (int column = 0; column < PANEL; column++) {
        columns.query[column] = column < count ? (column * 5 + 1) % (ROWS - 4) : columns.query[count - 1];
        columns.head[column] = column % HEADS;
    }
    return columns;
}

static void check_queries(const source *from, int32_t dim, int32_t count)
{
    const varlen_attention attention = {.dtype = from->dtype};
    const cpu_sequence sequence = {.first_query = 3};
    const panel_columns columns = make_columns(count);
    const int32_t width = columns.vectors * LANES;
    const int64_t stride = load_stride(dim);
    float *rows = check_floats(PANEL * stride);
    float *panel = check_floats((dim + 1) * (int64_t)PANEL);
    load_queries(panel, rows, stride, &from->tensor, &attention, dim, &sequence, &columns);
    for (int32_t column = 0; column < width; column++)
        for (int32_t i = 0; i < dim; i++) {
            const double want =
                column < count ? value_at(from, 3 + columns.query[column], columns.head[column], i) : 0.0;
            check_near((double)rows[column * stride + i], want, 0.0, "rows of queries", column, i);
            check_near((double)panel[i * PANEL + column], want, 0.0, "panel of queries", i, column);
        }
    for (int32_t i = 0; i < dim; i++)
        check_untouched(panel + i * PANEL + width, PANEL - width, "panel of queries", i, width);
    check_untouched(panel + dim * PANEL, PANEL, "panel of queries", dim, 0);
}

static void queries_are_loaded_into_panels(void)
{
    for (varlen_dtype dtype = VARLEN_FLOAT32; dtype <= VARLEN_BFLOAT16; dtype++) {
        const source from = make_source(dtype, 0);
        for (int32_t dim = 8; dim <= MOST_DIM; dim += 16)
            for (int32_t count = 1; count <= PANEL; count += LANES - 1)
                check_queries(&from, dim, count);
    }
}

#if defined(__AVX512BF16__)
static uint32_t query_half(const source *from, const panel_columns *columns, int32_t column, int64_t dim, int64_t dims)
{
    if (column >= columns->count || dim >= dims)
        return 0;
    return *(const uint16_t *)element_at(from, columns->query[column], columns->head[column], dim);
}

static void check_query_pairs(const source *from, int32_t dim, int32_t count)
{
    const cpu_sequence sequence = {.first_query = 0};
    const panel_columns columns = make_columns(count);
    const int32_t width = load_width(&columns);
    const int64_t stride = load_stride(dim);
    float *rows = check_floats(PANEL * stride);
    float *panel = check_floats(load_pairs_of(dim) * (int64_t)PANEL);
    float *pairs = check_floats(PANEL * stride);
    load_query_pairs(panel, rows, stride, &from->tensor, dim, &sequence, &columns);
    load_row_pairs(pairs, rows, stride, width, dim);
    for (int32_t column = 0; column < width; column++) {
        for (int32_t i = 0; i < load_pairs_of(dim); i++)
            check_pair(panel[i * PANEL + column], query_half(from, &columns, column, 2 * i, dim),
                       query_half(from, &columns, column, 2 * i + 1, dim), "panel of pairs", i, column);
        for (int32_t i = 0; column % 2 == 0 && i < dim; i++)
            check_pair(pairs[column / 2 * stride + i], query_half(from, &columns, column, i, dim),
                       query_half(from, &columns, column + 1, i, dim), "pairs of rows", column / 2, i);
    }
}

static void queries_are_loaded_as_pairs(void)
{
    const source from = make_source(VARLEN_BFLOAT16, 0);
    for (int32_t dim = 8; dim <= MOST_DIM; dim += 8)
        for (int32_t count = 1; count <= PANEL; count += LANES - 1)
            check_query_pairs(&from, dim, count);
}
#endif

int test_load(void)
{
    static const check_test tests[] = {
        {"keys_are_loaded_as_floats", keys_are_loaded_as_floats},
        {"keys_are_loaded_as_pairs", keys_are_loaded_as_pairs},
        {"queries_are_loaded_into_panels", queries_are_loaded_into_panels},
#if defined(__AVX512BF16__)
        {"queries_are_loaded_as_pairs", queries_are_loaded_as_pairs},
#endif
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
