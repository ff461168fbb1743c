/* The rules of varlen_attention. */
#ifndef VARLEN_CORE_RULES_ATTENTION_H
#define VARLEN_CORE_RULES_ATTENTION_H

#include <varlen/varlen.h>

/* Checks the problem, and fills `attention` with what backends get: a whole struct in which value_dim, softmax_scale
 * and the window say what they mean, also where the program left them to their defaults, and features is complete. */
varlen_status varlen_check_attention(const varlen_attention *given, varlen_pass pass, varlen_attention *attention);

#endif
