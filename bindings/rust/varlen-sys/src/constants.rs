//! varlen.h's enumerators and constants. An enum of C is the integer that it is there: a library may return values that
//! this header does not know.

use std::os::raw::c_uint;

pub type varlen_status = c_uint;
pub type varlen_log_level = c_uint;
pub type varlen_dtype = c_uint;
pub type varlen_mask = c_uint;
pub type varlen_alignment = c_uint;
pub type varlen_pass = c_uint;
pub type varlen_backend_state = c_uint;

/// Defines each constant, and the list of all, for the test.
macro_rules! constants {
    ($($name:ident: $type:ty = $value:expr;)*) => {
        $(pub const $name: $type = $value;)*

        #[doc(hidden)]
        pub const CONSTANTS: &[(&str, i64)] = &[$((stringify!($name), $value as i64),)*];
    };
}

constants! {
    VARLEN_OK: varlen_status = 0;
    VARLEN_ERROR_INVALID_ARGUMENT: varlen_status = 1;
    VARLEN_ERROR_UNSUPPORTED: varlen_status = 2;
    VARLEN_ERROR_BACKEND_UNAVAILABLE: varlen_status = 3;
    VARLEN_ERROR_BAD_METADATA: varlen_status = 4;
    VARLEN_ERROR_OUT_OF_MEMORY: varlen_status = 5;
    VARLEN_ERROR_DEVICE: varlen_status = 6;
    VARLEN_ERROR_INTERNAL: varlen_status = 7;

    VARLEN_LOG_ERROR: varlen_log_level = 0;
    VARLEN_LOG_WARN: varlen_log_level = 1;
    VARLEN_LOG_INFO: varlen_log_level = 2;
    VARLEN_LOG_DEBUG: varlen_log_level = 3;

    VARLEN_FLOAT32: varlen_dtype = 0;
    VARLEN_FLOAT16: varlen_dtype = 1;
    VARLEN_BFLOAT16: varlen_dtype = 2;

    VARLEN_MASK_FULL: varlen_mask = 0;
    VARLEN_MASK_CAUSAL: varlen_mask = 1;
    VARLEN_MASK_WINDOW: varlen_mask = 2;

    VARLEN_ALIGN_BOTTOM_RIGHT: varlen_alignment = 0;
    VARLEN_ALIGN_TOP_LEFT: varlen_alignment = 1;

    VARLEN_PASS_FORWARD: varlen_pass = 0;
    VARLEN_PASS_BACKWARD: varlen_pass = 1;

    VARLEN_BACKEND_USABLE: varlen_backend_state = 0;
    VARLEN_BACKEND_NO_DEVICE: varlen_backend_state = 1;
    VARLEN_BACKEND_REFUSED: varlen_backend_state = 2;

    VARLEN_VERSION_MAJOR: i32 = 0;
    VARLEN_VERSION_MINOR: i32 = 1;
    VARLEN_VERSION_PATCH: i32 = 0;
    VARLEN_UNBOUNDED: i32 = -1;
    VARLEN_FLAG_DETERMINISTIC: u32 = 0x1;
    VARLEN_FLAG_BATCH_INVARIANT: u32 = 0x2;
    VARLEN_FLAG_EXACT_SCALE: u32 = 0x4;
    VARLEN_FEATURE_SEQUSED_Q: u64 = 1 << 0;
    VARLEN_FEATURE_SEQUSED_K: u64 = 1 << 1;
    VARLEN_FEATURE_LEFTPAD_K: u64 = 1 << 2;
    VARLEN_FEATURE_ALIBI: u64 = 1 << 3;
    VARLEN_FEATURE_SINKS: u64 = 1 << 4;
    VARLEN_FEATURE_DROPOUT_STATE: u64 = 1 << 5;
    VARLEN_FEATURE_LSE: u64 = 1 << 6;
    VARLEN_FEATURE_DSINKS: u64 = 1 << 7;
    VARLEN_FEATURE_EXPANDED: u64 = 1 << 8;
    VARLEN_FEATURE_DLSE: u64 = 1 << 17;
    VARLEN_FEATURE_KEY_RANGES: u64 = 1 << 18;
    VARLEN_FEATURE_QUERY_POSITIONS: u64 = 1 << 19;
    VARLEN_FEATURE_KEY_STARTS: u64 = 1 << 20;
    VARLEN_FEATURE_TREE_MASK: u64 = 1 << 21;
    VARLEN_FEATURE_LEFTPAD_Q: u64 = 1 << 22;
    VARLEN_FEATURE_CHUNK: u64 = 1 << 23;
    VARLEN_FEATURE_CAUSAL: u64 = 1 << 9;
    VARLEN_FEATURE_WINDOW: u64 = 1 << 10;
    VARLEN_FEATURE_TOP_LEFT: u64 = 1 << 11;
    VARLEN_FEATURE_SOFTCAP: u64 = 1 << 12;
    VARLEN_FEATURE_DROPOUT: u64 = 1 << 13;
    VARLEN_FEATURE_PAGED: u64 = 1 << 14;
    VARLEN_FEATURE_DETERMINISTIC: u64 = 1 << 15;
    VARLEN_FEATURE_BATCH_INVARIANT: u64 = 1 << 16;
    VARLEN_EXPANDED: i64 = -1;
    VARLEN_DEVICE_HOST_MEMORY: u32 = 0x1;
    VARLEN_EXPLAIN_SIZE: usize = 2048;
}
