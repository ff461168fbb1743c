/* columns.h: which query and head each column of a panel is, and what it sees, against the mask's own words. */
#include "check.h"
#include "kernels/row_softmax.h"
#include "pieces.h"

enum { KV_HEAD = 2, MOST_KEYS = 50 };

typedef struct mask {
    int32_t left, right;
    varlen_alignment alignment;
} mask;

static const mask masks[] = {
    {VARLEN_UNBOUNDED, VARLEN_UNBOUNDED, VARLEN_ALIGN_BOTTOM_RIGHT},
    {VARLEN_UNBOUNDED, 0, VARLEN_ALIGN_BOTTOM_RIGHT},
    {VARLEN_UNBOUNDED, 0, VARLEN_ALIGN_TOP_LEFT},
    {5, 3, VARLEN_ALIGN_BOTTOM_RIGHT},
    {0, 0, VARLEN_ALIGN_TOP_LEFT},
    {7, VARLEN_UNBOUNDED, VARLEN_ALIGN_BOTTOM_RIGHT},
};

/* docs/semantics.md: query i stands at p, and sees key j if p - left <= j <= p + right. */
static bool is_seen(const mask *rule, int64_t position, int64_t key)
{
    return (rule->left == VARLEN_UNBOUNDED || position - rule->left <= key) &&
           (rule->right == VARLEN_UNBOUNDED || key <= position + rule->right);
}

static int64_t position_of(const mask *rule, const cpu_sequence *sequence, int64_t query)
{
    return rule->alignment == VARLEN_ALIGN_TOP_LEFT ? query : query + sequence->keys - sequence->queries;
}

static void check_column(const panel_columns *columns, int column, const mask *rule, const cpu_sequence *sequence,
                         int64_t row, int32_t group)
{
    const int64_t position = position_of(rule, sequence, row / group);
    CHECK(columns->query[column] == row / group, "column %d is query %d", column, columns->query[column]);
    CHECK(columns->head[column] == KV_HEAD * group + row % group, "column %d is head %d", column,
          columns->head[column]);
    CHECK(columns->position[column] == position, "column %d stands at %d", column, columns->position[column]);
    CHECK(columns->maximum[column] == -INFINITY && columns->reference[column] == -INFINITY &&
              columns->sum[column] == 0.0f,
          "the softmax of column %d has begun", column);
    for (int32_t key = 0; key < sequence->keys; key++) {
        const bool seen = columns->first_key[column] <= key && key <= columns->last_key[column];
        CHECK(seen == is_seen(rule, position, key), "column %d, row %lld, %s key %d", column, (long long)row,
              seen ? "sees" : "does not see", key);
    }
}

/* begin .. end - 1 is from the first to the last key that some column sees; every column sees common_begin ..
 * common_end - 1. */
static void check_common(const panel_columns *columns, const mask *rule, const cpu_sequence *sequence,
                         int64_t first_row, int32_t group)
{
    for (int32_t key = 0; key < sequence->keys; key++) {
        bool some = false, all = true;
        for (int column = 0; column < columns->count; column++) {
            const bool seen = is_seen(rule, position_of(rule, sequence, (first_row + column) / group), key);
            some |= seen;
            all &= seen;
        }
        CHECK(!some || (columns->begin <= key && key < columns->end), "key %d is seen, outside %d .. %d", key,
              columns->begin, columns->end);
        CHECK(some || (key != columns->begin && key != columns->end - 1), "key %d ends %d .. %d, and is not seen", key,
              columns->begin, columns->end);
        CHECK(all || key < columns->common_begin || key >= columns->common_end, "key %d is not common, within %d .. %d",
              key, columns->common_begin, columns->common_end);
        CHECK(!all || (columns->common_begin <= key && key < columns->common_end), "key %d is common, outside %d .. %d",
              key, columns->common_begin, columns->common_end);
    }
}

static void check_panel(const mask *rule, int32_t queries, int32_t keys, int32_t group, int64_t first_row,
                        int32_t count)
{
    const varlen_attention attention = {.q_heads = 4 * group,
                                        .kv_heads = 4,
                                        .window_left = rule->left,
                                        .window_right = rule->right,
                                        .alignment = rule->alignment};
    const cpu_inputs inputs = {.attention = &attention};
    const cpu_metadata metadata = {.alignment = rule->alignment};
    cpu_sequence sequence = {.queries = queries, .keys = keys};
    sequence.shift = cpu_position_shift(&metadata, &sequence);
    panel_columns columns;
    columns_init(&columns, &inputs, &sequence, KV_HEAD, first_row, count);
    CHECK(columns.count == count && columns.vectors == (count + LANES - 1) / LANES, "%d columns in %d vectors",
          columns.count, columns.vectors);
    for (int column = 0; column < columns.vectors * LANES; column++) {
        const int last = column < count ? column : count - 1; /* the others repeat the last one */
        check_column(&columns, column, rule, &sequence, first_row + last, group);
    }
    check_common(&columns, rule, &sequence, first_row, group);
}

