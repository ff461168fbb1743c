/* See arrivals.h. */
#include "arrivals.h"

#include <stdio.h>

static simt_arrivals &barrier_at(void *address)
{
    simt_async &async = simt_asynchronous();
    const int32_t place = async.shared.offset(address, 8, "a barrier");
    const auto found = async.barriers.find(place);
    if (found == async.barriers.end())
        simt_fail("there is no barrier at shared memory + %d: nobody has created it", place);
    if (!found->second.announced)
        simt_fail("the barrier at shared memory + %d is used before barriers_created()", place);
    return found->second;
}

void simt_barrier_create(void *address, int32_t arrivals)
{
    simt_async &async = simt_asynchronous();
    const int32_t place = async.shared.offset(address, 8, "a barrier");
    if (place % 8 != 0)
        simt_fail("a barrier at shared memory + %d, which is no multiple of 8", place);
    if (async.barriers.count(place))
        simt_fail("the barrier at shared memory + %d is created twice", place);
    if (arrivals < 1 || arrivals > (1 << 20) - 1)
        simt_fail("a barrier for %d arrivals", arrivals);
    simt_arrivals barrier = {};
    barrier.count = barrier.missing = arrivals;
    barrier.seen = true; /* there is no phase before */
    barrier.creator = simt_current->index;
    async.barriers[place] = barrier;
}

void simt_barriers_created()
{
    for (auto &[place, barrier] : simt_asynchronous().barriers)
        if (barrier.creator == simt_current->index)
            barrier.announced = true;
}

static void end_phase(simt_arrivals &barrier)
{
    if (!barrier.seen)
        simt_fail("a barrier ends its phase %lld before anybody has waited for the one before: an arrival too many",
                  (long long)barrier.phase);
    for (const std::function<void()> &land : barrier.copies)
        land();
    barrier.copies.clear();
    barrier.copied_bytes = barrier.expected_bytes = 0;
    barrier.missing = barrier.count;
    barrier.phase++;
    barrier.seen = barrier.waiting > 0;
    barrier.waiting = 0;
    simt_happened();
}

/* Copies land when somebody waits for them. */
static void end_phase_if_due(simt_arrivals &barrier, bool somebody_waits)
{
    if (barrier.missing > 0)
        return;
    if (barrier.copied_bytes > barrier.expected_bytes)
        simt_fail("a barrier expects %d bytes, but copies bring %d", barrier.expected_bytes, barrier.copied_bytes);
    if (barrier.copied_bytes < barrier.expected_bytes)
        return;
    if (somebody_waits || barrier.waiting > 0 || barrier.copies.empty())
        end_phase(barrier);
}

void simt_barrier_arrive(void *address, int32_t expected_bytes, bool arrives)
{
    simt_arrivals &barrier = barrier_at(address);
    barrier.expected_bytes += expected_bytes;
    if (arrives) {
        if (barrier.missing == 0)
            simt_fail(
                "an arrival too many: all %d of the phase have come to the barrier, whose bytes nobody has waited "
                "for",
                barrier.count);
        barrier.missing--;
    }
    end_phase_if_due(barrier, false);
}

void simt_barrier_copy(void *address, int32_t bytes, std::function<void()> land)
{
    simt_arrivals &barrier = barrier_at(address);
    barrier.copied_bytes += bytes;
    barrier.copies.push_back(std::move(land));
    end_phase_if_due(barrier, false);
}

static void describe_barrier(const void *what, char *text, size_t size)
{
    const simt_arrivals &barrier = *(const simt_arrivals *)what;
    snprintf(
        text, size,
        "a barrier, at which %d of %d have arrived in phase %lld, and which expects %d bytes, of which copies bring "
        "%d",
        barrier.count - barrier.missing, barrier.count, (long long)barrier.phase, barrier.expected_bytes,
        barrier.copied_bytes);
}

void simt_barrier_wait(void *address, int32_t parity)
{
    simt_arrivals &barrier = barrier_at(address);
    if (parity != 0 && parity != 1)
        simt_fail("a wait for the parity %d", parity);
    if ((barrier.phase & 1) != parity) {
        barrier.seen = true;
        return;
    }
    const int64_t phase = barrier.phase;
    end_phase_if_due(barrier, true);
    if (barrier.phase == phase) {
        barrier.waiting++;
        while (barrier.phase == phase)
            simt_wait_for({describe_barrier, &barrier});
    }
    if (barrier.phase > phase + 1)
        simt_fail("a barrier went through two phases while a thread waited for one");
    barrier.seen = true;
}

static void describe_named(const void *what, char *text, size_t size)
{
    const simt_named_barrier &barrier = *(const simt_named_barrier *)what;
    snprintf(text, size, "a named barrier, to which %d of %d threads have come", barrier.arrived, barrier.threads);
}

void simt_named_arrive(int32_t number, int32_t threads, bool waits)
{
    if (number < 1 || number > 15)
        simt_fail("named barrier %d is not 1 .. 15", number);
    if (threads < simt_warp || threads % simt_warp != 0)
        simt_fail("named barrier %d for %d threads, which are no whole warps", number, threads);
    simt_named_barrier &barrier = simt_asynchronous().named[number];
    if (barrier.arrived == 0)
        barrier.threads = threads;
    if (barrier.threads != threads)
        simt_fail("named barrier %d is for %d threads here, and for %d elsewhere", number, threads, barrier.threads);
    const int64_t generation = barrier.generation;
    if (++barrier.arrived == threads) {
        barrier.arrived = 0;
        barrier.generation++;
        simt_happened();
    }
    while (waits && barrier.generation == generation)
        simt_wait_for({describe_named, &barrier});
}

/* Not the first lane, and not the same in every warp. */
bool simt_elect_one()
{
    simt_meet(
        "elect_one", [](void *const(&)[simt_warp]) {}, nullptr);
    const int32_t warp = simt_current->index / simt_warp;
    return simt_current->index % simt_warp == (7 * warp + 5) % simt_warp;
}

static int64_t registers_in_use(const simt_async &async)
{
    int64_t all = 0;
    for (int32_t registers : async.registers)
        all += registers * simt_warp;
    return all;
}

static void describe_registers(const void *what, char *text, size_t size)
{
    const simt_async &async = *(const simt_async *)what;
    snprintf(text, size, "registers: the block's warps hold %lld of the %lld that they began with",
             (long long)registers_in_use(async), (long long)async.register_limit);
}

/* A warp asks once; each of its threads waits until it has got them. */
void simt_set_registers(int32_t registers, bool grows)
{
    simt_async &async = simt_asynchronous();
    int32_t &own = async.registers[(size_t)simt_current->index / simt_warp];
    simt_meet(
        grows ? "registers_grow" : "registers_shrink", [](void *const(&)[simt_warp]) {}, nullptr);
    if (grows) {
        if (own > registers)
            simt_fail("registers_grow<%d> of a warp that has %d", registers, own);
        while (own != registers && registers_in_use(async) + (registers - own) * simt_warp > async.register_limit)
            simt_wait_for({describe_registers, &async});
    } else if (own < registers) {
        simt_fail("registers_shrink<%d> of a warp that has %d", registers, own);
    }
    if (own != registers) {
        own = registers;
        simt_happened();
    }
}
