/* varlen: packed, variable-length attention on any machine.
 *
 * Sequences of different lengths lie end to end in one [total tokens, heads, dim] tensor; an array of running sums,
 * cu_seqlens, says where each one starts. Nothing is padded. The arithmetic is done by a backend that is loaded at run
 * time: CUDA, HIP, or the CPU. Calls, masks and results are the same on all of them.
 *
 *     varlen_context *context;
 *     varlen_open(NULL, &context);                                    1. one device of one backend
 *
 *     varlen_attention attention = {                                  2. the problem: everything but the data
 *         .struct_size = sizeof attention, .dtype = VARLEN_BFLOAT16, .batch = 3,
 *         .q_heads = 32, .kv_heads = 8, .head_dim = 128, .total_q = 6000, .total_k = 6000, .mask = VARLEN_MASK_CAUSAL};
 *
 *     varlen_inputs inputs = {                                        3. the data
 *         .struct_size = sizeof inputs, .q.data = q, .k.data = k, .v.data = v,
 *         .cu_seqlens_q = cu_seqlens, .cu_seqlens_k = cu_seqlens};
 *     varlen_forward_args args = {.struct_size = sizeof args, .inputs = &inputs, .out.data = out};
 *     varlen_workspace_size(context, &attention, VARLEN_PASS_FORWARD, &args.workspace_size);
 *     varlen_alloc(context, args.workspace_size, &args.workspace);
 *
 *     if (varlen_forward(context, stream, &attention, &args) != VARLEN_OK)
 *         puts(varlen_error_message());                               4. names the argument, its value and the rule
 *
 * Conventions
 *   - A struct that may grow begins with struct_size: set it to sizeof. Fields left zero mean the default. A struct from
 *     a newer header is accepted as long as the fields that this library does not know are zero.
 *   - "Device memory" is what varlen_alloc returns, or any memory that the backend's device can read and write; on the
 *     CPU backend it is ordinary memory. Every pointer inside varlen_inputs or an *_args struct points to device memory
 *     unless its comment says "host".
 *   - Every function that can fail returns a varlen_status. A call that is refused has written nothing. Work that was
 *     accepted runs in order on the given stream; GPU backends return before it is done, the CPU backend after.
 *   - forward, backward, merge, cu_seqlens, pack, unpack and kv_append never allocate, never wait for the device and
 *     never read device memory from the host, so GPU calls can be captured in a graph.
 *   - Every element of every output is written, also of rows that belong to no sequence.
 *   - Inputs may overlap one another. What a call writes, workspace included, must not overlap anything else that it
 *     reads or writes, unless a comment allows it: a call whose arguments do is refused. Views of one buffer may
 *     interleave where strides that they have in common keep them apart: dq, dk and dv of a [T, 3, H, D] tensor, keys and
 *     values of a [page_count, page_size, 2, Hk, D] cache.
 *   - All functions may be called from any thread at any time, on one context or several. Only varlen_close and the
 *     destroy functions need the caller to know that nobody uses the object any more.
 *
 * The exact semantics, with formulas and test vectors, are in docs/semantics.md. */
#ifndef VARLEN_VARLEN_H
#define VARLEN_VARLEN_H

#include <stddef.h>
#include <stdint.h>

/* Of what the library exports. */
#if defined(__GNUC__)
#define VARLEN_API __attribute__((visibility("default")))
#else
#define VARLEN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; varlen_version() tells the library's. */
#define VARLEN_VERSION_MAJOR 0
#define VARLEN_VERSION_MINOR 1
#define VARLEN_VERSION_PATCH 0

/* ---- Status and errors -------------------------------------------------------------------------------------------- */

/* What functions that can fail return. */
typedef enum varlen_status {
    VARLEN_OK = 0,
    VARLEN_ERROR_INVALID_ARGUMENT = 1,    /* an argument breaks its rule, whatever the backend */
    VARLEN_ERROR_UNSUPPORTED = 2,         /* a legal request that this backend or device does not do */
    VARLEN_ERROR_BACKEND_UNAVAILABLE = 3, /* no such backend, or it could not be loaded, or it has no such device */
    VARLEN_ERROR_BAD_METADATA = 4,        /* the contents of cu_seqlens, seqused, leftpad, key_begin, key_end, page_table or
                                           * key_starts break their rules */
    VARLEN_ERROR_OUT_OF_MEMORY = 5,       /* host or device memory ran out */
    VARLEN_ERROR_DEVICE = 6,              /* the vendor's runtime reported a failure; the message quotes it */
    VARLEN_ERROR_INTERNAL = 7             /* a defect in varlen or in a backend */
} varlen_status;

/* The version of the library that is running, "major.minor.patch". Static storage. */
VARLEN_API const char *varlen_version(void);

/* The enumerator's name, "VARLEN_ERROR_UNSUPPORTED"; "unknown status" for anything else. Static storage. */
VARLEN_API const char *varlen_status_name(varlen_status status);

/* Why this thread's last failing call failed, as one sentence with the argument, its value and the rule:
 * "cu_seqlens_k[7] = 512 is below cu_seqlens_k[6] = 640". Empty if none has failed. Never NULL; the text belongs to the
 * thread and lives until the thread's next failing call. Successful calls leave it alone. */
VARLEN_API const char *varlen_error_message(void);

/* ---- Log ---------------------------------------------------------------------------------------------------------- */

/* How much a log line matters; VARLEN_LOG names them error, warn, info and debug. */
typedef enum varlen_log_level {
    VARLEN_LOG_ERROR = 0,
    VARLEN_LOG_WARN = 1,
    VARLEN_LOG_INFO = 2,
    VARLEN_LOG_DEBUG = 3
} varlen_log_level;

/* Takes one log line; `user` is what varlen_set_log_sink was given. */
typedef void (*varlen_log_sink)(void *user, varlen_log_level level, const char *message);

/* Sends log lines to `sink` instead of stderr; NULL goes back to stderr. Without a sink, lines are printed only as far
 * as the environment variable VARLEN_LOG asks; a sink receives lines of every level. `message` has no newline and lives
 * for the duration of the call. The sink is called from any thread, one line at a time, and must neither
 * call varlen nor fork. */
VARLEN_API void varlen_set_log_sink(varlen_log_sink sink, void *user);

