/* What launches of the forward pass by warp groups have in common, whatever its keys and values are. */
#ifndef VARLEN_GPU_INSTANCES_GROUP_FORWARD_LAUNCHES_H
#define VARLEN_GPU_INSTANCES_GROUP_FORWARD_LAUNCHES_H

#include "host/group_forward_launch.h"
#include "platform/tensor_map.h"
#include "warp_groups/forward_layout.h"

inline varlen_status make_group_forward_arguments(group_forward_arguments &args, const forward_arguments &call,
                                                  const group_forward_tensors &tensors)
{
    args.call = call;
    args.boxes = tensors.boxes;
    varlen_status status = make_tensor_map(&args.q, tensors.q);
    if (status == VARLEN_OK)
        status = make_tensor_map(&args.k, tensors.k);
    if (status == VARLEN_OK)
        status = make_tensor_map(&args.v, tensors.v);
    return status == VARLEN_OK ? make_tensor_map(&args.out, tensors.out) : status;
}

#endif
