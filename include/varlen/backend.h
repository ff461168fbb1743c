/* The plugin ABI: all that a varlen backend implements. docs/writing-a-backend.md is the guide.
 *
 * A backend is a shared object varlen-<name>.so that exports one symbol, varlen_backend_entry. The library calls it
 * with a table of what the host offers, and gets a table of what the backend offers. A process may hold several copies
 * of the library, each a host of its own with messages, log and environment of its own; they share one copy of the
 * backend.
 *
 * What a backend may rely on
 *  1. Arguments are valid: the library has checked every rule of varlen.h, and what it passes on is complete.
 *     value_dim and softmax_scale are resolved, VARLEN_FLAG_EXACT_SCALE is cleared: a scale of 0 is one. Strides and page
 *     strides are resolved: 0 is a true stride, of an input that is expanded, and a dimension with one step or none has
 *     one that can be multiplied. CAUSAL and FULL have window_left and window_right set to what they mean; CAUSAL with a
 *     left window has become WINDOW. A problem is paged if and only if page_size > 0; page_table is NULL where
 *     page_table_width = 0. varlen_attention.features is the complete word: what a call brings beyond plain full
 *     attention has its bit there, also where it follows from a field. kv_dtype stays 0 where k and v are of dtype.
 *  2. A backend with VARLEN_DEVICE_HOST_MEMORY gets metadata whose contents have been checked too, unless
 *     VARLEN_VALIDATE=0. Others check on the device, and report through take_violation.
 *  3. Structs are whole: each is as large as in the header that the plugin was built with, and so is its struct_size.
 *     Fields that an older library does not have are 0. What a newer library has beyond them is 0, or the call is refused.
 *  4. A call asks for nothing that the backend's table does not claim: no feature, dtype, head_dim or value_dim beyond its
 *     varlen_limits, none of the enumerators that a later version adds.
 *  5. fail, log and environment of a host may be called from any thread, until the process ends.
 *  6. Work begins in the default floating-point environment (round to nearest, denormals kept, no traps), whatever the
 *     program has set, and what it changes is taken back. Threads of its own are the backend's to see to.
 *
 * What a backend must do
 *  1. Agree on the version before anything else: return NULL, after host->fail(...) with the reason, if the host's major
 *     version is not the one it was built for. The library refuses tables of another major version. Minor versions add
 *     functions and fields at the ends; check struct_size before touching what a later minor version added.
 *  2. Load on a machine without its device or driver: report no devices, with the reason, and do nothing at load that
 *     needs them.
 *  3. Do all that docs/semantics.md says of what its varlen_limits claim, or refuse in supports what they cannot say.
 *  4. Write every element of every output; not allocate, wait for the device, print or keep state between calls in the
 *     functions that take a stream (memory and events apart).
 *  5. Be safe to call from several threads on one state.
 *  6. Speak to the host that asked: the one given to the entry, device_count and device_info, and, for a state, the one
 *     that open was given. A host kept in a static variable is another copy's.
 *
 * Versions. A minor version appends: fields at the ends of structs, functions and limits at the end of the table, bits of
 * features, enumerators. Whatever a call can ask for comes with something by which the library can refuse it for plugins
 * that were built before: a bit of features, a bit of dtypes, a larger dim, or a field that lies past the size of the
 * plugin's struct. An enumerator of a mask or an alignment therefore has its feature, and a value that a field could not
 * have before needs one too.
 *   1.0   first release: the features up to VARLEN_FEATURE_QUANTIZED; float32, float16 and bfloat16, and float8_e4m3,
 *         float8_e5m2 and int8 of keys and values */
#ifndef VARLEN_BACKEND_H
#define VARLEN_BACKEND_H

#include <varlen/varlen.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the ABI in this header. */
#define VARLEN_BACKEND_ABI_MAJOR 1u
#define VARLEN_BACKEND_ABI_MINOR 0u
#define VARLEN_BACKEND_ABI_VERSION (VARLEN_BACKEND_ABI_MAJOR << 16 | VARLEN_BACKEND_ABI_MINOR)

/* Lets compilers hold arguments against their format. */
#if defined(__GNUC__)
#define VARLEN_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define VARLEN_PRINTF(format_index, first_argument)
#endif

