/* What platform/barriers.h is made of. */
#ifndef SIMT_ARRIVALS_H
#define SIMT_ARRIVALS_H

#include "async.h"

void simt_barrier_create(void *address, int32_t arrivals);
void simt_barriers_created();
void simt_barrier_arrive(void *address, int32_t expected_bytes, bool arrives);
void simt_barrier_wait(void *address, int32_t parity);

/* A copy of so many bytes is on its way; land() takes it to the end of it. */
void simt_barrier_copy(void *address, int32_t bytes, std::function<void()> land);

void simt_named_arrive(int32_t number, int32_t threads, bool waits);

bool simt_elect_one();
void simt_set_registers(int32_t registers, bool grows);

#endif