/* ---- Elements, heads, masks --------------------------------------------------------------------------------------- */

/* The type of an element. The last three are of keys and values alone, which they quantise: see varlen_attention.kv_dtype. */
typedef enum varlen_dtype {
    VARLEN_FLOAT32 = 0,
    VARLEN_FLOAT16 = 1,
    VARLEN_BFLOAT16 = 2,
    VARLEN_FLOAT8_E4M3 = 3, /* OCP's E4M3, "fn": up to 448, without infinities; NaN is 0x7f and 0xff */
    VARLEN_FLOAT8_E5M2 = 4, /* OCP's E5M2: the upper half of a float16, up to 57344, with infinities and NaN */
    VARLEN_INT8 = 5         /* two's complement, -128 to 127 */
} varlen_dtype;

/* Which keys a query sees. Query i of a sequence with sq queries and sk keys stands at position p:
 *
 *     p = i + sk - sq   (VARLEN_ALIGN_BOTTOM_RIGHT: the last query stands at the last key)
 *     p = i             (VARLEN_ALIGN_TOP_LEFT: the first query stands at the first key)
 *     p = i + query_positions[b]     (where varlen_inputs has them, in place of both)
 *
 * and sees key j if and only if p - left <= j <= p + right. Both bounds are inclusive. Lengths are each sequence's own.
 * Below, # is a visible pair; rows are queries, columns are keys.
 *
 *                             bottom-right                             top-left
 *                     sq = 2, sk = 5    sq = 5, sk = 2        sq = 2, sk = 5    sq = 5, sk = 2
 *
 *     CAUSAL            # # # # .             . .               # . . . .             # .
 *     left unbounded    # # # # #             . .               # # . . .             # #
 *     right = 0                               . .                                     # #
 *                                             # .                                     # #
 *                                             # #                                     # #
 *
 *     WINDOW            . . # # #             . .               # # . . .             # #
 *     left = 1          . . . # #             . .               # # # . .             # #
 *     right = 1                               # .                                     . #
 *                                             # #                                     . .
 *                                             # #                                     . .
 *
 * What else a call brings hides more keys; nothing shows a key again. Query i sees key j if and only if all of these hold:
 *
 *     p - left <= j <= p + right                   mask, window_left, window_right
 *     floor(p / C) == floor(j / C)                 attention_chunk = C > 0: none where p < 0
 *     key_begin[row] <= j < key_end[row]           row = the query's row of q
 *     j < sk - sq, or bit j - (sk - sq) is set     of tree_mask[row]
 *
 * A row that sees no key returns out = 0 and lse = -infinity (with a sink: out = 0 and lse = sink); its gradients are 0. */
typedef enum varlen_mask {
    VARLEN_MASK_FULL = 0,   /* every query sees every key of its sequence */
    VARLEN_MASK_CAUSAL = 1, /* right = 0; left unbounded, or window_left if that is > 0 */
    VARLEN_MASK_WINDOW = 2  /* left = window_left, right = window_right */
} varlen_mask;

/* Where queries stand among keys: see varlen_mask. */
typedef enum varlen_alignment {
    VARLEN_ALIGN_BOTTOM_RIGHT = 0,
    VARLEN_ALIGN_TOP_LEFT = 1
} varlen_alignment;

#define VARLEN_UNBOUNDED (-1) /* for window_left and window_right: no bound on that side */

/* varlen_forward or varlen_backward. */
typedef enum varlen_pass {
    VARLEN_PASS_FORWARD = 0,
    VARLEN_PASS_BACKWARD = 1
} varlen_pass;

/* Bits of varlen_attention.flags. The first two are promises that cost speed on some GPU passes; the CPU backend always
 * keeps both. */
#define VARLEN_FLAG_DETERMINISTIC 0x1u   /* the same call on the same device gives the same bits */
#define VARLEN_FLAG_BATCH_INVARIANT 0x2u /* a sequence's bits do not depend on what else is in the batch */
#define VARLEN_FLAG_EXACT_SCALE 0x4u     /* softmax_scale is taken as it is: 0 is 0, not 1/sqrt(head_dim) */

/* Bits of varlen_attention.features: what calls of a problem may bring beyond plain full attention, so that a backend can
 * refuse the problem before there is data. A program sets the bits of what it gives beside the problem: an argument whose
 * bit is not set is refused. A set bit promises nothing: the argument may still be NULL. */
#define VARLEN_FEATURE_SEQUSED_Q ((uint64_t)1 << 0)     /* seqused_q */
#define VARLEN_FEATURE_SEQUSED_K ((uint64_t)1 << 1)     /* seqused_k; follows from paging and KEY_STARTS too */
#define VARLEN_FEATURE_LEFTPAD_K ((uint64_t)1 << 2)     /* leftpad_k */
#define VARLEN_FEATURE_ALIBI ((uint64_t)1 << 3)         /* alibi_slopes */
#define VARLEN_FEATURE_SINKS ((uint64_t)1 << 4)         /* sinks */
#define VARLEN_FEATURE_DROPOUT_STATE ((uint64_t)1 << 5) /* dropout_state */
#define VARLEN_FEATURE_LSE ((uint64_t)1 << 6)           /* lse of varlen_forward, which backward needs */
#define VARLEN_FEATURE_DSINKS ((uint64_t)1 << 7)        /* dsinks of varlen_backward */
#define VARLEN_FEATURE_EXPANDED ((uint64_t)1 << 8)      /* VARLEN_EXPANDED as a stride of q, k, v, out (read) or dout */
#define VARLEN_FEATURE_DLSE ((uint64_t)1 << 17)         /* dlse of varlen_backward */
#define VARLEN_FEATURE_KEY_RANGES ((uint64_t)1 << 18)   /* key_begin or key_end */
#define VARLEN_FEATURE_QUERY_POSITIONS ((uint64_t)1 << 19) /* query_positions */
#define VARLEN_FEATURE_KEY_STARTS ((uint64_t)1 << 20)   /* key_starts */
#define VARLEN_FEATURE_TREE_MASK ((uint64_t)1 << 21)    /* tree_mask */
#define VARLEN_FEATURE_LEFTPAD_Q ((uint64_t)1 << 22)    /* leftpad_q */

