/* A kv_append row on the host: its metadata and its numbers. */
#include "append.h"

#include "dtypes.h"
#include "random.h"

#include <math.h>

static int32_t at(const int_list *list, int32_t index)
{
    return index < list->count ? list->at[index] : 0;
}

static int32_t filled(const append_case *row, int32_t b)
{
    return at(&row->used, b) + at(&row->lens_new, b);
}

int32_t append_kv_heads(const append_case *row)
{
    return row->kv_heads ? row->kv_heads : 2;
}

int32_t append_head_dim(const append_case *row)
{
    return row->head_dim ? row->head_dim : 64;
}

int32_t append_value_dim(const append_case *row)
{
    return row->value_dim ? row->value_dim : append_head_dim(row);
}

/* Pages from the last one down, and numbers that no page has where no row goes. */
static void make_pages(case_trial *trial, const append_case *row, append_metadata *metadata)
{
    int32_t batch = row->lens_new.count, size = row->page_size, needed = 0;
    for (int32_t b = 0; b < batch; b++) {
        int32_t count = (filled(row, b) + at(&row->spare, b) + size - 1) / size;
        metadata->width = count > metadata->width ? count : metadata->width;
        needed += count;
    }
    metadata->pages = needed + 2;
    metadata->page_rows = size;
    if (row->without_table)
        return;
    metadata->page_table = TRIAL_TAKE(trial, batch * metadata->width, int32_t);
    for (int32_t b = 0; b < batch; b++)
        for (int32_t n = 0; n < metadata->width; n++)
            metadata->page_table[b * metadata->width + n] =
                n * size < filled(row, b) + at(&row->spare, b) ? needed-- : -1;
}

append_metadata append_metadata_make(case_trial *trial, const append_case *row)
{
    int32_t batch = row->lens_new.count;
    append_metadata metadata = {.cu_seqlens_new = TRIAL_TAKE(trial, batch + 1, int32_t),
                                .seqused_k = TRIAL_TAKE(trial, batch, int32_t)};
    int32_t *slots = TRIAL_TAKE(trial, batch + 1, int32_t);
    if (row->leftpad_k.count)
        metadata.leftpad_k = TRIAL_TAKE(trial, batch, int32_t);
    for (int32_t b = 0; b < batch; b++) {
        metadata.cu_seqlens_new[b + 1] = metadata.cu_seqlens_new[b] + row->lens_new.at[b];
        metadata.seqused_k[b] = at(&row->used, b);
        if (metadata.leftpad_k)
            metadata.leftpad_k[b] = at(&row->leftpad_k, b);
        slots[b + 1] = slots[b] + filled(row, b) + at(&row->spare, b);
        int32_t positions = filled(row, b) - at(&row->leftpad_k, b);
        metadata.positions = positions > metadata.positions ? positions : metadata.positions;
    }
    metadata.total_new = metadata.cu_seqlens_new[batch] + row->slack_new;
    if (row->page_size) {
        make_pages(trial, row, &metadata);
    } else {
        metadata.cu_seqlens_k = slots;
        metadata.pages = 1;
        metadata.page_rows = slots[batch] + 3;
    }
    return metadata;
}

int64_t append_cache_row(const append_case *row, const append_metadata *metadata, int32_t b, int64_t t)
{
    int64_t slot_row = at(&row->used, b) + t;
    if (row->page_size == 0)
        return metadata->cu_seqlens_k[b] + slot_row;
    int64_t page = metadata->page_table[(int64_t)b * metadata->width + slot_row / metadata->page_rows];
    return page * metadata->page_rows + slot_row % metadata->page_rows;
}

static double *random_rows(case_trial *trial, int64_t owned, int64_t rows, int64_t size, random_source *source)
{
    double *values = TRIAL_TAKE(trial, rows * size, double);
    for (int64_t n = 0; n < rows * size; n++)
        values[n] = n < owned * size ? dtype_round(trial->dtype, (float)random_normal(source)) : NAN;
    return values;
}

static void make_extreme(case_trial *trial, double *values, int64_t owned, int64_t size)
{
    static const double factors[] = {0, 6e3, 0x1p-22, 1, 1};
    for (int64_t n = 0; n < owned * size; n++)
        values[n] = dtype_round(trial->dtype, (float)(values[n] * factors[n / size % 5]));
    for (int64_t n = 3; n < owned; n += 5)
        values[n * size] = -INFINITY;
}

append_values append_values_make(case_trial *trial, const append_case *row, const append_metadata *metadata)
{
    random_source source = {trial->seed};
    int64_t rows = metadata->total_new, owned = rows - row->slack_new;
    int64_t half = row->rotary_dim / 2;
    append_values values = {
        .q = random_rows(trial, owned, rows, (int64_t)row->q_heads * append_head_dim(row), &source),
        .k = random_rows(trial, owned, rows, (int64_t)append_kv_heads(row) * append_head_dim(row), &source),
        .v = random_rows(trial, owned, rows, (int64_t)append_kv_heads(row) * append_value_dim(row), &source),
        .cos = TRIAL_TAKE(trial, metadata->positions * half, float),
        .sin = TRIAL_TAKE(trial, metadata->positions * half, float),
    };
    if (row->extreme) {
        make_extreme(trial, values.k, owned, (int64_t)append_kv_heads(row) * append_head_dim(row));
        make_extreme(trial, values.v, owned, (int64_t)append_kv_heads(row) * append_value_dim(row));
    }
    for (int64_t n = 0; n < metadata->positions * half; n++) {
        double angle = (double)(n / half) * pow(10000, -(double)(n % half) / (double)half);
        values.cos[n] = (float)cos(angle);
        values.sin[n] = (float)sin(angle);
    }
    return values;
}