/* What one copy of the library offers to a backend. Lives until the process ends. */
typedef struct varlen_host {
    uint32_t abi_version; /* VARLEN_BACKEND_ABI_VERSION of the library */
    uint32_t reserved;    /* 0 */
    size_t struct_size;

    /* Sets the calling thread's error message and returns `status`, so that a backend fails in one line. */
    varlen_status (*fail)(varlen_status status, const char *format, ...) VARLEN_PRINTF(2, 3);

    /* One log line, without a newline. */
    void (*log)(varlen_log_level level, const char *format, ...) VARLEN_PRINTF(2, 3);

    /* The value of one of varlen's environment variables, NULL if it is not set or not trusted. */
    const char *(*environment)(const char *name);

    /* Not 0 if a line of this level goes somewhere: to be asked before words are put together that cost time. */
    int32_t (*log_wanted)(varlen_log_level level);
} varlen_host;

/* A broken rule in metadata, as a device finds it. The library puts it into words. */
typedef enum varlen_metadata {
    VARLEN_METADATA_CU_SEQLENS_Q = 0,
    VARLEN_METADATA_CU_SEQLENS_K = 1,
    VARLEN_METADATA_SEQUSED_Q = 2,
    VARLEN_METADATA_SEQUSED_K = 3,
    VARLEN_METADATA_LEFTPAD_K = 4,
    VARLEN_METADATA_PAGE_TABLE = 5,
    VARLEN_METADATA_CU_SEQLENS = 6,     /* of varlen_pack and varlen_unpack */
    VARLEN_METADATA_CU_SEQLENS_NEW = 7, /* of varlen_kv_append */
    VARLEN_METADATA_LENGTHS = 8,        /* of varlen_cu_seqlens */
    VARLEN_METADATA_KEY_BEGIN = 9,
    VARLEN_METADATA_KEY_END = 10,
    VARLEN_METADATA_QUERY_POSITIONS = 11,
    VARLEN_METADATA_KEY_STARTS = 12,
    VARLEN_METADATA_LEFTPAD_Q = 13,
    VARLEN_METADATA_LEFTPAD = 14, /* of varlen_pack and varlen_unpack */
    VARLEN_METADATA_TREE_MASK = 15
} varlen_metadata;

/* Which rule is broken, and what the numbers of a varlen_violation then are. */
typedef enum varlen_violation_rule {
    VARLEN_VIOLATION_NONE = 0,
    VARLEN_VIOLATION_START = 1,     /* element 0 = value, but must be 0 */
    VARLEN_VIOLATION_DECREASE = 2,  /* element index = value is below element index - 1 = bound */
    VARLEN_VIOLATION_TOTAL = 3,     /* element index = value is above the total = bound */
    VARLEN_VIOLATION_NEGATIVE = 4,  /* element index = value is below 0 */
    VARLEN_VIOLATION_SLOT = 5,      /* element index = value is above the bound rows of its slot */
    VARLEN_VIOLATION_USED = 6,      /* element index = value is above the bound rows in use */
    VARLEN_VIOLATION_MAXIMUM = 7,   /* sequence index has value rows, above max_seqlen = bound */
    VARLEN_VIOLATION_PAGE = 8,      /* entry [index, column] = value is not in 0 .. bound - 1 */
    VARLEN_VIOLATION_OVERFLOW = 9,  /* the sum up to element index is above 2^31 - 1 */
    VARLEN_VIOLATION_CAPACITY = 10, /* sequence index would have value keys, above the bound rows of its slot */
    VARLEN_VIOLATION_POSITION = 11, /* sequence index needs rotary position value, but the tables have bound rows */
    /* SLOT and CAPACITY where the slot is a row of page_table, of `column` entries in all */
    VARLEN_VIOLATION_PAGED_SLOT = 12,
    VARLEN_VIOLATION_PAGED_CAPACITY = 13,
    VARLEN_VIOLATION_COUNT = 14, /* sequence index would have value keys, above 2^31 - 1 = bound */
    VARLEN_VIOLATION_RANGE = 15, /* element index = value is above the bound keys of its sequence */
    VARLEN_VIOLATION_TREE = 16,  /* sequence index has value queries, above the bound that a tree mask holds */
    /* backward: the keys of sequence index, from row value, begin before bound, where those of sequence column end */
    VARLEN_VIOLATION_SHARED = 17
} varlen_violation_rule;