/* These follow from fields of the problem: the library adds them. To set one without its field is refused. */
#define VARLEN_FEATURE_CAUSAL ((uint64_t)1 << 9)           /* mask = VARLEN_MASK_CAUSAL */
#define VARLEN_FEATURE_WINDOW ((uint64_t)1 << 10)          /* mask = VARLEN_MASK_WINDOW; CAUSAL with window_left > 0 */
#define VARLEN_FEATURE_TOP_LEFT ((uint64_t)1 << 11)        /* alignment = VARLEN_ALIGN_TOP_LEFT */
#define VARLEN_FEATURE_SOFTCAP ((uint64_t)1 << 12)         /* softcap > 0 */
#define VARLEN_FEATURE_DROPOUT ((uint64_t)1 << 13)         /* dropout_p > 0 */
#define VARLEN_FEATURE_PAGED ((uint64_t)1 << 14)           /* page_size > 0 */
#define VARLEN_FEATURE_DETERMINISTIC ((uint64_t)1 << 15)   /* VARLEN_FLAG_DETERMINISTIC */
#define VARLEN_FEATURE_BATCH_INVARIANT ((uint64_t)1 << 16) /* VARLEN_FLAG_BATCH_INVARIANT */
#define VARLEN_FEATURE_CHUNK ((uint64_t)1 << 23)           /* attention_chunk > 0 */
#define VARLEN_FEATURE_QUANTIZED ((uint64_t)1 << 24)       /* kv_dtype is not 0 */

/* For a stride of an input: every step along that dimension leads to the same row, as in a framework's tensor that was
 * expanded, whose stride there is 0. */
#define VARLEN_EXPANDED (-1)

/* A [tokens, heads, dim] view of device memory; the innermost stride is 1 element. Strides are counted in elements, and
 * are multiples of 16 bytes (4 elements of float32, 16 of one byte), at least dim; so must the address be a multiple of
 * 16 bytes. A zero stride means dense: head_stride = dim, token_stride = heads * dim (dim alone, where heads are expanded).
 * It is refused beside a stride that contradicts it: give both where heads lie outside tokens or do not touch. The stride
 * of a dimension with one step, or none, is not looked at, unless another one that is left 0 is counted by it (a page's, by
 * its token_stride). Strides of 64 bits may reach past 2^31 elements. Rows of an output must not overlap one another, and
 * none of its dimensions can be expanded. The struct never grows. */
typedef struct varlen_tensor {
    void *data;           /* NULL only where there are no tokens or the comment says optional */
    int64_t token_stride; /* elements from a token to the next */
    int64_t head_stride;  /* elements from a head to the next */
} varlen_tensor;

/* The problem without its data. Zeroed but for struct_size, the counts and head_dim, it is plain full attention in
 * float32 with a scale of 1/sqrt(head_dim). */
typedef struct varlen_attention {
    size_t struct_size;
    varlen_dtype dtype;         /* of q, k, v, out and the gradients: FLOAT32, FLOAT16 or BFLOAT16; sums and softmax are
                                 * float32. kv_dtype makes k and v another */
    int32_t batch;              /* number of sequences, >= 0 */
    int32_t q_heads;            /* >= 1 */
    int32_t kv_heads;           /* >= 1, divides q_heads; q head h reads kv head h / (q_heads / kv_heads) */
    int32_t head_dim;           /* of q and k: a multiple of 8; backends have a largest: on GPUs 512 (576
                                 * forward), 2^20 on CPUs */
    int32_t value_dim;          /* of v and out: likewise, 512 on GPUs; 0 = head_dim */
    int64_t total_q;            /* tokens in q and out, 0 to 2^31 - 1 */
    int64_t total_k;            /* tokens in k and v, 0 to 2^31 - 1; 0 with paging, where page_count takes its place */
    int32_t max_seqlen_q;       /* an upper bound on the queries of a sequence, 0 = unknown. Never changes a result */
    int32_t max_seqlen_k;       /* an upper bound on the keys of a sequence, 0 = unknown. Never changes a result */
    float softmax_scale;        /* multiplies q.k; finite; 0 = 1/sqrt(head_dim), but for VARLEN_FLAG_EXACT_SCALE */
    float softcap;              /* >= 0; c > 0 replaces a score s by c * tanh(s / c); 0 = none */
    varlen_mask mask;           /* which keys a query sees; window_left and window_right have its bounds */
    varlen_alignment alignment; /* also decides the position p that ALiBi uses. BOTTOM_RIGHT with query_positions */
    int32_t window_left;        /* WINDOW: >= 0 or VARLEN_UNBOUNDED. CAUSAL: > 0 bounds the left too, 0 or
                                 * VARLEN_UNBOUNDED do not (WINDOW with 0, 0 sees the query's own position alone).
                                 * FULL: 0 or VARLEN_UNBOUNDED */
    int32_t window_right;       /* WINDOW: >= 0 or VARLEN_UNBOUNDED. CAUSAL and FULL: 0 or VARLEN_UNBOUNDED, not used */
    float dropout_p;            /* probability of dropping a softmax weight, 0 <= p < 1 */
    int32_t page_size;          /* keys per page, >= 1; 0 = keys and values are packed, not paged */
    int32_t page_table_width;   /* entries per row of page_table; 0 without paging, or while no sequence has keys */
    uint32_t flags;             /* VARLEN_FLAG_*; unknown bits are refused */
    int64_t page_count;         /* pages in k and v; 0 without paging. Entries of page_table are below it */
    uint64_t features;          /* VARLEN_FEATURE_*: the most that calls bring; 0 = nothing that is optional. Unknown bits
                                 * are refused */
    int32_t attention_chunk;    /* C > 0: a query at position p sees keys of its own chunk alone, floor(p / C) ==
                                 * floor(j / C), as far as the mask lets it. >= 0; 0 = no chunks */
    varlen_dtype kv_dtype;      /* of k and v where it is not dtype: FLOAT8_E4M3, FLOAT8_E5M2 or INT8, with scales in
                                 * varlen_inputs; 0 = dtype. Then head_dim and value_dim are multiples of 16. Forward only */
} varlen_attention;

/* ---- Backends, devices, settings ---------------------------------------------------------------------------------- */

