/* See async.h. */
#include "async.h"

simt_async::simt_async(const simt_block &block)
    : shared(block), named(), products(block.warps.size()), registers(block.warps.size())
{
    /* What a kernel of one block a processor is compiled for. */
    const int32_t threads = (int32_t)block.threads.size();
    const int32_t most = 64 * 1024 / threads / 8 * 8;
    for (int32_t &number : registers)
        number = most < 248 ? most : 248;
    register_limit = (int64_t)threads * registers[0];
}

simt_async &simt_asynchronous()
{
    simt_block *block = simt_current->block;
    if (!block->async)
        block->async = std::make_shared<simt_async>(*block);
    return *block->async;
}

void simt_wrote_asynchronous(void *address, int32_t size)
{
    simt_shared &shared = simt_current->block->async->shared;
    char *place = (char *)address;
    if (place >= shared.base && place < shared.base + shared.bytes)
        shared.wrote(shared.offset(address, size, "a write"), size);
}

/* What has been read is written now. */
void simt_async_thread_ends()
{
    if (!simt_current->block->async)
        return;
    std::map<int32_t, std::deque<simt_store_group>> &stores = simt_current->block->async->stores;
    const auto own = stores.find(simt_current->index);
    if (own == stores.end())
        return;
    for (simt_store_group &group : own->second) {
        if (!group.read && !group.stores.empty())
            simt_fail("the thread ends with a store that may still read shared memory");
        for (const simt_store &store : group.stores)
            store.write(store.reading);
    }
}

static void require_barriers_at_rest(const simt_async &async)
{
    for (const auto &[place, barrier] : async.barriers) {
        if (!barrier.copies.empty())
            simt_fail("the block ends with a copy on its way, of the barrier at shared memory + %d", place);
        if (barrier.missing != barrier.count)
            simt_fail("the block ends when %d of %d have arrived at the barrier at shared memory + %d",
                      barrier.count - barrier.missing, barrier.count, place);
        if (barrier.expected_bytes)
            simt_fail("the block ends when the barrier at shared memory + %d expects %d bytes", place,
                      barrier.expected_bytes);
    }
}

void simt_async_block_ends(simt_block *block)
{
    if (!block->async)
        return;
    const simt_async &async = *block->async;
    simt_current = block->threads[0];
    require_barriers_at_rest(async);
    for (size_t warp = 0; warp < async.products.size(); warp++) {
        const simt_warp_products &products = async.products[warp];
        if (!products.open.empty() || !products.groups.empty())
            simt_fail("the block ends with a product under way, of warp %zu", warp);
        if (products.instructions != async.products[warp / 4 * 4].instructions)
            simt_fail("the warps of a group have begun %zu and %zu products", async.products[warp / 4 * 4].instructions,
                      products.instructions);
        if (async.registers[warp] != async.registers[warp / 4 * 4])
            simt_fail("the warps of a group have %d and %d registers", async.registers[warp / 4 * 4],
                      async.registers[warp]);
    }
    simt_current = nullptr;
    block->async.reset();
}
