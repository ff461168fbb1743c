/* What a kernel of the forward pass does before it works on sequences: nothing is written where metadata are bad but
 * zeros, and rows that belong to no sequence are cleared. */
#ifndef VARLEN_GPU_FORWARD_BEGIN_H
#define VARLEN_GPU_FORWARD_BEGIN_H

#include "plan/batch_rules.h"
#include "plan/forward_arguments.h"
#include "rows/outside.h"

GPU_DEVICE gpu_output forward_output(const forward_arguments &args)
{
    return {args.out, args.lse, args.problem.metadata.total_q, args.problem.q_heads, args.problem.value_dim * 2};
}

/* What a call with bad metadata does. */
GPU_DEVICE void forward_refuse(const forward_arguments &args, uint64_t place, int32_t threads)
{
    clear_output(forward_output(args), threads);
    if (block_index() == 0 && thread_index() == 0)
        report_violation(args.mailbox, violation_at(args.problem, place));
}

/* What belongs to no sequence. Returns whether there are sequences to work on. */
template <int THREADS> GPU_DEVICE bool forward_begin(const forward_arguments &args, const batch_findings &findings)
{
    const gpu_metadata &metadata = args.problem.metadata;
    if (findings.place != no_violation) {
        forward_refuse(args, findings.place, THREADS);
        return false;
    }
    if (findings.gaps & GAPS_IN_QUERIES)
        clear_gaps(forward_output(args), metadata.cu_seqlens_q, metadata.seqused_q, metadata.leftpad_q, metadata.batch,
                   THREADS);
    return true;
}

#endif
