/* Which thread runs next, and when it has to wait. */
#include "async.h"

#include <algorithm>
#include <mutex>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

simt_thread *simt_current;

/* Blocks that run side by side. */
constexpr int resident_blocks = 4;

/* Turns in which nobody did anything but wait in a loop. */
constexpr int64_t patience = 20 * 1000 * 1000;

static simt_grid running;
static std::vector<simt_warp_state *> queue; /* warps with a thread that is ready, in no order */
static int64_t idle_turns;
static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) * limit >> 32);
}

void simt_fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("simt: ", stderr);
    vfprintf(stderr, format, values);
    va_end(values);
    if (simt_current)
        fprintf(stderr, " (block %d of %d, thread %d)", simt_current->block->index, simt_current->block->blocks,
                simt_current->index);
    fputc('\n', stderr);
    abort();
}

static void wait_as(simt_activity activity)
{
    simt_thread *thread = simt_current;
    thread->activity = activity;
    if (activity != simt_activity::ready)
        idle_turns = 0;
    simt_fiber_stop(&thread->fiber);
}

static void enqueue(simt_warp_state *warp)
{
    if (!warp->queued)
        queue.push_back(warp);
    warp->queued = true;
}

void simt_barrier()
{
    simt_block *block = simt_current->block;
    if (++block->at_barrier < running.threads) {
        wait_as(simt_activity::at_barrier);
        return;
    }
    block->at_barrier = 0;
    for (simt_thread *thread : block->threads)
        thread->activity = simt_activity::ready;
    for (simt_warp_state &warp : block->warps)
        enqueue(&warp);
    wait_as(simt_activity::ready); /* the last to come is not always the first to go on */
}

void simt_meet(const char *name, simt_collective collective, void *argument)
{
    simt_warp_state *warp = simt_current->warp;
    if (warp->arrived == 0) {
        warp->collective = collective;
        warp->collective_name = name;
    } else if (warp->collective != collective) {
        simt_fail("%s, but other threads of the warp are in %s", name, warp->collective_name);
    }
    warp->arguments[simt_current->index % simt_warp] = argument;
    if (++warp->arrived < simt_warp) {
        wait_as(simt_activity::in_collective);
        return;
    }
    warp->arrived = 0;
    collective(warp->arguments);
    for (int lane = 0; lane < simt_warp; lane++)
        warp->threads[lane]->activity = simt_activity::ready;
}

void simt_yield()
{
    wait_as(simt_activity::ready);
}

void simt_wait_for(const simt_event &event)
{
    simt_current->event = event;
    wait_as(simt_activity::waiting);
}

void simt_happened()
{
    simt_block *block = simt_current->block;
    for (simt_thread *thread : block->threads) {
        if (thread->activity != simt_activity::waiting)
            continue;
        thread->activity = simt_activity::ready;
        enqueue(thread->warp);
    }
}

static void land(const simt_copy &copy)
{
    if (copy.from)
        memcpy(copy.to, copy.from, 16);
    else
        memset(copy.to, 0, 16);
    simt_wrote(copy.to, 16);
}

/* A copy may take place at any time from now until it is waited for. */
void simt_copy_later(const simt_copy &copy)
{
    if (random_below(2))
        land(copy);
    else
        simt_current->copies.back().push_back(copy);
}

void simt_copies_commit()
{
    simt_current->copies.emplace_back();
}

void simt_copies_wait(size_t groups)
{
    std::vector<std::vector<simt_copy>> &copies = simt_current->copies;
    while (copies.size() - 1 > groups) {
        for (const simt_copy &copy : copies.front())
            land(copy);
        copies.erase(copies.begin());
    }
}

/* What a fiber does: the kernel, for one thread after another. */
static void fiber_entry()
{
    simt_fiber_entered();
    for (;;) {
        running.body(running.arguments);
        simt_async_thread_ends();
        simt_current->block->finished++;
        wait_as(simt_activity::finished);
    }
}

/* Fibers are kept from launch to launch. */
static simt_thread *thread_at(size_t place)
{
    static std::vector<std::unique_ptr<simt_thread>> threads;
    while (threads.size() <= place) {
        threads.push_back(std::make_unique<simt_thread>());
        simt_fiber_create(&threads.back()->fiber, fiber_entry);
    }
    return threads[place].get();
}

