/* Device memory, streams and events of the CPU backend: ordinary memory, and calls that have finished on return. */
#ifndef VARLEN_CPU_MEMORY_H
#define VARLEN_CPU_MEMORY_H

#include <varlen/backend.h>

varlen_status cpu_alloc(void *state, size_t size, void **data);
varlen_status cpu_free(void *state, void *data);
varlen_status cpu_copy(void *state, varlen_stream stream, void *destination, const void *source, size_t size);
varlen_status cpu_fill(void *state, varlen_stream stream, void *destination, uint8_t value, size_t size);

varlen_status cpu_stream_create(void *state, varlen_stream *stream);
varlen_status cpu_stream_destroy(void *state, varlen_stream stream);
varlen_status cpu_stream_synchronize(void *state, varlen_stream stream);
varlen_status cpu_stream_wait(void *state, varlen_stream stream, varlen_event event);

varlen_status cpu_event_create(void *state, varlen_event *event);
varlen_status cpu_event_destroy(void *state, varlen_event event);
varlen_status cpu_event_record(void *state, varlen_event event, varlen_stream stream);
varlen_status cpu_event_synchronize(void *state, varlen_event event);
varlen_status cpu_event_elapsed(void *state, varlen_event start, varlen_event end, double *milliseconds);

#endif
