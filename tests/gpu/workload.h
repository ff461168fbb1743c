/* One call of varlen on buffers that lie in one piece of memory, so that the same call can be made by a GPU backend and
 * by the CPU backend, on one stream or another, from a graph or not, and the results be compared. */
#ifndef VARLEN_TESTS_GPU_WORKLOAD_H
#define VARLEN_TESTS_GPU_WORKLOAD_H

#include "conformance/random.h"

#include <stdbool.h>
#include <varlen/varlen.h>

enum { WORKLOAD_BUFFERS = 20 };

typedef enum buffer_type { INT32, UINT64, FLOAT32, FLOAT16 } buffer_type;

/* What a call whose metadata is bad makes of a buffer. */
typedef enum buffer_when_bad { LEFT_ALONE, ZEROS, MINUS_INFINITIES } buffer_when_bad;

typedef struct buffer {
    const char *name; /* NULL: not in this workload */
    buffer_type type;
    int64_t count;    /* elements */
    double tolerance; /* of an element, as a part of the buffer's largest; 0: the same bits */
    buffer_when_bad when_bad;
    size_t offset; /* bytes from the start of the workload's memory */
} buffer;

/* How the metadata of a workload is to be filled in. */
typedef enum filling {
    FILL_ALL,  /* sequences take up all rows */
    FILL_PART, /* a smaller batch: sequences end early, and the last ones are empty */
    FILL_BAD   /* as FILL_ALL, but one element is far out of range */
} filling;

typedef struct workload workload;

/* Where a workload is done. */
typedef struct placement {
    const workload *work;
    varlen_context *context;
    unsigned char *data;    /* the buffers, in the context's device memory */
    unsigned char *initial; /* what is to be in them before the call, there too */
    void *scratch;          /* the call's workspace */
    size_t scratch_size;
} placement;

/* A kind of call. Sources that define one number its buffers. */
typedef struct operation {
    const char *name;
    varlen_attention attention;      /* of attention; others take some sizes from it */
    void (*lay_out)(workload *work); /* adds the buffers */
    void (*fill)(const workload *work, unsigned char *memory, filling how, random_source *source);
    varlen_status (*scratch_size)(varlen_context *context, const workload *work, size_t *size); /* NULL: none */
    varlen_status (*submit)(const placement *place, varlen_stream stream);
    bool has_metadata; /* that can be bad */
    bool repeats;      /* gives the same bits each time */
} operation;

struct workload {
    const operation *operation;
    buffer buffers[WORKLOAD_BUFFERS];
    size_t size; /* bytes of all buffers */
};

extern const operation *const operations[];
extern const int operation_count;

workload workload_make(const operation *kind);
/* Add a buffer: one that the call only reads, or one that it writes. */
void workload_add_input(workload *work, int index, const char *name, buffer_type type, int64_t count);
void workload_add_result(workload *work, int index, const char *name, buffer_type type, int64_t count, double tolerance,
                         buffer_when_bad when_bad);

/* The address of a buffer in `memory`, and of one's data at a place; NULL for a buffer that is not there. */
void *buffer_in(const workload *work, unsigned char *memory, int index);
void *buffer_at(const placement *place, int index);

/* Host memory for the caller to free: `size` bytes of it hold all buffers before the call, outputs as NaN. The same for
 * the same number. */
unsigned char *workload_image(const workload *work, filling how, uint64_t number);

/* What bad metadata makes of an image. */
void workload_spoil(const workload *work, unsigned char *image);

/* Whether each element of each buffer is what is expected, within the tolerances or bit for bit; if not, prints the
 * first that is not, behind `title`. */
bool workload_compare(const workload *work, const unsigned char *expected, const unsigned char *got, bool bits,
                      const char *title);

placement placement_make(const workload *work, varlen_context *context);
void placement_free(placement *place);

/* Makes `image` what the buffers hold before the call. */
void placement_set(placement *place, const unsigned char *image);

/* Enqueues: the buffers as they are to be before the call, and garbage in the workspace. */
void placement_reset(const placement *place, varlen_stream stream);

/* The call. */
varlen_status placement_submit(const placement *place, varlen_stream stream);

/* Waits for the stream and returns what the buffers hold, for the caller to free. */
unsigned char *placement_result(const placement *place, varlen_stream stream);

/* What the buffers hold after the call on an image, for the caller to free. */
unsigned char *placement_run(placement *place, const unsigned char *image, varlen_stream stream);

#endif
