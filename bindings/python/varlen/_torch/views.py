"""Tensors of torch as the library's views."""

import torch

from .._header import EXPANDED, FEATURE_EXPANDED, Dtype
from .._header import Tensor as View

Tensor = torch.Tensor

# Plain numbers: an IntEnum costs ctypes a conversion at each call.
DTYPES = {torch.float32: int(Dtype.FLOAT32), torch.float16: int(Dtype.FLOAT16), torch.bfloat16: int(Dtype.BFLOAT16)}

# Of keys and values alone; older versions of torch have no float8.
KV_DTYPES = {getattr(torch, name): int(dtype)
             for name, dtype in (("float8_e4m3fn", Dtype.FLOAT8_E4M3), ("float8_e5m2", Dtype.FLOAT8_E5M2), ("int8", Dtype.INT8))
             if hasattr(torch, name)}


def usable_strides(tensor: Tensor) -> bool:
    """Whether the library can take a tensor's strides: dim must be dense, and the others multiples of 16 bytes."""
    strides = tensor.stride()
    outer = strides[0] | strides[1] | (strides[2] if len(strides) == 4 else 0)
    return strides[-1] == 1 and not outer * tensor.element_size() & 15


def usable(tensor: Tensor) -> Tensor:
    """The tensor, or a copy where the library cannot take its strides or its address, which must be a multiple of 16 bytes."""
    if usable_strides(tensor) and not tensor.data_ptr() & 15:
        return tensor
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device).copy_(tensor)


def point(view: View, tensor: Tensor) -> int:
    """Makes a view that of a usable tensor; returns the features that it asks for."""
    strides = tensor.stride()
    token, head = strides[-3], strides[-2]
    view.data, view.token_stride, view.head_stride = tensor.data_ptr(), token or EXPANDED, head or EXPANDED
    return 0 if token and head else FEATURE_EXPANDED
