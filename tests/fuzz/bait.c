/* Calls around attention; see bait.h. */
#include "bait.h"

#include "arena.h"
#include "finding.h"

#include <string.h>

void *bait_address(void)
{
    static _Alignas(8) char place[8];
    return place + 1;
}

static varlen_status submit(const around_call *around, const void *args)
{
    refusal_prepare();
    const varlen_status status = around->call(around->context, args);
    arena_open();
    return status;
}

void bait_run(const around_call *around, const void *args, const expectation *expected)
{
    arena_seal();
    arena_permit_all();
    const varlen_status status = submit(around, args);
    if (status == VARLEN_OK)
        finding("%s: accepted, although an array is not aligned", around->name);
    refusal_check(around->name, status);
    arena_check(around->name);
    /* Where the argument itself was wrong, the stand-in has taken its place. */
    const size_t length = expected->where ? strlen(expected->where) : 0;
    const bool is_replaced = length > 0 && strncmp(around->bait, expected->where, length) == 0;
    if (expected->reach == VIEW_IMPOSSIBLE && !is_replaced && refusal_begins(around->bait))
        finding("%s: accepted but for an address that is not aligned, although %s is not as it must be", around->name,
                expected->where);
}

bool around_run(const around_call *around, const void *args, bool must_run)
{
    const varlen_status status = submit(around, args);
    if (status == VARLEN_OK)
        return true;
    refusal_check(around->name, status);
    arena_check(around->name);
    if (must_run)
        finding("%s: a valid problem is refused: %s", around->name, varlen_error_message());
    return false;
}
