//! Bindings to libvarlen, written by hand and held to its header by a test (tests/layout.rs). `varlen/varlen.h` says what
//! each field and function means; the crate `varlen` has a safe interface for the common calls.
//!
//! The build script finds the library by pkg-config: `PKG_CONFIG_PATH=/opt/varlen/lib/pkgconfig`.

#![allow(non_camel_case_types)]

mod constants;
mod functions;
mod layout;
mod structs;

pub use constants::*;
pub use functions::*;
#[doc(hidden)]
pub use layout::*;
pub use std::os::raw::{c_char, c_void};
pub use structs::*;

/// One device of one backend.
#[repr(C)]
pub struct varlen_context {
    _private: [u8; 0],
}

#[repr(C)]
pub struct varlen_event_object {
    _private: [u8; 0],
}

pub type varlen_event = *mut varlen_event_object;
pub type varlen_stream = *mut c_void;
pub type varlen_log_sink =
    Option<unsafe extern "C" fn(user: *mut c_void, level: varlen_log_level, message: *const c_char)>;

/// Bytes of an element; 0 for what is not a dtype of this header.
pub fn varlen_dtype_size(dtype: varlen_dtype) -> i64 {
    match dtype {
        VARLEN_FLOAT32 => 4,
        VARLEN_FLOAT16 | VARLEN_BFLOAT16 => 2,
        VARLEN_FLOAT8_E4M3 | VARLEN_FLOAT8_E5M2 | VARLEN_INT8 => 1,
        _ => 0,
    }
}
