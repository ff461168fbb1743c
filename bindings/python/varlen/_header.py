"""What varlen.h declares: constants, structs, functions. Written by generate_header.py; the header has the comments."""

from ctypes import (CFUNCTYPE, c_char, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_uint8, c_uint32,
                    c_uint64, c_void_p)
from enum import IntEnum

from ._struct import Struct

__all__ = ["VERSION_MAJOR", "VERSION_MINOR", "VERSION_PATCH", "UNBOUNDED", "FLAG_DETERMINISTIC",
           "FLAG_BATCH_INVARIANT", "FLAG_EXACT_SCALE", "FEATURE_SEQUSED_Q", "FEATURE_SEQUSED_K", "FEATURE_LEFTPAD_K",
           "FEATURE_ALIBI", "FEATURE_SINKS", "FEATURE_DROPOUT_STATE", "FEATURE_LSE", "FEATURE_DSINKS",
           "FEATURE_EXPANDED", "FEATURE_DLSE", "FEATURE_KEY_RANGES", "FEATURE_QUERY_POSITIONS", "FEATURE_KEY_STARTS",
           "FEATURE_TREE_MASK", "FEATURE_LEFTPAD_Q", "FEATURE_CAUSAL", "FEATURE_WINDOW", "FEATURE_TOP_LEFT",
           "FEATURE_SOFTCAP", "FEATURE_DROPOUT", "FEATURE_PAGED", "FEATURE_DETERMINISTIC", "FEATURE_BATCH_INVARIANT",
           "FEATURE_CHUNK", "FEATURE_QUANTIZED", "EXPANDED", "DEVICE_HOST_MEMORY", "EXPLAIN_SIZE", "Status",
           "LogLevel", "Dtype", "Mask", "Alignment", "Pass", "BackendState", "LogSink", "Tensor", "Attention",
           "BackendInfo", "DeviceInfo", "SearchFolder", "EnvironmentVariable", "OpenOptions", "KernelFamily", "Inputs",
           "ForwardArgs", "BackwardArgs", "MergeArgs", "PackArgs", "KvAppendArgs"]


VERSION_MAJOR = 0
VERSION_MINOR = 1
VERSION_PATCH = 0
UNBOUNDED = -1
FLAG_DETERMINISTIC = 0x1
FLAG_BATCH_INVARIANT = 0x2
FLAG_EXACT_SCALE = 0x4
FEATURE_SEQUSED_Q = 1 << 0
FEATURE_SEQUSED_K = 1 << 1
FEATURE_LEFTPAD_K = 1 << 2
FEATURE_ALIBI = 1 << 3
FEATURE_SINKS = 1 << 4
FEATURE_DROPOUT_STATE = 1 << 5
FEATURE_LSE = 1 << 6
FEATURE_DSINKS = 1 << 7
FEATURE_EXPANDED = 1 << 8
FEATURE_DLSE = 1 << 17
FEATURE_KEY_RANGES = 1 << 18
FEATURE_QUERY_POSITIONS = 1 << 19
FEATURE_KEY_STARTS = 1 << 20
FEATURE_TREE_MASK = 1 << 21
FEATURE_LEFTPAD_Q = 1 << 22
FEATURE_CAUSAL = 1 << 9
FEATURE_WINDOW = 1 << 10
FEATURE_TOP_LEFT = 1 << 11
FEATURE_SOFTCAP = 1 << 12
FEATURE_DROPOUT = 1 << 13
FEATURE_PAGED = 1 << 14
FEATURE_DETERMINISTIC = 1 << 15
FEATURE_BATCH_INVARIANT = 1 << 16
FEATURE_CHUNK = 1 << 23
FEATURE_QUANTIZED = 1 << 24
EXPANDED = -1
DEVICE_HOST_MEMORY = 0x1
EXPLAIN_SIZE = 2048


class Status(IntEnum):
    OK = 0
    ERROR_INVALID_ARGUMENT = 1
    ERROR_UNSUPPORTED = 2
    ERROR_BACKEND_UNAVAILABLE = 3
    ERROR_BAD_METADATA = 4
    ERROR_OUT_OF_MEMORY = 5
    ERROR_DEVICE = 6
    ERROR_INTERNAL = 7


