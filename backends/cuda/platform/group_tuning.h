/* The table of backends/gpu/group_tuning.h for NVIDIA's GPUs of compute capability 9.0: 227 KB of shared memory. */
#ifndef VARLEN_CUDA_GROUP_TUNING_H
#define VARLEN_CUDA_GROUP_TUNING_H

/* clang-format off */
constexpr group_forward_row GROUP_FORWARD_TUNINGS[] = {
    /*head  value                                   query          registers:
     * dim    dim  general   groups  keys  stages  stages  turns  copying  computing */
    {   64,    64,  false,   {3,     128,     5,      2,   true,     32,       160}},
    {   64,    64,   true,   {2,     128,     5,      2,  false,     56,       224}},
    {  128,   128,  false,   {2,     128,     2,      2,  false,     56,       224}},
    {  128,   128,   true,   {2,     128,     2,      2,  false,     56,       224}},
    {  192,   128,  false,   {2,     128,     2,      1,  false,     56,       224}},
    {  192,   128,   true,   {2,     128,     2,      1,  false,     56,       224}},
    {  256,   256,  false,   {2,      64,     2,      1,  false,     56,       224}},
    {  256,   256,   true,   {2,      64,     2,      1,  false,     56,       224}},
    {  576,   512,  false,   {2,      64,     2,      1,  false,     56,       224}}, /* groups share a tile */
};

/* As many keys ahead of the products as where they are copied with 16 bits: two chunks as bytes, and two widened. */
constexpr group_quantized_row GROUP_QUANTIZED_TUNINGS[] = {
    /*head  value                           query          registers:             byte  registers:
     * dim    dim    groups  keys  stages  stages  turns  copying  computing    stages   widening */
    {   64,    64,  {{2,     128,     2,      1,  false,     40,       208},       8,       56}},
    {  128,   128,  {{2,     128,     2,      1,  false,     40,       208},       2,       56}},
};

constexpr group_backward_row GROUP_BACKWARD_TUNINGS[] = {
    /*head  value                   shared  chunk             key  registers:
     * dim    dim  general   groups   keys   rows  stages   stages  copying  computing */
    {   64,    64,  false,   {2,     false,   128,      2,      2,       24,       240}},
    {   64,    64,   true,   {2,     false,   128,      2,      2,       24,       240}},
    {  128,   128,  false,   {2,     false,    64,      2,      1,       24,       240}},
    {  128,   128,   true,   {2,     false,    64,      2,      1,       24,       240}},
    {  192,   128,  false,   {2,      true,    64,      2,      2,       24,       240}},
    {  192,   128,   true,   {2,      true,    64,      2,      2,       24,       240}},
    {  256,   256,  false,   {2,      true,    64,      2,      1,       24,       240}},
    {  256,   256,   true,   {2,      true,    64,      2,      1,       24,       240}},
};

/* Two sweeps, for sizes in instances/group_sweeps.def. Above 128 dimensions groups would share keys, and meet, in a sweep
 * without dQ too. */
constexpr group_backward_row GROUP_KEY_SWEEP_TUNINGS[] = {
    {   64,    64,  false,   {2,     false,    96,      3,      2,       24,       240}},
    {   64,    64,   true,   {2,     false,    64,      3,      2,       24,       240}},
    {  128,   128,  false,   {2,     false,    64,      3,      2,       24,       240}},
    {  128,   128,   true,   {2,     false,    64,      3,      2,       24,       240}},
};

constexpr group_dq_sweep_row GROUP_DQ_SWEEP_TUNINGS[] = {
    /*head  value                             key   value    tile  registers:
     * dim    dim  general   groups  keys  stages  stages  places  copying  computing */
    {   64,    64,  false,   {2,     128,     3,      3,      4,       40,       232}},
    {   64,    64,   true,   {2,      64,     3,      3,      4,       40,       232}},
    {  128,   128,  false,   {2,      96,     3,      2,      3,       40,       232}},
    {  128,   128,   true,   {2,      64,     3,      2,      3,       40,       232}},
};
/* clang-format on */

#endif
