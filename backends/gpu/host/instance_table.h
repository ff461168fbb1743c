/* The kernels of instances/warp_tiles.def, and which of them a problem takes. */
#ifndef VARLEN_GPU_HOST_INSTANCE_TABLE_H
#define VARLEN_GPU_HOST_INSTANCE_TABLE_H

#include "platform/device.h"

#include <varlen/varlen.h>

struct instance_size {
    varlen_dtype dtype;
    int32_t head_dim; /* the largest that it takes */
    int32_t value_dim;
    bool general;
};

template <typename T> inline constexpr varlen_dtype dtype_of = VARLEN_FLOAT16;
template <> inline constexpr varlen_dtype dtype_of<bfloat16> = VARLEN_BFLOAT16;

constexpr instance_size INSTANCES[] = {
#define INSTANCE(T, HEAD_DIM, VALUE_DIM, GENERAL) {dtype_of<T>, HEAD_DIM, VALUE_DIM, GENERAL},
#include "instances/warp_tiles.def"
#undef INSTANCE
};

constexpr int INSTANCE_COUNT = sizeof INSTANCES / sizeof INSTANCES[0];

/* What the host keeps of each, in the same order: MAKE<T, HEAD_DIM, VALUE_DIM, GENERAL>::entry is one kernel's. */
template <typename ENTRY, template <typename, int, int, bool> class MAKE>
constexpr ENTRY INSTANCE_ENTRIES[INSTANCE_COUNT] = {
#define INSTANCE(T, HEAD_DIM, VALUE_DIM, GENERAL) MAKE<T, HEAD_DIM, VALUE_DIM, GENERAL>::entry,
#include "instances/warp_tiles.def"
#undef INSTANCE
};

/* The number of the first that fits, or INSTANCE_COUNT. */
constexpr int find_instance(varlen_dtype dtype, int32_t head_dim, int32_t value_dim, bool general)
{
    int found = 0;
    while (found < INSTANCE_COUNT && (INSTANCES[found].dtype != dtype || INSTANCES[found].general != general ||
                                      INSTANCES[found].head_dim < head_dim || INSTANCES[found].value_dim < value_dim))
        found++;
    return found;
}

/* The largest of these sizes: each dtype has a kernel of them, general or not, so that every problem up to them has
 * one. */
constexpr int32_t LARGEST_HEAD_DIM = INSTANCES[INSTANCE_COUNT - 1].head_dim;
constexpr int32_t LARGEST_VALUE_DIM = INSTANCES[INSTANCE_COUNT - 1].value_dim;

constexpr bool has_largest_instance(varlen_dtype dtype, bool general)
{
    return find_instance(dtype, LARGEST_HEAD_DIM, LARGEST_VALUE_DIM, general) < INSTANCE_COUNT;
}
static_assert(has_largest_instance(VARLEN_FLOAT16, false) && has_largest_instance(VARLEN_FLOAT16, true) &&
                  has_largest_instance(VARLEN_BFLOAT16, false) && has_largest_instance(VARLEN_BFLOAT16, true),
              "a kernel for every problem that is not wide");

/* The kernels of wide_forward.def or wide_backward.def take what is larger; every type has one, of all such dims. */
constexpr bool is_wide(const varlen_attention &attention)
{
    return attention.head_dim > LARGEST_HEAD_DIM || attention.value_dim > LARGEST_VALUE_DIM;
}

struct wide_size {
    int32_t head_dim; /* the largest */
    int32_t value_dim;
};

constexpr wide_size WIDE_FORWARD_SIZES[] = {
#define INSTANCE(T, HEAD_DIM, VALUE_DIM, GENERAL) {HEAD_DIM, VALUE_DIM},
#include "instances/wide_forward.def"
#undef INSTANCE
};

constexpr wide_size WIDE_BACKWARD_SIZES[] = {
#define INSTANCE(T, HEAD_DIM, VALUE_DIM, GENERAL) {HEAD_DIM, VALUE_DIM},
#include "instances/wide_backward.def"
#undef INSTANCE
};

/* Of a problem that gpu_supports has taken. */
template <typename ENTRY, template <typename, int, int, bool> class MAKE>
const ENTRY &instance_entry(const varlen_attention &attention, bool general)
{
    const int found = find_instance(attention.dtype, attention.head_dim, attention.value_dim, general);
    return INSTANCE_ENTRIES<ENTRY, MAKE>[found < INSTANCE_COUNT ? found : INSTANCE_COUNT - 1];
}

#endif
