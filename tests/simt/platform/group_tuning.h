/* The table of backends/gpu/group_tuning.h for the test platform: the sizes that NVIDIA's GPUs have are those to test.
 */
#ifndef VARLEN_SIMT_GROUP_TUNING_H
#define VARLEN_SIMT_GROUP_TUNING_H

#include "../../../backends/cuda/platform/group_tuning.h"

#endif