class LogLevel(IntEnum):
    ERROR = 0
    WARN = 1
    INFO = 2
    DEBUG = 3


class Dtype(IntEnum):
    FLOAT32 = 0
    FLOAT16 = 1
    BFLOAT16 = 2
    FLOAT8_E4M3 = 3
    FLOAT8_E5M2 = 4
    INT8 = 5


class Mask(IntEnum):
    FULL = 0
    CAUSAL = 1
    WINDOW = 2


class Alignment(IntEnum):
    BOTTOM_RIGHT = 0
    TOP_LEFT = 1


class Pass(IntEnum):
    FORWARD = 0
    BACKWARD = 1


class BackendState(IntEnum):
    USABLE = 0
    NO_DEVICE = 1
    REFUSED = 2


LogSink = CFUNCTYPE(None, c_void_p, c_int, c_char_p)


class Tensor(Struct):
    _fields_ = [
        ("data", c_void_p),
        ("token_stride", c_int64),
        ("head_stride", c_int64),
    ]


class Attention(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("dtype", c_int),
        ("batch", c_int32),
        ("q_heads", c_int32),
        ("kv_heads", c_int32),
        ("head_dim", c_int32),
        ("value_dim", c_int32),
        ("total_q", c_int64),
        ("total_k", c_int64),
        ("max_seqlen_q", c_int32),
        ("max_seqlen_k", c_int32),
        ("softmax_scale", c_float),
        ("softcap", c_float),
        ("mask", c_int),
        ("alignment", c_int),
        ("window_left", c_int32),
        ("window_right", c_int32),
        ("dropout_p", c_float),
        ("page_size", c_int32),
        ("page_table_width", c_int32),
        ("flags", c_uint32),
        ("page_count", c_int64),
        ("features", c_uint64),
        ("attention_chunk", c_int32),
        ("kv_dtype", c_int),
    ]


class BackendInfo(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("path", c_char_p),
        ("description", c_char_p),
        ("reason", c_char_p),
        ("state", c_int),
        ("priority", c_int32),
        ("device_count", c_int32),
        ("abi_version", c_uint32),
    ]


class DeviceInfo(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("backend", c_char * 16),
        ("name", c_char * 128),
        ("architecture", c_char * 32),
        ("memory_bytes", c_uint64),
        ("device", c_int32),
        ("compute_units", c_int32),
        ("dtypes", c_uint32),
        ("passes", c_uint32),
        ("flags", c_uint32),
        ("reserved", c_uint32),
    ]


class SearchFolder(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("path", c_char_p),
        ("origin", c_char_p),
        ("reason", c_char_p),
    ]


class EnvironmentVariable(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("values", c_char_p),
        ("default_value", c_char_p),
        ("help", c_char_p),
        ("value", c_char_p),
    ]


class OpenOptions(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("backend", c_char_p),
        ("threads", c_int32),
        ("reserved", c_uint32),
    ]


class KernelFamily(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("pass", c_int),
        ("reserved", c_uint32),
        ("calls", c_uint64),
    ]