/* Shared memory is NaNs, whatever the type, until it is written. */
static void start_block(simt_block *block, int slot, int32_t index)
{
    *block = {};
    block->index = index;
    block->blocks = running.blocks;
    void *shared;
    if (posix_memalign(&shared, 1024, (size_t)running.shared_bytes + 1) != 0)
        simt_fail("no memory for a block's shared memory");
    memset(shared, 0xff, (size_t)running.shared_bytes);
    block->shared = (char *)shared;
    block->shared_bytes = running.shared_bytes;
    for (int32_t i = 0; i < running.threads; i++)
        block->threads.push_back(thread_at((size_t)(slot * running.threads + i)));
    block->warps.resize((size_t)(running.threads / simt_warp));
    for (int32_t i = 0; i < running.threads; i++) {
        simt_thread *thread = block->threads[(size_t)i];
        thread->block = block;
        thread->warp = &block->warps[(size_t)(i / simt_warp)];
        thread->index = i;
        thread->activity = simt_activity::ready;
        thread->copies.assign(1, {});
    }
    for (size_t i = 0; i < block->warps.size(); i++) {
        block->warps[i].threads = &block->threads[i * simt_warp];
        enqueue(&block->warps[i]);
    }
}

/* Each ready thread of the warp, until it waits. */
static void run_warp(simt_warp_state *warp)
{
    for (int lane = 0; lane < simt_warp; lane++) {
        simt_thread *thread = warp->threads[lane];
        if (thread->activity != simt_activity::ready)
            continue;
        simt_current = thread;
        simt_fiber_resume(&thread->fiber);
        simt_current = nullptr;
    }
    for (int lane = 0; lane < simt_warp; lane++)
        if (warp->threads[lane]->activity == simt_activity::ready)
            enqueue(warp);
}

[[noreturn]] static void fail_deadlock(const simt_block &block)
{
    for (simt_thread *thread : block.threads) {
        simt_current = thread;
        if (thread->activity == simt_activity::in_collective)
            simt_fail("waits for ever in %s, which not all threads of the warp have come to",
                      thread->warp->collective_name);
    }
    for (simt_thread *thread : block.threads) {
        simt_current = thread;
        if (thread->activity == simt_activity::at_barrier)
            simt_fail("waits for ever at a barrier, which %d of %d threads have come to", block.at_barrier,
                      running.threads);
    }
    for (simt_thread *thread : block.threads) {
        char text[256];
        simt_current = thread;
        if (thread->activity != simt_activity::waiting)
            continue;
        thread->event.describe(thread->event.what, text, sizeof text);
        simt_fail("waits for ever for %s", text);
    }
    abort();
}

/* What has happened may have called warps that have nothing left to do. */
static void forget_warps(const simt_block *block)
{
    const auto of_block = [block](const simt_warp_state *warp) { return warp->threads[0]->block == block; };
    queue.erase(std::remove_if(queue.begin(), queue.end(), of_block), queue.end());
}

/* The block whose warp it was. */
static simt_block *run_turn()
{
    const uint32_t place = random_below((uint32_t)queue.size());
    simt_warp_state *warp = queue[place];
    queue[place] = queue.back();
    queue.pop_back();
    warp->queued = false;
    run_warp(warp);
    if (++idle_turns > patience) {
        simt_current = warp->threads[0];
        simt_fail("waits for ever for another block");
    }
    return warp->threads[0]->block;
}

static uint64_t seed()
{
    const char *text = getenv("SIMT_SEED");
    const uint64_t value = text ? strtoull(text, nullptr, 10) : 1;
    return (value + 1) * 0x9e3779b97f4a7c15u; /* 0 would stay 0 */
}

void simt_run(const simt_grid &grid)
{
    static std::mutex device;
    const std::lock_guard<std::mutex> alone(device);
    simt_require(grid.threads > 0 && grid.threads % simt_warp == 0, "a block is whole warps");
    running = grid;
    idle_turns = 0;
    random_state = seed();

    simt_block slots[resident_blocks] = {};
    int32_t next = 0;
    while (next < resident_blocks && next < grid.blocks) {
        start_block(&slots[next], next, next);
        next++;
    }
    for (int32_t left = grid.blocks; left > 0;) {
        if (queue.empty())
            for (simt_block &block : slots)
                if (block.shared)
                    fail_deadlock(block);
        simt_block *block = run_turn();
        if (block->finished < grid.threads)
            continue;
        simt_async_block_ends(block);
        forget_warps(block);
        free(block->shared);
        block->shared = nullptr;
        left--;
        if (next < grid.blocks)
            start_block(block, (int)(block - slots), next++);
    }
}