static void columns_see_what_the_mask_lets_them(void)
{
    static const int32_t lengths[][2] = {{1, 1}, {2, 5}, {5, 2}, {40, MOST_KEYS}, {MOST_KEYS, 12}, {33, 33}};
    static const int32_t groups[] = {1, 3, 8};
    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (int g = 0; g < 3; g++) {
                const int32_t rows = lengths[l][0] * groups[g];
                for (int32_t first = 0; first < rows; first += PANEL - 3)
                    check_panel(&masks[m], lengths[l][0], lengths[l][1], groups[g], first,
                                rows - first < PANEL ? rows - first : PANEL);
            }
}

/* Of `columns`, whose first query stands at `first`: |p - j| as ALiBi takes it, by columns and by rows. */
static void check_distances(const panel_columns *columns, int64_t first, int32_t keys)
{
    static const score_rule rule = {.transform = 1, .transform_scale = 1.0f};
    float *scores = check_random_rows(keys, columns->vectors * LANES, PANEL, 0.0f);
    score_transform(scores, columns, &rule, 0, keys);
    for (int column = 0; column < columns->count; column++)
        for (int32_t key = 0; key < keys; key++) {
            const double distance = fabs((double)(first + columns->query[column] - key));
            const double by_row = (double)row_distance(columns, column, key_numbers(key, 0))[0];
            check_near(-(double)scores[key * PANEL + column], distance, distance * 0x1p-23, "distance", key, column);
            check_near(by_row, distance, distance * 0x1p-23, "distance by row", key, column);
        }
}

static void queries_stand_where_they_are_said_to(void)
{
    enum { QUERIES = 40, KEYS = 1000 }; /* so that a distance of 32 bits would be seen to turn over */
    static const int32_t positions[] = {INT32_MIN, INT32_MIN + KEYS,    -70,           -1,       0, 13, KEYS,
                                        1000000,   INT32_MAX - QUERIES, INT32_MAX - 3, INT32_MAX};
    const int32_t starts[] = {0, QUERIES}, keys[] = {0, KEYS};
    const float slopes[] = {1.0f};
    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++)
        for (size_t n = 0; n < sizeof positions / sizeof *positions; n++) {
            const varlen_attention attention = {
                .q_heads = 1, .kv_heads = 1, .window_left = masks[m].left, .window_right = masks[m].right};
            const cpu_inputs inputs = {.attention = &attention, .alibi_slopes = slopes};
            const cpu_metadata metadata = {
                .cu_seqlens_q = starts, .cu_seqlens_k = keys, .query_positions = positions + n};
            const cpu_sequence sequence = cpu_sequence_at(&metadata, 0);
            const int32_t first_row = QUERIES - PANEL / 2 > 0 ? QUERIES - PANEL / 2 : 0, count = QUERIES - first_row;
            const int64_t first = positions[n];
            panel_columns columns;
            columns_init(&columns, &inputs, &sequence, 0, first_row, count < PANEL ? count : PANEL);
            for (int column = 0; column < columns.count; column++)
                for (int32_t key = 0; key < KEYS; key++) {
                    const bool seen = columns.first_key[column] <= key && key <= columns.last_key[column];
                    CHECK(seen == is_seen(&masks[m], first + columns.query[column], key), "the query at %lld %s key %d",
                          (long long)first + columns.query[column], seen ? "sees" : "does not see", key);
                }
            check_distances(&columns, first, KEYS);
        }
}

static void slopes_are_those_of_the_head_and_finite(void)
{
    const varlen_attention attention = {.q_heads = 4, .kv_heads = 2};
    const float slopes[] = {0.5f, 1e30f, -1e30f, 3.0f, 0.25f, -0.125f, INFINITY, -2.0f};
    const cpu_inputs inputs = {.attention = &attention, .alibi_slopes = slopes, .alibi_batch_stride = 4};
    for (int32_t sequence = 0; sequence < 2; sequence++)
        for (int32_t head = 0; head < 4; head++) {
            const double limit = 0x1p95, slope = (double)slopes[4 * sequence + head];
            check_near((double)columns_slope(&inputs, sequence, head), fmax(fmin(slope, limit), -limit), 0.0, "slope",
                       sequence, head);
        }
    const cpu_inputs none = {.attention = &attention};
    CHECK(columns_slope(&none, 1, 1) == 0.0f, "a slope where there are none");
}

int test_columns(void)
{
    static const check_test tests[] = {
        {"columns_see_what_the_mask_lets_them", columns_see_what_the_mask_lets_them},
        {"queries_stand_where_they_are_said_to", queries_stand_where_they_are_said_to},
        {"slopes_are_those_of_the_head_and_finite", slopes_are_those_of_the_head_and_finite},
    };
    return check_run(tests, sizeof tests / sizeof *tests);
}
