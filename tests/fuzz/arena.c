/* The memory of one run; see arena.h. */
#include "arena.h"

#include "finding.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif

#ifdef WATCHED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(data, size) ((void)(data), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(data, size) ((void)(data), (void)(size))
#endif

enum {
    CAPACITY = 4 << 20,
    WORKSPACE_CAPACITY = 16 << 20,
    MOST_BLOCKS = 64,
    RED_ZONE = 64,
    RED = 0xe5,
};

typedef struct block {
    const char *name;
    uint8_t *data;
    size_t size;
} block;

static _Alignas(4096) uint8_t memory[CAPACITY];
static uint8_t kept[CAPACITY];  /* as it was when it was sealed */
static uint8_t right[CAPACITY]; /* as it should be: that, and what was accepted */
static size_t used;
static block blocks[MOST_BLOCKS];
static int block_count;

static _Alignas(4096) uint8_t workspace_memory[WORKSPACE_CAPACITY + 2 * RED_ZONE];
static uint8_t *workspace;
static size_t workspace_size;

void arena_reset(void)
{
    used = RED_ZONE;
    memset(memory, RED, RED_ZONE);
    block_count = 0;
    workspace = NULL;
    workspace_size = 0;
}

void *arena_take(const char *name, size_t size, size_t offset)
{
    const size_t end = used + offset + size;
    const size_t next = (end + RED_ZONE + 63) / 64 * 64;
    if (next > CAPACITY || block_count == MOST_BLOCKS)
        finding("the target takes more memory than it has: %zu bytes for %s", size, name);
    uint8_t *data = memory + used + offset;
    memset(memory + used, RED, offset);
    memset(data, 0xff, size);
    memset(data + size, RED, next - end);
    blocks[block_count++] = (block){name, data, size};
    used = next;
    return data;
}

void *arena_newest(size_t *size)
{
    *size = blocks[block_count - 1].size;
    return blocks[block_count - 1].data;
}

bool arena_holds(const void *data, int64_t size)
{
    const uintptr_t address = (uintptr_t)data;
    for (const block *b = blocks; b < blocks + block_count; b++) {
        const uintptr_t begin = (uintptr_t)b->data;
        if (address >= begin && address <= begin + b->size && size >= 0 &&
            (uint64_t)size <= b->size - (address - begin))
            return true;
    }
    return false;
}

void arena_seal(void)
{
    memcpy(kept, memory, used);
    memcpy(right, memory, used);
    ASAN_POISON_MEMORY_REGION(memory, used);
}

void arena_permit(const void *data, size_t size)
{
    ASAN_UNPOISON_MEMORY_REGION(data, size);
}

void arena_permit_block(const void *data)
{
    for (const block *b = blocks; b < blocks + block_count; b++)
        if (b->data == data)
            arena_permit(data, b->size);
}

void arena_permit_all(void)
{
    for (const block *b = blocks; b < blocks + block_count; b++)
        arena_permit(b->data, b->size);
}

void arena_open(void)
{
    ASAN_UNPOISON_MEMORY_REGION(memory, used);
    if (workspace)
        ASAN_UNPOISON_MEMORY_REGION(workspace + workspace_size, RED_ZONE);
}

const void *arena_before(const void *data)
{
    return kept + ((const uint8_t *)data - memory);
}

void arena_accept(const void *data, size_t size)
{
    memcpy(right + ((const uint8_t *)data - memory), data, size);
}

static void report_byte(const char *call, size_t place)
{
    const block *nearest = &blocks[0];
    for (const block *b = blocks; b < blocks + block_count; b++)
        if (b->data <= memory + place)
            nearest = b;
    const ptrdiff_t offset = memory + place - nearest->data;
    finding("%s: byte %td of %s (%zu bytes) was changed from 0x%02x to 0x%02x", call, offset, nearest->name,
            nearest->size, right[place], memory[place]);
}

void arena_check(const char *call)
{
    if (memcmp(memory, right, used) != 0) {
        size_t place = 0;
        while (memory[place] == right[place])
            place++;
        report_byte(call, place);
    }
    for (size_t n = 0; workspace && n < RED_ZONE; n++)
        if (workspace[-1 - (ptrdiff_t)n] != RED || workspace[workspace_size + n] != RED)
            finding("%s: wrote outside its workspace of %zu bytes", call, workspace_size);
}

void *arena_workspace(size_t size)
{
    if (size > WORKSPACE_CAPACITY)
        return NULL;
    workspace = workspace_memory + RED_ZONE;
    workspace_size = size;
    memset(workspace_memory, RED, RED_ZONE);
    memset(workspace, 0xff, size);
    memset(workspace + size, RED, RED_ZONE);
    ASAN_POISON_MEMORY_REGION(workspace + size, RED_ZONE);
    return workspace;
}
