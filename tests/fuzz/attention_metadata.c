/* Metadata of an attention problem; see attention_metadata.h. */
#include "attention_metadata.h"

#include "arena.h"
#include "fields.h"

int32_t *metadata_take(const char *name, int64_t count)
{
    return arena_take(name, (size_t)count * sizeof(int32_t), 0);
}

void metadata_spoil(fuzz_input *input, const int32_t *array, int64_t count)
{
    if (!array || count <= 0 || (uintptr_t)array % sizeof *array || !arena_holds(array, count * (int64_t)sizeof *array))
        return; /* a count or an address was made hostile before */
    int32_t *wrong = (int32_t *)&array[input_bytes(input, 2) % (uint64_t)count];
    *wrong = field_hostile_int32(input, *wrong);
}

/* Slots of `used` rows and some free ones; those are told by seqused, which is then written. */
static int32_t *make_slots(fuzz_input *input, const char *name, const attention_sizes *sizes, const int32_t *used,
                           const int32_t *seqused)
{
    int32_t *slots = metadata_take(name, sizes->batch + 1);
    slots[0] = 0;
    for (int32_t b = 0; b < sizes->batch; b++)
        slots[b + 1] = slots[b] + used[b] + (seqused ? input_below(input, 3) : 0);
    return slots;
}

static int32_t *copy_ints(const char *name, const int32_t *values, int32_t count)
{
    int32_t *copy = metadata_take(name, count);
    for (int32_t b = 0; b < count; b++)
        copy[b] = values[b];
    return copy;
}

static int32_t bound_on(fuzz_input *input, const int32_t *lengths, int32_t batch)
{
    int32_t longest = 0;
    for (int32_t b = 0; b < batch; b++)
        longest = lengths[b] > longest ? lengths[b] : longest;
    switch (input_below(input, 4)) {
    case 1: return longest;
    case 2: return longest ? longest + input_byte(input) : 0;
    default: return 0;
    }
}

/* Pages from the last one down; entries that no row needs are numbers that no page has. A later sequence may begin with
 * the first one's page. */
static int32_t *make_pages(fuzz_input *input, const int32_t *used, varlen_attention *a)
{
    int32_t width = 0, pages = 0;
    for (int32_t b = 0; b < a->batch; b++) {
        const int32_t needed = (used[b] + a->page_size - 1) / a->page_size;
        width = needed > width ? needed : width;
        pages += needed;
    }
    width += INPUT_PICK(input, 0, 0, 1, 2);
    a->page_count = pages + input_below(input, 2);
    a->page_table_width = width;
    int32_t *table = metadata_take("page_table", (int64_t)a->batch * width);
    const bool is_shared = input_chance(input, 64);
    for (int32_t b = 0; b < a->batch; b++)
        for (int32_t n = 0; n < width; n++)
            table[b * width + n] = n * a->page_size < used[b] ? --pages : (n % 2 ? INT32_MAX : -1);
    for (int32_t b = 1; b < a->batch && is_shared && used[0] > 0; b++)
        if (used[b] > 0)
            table[b * width] = table[0];
    return (int64_t)a->batch * width == 0 && input_chance(input, 128) ? NULL : table;
}

/* Rows in use with the padding before them, which is NULL or its array. */
static int32_t *make_padding(fuzz_input *input, const char *name, const int32_t *lengths, int32_t batch, int32_t *used)
{
    int32_t *leftpad = input_chance(input, 64) ? metadata_take(name, batch) : NULL;
    for (int32_t b = 0; b < batch; b++) {
        const int32_t padding = leftpad ? input_below(input, 4) : 0;
        used[b] = lengths[b] + padding;
        if (leftpad)
            leftpad[b] = padding;
    }
    return leftpad;
}

static void make_keys(fuzz_input *input, const attention_sizes *sizes, varlen_attention *a, varlen_inputs *inputs)
{
    int32_t used[MOST_SEQUENCES];
    inputs->leftpad_k = make_padding(input, "leftpad_k", sizes->keys, sizes->batch, used);
    if (a->page_size || input_chance(input, 64))
        inputs->seqused_k = copy_ints("seqused_k", used, sizes->batch);
    if (a->page_size) {
        inputs->page_table = make_pages(input, used, a);
        return;
    }
    const int32_t *slots = make_slots(input, "cu_seqlens_k", sizes, used, inputs->seqused_k);
    inputs->cu_seqlens_k = slots;
    a->total_k = slots[sizes->batch] + INPUT_PICK(input, 0, 0, 1, 3);
}