/* What has become of a backend. */
typedef enum varlen_backend_state {
    VARLEN_BACKEND_USABLE = 0, /* loaded, and it has at least one device */
    VARLEN_BACKEND_NO_DEVICE = 1, /* loaded, but nothing here for it to run on */
    VARLEN_BACKEND_REFUSED = 2 /* the file was not loaded, or what it offered was not accepted */
} varlen_backend_state;

/* One plugin file that was found, or one backend that is linked in. Texts live until the process ends, and are one
 * line that can be printed: control characters are written as \n or \x1b, here and in all that the library says. */
typedef struct varlen_backend_info {
    size_t struct_size;
    const char *name;           /* "cpu", from the file name varlen-cpu.so */
    const char *path;           /* the file; "(built in)" for a backend that is linked in */
    const char *description;    /* the backend's own words; "" if refused */
    const char *reason;         /* why it cannot be used, in words; "" if it can. What can pass (no memory, no free
                                 * descriptors, a driver that does not answer) is tried again by the next call */
    varlen_backend_state state; /* whether it can be used */
    int32_t priority;           /* `auto` tries higher ones first; 0 if refused */
    int32_t device_count;       /* of a usable backend; else 0 */
    uint32_t abi_version;       /* what the plugin was built for, major << 16 | minor; 0 if not known */
} varlen_backend_info;

#define VARLEN_DEVICE_HOST_MEMORY 0x1u /* device memory is ordinary host memory, and calls have finished on return */

/* One device of a backend. */
typedef struct varlen_device_info {
    size_t struct_size;
    char backend[16];        /* "cpu" */
    char name[128];          /* what the vendor calls it */
    char architecture[32];   /* kernel set in use: "avx512", "sm_90a", "gfx942" */
    uint64_t memory_bytes;   /* memory in all, 0 = unknown */
    int32_t device;          /* index, as in "cuda:1" */
    int32_t compute_units;   /* cores or multiprocessors that calls may use */
    uint32_t dtypes;         /* 1u << dtype is set for each varlen_dtype that attention takes, as dtype or as kv_dtype */
    uint32_t passes;         /* 1u << pass is set for each varlen_pass */
    uint32_t flags;          /* VARLEN_DEVICE_* */
    uint32_t reserved;       /* 0 */
} varlen_device_info;

/* A folder where plugins are looked for, in order of search. Texts as above. */
typedef struct varlen_search_folder {
    size_t struct_size;
    const char *path;   /* absolute, or as it was given */
    const char *origin; /* who named it: "varlen_add_backend_folder", "VARLEN_BACKEND_PATH", "beside libvarlen", ... */
    const char *reason; /* why it was not searched; "" if it was */
} varlen_search_folder;

/* An environment variable that varlen reads. Texts as above, but for `value`, which lives as long as the process leaves
 * the environment alone. */
typedef struct varlen_environment_variable {
    size_t struct_size;
    const char *name;          /* "VARLEN_BACKEND" */
    const char *values;        /* what it may be set to, "auto | cpu | cuda | ..." */
    const char *default_value; /* what counts where it is not set; "" = nothing */
    const char *help;          /* what it does, in sentences */
    const char *value;         /* what it is set to now, NULL if it is not set (or not trusted, in a setuid program) */
} varlen_environment_variable;

/* Adds a folder to those searched for plugins, ahead of the others and after the ones added earlier. `path` is
 * absolute; it is copied. A folder that is missing, or that others may write (docs/embedding.md has the rule), is
 * searched for nothing, and says so in varlen_get_search_folder. */
VARLEN_API varlen_status varlen_add_backend_folder(const char *path);

/* Everything that was found or refused, for `varlen info` and its like. Counting backends loads every plugin. An index
 * at or past the count gives VARLEN_ERROR_INVALID_ARGUMENT. Set struct_size before the call; a struct from a newer
 * header gets zeros in the fields that this library does not know. */
VARLEN_API int32_t varlen_backend_count(void);
VARLEN_API varlen_status varlen_get_backend(int32_t index, varlen_backend_info *info);
VARLEN_API int32_t varlen_search_folder_count(void);
VARLEN_API varlen_status varlen_get_search_folder(int32_t index, varlen_search_folder *folder);
VARLEN_API int32_t varlen_environment_count(void);
VARLEN_API varlen_status varlen_get_environment(int32_t index, varlen_environment_variable *variable);

/* Describes one device of a backend without opening it: backend = "cuda", device = 0, 1, ... */
VARLEN_API varlen_status varlen_get_device(const char *backend, int32_t device, varlen_device_info *info);

/* ---- Contexts ----------------------------------------------------------------------------------------------------- */

typedef struct varlen_context varlen_context; /* one device of one backend */
typedef void *varlen_stream; /* a cudaStream_t or hipStream_t; NULL = the default stream. The CPU backend ignores it */
typedef struct varlen_event_object *varlen_event; /* a mark in a stream's work: see varlen_event_create */

/* What varlen_open is to open. */
typedef struct varlen_open_options {
    size_t struct_size;
    const char *backend; /* what VARLEN_BACKEND may be: "auto", "cpu", "cuda:1", "cuda, cpu". NULL or "" = the
                          * environment's, and if that is not set or empty, auto. A backend named alone opens or fails with the reason; auto and lists go on to the
                          * next. */
    int32_t threads;     /* CPU backend: threads a call may use, the calling one included, 0 to 1024. 0 = as many as there
                          * are processors for this process (affinity, cgroup quotas), and at each call no more than
                          * OpenMP offers the calling thread. A call takes fewer where its work is not worth them, or
                          * where the system gives no more. Never changes a result */
    uint32_t reserved;   /* 0 */
} varlen_open_options;

/* Opens a device. `options` may be NULL. On success *context belongs to the caller, until varlen_close; on failure it
 * is NULL, and the message says for each backend that was tried why it did not open. */
VARLEN_API varlen_status varlen_open(const varlen_open_options *options, varlen_context **context);

/* Waits for the context's own work, then frees it. NULL is allowed. Memory, streams and events that were made through
 * the context must have been freed before. */
VARLEN_API void varlen_close(varlen_context *context);

/* Describes the context's device, as varlen_get_device does. */
VARLEN_API varlen_status varlen_context_device(const varlen_context *context, varlen_device_info *info);

