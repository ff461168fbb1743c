/* Running sums of lengths, by one kernel whatever their number.
 *
 * Each block sums its own share, and for that the lengths before it; to know that all are sound it reads the others
 * too. A million lengths are read from the cache by all blocks at once in some 30 microseconds. Blocks that hand on
 * their sums would read each length once, but need memory of the call's own to do so, which there is none of. */
#ifndef VARLEN_GPU_CU_SEQLENS_H
#define VARLEN_GPU_CU_SEQLENS_H

#include "around/work_share.h"
#include "call/scan.h"
#include "call/violation.h"

struct cu_seqlens_arguments {
    const int32_t *lengths;
    int32_t *cu_seqlens;
    int32_t batch;
    int32_t validate;
    violation_mailbox mailbox;
};

enum {
    CU_SEQLENS_AT_ONCE = 4, /* neighbouring lengths to a thread */
    CU_SEQLENS_STEP = AROUND_THREADS * CU_SEQLENS_AT_ONCE,
};

struct cu_seqlens_shared {
    int64_t sums[AROUND_THREADS];
    block_scan_memory<AROUND_THREADS> scan;
};

GPU_DEVICE int64_t block_total(cu_seqlens_shared &shared, int64_t value)
{
    int32_t thread = thread_index();
    shared.sums[thread] = value;
    for (int32_t half = AROUND_THREADS / 2; half > 0; half /= 2) {
        block_barrier();
        if (thread < half)
            shared.sums[thread] += shared.sums[thread + half];
    }
    block_barrier();
    int64_t total = shared.sums[0];
    block_barrier();
    return total;
}

/* What the block needs to know of lengths other than its own. */
struct length_totals {
    int64_t before; /* sum of those before the share */
    bool valid;
};

GPU_DEVICE length_totals total_lengths(const cu_seqlens_arguments &args, int32_t begin, cu_seqlens_shared &shared)
{
    int64_t before = 0;
    int64_t all = 0;
    int64_t negative = 0;
#pragma unroll 4
    for (int64_t b = thread_index(); b < args.batch; b += AROUND_THREADS) {
        int32_t length = args.lengths[b];
        before += b < begin ? length : 0;
        all += length;
        negative += length < 0;
    }
    before = block_total(shared, before);
    if (!args.validate)
        return {before, true};
    all = block_total(shared, all);
    negative = block_total(shared, negative);
    return {before, negative == 0 && all <= INT32_MAX};
}

/* By one thread, when it is known that there is one. */
GPU_DEVICE varlen_violation find_length_violation(const cu_seqlens_arguments &args)
{
    int64_t sum = 0;
    for (int32_t b = 0; b < args.batch; b++) {
        int32_t length = args.lengths[b];
        if (length < 0)
            return make_violation(VARLEN_VIOLATION_NEGATIVE, VARLEN_METADATA_LENGTHS, b, length, 0);
        sum += length;
        if (sum > INT32_MAX)
            return make_violation(VARLEN_VIOLATION_OVERFLOW, VARLEN_METADATA_LENGTHS, b, sum, INT32_MAX);
    }
    return {};
}

/* The sums of lengths begin .. end - 1, behind those before them. */
GPU_DEVICE void write_sums(const cu_seqlens_arguments &args, const block_share &share, int32_t before,
                           cu_seqlens_shared &shared)
{
    for (int64_t first = share.begin; first < share.end; first += CU_SEQLENS_STEP) {
        int64_t own = first + thread_index() * CU_SEQLENS_AT_ONCE;
        int32_t sums[CU_SEQLENS_AT_ONCE]; /* of the thread's lengths */
        int32_t sum = 0;
#pragma unroll
        for (int i = 0; i < CU_SEQLENS_AT_ONCE; i++) {
            sum += own + i < share.end ? args.lengths[own + i] : 0;
            sums[i] = sum;
        }
        const block_sums<int32_t> block = block_scan(shared.scan, sum);
#pragma unroll
        for (int i = 0; i < CU_SEQLENS_AT_ONCE; i++)
            if (own + i < share.end)
                args.cu_seqlens[own + i + 1] = before + block.before + sums[i];
        before += block.all;
        block_barrier(); /* `shared.scan` is free again */
    }
}

GPU_KERNEL(AROUND_THREADS, AROUND_BLOCKS) cu_seqlens_kernel(GPU_ARGUMENTS(cu_seqlens_arguments) args)
{
    cu_seqlens_shared &shared = *(cu_seqlens_shared *)shared_memory();
    const block_share share = share_of_block(args.batch, CU_SEQLENS_STEP);
    const length_totals totals = total_lengths(args, (int32_t)share.begin, shared);
    const bool first_thread = block_index() == 0 && thread_index() == 0;
    if (first_thread)
        args.cu_seqlens[0] = 0;
    if (totals.valid) {
        write_sums(args, share, (int32_t)totals.before, shared);
        return;
    }
    for (int64_t b = share.begin + thread_index(); b < share.end; b += AROUND_THREADS)
        args.cu_seqlens[b + 1] = 0;
    if (first_thread)
        report_violation(args.mailbox, find_length_violation(args));
}

#endif
