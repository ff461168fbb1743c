/* Device memory between guard zones; see device_block.h. */
#include "device_block.h"

#include <string.h>

static int64_t guarded_size(const device_block *block)
{
    return block->window_size + 2 * BLOCK_GUARD;
}

device_block *block_add_windows(block_list *list, const char *name, int64_t windows, int64_t window_size,
                                int64_t window_stride, uint8_t fill)
{
    case_trial *trial = list->session->trial;
    device_block *block = TRIAL_TAKE(trial, 1, device_block);
    *block = (device_block){.name = name,
                            .windows = windows,
                            .window_size = window_size,
                            .window_stride = window_stride,
                            .older = list->newest};
    int64_t span = (windows - 1) * window_stride + guarded_size(block);
    unsigned char *device = session_take(list->session, (size_t)span);
    if (!device)
        trial_skip(trial, "no room on the device for %lld bytes of %s", (long long)span, name);
    block->data = device + BLOCK_GUARD;
    block->image = TRIAL_TAKE(trial, windows * guarded_size(block), unsigned char);
    block->seen = TRIAL_TAKE(trial, windows * guarded_size(block), unsigned char);
    memset(block->image, fill, (size_t)(windows * guarded_size(block)));
    list->newest = block;
    return block;
}

device_block *block_add(block_list *list, const char *name, int64_t size, uint8_t fill)
{
    return block_add_windows(list, name, 1, size, 0, fill);
}

device_block *block_add_copy(block_list *list, const char *name, const void *contents, int64_t size)
{
    if (!contents)
        return NULL;
    device_block *block = block_add(list, name, size, BLOCK_INPUT_FILL);
    memcpy(block_at(block, block->image, 0), contents, (size_t)size);
    return block;
}

unsigned char *block_at(const device_block *block, unsigned char *copy, int64_t offset)
{
    int64_t window = block->windows > 1 ? offset / block->window_stride : 0;
    return copy + window * guarded_size(block) + BLOCK_GUARD + (offset - window * block->window_stride);
}

void *block_data(const device_block *block)
{
    return block ? block->data : NULL;
}

void block_list_upload(const block_list *list)
{
    for (device_block *block = list->newest; block; block = block->older)
        for (int64_t window = 0; window < block->windows; window++)
            session_copy(list->session, block->data + window * block->window_stride - BLOCK_GUARD,
                         block->image + window * guarded_size(block), (size_t)guarded_size(block));
}

void block_list_download(const block_list *list)
{
    for (device_block *block = list->newest; block; block = block->older)
        for (int64_t window = 0; window < block->windows; window++)
            session_copy(list->session, block->seen + window * guarded_size(block),
                         block->data + window * block->window_stride - BLOCK_GUARD, (size_t)guarded_size(block));
    session_finish(list->session);
}

void block_accept(device_block *block)
{
    for (int64_t window = 0; window < block->windows; window++) {
        int64_t offset = window * block->window_stride;
        memcpy(block_at(block, block->image, offset), block_at(block, block->seen, offset), (size_t)block->window_size);
    }
}

static void check(case_trial *trial, const device_block *block)
{
    int64_t size = block->windows * guarded_size(block);
    if (memcmp(block->image, block->seen, (size_t)size) == 0)
        return;
    int64_t at = 0;
    while (block->image[at] == block->seen[at])
        at++;
    trial_fail(trial,
               "%s: byte %lld of window %lld (contents: 0 to %lld), which the call must leave alone, was 0x%02x and "
               "became 0x%02x",
               block->name, (long long)(at % guarded_size(block) - BLOCK_GUARD), (long long)(at / guarded_size(block)),
               (long long)block->window_size - 1, block->image[at], block->seen[at]);
}

void block_list_check(const block_list *list)
{
    for (device_block *block = list->newest; block; block = block->older)
        check(list->session->trial, block);
}