/* VARLEN_OK, or VARLEN_ERROR_BAD_METADATA with the first violation that the device has found in cu_seqlens, lengths, key
 * ranges or page tables since this function last told one, in the same words as on the CPU. Calls whose metadata was bad have
 * written zeros (lse: -infinity). Does not wait: synchronize the stream first to hear about all work enqueued so far. A
 * violation is told here, once, and no other call fails for it. It is also logged, as a warning, as soon as a call on the
 * context comes across it, varlen_close being the last that can. */
VARLEN_API varlen_status varlen_context_status(varlen_context *context);

/* A family of kernels that calls of one pass can run on. A call goes to the first that takes it, in the order of the
 * list, or to the one that VARLEN_GPU_KERNELS names. */
typedef struct varlen_kernel_family {
    size_t struct_size;
    const char *name; /* "warp_tiles"; lives until the process ends */
    varlen_pass pass;  /* of the calls that it takes */
    uint32_t reserved; /* 0 */
    uint64_t calls;    /* that it has taken on this context so far, captured ones once */
} varlen_kernel_family;

/* The families of the context's device; 0 where the backend does not tell them. Get fails as varlen_get_backend does. Set
 * struct_size before the call. */
VARLEN_API int32_t varlen_kernel_family_count(const varlen_context *context);
VARLEN_API varlen_status varlen_get_kernel_family(const varlen_context *context, int32_t index,
                                                  varlen_kernel_family *family);

/* ---- Attention ---------------------------------------------------------------------------------------------------- */

/* What both passes read: queries, keys, values, and all that says how to read them. What is optional has a bit of
 * varlen_attention.features, which must be set where it is given.
 *
 * Shapes: Tq = total_q, Tk = total_k, Hq = q_heads, Hk = kv_heads, D = head_dim, Dv = value_dim, B = batch.
 *
 * Sequence b owns query rows cu_seqlens_q[b] .. cu_seqlens_q[b+1] - 1 and key rows likewise by cu_seqlens_k: its slot.
 * seqused shortens the sequence to the first seqused[b] rows of its slot. leftpad_k[b] then skips that many keys at the
 * slot's start: the sequence's keys are rows leftpad .. used - 1 of the slot, and key j = 0 is the first of them. So does
 * leftpad_q[b] with queries, and query i = 0 is the first that is left.
 * Query and key rows that belong to no sequence are never read; their outputs are 0 (lse: -infinity).
 *
 * key_starts, in place of cu_seqlens_k: the slot of sequence b is rows key_starts[b] .. Tk - 1 of k and v, of which
 * seqused_k[b] are in use. Slots may come in any order, and sequences may share keys: a common prefix, or all the
 * continuations of one prompt. varlen_backward takes keys that belong to one sequence each; padding belongs to none.
 *
 * Paging: k and v are pools of page_count pages. Page n begins at data + n * page_stride; inside it, tokens and heads
 * are reached by the tensor's strides. The slot of sequence b is its row of page_table, page_table_width pages long. */
typedef struct varlen_inputs {
    size_t struct_size;
    varlen_tensor q;              /* [Tq, Hq, D] */
    varlen_tensor k;              /* [Tk, Hk, D]; paged: [page_count, page_size, Hk, D] */
    varlen_tensor v;              /* [Tk, Hk, Dv]; paged: [page_count, page_size, Hk, Dv] */
    int64_t k_page_stride;        /* elements from a page of k to the next; 0 = page_size * k.token_stride, which must
                                   * then hold a page */
    int64_t v_page_stride;        /* likewise for v */
    const int32_t *cu_seqlens_q;  /* [B + 1]: starts at 0, never decreases, ends at or below Tq */
    const int32_t *cu_seqlens_k;  /* [B + 1] likewise, for Tk; NULL with paging or key_starts, and only then */
    const int32_t *seqused_q;     /* [B], 0 <= seqused_q[b] <= slot; NULL = the whole slot */
    const int32_t *seqused_k;     /* [B] likewise; required with paging or key_starts */
    const int32_t *leftpad_k;     /* [B], 0 <= leftpad_k[b] <= keys used; NULL = 0 */
    const int32_t *page_table;    /* [B, page_table_width]; entries past the used length are never read. NULL if there
                                   * are none */
    const float *alibi_slopes;    /* [Hq], or [B, Hq] by the stride below: adds -slope * |p - j| to a score. NULL = none */
    int64_t alibi_batch_stride;   /* elements from a sequence's slopes to the next; 0 = the same for all */
    const float *sinks;           /* [Hq]: adds exp(sinks[h]) to the softmax denominator of head h. NULL = none */
    uint64_t dropout_seed;        /* with dropout_p > 0: the mask is a pure function of seed, offset, sequence, head, */
    uint64_t dropout_offset;      /* query and key, the same on every backend and in both passes */
    const uint64_t *dropout_state;/* [2]: seed and offset in device memory, read when the work runs, in place of the two
                                   * values above, so that a captured graph can draw another mask. NULL = the values */
    const int32_t *key_begin;     /* [Tq], by rows of q: the first key that the row may see, 0 <= key_begin[row] <= sk of its
                                   * own sequence, counted like j. Rows of no sequence are not read. NULL = 0 */
    const int32_t *key_end;       /* [Tq] likewise: the key after the last, 0 <= key_end[row] <= sk; a row whose key_end is
                                   * not above its key_begin sees nothing. NULL = sk. Ranges only hide: see varlen_mask */
    const int32_t *query_positions; /* [B]: where a sequence's first query stands among its keys. Any number: below 0 is
                                     * before them, from sk on behind them. NULL = as alignment says, else
                                     * VARLEN_ALIGN_TOP_LEFT is refused */
    const int32_t *key_starts;      /* [B], 0 <= key_starts[b] <= Tk; with seqused_k, in place of cu_seqlens_k. Not with
                                     * paging. NULL = cu_seqlens_k */
    const uint64_t *tree_mask;    /* [Tq], by rows of q: bit t is whether the row may see key sk - sq + t, 0 <= t < sq, of its
                                   * own sequence; keys before sk - sq are not its concern, higher bits and those of
                                   * negative keys are passed over. No sequence may then have more than 64 queries. Rows of
                                   * no sequence are not read. varlen_forward only. NULL = all bits set */
    const int32_t *leftpad_q;     /* [B], 0 <= leftpad_q[b] <= queries used; NULL = 0 */
    /* Of quantised k: key = k * k_scale, exactly. The scale of a row is k_scale[token * token stride + head * head stride]
     * or, paged, [page * page stride + token of the page * token stride + head * head stride]. Strides are elements of
     * k_scale, >= 0; 0 = shared: all 0 is one scale, token and page 0 is one a head, token 0 is one a page. */
    const float *k_scale;         /* read as k is: of the rows in use alone. NULL = 1. Only with kv_dtype */
    int64_t k_scale_token_stride; /* along the tokens of k, or of a page of it */
    int64_t k_scale_head_stride;  /* along its heads */
    int64_t k_scale_page_stride;  /* along its pages; 0 without paging */
    const float *v_scale;         /* likewise for v */
    int64_t v_scale_token_stride;
    int64_t v_scale_head_stride;
    int64_t v_scale_page_stride;
} varlen_inputs;

