/* How tests steer a fake backend, and what it has seen. */
#ifndef VARLEN_TESTS_FAKE_H
#define VARLEN_TESTS_FAKE_H

#include <stdbool.h>

#include <varlen/backend.h>

typedef struct fake_record {
    /* Set by the test. */
    uint32_t device_flags;    /* at first VARLEN_DEVICE_HOST_MEMORY */
    size_t workspace_size;    /* what workspace_size answers */
    varlen_status result;     /* what open, supports and all calls with a stream answer */
    varlen_status devices;    /* what device_count answers */
    int32_t device_count;     /* devices that it has; 0: as many as it was built with */
    const void *device_name;  /* bytes that fill device_info's name and architecture; NULL: ordinary ones */
    bool is_silent;           /* failures come without a reason */
    uint32_t missing_dtypes;  /* of the device, among those that the table claims */
    varlen_violation pending; /* what the device has found */
    const char *explanation;  /* what explain answers, with as much of it as fits */
    int32_t family_count;     /* families of kernels */
    const char *family_name;  /* of each */

    /* Set by the backend. */
    int calls;   /* calls with a stream, and those of memory, streams and events */
    int opens;   /* states that were opened */
    int closes;  /* and closed */
    int misfits; /* structs that were handed over in another size than this header's, or with something in what only a
                  * later header has. What follows has sizes of its own in each header */
    varlen_backend_open open;
    varlen_attention attention;
    varlen_inputs inputs; /* of the last pass; the args below still point to the caller's */
    varlen_forward_args forward;
    varlen_backward_args backward;
    varlen_merge_args merge;
    varlen_pack_args pack;
    varlen_kv_append_args kv_append;
} fake_record;

/* Each thread has its own, so that tests of threads need no locks. */
VARLEN_API fake_record *fake_record_of_thread(void);

#endif