/* A violation, as take_violation gives it. Never grows. */
typedef struct varlen_violation {
    varlen_violation_rule rule; /* VARLEN_VIOLATION_NONE: nothing is wrong */
    varlen_metadata argument;   /* where it was found */
    /* What the rule says that they are. */
    int32_t index;
    int32_t column;
    int64_t value;
    int64_t bound;
} varlen_violation;

/* How a device is to be opened. */
typedef struct varlen_backend_open {
    size_t struct_size;
    const varlen_host *host; /* of all that is done with the state */
    int32_t device;  /* 0 .. count - 1 */
    int32_t threads; /* 0 to 1024; 0 = the backend's default */
} varlen_backend_open;

/* What a backend takes of one kind of call. The library refuses the rest for it, with VARLEN_ERROR_UNSUPPORTED and the
 * reason: "head_dim = 512 is above the 256 that backend cuda takes forward". */
typedef struct varlen_limits {
    size_t struct_size;
    uint64_t features; /* VARLEN_FEATURE_* that it does; not looked at for merge and kv_append, which have none */
    uint32_t dtypes;   /* 1u << dtype for each varlen_dtype. Bits of those that are of keys and values alone count for
                        * kv_dtype, beside VARLEN_FEATURE_QUANTIZED, and for cache_dtype */
    int32_t head_dim;  /* the largest; not looked at for merge, which has none */
    int32_t value_dim; /* the largest */
    uint32_t reserved; /* 0 */
} varlen_limits;

/* The sizes that structs have in the header that a plugin is built with. */
typedef struct varlen_struct_sizes {
    size_t struct_size;
    /* Of varlen_attention, varlen_inputs and so on. */
    size_t attention;
    size_t inputs;
    size_t forward_args;
    size_t backward_args;
    size_t merge_args;
    size_t pack_args;
    size_t kv_append_args;
    size_t device_info;
    size_t open; /* varlen_backend_open */
    size_t kernel_family;
} varlen_struct_sizes;

/* Initializes a varlen_struct_sizes with this header's. A macro, because static storage in C takes constants. */
#define VARLEN_STRUCT_SIZES                                                                                            \
    {                                                                                                                  \
        sizeof(varlen_struct_sizes), sizeof(varlen_attention), sizeof(varlen_inputs), sizeof(varlen_forward_args),     \
            sizeof(varlen_backward_args), sizeof(varlen_merge_args), sizeof(varlen_pack_args),                         \
            sizeof(varlen_kv_append_args), sizeof(varlen_device_info), sizeof(varlen_backend_open),                    \
            sizeof(varlen_kernel_family)                                                                               \
    }

/* What a backend offers. Static storage, as is all that it points to. `state` is what open made: one per varlen_context.
 * Functions marked optional may be NULL, which means unsupported. */
