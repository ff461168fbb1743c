/* What the public header lets expect; see expectation.h. */
#include "expectation.h"

#include "arena.h"

static void expect(expectation *expected, view_reach reach, const char *where)
{
    if (reach > expected->reach)
        *expected = (expectation){reach, where};
}

void expect_rule(expectation *expected, bool holds, const char *rule)
{
    if (!holds)
        expect(expected, VIEW_IMPOSSIBLE, rule);
}

void expect_memory(expectation *expected, bool is_there, const char *what)
{
    if (!is_there)
        expect(expected, VIEW_BEYOND, what);
}

void expect_view(expectation *expected, const tensor_view *view)
{
    expect(expected, view->reach, view->shape.name);
}

void expect_array(expectation *expected, const char *name, const void *data, __int128 count, int64_t size,
                  array_presence presence)
{
    if (!data)
        expect_rule(expected, presence != ARRAY_REQUIRED, name);
    else if (presence == ARRAY_ABSENT || (uintptr_t)data % (uintptr_t)size != 0)
        expect(expected, VIEW_IMPOSSIBLE, name);
    else if (count < 0 || count * size > INT64_MAX || !arena_holds(data, (int64_t)count * size))
        expect(expected, VIEW_BEYOND, name);
}

void permit_array(const void *data, int64_t count, int64_t size)
{
    if (data)
        arena_permit(data, (size_t)(count * size));
}
