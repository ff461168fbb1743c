/* The families of kernels for the test platform, in the order in which they are asked: see host/family.h. */
#ifndef VARLEN_SIMT_FAMILIES_H
#define VARLEN_SIMT_FAMILIES_H

#include "host/backward.h"
#include "host/forward.h"
#include "host/group_backward.h"
#include "host/group_forward.h"
#include "host/group_latent.h"
#include "host/group_sweeps.h"

constexpr const forward_family *FORWARD_FAMILIES[] = {&small_batch_forward, &warp_groups_forward, &latent_forward,
                                                      &warp_tiles_forward};
constexpr const backward_family *BACKWARD_FAMILIES[] = {&small_batch_backward, &group_sweeps_backward,
                                                        &warp_groups_backward, &warp_tiles_backward};

#endif
