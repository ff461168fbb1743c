/* Which arguments of a call share memory. */
#include "extents.h"

#include <inttypes.h>

#include "rule.h"

void varlen_extents_add(varlen_extents *extents, const char *name, const void *data, int64_t bytes, bool written)
{
    if (data && bytes > 0)
        extents->at[extents->count++] =
            (varlen_extent){.name = name, .written = written, .begin = (uintptr_t)data, .reach = {bytes}};
}

void varlen_extents_repeat(varlen_extents *extents, int64_t count, int64_t stride)
{
    varlen_extent *last = &extents->at[extents->count - 1];
    const int64_t further = (count - 1) * stride;
    int place = 0;
    if (further == 0)
        return;
    for (; place < last->steps && last->stride[place] > stride; place++)
        last->reach[place] += further;
    last->reach[last->steps + 1] = last->reach[last->steps];
    for (int i = last->steps; i > place; i--) {
        last->stride[i] = last->stride[i - 1];
        last->reach[i] = last->reach[i - 1];
    }
    last->stride[place] = stride;
    last->reach[place] += further;
    last->steps++;
}

static int64_t stride_at(const varlen_extent *extent, int step)
{
    return step < extent->steps ? extent->stride[step] : 0;
}

/* Whether `a`, from its dimension `step_a` on, and `b`, likewise and `distance` bytes further, have no byte in common.
 * Repetitions by one stride of both meet if and only if they do modulo that stride; whoever is not repeated by it must
 * fit in it. Where that does not tell, they count as meeting. */
static bool are_apart(const varlen_extent *a, int step_a, const varlen_extent *b, int step_b, int64_t distance)
{
    if (distance >= a->reach[step_a] || -distance >= b->reach[step_b])
        return true;
    const int64_t stride_a = stride_at(a, step_a);
    const int64_t stride_b = stride_at(b, step_b);
    const int64_t stride = stride_a > stride_b ? stride_a : stride_b;
    const int inner_a = step_a + (stride_a == stride);
    const int inner_b = step_b + (stride_b == stride);
    if (stride == 0 || a->reach[inner_a] > stride || b->reach[inner_b] > stride)
        return false;
    const int64_t remainder = distance % stride;
    const int64_t ahead = remainder < 0 ? remainder + stride : remainder;
    return are_apart(a, inner_a, b, inner_b, ahead) && are_apart(a, inner_a, b, inner_b, ahead - stride);
}

static bool share_memory(const varlen_extent *a, const varlen_extent *b)
{
    return a->begin < b->begin + (uintptr_t)b->reach[0] && b->begin < a->begin + (uintptr_t)a->reach[0] &&
           !are_apart(a, 0, b, 0, (int64_t)(b->begin - a->begin));
}

static varlen_status check_pair(const varlen_extent *written, const varlen_extent *other)
{
    /* One would be read, or written again, while or after the other is written. */
    VARLEN_RULE(!share_memory(written, other), INVALID_ARGUMENT,
                "%s (0x%" PRIxPTR " .. 0x%" PRIxPTR "), which is written, overlaps %s (0x%" PRIxPTR " .. 0x%" PRIxPTR
                ")",
                written->name, written->begin, written->begin + (uintptr_t)written->reach[0] - 1, other->name,
                other->begin, other->begin + (uintptr_t)other->reach[0] - 1);
    return VARLEN_OK;
}

varlen_status varlen_check_overlaps(const varlen_extents *extents)
{
    for (int i = 0; i < extents->count; i++)
        for (int j = 0; j < extents->count && extents->at[i].written; j++)
            if (i != j)
                VARLEN_TRY(check_pair(&extents->at[i], &extents->at[j]));
    return VARLEN_OK;
}