class Inputs(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("q", Tensor),
        ("k", Tensor),
        ("v", Tensor),
        ("k_page_stride", c_int64),
        ("v_page_stride", c_int64),
        ("cu_seqlens_q", c_void_p),
        ("cu_seqlens_k", c_void_p),
        ("seqused_q", c_void_p),
        ("seqused_k", c_void_p),
        ("leftpad_k", c_void_p),
        ("page_table", c_void_p),
        ("alibi_slopes", c_void_p),
        ("alibi_batch_stride", c_int64),
        ("sinks", c_void_p),
        ("dropout_seed", c_uint64),
        ("dropout_offset", c_uint64),
        ("dropout_state", c_void_p),
        ("key_begin", c_void_p),
        ("key_end", c_void_p),
        ("query_positions", c_void_p),
        ("key_starts", c_void_p),
        ("tree_mask", c_void_p),
        ("leftpad_q", c_void_p),
        ("k_scale", c_void_p),
        ("k_scale_token_stride", c_int64),
        ("k_scale_head_stride", c_int64),
        ("k_scale_page_stride", c_int64),
        ("v_scale", c_void_p),
        ("v_scale_token_stride", c_int64),
        ("v_scale_head_stride", c_int64),
        ("v_scale_page_stride", c_int64),
    ]
    _elements_ = {"cu_seqlens_q": "int32", "cu_seqlens_k": "int32", "seqused_q": "int32", "seqused_k": "int32",
                  "leftpad_k": "int32", "page_table": "int32", "alibi_slopes": "float32", "sinks": "float32",
                  "dropout_state": "uint64", "key_begin": "int32", "key_end": "int32", "query_positions": "int32",
                  "key_starts": "int32", "tree_mask": "uint64", "leftpad_q": "int32", "k_scale": "float32",
                  "v_scale": "float32"}


class ForwardArgs(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("inputs", c_void_p),
        ("out", Tensor),
        ("lse", c_void_p),
        ("workspace", c_void_p),
        ("workspace_size", c_size_t),
    ]
    _elements_ = {"lse": "float32"}


class BackwardArgs(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("inputs", c_void_p),
        ("out", Tensor),
        ("lse", c_void_p),
        ("dout", Tensor),
        ("dq", Tensor),
        ("dk", Tensor),
        ("dv", Tensor),
        ("dsinks", c_void_p),
        ("workspace", c_void_p),
        ("workspace_size", c_size_t),
        ("dlse", c_void_p),
    ]
    _elements_ = {"lse": "float32", "dsinks": "float32", "dlse": "float32"}


class MergeArgs(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("dtype", c_int),
        ("partial_dtype", c_int),
        ("parts", c_int32),
        ("heads", c_int32),
        ("tokens", c_int64),
        ("partial_out", Tensor),
        ("partial_out_stride", c_int64),
        ("partial_lse", c_void_p),
        ("partial_lse_stride", c_int64),
        ("out", Tensor),
        ("lse", c_void_p),
        ("value_dim", c_int32),
        ("reserved", c_int32),
    ]
    _elements_ = {"partial_lse": "float32", "lse": "float32"}


class PackArgs(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("element_size", c_int32),
        ("batch", c_int32),
        ("max_seqlen", c_int32),
        ("heads", c_int32),
        ("dim", c_int32),
        ("reserved", c_int32),
        ("total", c_int64),
        ("padded", Tensor),
        ("padded_batch_stride", c_int64),
        ("packed", Tensor),
        ("cu_seqlens", c_void_p),
        ("leftpad", c_void_p),
    ]
    _elements_ = {"cu_seqlens": "int32", "leftpad": "int32"}


class KvAppendArgs(Struct):
    _fields_ = [
        ("struct_size", c_size_t),
        ("dtype", c_int),
        ("batch", c_int32),
        ("kv_heads", c_int32),
        ("head_dim", c_int32),
        ("value_dim", c_int32),
        ("q_heads", c_int32),
        ("total_new", c_int64),
        ("total_k", c_int64),
        ("page_size", c_int32),
        ("page_table_width", c_int32),
        ("page_count", c_int64),
        ("q", Tensor),
        ("k_new", Tensor),
        ("v_new", Tensor),
        ("k_cache", Tensor),
        ("v_cache", Tensor),
        ("k_page_stride", c_int64),
        ("v_page_stride", c_int64),
        ("cu_seqlens_new", c_void_p),
        ("cu_seqlens_k", c_void_p),
        ("seqused_k", c_void_p),
        ("leftpad_k", c_void_p),
        ("page_table", c_void_p),
        ("seqused_k_out", c_void_p),
        ("rotary_cos", c_void_p),
        ("rotary_sin", c_void_p),
        ("rotary_positions", c_int64),
        ("rotary_dim", c_int32),
        ("rotary_interleaved", c_int32),
        ("cache_dtype", c_int),
        ("scales_given", c_int32),
        ("k_scale", c_void_p),
        ("k_scale_token_stride", c_int64),
        ("k_scale_head_stride", c_int64),
        ("k_scale_page_stride", c_int64),
        ("v_scale", c_void_p),
        ("v_scale_token_stride", c_int64),
        ("v_scale_head_stride", c_int64),
        ("v_scale_page_stride", c_int64),
        ("rotary_begin", c_int32),
        ("reserved", c_int32),
    ]
    _elements_ = {"cu_seqlens_new": "int32", "cu_seqlens_k": "int32", "seqused_k": "int32", "leftpad_k": "int32",
                  "page_table": "int32", "seqused_k_out": "int32", "rotary_cos": "float32", "rotary_sin": "float32",
                  "k_scale": "float32", "v_scale": "float32"}


