/* How a call's rows and keys become boxes of tensor copies. */
#ifndef VARLEN_GPU_GROUP_BOXES_H
#define VARLEN_GPU_GROUP_BOXES_H

#include <stdint.h>

constexpr int TILE_ROWS = 64; /* of a group of warps, which a product has */

struct group_boxes {
    int32_t tile_queries; /* of a tile: as many as have TILE_ROWS rows with the heads of their group */
    int32_t tile_rows;    /* those with their heads: TILE_ROWS, or a few less */
    int32_t key_rows;     /* of a box of keys: a chunk, or what divides both chunks and pages */
};

#endif
