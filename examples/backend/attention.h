/* Attention by plain loops, in double precision: forward, and backward that forms each weight again from lse. */
#ifndef NAIVE_ATTENTION_H
#define NAIVE_ATTENTION_H

#include <varlen/backend.h>

void attention_forward(const varlen_attention *attention, const varlen_forward_args *args);
void attention_backward(const varlen_attention *attention, const varlen_backward_args *args);

#endif