void attention_metadata_make(fuzz_input *input, const attention_sizes *sizes, varlen_attention *a,
                             varlen_inputs *inputs)
{
    a->batch = sizes->batch;
    a->max_seqlen_q = bound_on(input, sizes->queries, sizes->batch);
    a->max_seqlen_k = bound_on(input, sizes->keys, sizes->batch);
    int32_t used[MOST_SEQUENCES];
    inputs->leftpad_q = make_padding(input, "leftpad_q", sizes->queries, sizes->batch, used);
    if (input_chance(input, 64))
        inputs->seqused_q = copy_ints("seqused_q", used, sizes->batch);
    const int32_t *slots = make_slots(input, "cu_seqlens_q", sizes, used, inputs->seqused_q);
    inputs->cu_seqlens_q = slots;
    a->total_q = slots[sizes->batch] + INPUT_PICK(input, 0, 0, 1, 3);
    make_keys(input, sizes, a, inputs);
}

static int32_t position(fuzz_input *input)
{
    if (input_chance(input, 128))
        return input_below(input, 64) - 24;
    return INPUT_PICK(input, 0, 1, -1, 7, -9, 300, -1000, INT32_MAX, INT32_MIN);
}

/* The last sequence's keys come first; or anywhere. */
static void start_keys(fuzz_input *input, varlen_pass pass, const varlen_attention *a, varlen_inputs *inputs)
{
    const int32_t *slots = inputs->cu_seqlens_k;
    const bool shared = pass == VARLEN_PASS_FORWARD && input_chance(input, 128);
    int32_t *starts = metadata_take("key_starts", a->batch);
    if (!inputs->seqused_k) {
        int32_t *used = metadata_take("seqused_k", a->batch);
        for (int32_t b = 0; b < a->batch; b++)
            used[b] = slots[b + 1] - slots[b];
        inputs->seqused_k = used;
    }
    for (int32_t b = 0; b < a->batch; b++) {
        const uint64_t room = (uint64_t)(a->total_k - inputs->seqused_k[b] + 1);
        starts[b] = (int32_t)(shared ? input_bytes(input, 2) % room : (uint64_t)(a->total_k - slots[b + 1]));
    }
    inputs->key_starts = starts;
    inputs->cu_seqlens_k = NULL;
}

void attention_positions_make(fuzz_input *input, varlen_pass pass, const varlen_attention *a, varlen_inputs *inputs)
{
    if (a->alignment != VARLEN_ALIGN_TOP_LEFT && input_chance(input, 64)) {
        int32_t *positions = metadata_take("query_positions", a->batch);
        for (int32_t b = 0; b < a->batch; b++)
            positions[b] = position(input);
        inputs->query_positions = positions;
    }
    if (a->page_size == 0 && input_chance(input, 64))
        start_keys(input, pass, a, inputs);
}

void attention_metadata_spoil(fuzz_input *input, const varlen_attention *a, const varlen_inputs *inputs)
{
    switch (input_below(input, 11)) {
    case 0: metadata_spoil(input, inputs->cu_seqlens_q, (int64_t)a->batch + 1); break;
    case 1: metadata_spoil(input, inputs->cu_seqlens_k, (int64_t)a->batch + 1); break;
    case 2: metadata_spoil(input, inputs->seqused_q, a->batch); break;
    case 3: metadata_spoil(input, inputs->seqused_k, a->batch); break;
    case 4: metadata_spoil(input, inputs->leftpad_k, a->batch); break;
    case 5: metadata_spoil(input, inputs->leftpad_q, a->batch); break;
    case 6: metadata_spoil(input, inputs->key_begin, a->total_q); break;
    case 7: metadata_spoil(input, inputs->key_end, a->total_q); break;
    case 8: metadata_spoil(input, inputs->query_positions, a->batch); break;
    case 9: metadata_spoil(input, inputs->key_starts, a->batch); break;
    default: metadata_spoil(input, inputs->page_table, (int64_t)a->batch * a->page_table_width); break;
    }
}