# name: (result, parameters)
FUNCTIONS = {
    "varlen_version": (c_char_p, []),
    "varlen_status_name": (c_char_p, [c_int]),
    "varlen_error_message": (c_char_p, []),
    "varlen_set_log_sink": (None, [LogSink, c_void_p]),
    "varlen_add_backend_folder": (c_int, [c_char_p]),
    "varlen_backend_count": (c_int32, []),
    "varlen_get_backend": (c_int, [c_int32, c_void_p]),
    "varlen_search_folder_count": (c_int32, []),
    "varlen_get_search_folder": (c_int, [c_int32, c_void_p]),
    "varlen_environment_count": (c_int32, []),
    "varlen_get_environment": (c_int, [c_int32, c_void_p]),
    "varlen_get_device": (c_int, [c_char_p, c_int32, c_void_p]),
    "varlen_open": (c_int, [c_void_p, c_void_p]),
    "varlen_close": (None, [c_void_p]),
    "varlen_context_device": (c_int, [c_void_p, c_void_p]),
    "varlen_context_status": (c_int, [c_void_p]),
    "varlen_kernel_family_count": (c_int32, [c_void_p]),
    "varlen_get_kernel_family": (c_int, [c_void_p, c_int32, c_void_p]),
    "varlen_supports": (c_int, [c_void_p, c_void_p, c_int]),
    "varlen_workspace_size": (c_int, [c_void_p, c_void_p, c_int, c_void_p]),
    "varlen_explain": (c_int, [c_void_p, c_void_p, c_int, c_char_p, c_size_t]),
    "varlen_forward": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "varlen_backward": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "varlen_merge": (c_int, [c_void_p, c_void_p, c_void_p]),
    "varlen_cu_seqlens": (c_int, [c_void_p, c_void_p, c_int32, c_void_p, c_void_p]),
    "varlen_pack": (c_int, [c_void_p, c_void_p, c_void_p]),
    "varlen_unpack": (c_int, [c_void_p, c_void_p, c_void_p]),
    "varlen_kv_append": (c_int, [c_void_p, c_void_p, c_void_p]),
    "varlen_alloc": (c_int, [c_void_p, c_size_t, c_void_p]),
    "varlen_free": (c_int, [c_void_p, c_void_p]),
    "varlen_copy": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p, c_size_t]),
    "varlen_fill": (c_int, [c_void_p, c_void_p, c_void_p, c_uint8, c_size_t]),
    "varlen_stream_create": (c_int, [c_void_p, c_void_p]),
    "varlen_stream_destroy": (c_int, [c_void_p, c_void_p]),
    "varlen_stream_synchronize": (c_int, [c_void_p, c_void_p]),
    "varlen_event_create": (c_int, [c_void_p, c_void_p]),
    "varlen_event_destroy": (c_int, [c_void_p, c_void_p]),
    "varlen_event_record": (c_int, [c_void_p, c_void_p, c_void_p]),
    "varlen_event_synchronize": (c_int, [c_void_p, c_void_p]),
    "varlen_event_elapsed": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p]),
    "varlen_stream_wait": (c_int, [c_void_p, c_void_p, c_void_p]),
}
