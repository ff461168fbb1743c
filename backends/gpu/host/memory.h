/* Device memory, streams and events. */
#ifndef VARLEN_GPU_HOST_MEMORY_H
#define VARLEN_GPU_HOST_MEMORY_H

#include <varlen/backend.h>

varlen_status gpu_alloc(void *state, size_t size, void **data);
varlen_status gpu_free(void *state, void *data);
varlen_status gpu_copy(void *state, varlen_stream stream, void *destination, const void *source, size_t size);
varlen_status gpu_fill(void *state, varlen_stream stream, void *destination, uint8_t value, size_t size);

varlen_status gpu_stream_create(void *state, varlen_stream *stream);
varlen_status gpu_stream_destroy(void *state, varlen_stream stream);
varlen_status gpu_stream_synchronize(void *state, varlen_stream stream);
varlen_status gpu_stream_wait(void *state, varlen_stream stream, varlen_event event);

varlen_status gpu_event_create(void *state, varlen_event *event);
varlen_status gpu_event_destroy(void *state, varlen_event event);
varlen_status gpu_event_record(void *state, varlen_event event, varlen_stream stream);
varlen_status gpu_event_synchronize(void *state, varlen_event event);
varlen_status gpu_event_elapsed(void *state, varlen_event start, varlen_event end, double *milliseconds);

#endif
