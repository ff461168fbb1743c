/* int32 arrays in device memory; see block_ints.h. */
#include "block_ints.h"

#include <string.h>

const int32_t *block_add_ints(block_list *list, const char *name, const int32_t *values, int64_t count)
{
    return block_data(block_add_copy(list, name, values, count * (int64_t)sizeof *values));
}

void block_expect_ints(case_trial *trial, device_block *block, const int32_t *expected, int64_t count)
{
    const unsigned char *seen = block_at(block, block->seen, 0);
    for (int64_t n = 0; n < count; n++) {
        int32_t got;
        memcpy(&got, seen + n * (int64_t)sizeof got, sizeof got);
        if (got != expected[n])
            trial_fail(trial, "%s[%lld] is %d, not %d", block->name, (long long)n, (int)got, (int)expected[n]);
    }
    block_accept(block);
}
