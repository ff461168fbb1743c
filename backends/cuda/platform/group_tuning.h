/* The table of backends/gpu/group_tuning.h for NVIDIA's GPUs of compute capability 9.0: 227 KB of shared memory. */
#ifndef VARLEN_CUDA_GROUP_TUNING_H
#define VARLEN_CUDA_GROUP_TUNING_H

/* clang-format off */
constexpr group_forward_row GROUP_FORWARD_TUNINGS[] = {
    /*head  value                          query          registers:
     * dim    dim   groups  keys  stages  stages  turns  copying  computing */
    {   64,    64,    {3,     128,     5,      2,   true,     32,       160}},
    {  128,   128,    {2,     128,     2,      2,  false,     40,       232}},
    {  192,   128,    {2,     128,     2,      1,  false,     40,       232}},
    {  256,   256,    {2,      64,     2,      1,  false,     40,       232}},
};
/* clang-format on */

#endif