/* The data of varlen_forward. */
typedef struct varlen_forward_args {
    size_t struct_size;
    const varlen_inputs *inputs;  /* host memory, like this struct: neither is looked at after the call */
    varlen_tensor out;            /* [Tq, Hq, Dv], written */
    float *lse;                   /* [Hq, Tq], written: natural log of each row's softmax denominator, sink included,
                                   * before dropout. NULL = not wanted; else VARLEN_FEATURE_LSE is set */
    void *workspace;              /* scratch, aligned to 64 bytes; NULL only if workspace_size may be 0 */
    size_t workspace_size;        /* bytes, at least what varlen_workspace_size says */
} varlen_forward_args;

/* The data of varlen_backward. The inputs are those that forward was given: one varlen_inputs serves both passes of a step.
 * out and lse are forward's results. dk and dv are sums over the query heads of a group. Paging, tree masks and quantised
 * keys and values (kv_dtype) are refused. The gradients are those of sum(dout * out) + sum(dlse * lse). */
typedef struct varlen_backward_args {
    size_t struct_size;
    const varlen_inputs *inputs;  /* host memory, as in varlen_forward_args */
    varlen_tensor out;            /* [Tq, Hq, Dv], read */
    const float *lse;             /* [Hq, Tq], read */
    varlen_tensor dout;           /* [Tq, Hq, Dv], read */
    varlen_tensor dq;             /* [Tq, Hq, D], written */
    varlen_tensor dk;             /* [Tk, Hk, D], written */
    varlen_tensor dv;             /* [Tk, Hk, Dv], written */
    float *dsinks;                /* [Hq], written; NULL = not wanted, else VARLEN_FEATURE_DSINKS is set. Needs sinks */
    void *workspace;              /* as in varlen_forward_args */
    size_t workspace_size;        /* likewise */
    const float *dlse;            /* [Hq, Tq], read where lse is finite: the gradient of lse, for a loss that it enters.
                                   * NULL = zeros, else VARLEN_FEATURE_DLSE is set */
} varlen_backward_args;

/* Whether the context's backend does this problem in this pass: every check of the call that needs no data. VARLEN_OK,
 * VARLEN_ERROR_INVALID_ARGUMENT or VARLEN_ERROR_UNSUPPORTED with the reason. */
VARLEN_API varlen_status varlen_supports(varlen_context *context, const varlen_attention *attention, varlen_pass pass);

/* The scratch that a call needs, in bytes. Depends on the problem and the context only, never on device data, and never
 * falls as batch, total_q, total_k or page_table_width grow. Fails as varlen_supports does; *size is then left alone. */
VARLEN_API varlen_status varlen_workspace_size(varlen_context *context, const varlen_attention *attention,
                                               varlen_pass pass, size_t *size);

#define VARLEN_EXPLAIN_SIZE 2048 /* bytes that hold any text of varlen_explain */

/* Tells people which kernels calls of this problem run on, and why others do not take them: a line for each that there
 * is, the chosen one first, without a newline at the end. "warp_tiles takes it, with bfloat16 kernels for head_dim and
 * value_dim up to 128". The words are not for programs to read: any version may change them. At most `size` bytes are
 * written to `text`, which is host memory, the ending 0 included; VARLEN_EXPLAIN_SIZE hold any text. Fails as
 * varlen_supports does, and with VARLEN_ERROR_UNSUPPORTED where the backend does not tell; *text is then left alone. */
VARLEN_API varlen_status varlen_explain(varlen_context *context, const varlen_attention *attention, varlen_pass pass,
                                        char *text, size_t size);

/* Attention: writes out, and lse if it is wanted. Refuses what varlen_supports does, and data that break the rules of
 * their fields. */
VARLEN_API varlen_status varlen_forward(varlen_context *context, varlen_stream stream,
                                        const varlen_attention *attention, const varlen_forward_args *args);

/* The gradients of attention: writes dq, dk and dv, and dsinks if it is wanted. Refuses likewise. */
VARLEN_API varlen_status varlen_backward(varlen_context *context, varlen_stream stream,
                                         const varlen_attention *attention, const varlen_backward_args *args);

/* ---- Around attention --------------------------------------------------------------------------------------------- */

/* Combines attention over parts of the keys into attention over all of them: with L = log(sum over parts of exp(lse)),
 * out = sum over parts of exp(lse - L) * out_part, and lse = L. Parts that saw nothing (lse = -infinity, or +infinity,
 * as FlashAttention-2 marks them) weigh nothing; if all did, out = 0 and lse = -infinity. An lse that is NaN makes its
 * row NaN. A sink must have been given to one part only. */
typedef struct varlen_merge_args {
    size_t struct_size;
    varlen_dtype dtype;           /* of out */
    varlen_dtype partial_dtype;   /* of the parts */
    int32_t parts;                /* >= 1 */
    int32_t heads;                /* >= 1 */
    int64_t tokens;               /* 0 to 2^31 - 1 */
    varlen_tensor partial_out;    /* [parts, tokens, heads, value_dim]: the view of part 0 */
    int64_t partial_out_stride;   /* elements from a part to the next; 0 = tokens * token_stride, or one row of
                                   * heads where tokens are expanded */
    const float *partial_lse;     /* [parts, heads, tokens] */
    int64_t partial_lse_stride;   /* elements from a part to the next; 0 = heads * tokens */
    varlen_tensor out;            /* [tokens, heads, value_dim], written; may be exactly one of the parts, with its
                                   * dtype and strides */
    float *lse;                   /* [heads, tokens], written; may be exactly one part's; NULL = not wanted */
    int32_t value_dim;            /* as in varlen_attention, but never 0 */
    int32_t reserved;             /* 0, in every version */
} varlen_merge_args;