typedef struct varlen_backend {
    uint32_t abi_version; /* VARLEN_BACKEND_ABI_VERSION that the backend was built for */
    int32_t priority;     /* `auto` opens the usable backend with the highest; cpu 0, hip 50, cuda 100 */
    size_t struct_size;
    const char *name;        /* must be that of its file: "cpu" for varlen-cpu.so; at most 15 characters */
    const char *description; /* one line for people */

    const varlen_struct_sizes *struct_sizes; /* VARLEN_STRUCT_SIZES */
    const varlen_limits *forward_limits;     /* what it takes of this kind of call */
    const varlen_limits *backward_limits;    /* likewise; NULL without the function, as the next two */
    const varlen_limits *merge_limits;       /* likewise */
    const varlen_limits *kv_append_limits;   /* likewise */

    /* Devices. With no device, device_count sets *count = 0, fails with VARLEN_ERROR_BACKEND_UNAVAILABLE and says why.
     * device_info fills in everything but struct_size and backend. A device may take fewer dtypes than the limits
     * say: the library refuses the others. */
    varlen_status (*device_count)(const varlen_host *host, int32_t *count);
    varlen_status (*device_info)(const varlen_host *host, int32_t device, varlen_device_info *info);
    varlen_status (*open)(const varlen_backend_open *options, void **state);
    void (*close)(void *state);

    /* Optional, for devices without VARLEN_DEVICE_HOST_MEMORY: moves out the first violation found since the last
     * call. Must not wait for the device. */
    varlen_status (*take_violation)(void *state, varlen_violation *violation);

    /* Attention. `supports` is asked about problems within the limits, and refuses with VARLEN_ERROR_UNSUPPORTED and a
     * reason what these cannot say; the other three are called only with problems that it takes. backward is
     * optional. */
    varlen_status (*supports)(void *state, const varlen_attention *attention, varlen_pass pass);
    varlen_status (*workspace_size)(void *state, const varlen_attention *attention, varlen_pass pass, size_t *size);
    varlen_status (*forward)(void *state, varlen_stream stream, const varlen_attention *attention,
                             const varlen_forward_args *args);
    varlen_status (*backward)(void *state, varlen_stream stream, const varlen_attention *attention,
                              const varlen_backward_args *args);

    /* Optional. kv_append gets keys alone where v_cache.data is NULL. */
    varlen_status (*merge)(void *state, varlen_stream stream, const varlen_merge_args *args);
    varlen_status (*cu_seqlens)(void *state, varlen_stream stream, int32_t batch, const int32_t *lengths,
                                int32_t *cu_seqlens);
    varlen_status (*pack)(void *state, varlen_stream stream, const varlen_pack_args *args);
    varlen_status (*unpack)(void *state, varlen_stream stream, const varlen_pack_args *args);
    varlen_status (*kv_append)(void *state, varlen_stream stream, const varlen_kv_append_args *args);

    /* Memory, streams, events. */
    varlen_status (*alloc)(void *state, size_t size, void **data);
    varlen_status (*free)(void *state, void *data);
    varlen_status (*copy)(void *state, varlen_stream stream, void *destination, const void *source, size_t size);
    varlen_status (*fill)(void *state, varlen_stream stream, void *destination, uint8_t value, size_t size);
    varlen_status (*stream_create)(void *state, varlen_stream *stream);
    varlen_status (*stream_destroy)(void *state, varlen_stream stream);
    varlen_status (*stream_synchronize)(void *state, varlen_stream stream);
    varlen_status (*stream_wait)(void *state, varlen_stream stream, varlen_event event);
    varlen_status (*event_create)(void *state, varlen_event *event);
    varlen_status (*event_destroy)(void *state, varlen_event event);
    varlen_status (*event_record)(void *state, varlen_event event, varlen_stream stream);
    varlen_status (*event_synchronize)(void *state, varlen_event event);
    varlen_status (*event_elapsed)(void *state, varlen_event start, varlen_event end, double *milliseconds);

    /* Optional: how many families of kernels the state's device has, each counted once for each pass that it does. If
     * 0 <= index < that, fills in number `index`, as far as family->struct_size goes; calls count from open on. */
    int32_t (*kernel_families)(void *state, int32_t index, varlen_kernel_family *family);

    /* Optional: puts into words which kernels calls of a problem that supports takes go to, and why others do not take
     * them: see varlen_explain. At most `size` >= 1 bytes, the ending 0 included; lines are separated by newlines. */
    varlen_status (*explain)(void *state, const varlen_attention *attention, varlen_pass pass, char *text, size_t size);
} varlen_backend;

/* The type of varlen_backend_entry. */
typedef const varlen_backend *(*varlen_backend_entry_function)(const varlen_host *host);

#define VARLEN_BACKEND_ENTRY_SYMBOL "varlen_backend_entry" /* the name of the function below */

/* The one symbol of a plugin. Each copy of the library calls it, perhaps at the same time as another, and once more
 * after a refusal that may have been for want of memory. NULL: this backend cannot be used here, host->fail has said
 * why. */
VARLEN_API const varlen_backend *varlen_backend_entry(const varlen_host *host);

#ifdef __cplusplus
}
#endif

#endif
