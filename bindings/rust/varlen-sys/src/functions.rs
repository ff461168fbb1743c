//! varlen.h's functions.

use crate::*;

extern "C" {
    pub fn varlen_version() -> *const c_char;
    pub fn varlen_status_name(status: varlen_status) -> *const c_char;
    pub fn varlen_error_message() -> *const c_char;
    pub fn varlen_set_log_sink(sink: varlen_log_sink, user: *mut c_void);
    pub fn varlen_add_backend_folder(path: *const c_char) -> varlen_status;
    pub fn varlen_backend_count() -> i32;
    pub fn varlen_get_backend(index: i32, info: *mut varlen_backend_info) -> varlen_status;
    pub fn varlen_search_folder_count() -> i32;
    pub fn varlen_get_search_folder(index: i32, folder: *mut varlen_search_folder) -> varlen_status;
    pub fn varlen_environment_count() -> i32;
    pub fn varlen_get_environment(index: i32, variable: *mut varlen_environment_variable) -> varlen_status;
    pub fn varlen_get_device(backend: *const c_char, device: i32, info: *mut varlen_device_info) -> varlen_status;
    pub fn varlen_open(options: *const varlen_open_options, context: *mut *mut varlen_context) -> varlen_status;
    pub fn varlen_close(context: *mut varlen_context);
    pub fn varlen_context_device(context: *const varlen_context, info: *mut varlen_device_info) -> varlen_status;
    pub fn varlen_context_status(context: *mut varlen_context) -> varlen_status;
    pub fn varlen_kernel_family_count(context: *const varlen_context) -> i32;
    pub fn varlen_get_kernel_family(
        context: *const varlen_context,
        index: i32,
        family: *mut varlen_kernel_family,
    ) -> varlen_status;
    pub fn varlen_supports(
        context: *mut varlen_context,
        attention: *const varlen_attention,
        pass: varlen_pass,
    ) -> varlen_status;
    pub fn varlen_workspace_size(
        context: *mut varlen_context,
        attention: *const varlen_attention,
        pass: varlen_pass,
        size: *mut usize,
    ) -> varlen_status;
    pub fn varlen_forward(
        context: *mut varlen_context,
        stream: varlen_stream,
        attention: *const varlen_attention,
        args: *const varlen_forward_args,
    ) -> varlen_status;
    pub fn varlen_backward(
        context: *mut varlen_context,
        stream: varlen_stream,
        attention: *const varlen_attention,
        args: *const varlen_backward_args,
    ) -> varlen_status;
    pub fn varlen_merge(
        context: *mut varlen_context,
        stream: varlen_stream,
        args: *const varlen_merge_args,
    ) -> varlen_status;
    pub fn varlen_cu_seqlens(
        context: *mut varlen_context,
        stream: varlen_stream,
        batch: i32,
        lengths: *const i32,
        cu_seqlens: *mut i32,
    ) -> varlen_status;
    pub fn varlen_pack(
        context: *mut varlen_context,
        stream: varlen_stream,
        args: *const varlen_pack_args,
    ) -> varlen_status;
    pub fn varlen_unpack(
        context: *mut varlen_context,
        stream: varlen_stream,
        args: *const varlen_pack_args,
    ) -> varlen_status;
    pub fn varlen_kv_append(
        context: *mut varlen_context,
        stream: varlen_stream,
        args: *const varlen_kv_append_args,
    ) -> varlen_status;
    pub fn varlen_alloc(context: *mut varlen_context, size: usize, data: *mut *mut c_void) -> varlen_status;
    pub fn varlen_free(context: *mut varlen_context, data: *mut c_void) -> varlen_status;
    pub fn varlen_copy(
        context: *mut varlen_context,
        stream: varlen_stream,
        destination: *mut c_void,
        source: *const c_void,
        size: usize,
    ) -> varlen_status;
    pub fn varlen_fill(
        context: *mut varlen_context,
        stream: varlen_stream,
        destination: *mut c_void,
        value: u8,
        size: usize,
    ) -> varlen_status;
    pub fn varlen_stream_create(context: *mut varlen_context, stream: *mut varlen_stream) -> varlen_status;
    pub fn varlen_stream_destroy(context: *mut varlen_context, stream: varlen_stream) -> varlen_status;
    pub fn varlen_stream_synchronize(context: *mut varlen_context, stream: varlen_stream) -> varlen_status;
    pub fn varlen_event_create(context: *mut varlen_context, event: *mut varlen_event) -> varlen_status;
    pub fn varlen_event_destroy(context: *mut varlen_context, event: varlen_event) -> varlen_status;
    pub fn varlen_event_record(
        context: *mut varlen_context,
        event: varlen_event,
        stream: varlen_stream,
    ) -> varlen_status;
    pub fn varlen_event_synchronize(context: *mut varlen_context, event: varlen_event) -> varlen_status;
    pub fn varlen_event_elapsed(
        context: *mut varlen_context,
        start: varlen_event,
        end: varlen_event,
        milliseconds: *mut f64,
    ) -> varlen_status;
    pub fn varlen_stream_wait(
        context: *mut varlen_context,
        stream: varlen_stream,
        event: varlen_event,
    ) -> varlen_status;
}