/* Merges as varlen_merge_args says. */
VARLEN_API varlen_status varlen_merge(varlen_context *context, varlen_stream stream, const varlen_merge_args *args);

/* Running sums of lengths: [2, 3, 1] becomes [0, 2, 5, 6]. lengths int32 [batch], each >= 0, with a sum below 2^31;
 * cu_seqlens int32 [batch + 1], written. Both in device memory. */
VARLEN_API varlen_status varlen_cu_seqlens(varlen_context *context, varlen_stream stream, int32_t batch,
                                           const int32_t *lengths, int32_t *cu_seqlens);

/* varlen_pack copies padded[b, leftpad[b] + t] to packed row cu_seqlens[b] + t for every t of sequence b, and clears the
 * packed rows that belong to no sequence. varlen_unpack copies back, and clears the rows of padded[b] before leftpad[b]
 * and past the sequence's end. leftpad[b] + length may not be above max_seqlen. Elements are copied as they are: activations, token ids (heads = dim = 1), positions.
 * Addresses and strides are multiples of one element here, not of 16 bytes; where both tensors' are, copies are wide. */
typedef struct varlen_pack_args {
    size_t struct_size;
    int32_t element_size;         /* bytes: 1, 2, 4 or 8 */
    int32_t batch;                /* >= 0 */
    int32_t max_seqlen;           /* S, tokens per padded row, >= 0 */
    int32_t heads;                /* H, >= 1 */
    int32_t dim;                  /* D, >= 1 */
    int32_t reserved;             /* 0, in every version */
    int64_t total;                /* T, tokens in packed, 0 to 2^31 - 1 */
    varlen_tensor padded;         /* [B, S, H, D]: the view of row 0 */
    int64_t padded_batch_stride;  /* elements from a padded row to the next; 0 = S * padded.token_stride */
    varlen_tensor packed;         /* [T, H, D] */
    const int32_t *cu_seqlens;    /* [B + 1] */
    const int32_t *leftpad;       /* [B], >= 0: tokens before each sequence in its padded row; NULL = 0 */
} varlen_pack_args;

/* Copy as varlen_pack_args says. */
VARLEN_API varlen_status varlen_pack(varlen_context *context, varlen_stream stream, const varlen_pack_args *args);
VARLEN_API varlen_status varlen_unpack(varlen_context *context, varlen_stream stream, const varlen_pack_args *args);

/* Appends new keys and values to a cache, packed or paged. Row t of sequence b goes to row seqused_k[b] + t of its
 * slot, which must be long enough. With rotary_dim > 0 the new keys, and the queries in q, are rotated first: row t by
 * position n = seqused_k[b] - leftpad_k[b] + t, in float32, on rotary_dim elements of each head from rotary_begin on:
 *
 *     (x, y) -> (x * cos[n, i] - y * sin[n, i], x * sin[n, i] + y * cos[n, i])     i = 0 .. rotary_dim/2 - 1
 *
 * where (x, y) are elements (i, i + rotary_dim/2), or (2i, 2i + 1) if rotary_interleaved, counted from rotary_begin:
 * latent attention turns the last 64 of 576. Cache rows that no new key goes to are left alone, and so are rows of q that
 * belong to no sequence. That two sequences append to the same row of a page which they share is the caller's to avoid: it
 * is not looked for, and whose row stays is not defined.
 *
 * With v_new.data and v_cache.data both NULL, keys alone are appended: a latent cache has its values in the first columns
 * of its keys. value_dim, which must be legal, then means nothing.
 *
 * With cache_dtype, rows are quantised when they have been rotated, in float32: element = x / scale, rounded to nearest
 * even, where what is beyond the largest finite number of cache_dtype (448, 57344; -127 and 127) becomes it, and a NaN
 * stays one in float8 and becomes 0 in int8. Each row's scale is max |x| / that number, but at least 2^-126; 1 for a row
 * of zeros; NaN for a row with an infinity or a NaN. With scales_given the scales are read instead. */
typedef struct varlen_kv_append_args {
    size_t struct_size;
    varlen_dtype dtype;           /* of all tensors, but for what cache_dtype says */
    int32_t batch;                /* B, >= 0 */
    int32_t kv_heads;             /* Hk, >= 1 */
    int32_t head_dim;             /* D, as in varlen_attention */
    int32_t value_dim;            /* Dv, likewise; 0 = head_dim */
    int32_t q_heads;              /* Hq; 0 = no queries to rotate */
    int64_t total_new;            /* N, new tokens in all, 0 to 2^31 - 1 */
    int64_t total_k;              /* Tk, tokens in a packed cache; 0 with paging */
    int32_t page_size;            /* as in varlen_attention */
    int32_t page_table_width;     /* likewise */
    int64_t page_count;           /* likewise */
    varlen_tensor q;              /* [N, Hq, D], rotated in place; needs rotary_dim > 0 */
    varlen_tensor k_new;          /* [N, Hk, D] */
    varlen_tensor v_new;          /* [N, Hk, Dv] */
    varlen_tensor k_cache;        /* [Tk, Hk, D] or [page_count, page_size, Hk, D], written */
    varlen_tensor v_cache;        /* likewise with Dv, written */
    int64_t k_page_stride;        /* as in varlen_inputs */
    int64_t v_page_stride;        /* likewise */
    const int32_t *cu_seqlens_new;/* [B + 1], for q, k_new and v_new */
    const int32_t *cu_seqlens_k;  /* [B + 1]: the cache's slots; NULL with paging and only then */
    const int32_t *seqused_k;     /* [B]: keys in each slot before the call, padding at its start included */
    const int32_t *leftpad_k;     /* [B], <= seqused_k[b]; NULL = 0. Moves rotary positions only */
    const int32_t *page_table;    /* [B, page_table_width] */
    int32_t *seqused_k_out;       /* [B], written: seqused_k[b] + new tokens. May be seqused_k itself. NULL = not wanted */
    const float *rotary_cos;      /* [rotary_positions, rotary_dim / 2] */
    const float *rotary_sin;      /* likewise */
    int64_t rotary_positions;     /* rows of the two tables; every position used must be below it */
    int32_t rotary_dim;           /* a multiple of 2, at most head_dim - rotary_begin; 0 = no rotation */
    int32_t rotary_interleaved;   /* 0 or 1 */
    varlen_dtype cache_dtype;     /* of k_cache and v_cache where it is not dtype, as varlen_attention.kv_dtype; 0 = dtype */
    int32_t scales_given;         /* 0: the scales of new rows are written. 1: k_scale and v_scale are read, strides of 0
                                   * mean shared as in varlen_inputs, NULL = 1 */
    /* With cache_dtype only, laid out as in varlen_inputs. Where scales are written, no stride is 0 along a dimension
     * that has more than one step: each row of the cache has its own. Scales of rows that no new key goes to are left
     * alone. */
    float *k_scale;               /* of k_cache */
    int64_t k_scale_token_stride;
    int64_t k_scale_head_stride;
    int64_t k_scale_page_stride;
    float *v_scale;               /* of v_cache; NULL where keys alone are appended */
    int64_t v_scale_token_stride;
    int64_t v_scale_head_stride;
    int64_t v_scale_page_stride;
    int32_t rotary_begin;         /* the first rotated element, >= 0, any; 0 without rotation */
    int32_t reserved;             /* 0, in every version */
} varlen_kv_append_args;

