/* Between padded [batch, max_seqlen] rows and packed ones. */
#ifndef VARLEN_GPU_PACK_H
#define VARLEN_GPU_PACK_H

#include "around/copied_rows.h"
#include "call/inspect.h"
#include "call/problem.h"

struct pack_arguments {
    gpu_tensor padded; /* of sequence 0 */
    gpu_tensor packed;
    const int32_t *cu_seqlens;
    const int32_t *leftpad; /* NULL: none */
    int64_t padded_bytes;   /* from a sequence to the next */
    int64_t total;
    int32_t batch;
    int32_t max_seqlen;
    row_counts counts; /* in pieces, of what the kernels are named for */
    int32_t validate;
    violation_mailbox mailbox;
};

enum pack_stage {
    PACK_STAGE_CU_SEQLENS,
    PACK_STAGE_LENGTHS,
    PACK_STAGE_LEFTPAD,
};

GPU_DEVICE inspected_side packed_side(const pack_arguments &args)
{
    inspected_side side = {};
    side.cu_seqlens = args.cu_seqlens;
    side.total = args.total;
    side.maximum = args.max_seqlen;
    side.maximum_is_known = 1;
    side.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS;
    return side;
}

/* Where a sequence begins in its padded row. */
GPU_DEVICE int32_t padding_of(const pack_arguments &args, int32_t sequence)
{
    return args.leftpad ? args.leftpad[sequence] : 0;
}

/* The padded row must hold its sequence, and the padding before it. */
GPU_DEVICE varlen_violation inspect_leftpad(const pack_arguments &args, int32_t b)
{
    const int64_t padding = padding_of(args, b);
    const int64_t end = padding + args.cu_seqlens[b + 1] - args.cu_seqlens[b];
    if (padding < 0)
        return make_violation(VARLEN_VIOLATION_NEGATIVE, VARLEN_METADATA_LEFTPAD, b, padding, 0);
    if (end > args.max_seqlen)
        return make_violation(VARLEN_VIOLATION_MAXIMUM, VARLEN_METADATA_LEFTPAD, b, end, args.max_seqlen);
    return {};
}

/* The violation at a place that was found. */
GPU_DEVICE varlen_violation pack_violation(const pack_arguments &args, const inspected_side &side, uint64_t place)
{
    const int32_t index = (int32_t)(uint32_t)place;
    if (place >= violation_place(PACK_STAGE_LEFTPAD, 0))
        return inspect_leftpad(args, index);
    return place >= violation_place(PACK_STAGE_LENGTHS, 0) ? inspect_lengths(side, index)
                                                           : inspect_cu_seqlens(side, index);
}

/* Whether cu_seqlens and leftpad may be used. All threads of the block call it. */
GPU_DEVICE bool pack_is_valid(const pack_arguments &args)
{
    if (!args.validate)
        return true;
    inspected_side side = packed_side(args);
    uint64_t mine = inspect_side<AROUND_THREADS>(side, args.batch, PACK_STAGE_CU_SEQLENS);
    for (int64_t b = thread_index(); args.leftpad && b < args.batch; b += AROUND_THREADS)
        note_violation(mine, inspect_leftpad(args, (int32_t)b), PACK_STAGE_LEFTPAD, (int32_t)b);
    uint64_t place = first_place(mine, (uint64_t *)shared_memory());
    if (place == no_violation)
        return true;
    if (block_index() == 0 && thread_index() == 0)
        report_violation(args.mailbox, pack_violation(args, side, place));
    return false;
}

template <typename PIECE> GPU_KERNEL(AROUND_THREADS, AROUND_BLOCKS) pack_kernel(GPU_ARGUMENTS(pack_arguments) args)
{
    const int32_t used = pack_is_valid(args) ? args.cu_seqlens[args.batch] : 0;
    const copied_rows rows = {args.total, args.packed.head_bytes, args.padded.head_bytes, args.counts};
    row_owner owner = make_row_owner(args.cu_seqlens, args.batch);
    copy_whole_rows<PIECE>(rows, [&](int64_t row) {
        row_pair pair = {tensor_row(args.packed, row, 0), nullptr};
        if (row < used) {
            find_owner(owner, row);
            const int64_t token = row - owner.begin + padding_of(args, owner.sequence);
            pair.from = tensor_row(args.padded, token, 0) + owner.sequence * args.padded_bytes;
        }
        return pair;
    });
}

/* One of all padded rows, which are asked for in order. */
struct padded_cursor {
    int64_t row;
    int64_t token;
    int32_t sequence;
    int32_t begin; /* of the sequence's packed rows */
    int32_t length;
    int32_t padding; /* before it */
};

GPU_DEVICE void read_sequence(padded_cursor &cursor, const pack_arguments &args, bool valid)
{
    cursor.begin = valid ? args.cu_seqlens[cursor.sequence] : 0;
    cursor.length = valid ? args.cu_seqlens[cursor.sequence + 1] - cursor.begin : 0;
    cursor.padding = valid ? padding_of(args, cursor.sequence) : 0;
}

GPU_DEVICE void go_to_row(padded_cursor &cursor, const pack_arguments &args, int64_t row, bool valid)
{
    cursor.token += row - cursor.row;
    cursor.row = row;
    if (cursor.token < args.max_seqlen)
        return;
    int64_t sequences = cursor.token / args.max_seqlen;
    cursor.token -= sequences * args.max_seqlen;
    cursor.sequence += (int32_t)sequences;
    read_sequence(cursor, args, valid);
}

template <typename PIECE> GPU_KERNEL(AROUND_THREADS, AROUND_BLOCKS) unpack_kernel(GPU_ARGUMENTS(pack_arguments) args)
{
    const bool valid = pack_is_valid(args);
    const int64_t count = (int64_t)args.batch * args.max_seqlen;
    const copied_rows rows = {count, args.padded.head_bytes, args.packed.head_bytes, args.counts};
    padded_cursor cursor = {};
    if (count > 0)
        read_sequence(cursor, args, valid);
    copy_whole_rows<PIECE>(rows, [&](int64_t row) {
        go_to_row(cursor, args, row, valid);
        row_pair pair = {tensor_row(args.padded, cursor.token, 0) + cursor.sequence * args.padded_bytes, nullptr};
        const int64_t t = cursor.token - cursor.padding;
        if (t >= 0 && t < cursor.length)
            pair.from = tensor_row(args.packed, cursor.begin + t, 0);
        return pair;
    });
}

#endif