/* Appends as varlen_kv_append_args says. */
VARLEN_API varlen_status varlen_kv_append(varlen_context *context, varlen_stream stream,
                                          const varlen_kv_append_args *args);

/* ---- Memory, streams, events -------------------------------------------------------------------------------------- */

/* Device memory, aligned to 256 bytes, owned by the caller until varlen_free. size 0 gives NULL. On failure *data is
 * NULL. */
VARLEN_API varlen_status varlen_alloc(varlen_context *context, size_t size, void **data);
VARLEN_API varlen_status varlen_free(varlen_context *context, void *data); /* NULL is allowed */

/* Copies `size` bytes, in stream order; either side may be host or device memory. Host memory must stay valid until the
 * stream has passed the copy. The ranges must not overlap. */
VARLEN_API varlen_status varlen_copy(varlen_context *context, varlen_stream stream, void *destination,
                                     const void *source, size_t size);

/* Sets `size` bytes of device memory to `value`, in stream order. */
VARLEN_API varlen_status varlen_fill(varlen_context *context, varlen_stream stream, void *destination, uint8_t value,
                                     size_t size);

/* A stream belongs to the caller until it is destroyed. Any cudaStream_t or hipStream_t of the same device can be used
 * in place of one made here. */
VARLEN_API varlen_status varlen_stream_create(varlen_context *context, varlen_stream *stream);
VARLEN_API varlen_status varlen_stream_destroy(varlen_context *context, varlen_stream stream);
VARLEN_API varlen_status varlen_stream_synchronize(varlen_context *context, varlen_stream stream);

/* An event marks a point in a stream's work. elapsed gives the milliseconds between two recorded events that have both
 * been reached; stream_wait makes later work in `stream` wait for the event. One event may be used from several threads
 * at once, destroy excepted: each function goes by a recording made before, or by one made at the same time, but never
 * by a mixture of two. */
VARLEN_API varlen_status varlen_event_create(varlen_context *context, varlen_event *event);
VARLEN_API varlen_status varlen_event_destroy(varlen_context *context, varlen_event event);
VARLEN_API varlen_status varlen_event_record(varlen_context *context, varlen_event event, varlen_stream stream);
VARLEN_API varlen_status varlen_event_synchronize(varlen_context *context, varlen_event event);
VARLEN_API varlen_status varlen_event_elapsed(varlen_context *context, varlen_event start, varlen_event end,
                                              double *milliseconds);
VARLEN_API varlen_status varlen_stream_wait(varlen_context *context, varlen_stream stream, varlen_event event);

/* ---- Views of fused tensors --------------------------------------------------------------------------------------- */

/* Bytes of an element; 0 for what is not a varlen_dtype of this header. */
static inline int64_t varlen_dtype_size(varlen_dtype dtype)
{
    switch (dtype) {
    case VARLEN_FLOAT32: return 4;
    case VARLEN_FLOAT16:
    case VARLEN_BFLOAT16: return 2;
    case VARLEN_FLOAT8_E4M3:
    case VARLEN_FLOAT8_E5M2:
    case VARLEN_INT8: return 1;
    }
    return 0;
}

/* Heads first_head .. of a [tokens, row_heads, dim] tensor, dense: the general case of those below. */
static inline varlen_tensor varlen_view(void *data, varlen_dtype dtype, int64_t row_heads, int64_t first_head, int64_t dim)
{
    varlen_tensor view;
    view.data = data ? (char *)data + first_head * dim * varlen_dtype_size(dtype) : NULL;
    view.token_stride = row_heads * dim;
    view.head_stride = dim;
    return view;
}

/* One of q, k, v (part = 0, 1, 2) in a [tokens, 3, heads, dim] tensor. */
static inline varlen_tensor varlen_view_qkvpacked(void *qkv, varlen_dtype dtype, int part, int64_t heads, int64_t dim)
{
    return varlen_view(qkv, dtype, 3 * heads, part * heads, dim);
}

/* One of k, v (part = 0, 1) in a [tokens, 2, heads, dim] tensor. */
static inline varlen_tensor varlen_view_kvpacked(void *kv, varlen_dtype dtype, int part, int64_t heads, int64_t dim)
{
    return varlen_view(kv, dtype, 2 * heads, part * heads, dim);
}

/* One of q, k, v (part = 0, 1, 2) in a fused projection's [tokens, (q_heads + 2 * kv_heads) * dim] output. */
static inline varlen_tensor varlen_view_fused(void *qkv, varlen_dtype dtype, int part, int64_t q_heads, int64_t kv_heads,
                                              int64_t dim)
{
    return varlen_view(qkv, dtype, q_heads + 2 * kv_heads, part == 0 ? 0 : q_heads + (part - 1) * kv_heads, dim);
}

#ifdef __cplusplus
}
#endif

#endif
