"""The library's two passes on torch tensors: no autograd, no tracing, nothing but checks and the call."""

import ctypes
from ctypes import addressof, byref
from typing import NamedTuple, Optional, Tuple

import torch

from .._header import (EXPANDED, FEATURE_DLSE, FEATURE_DSINKS, FEATURE_EXPANDED, FEATURE_LSE, FEATURE_SINKS, Attention,
                       BackwardArgs, Dtype, ForwardArgs, Inputs, Pass)
from .._header import Tensor as View
from .._library import check, library
from .devices import context_of, stream_of
from .problem import Problem, check_metadata, fill_metadata, fill_options

Tensor = torch.Tensor

# Plain numbers, here and below: an IntEnum costs ctypes a conversion at each call.
DTYPES = {torch.float32: int(Dtype.FLOAT32), torch.float16: int(Dtype.FLOAT16), torch.bfloat16: int(Dtype.BFLOAT16)}
_FORWARD, _BACKWARD = int(Pass.FORWARD), int(Pass.BACKWARD)


class _Described(NamedTuple):
    """A problem as the library has it, and the tensors whose addresses it holds."""

    attention: Attention
    inputs: Inputs
    kept: "list[Tensor]"


def usable(tensor: Tensor) -> Tensor:
    """The tensor, or a copy where the library cannot take its address or strides: dim must be dense, and the others, like
    the address, multiples of 16 bytes."""
    strides = tensor.stride()
    outer = strides[0] | strides[1] | (strides[2] if len(strides) == 4 else 0)
    if strides[-1] == 1 and not (tensor.data_ptr() | outer * tensor.element_size()) & 15:
        return tensor
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device).copy_(tensor)


def point(view: View, tensor: Tensor) -> int:
    """Makes a view that of a usable tensor; returns the features that it asks for."""
    strides = tensor.stride()
    token, head = strides[-3], strides[-2]
    view.data, view.token_stride, view.head_stride = tensor.data_ptr(), token or EXPANDED, head or EXPANDED
    return 0 if token and head else FEATURE_EXPANDED


def _check_shapes(q: Tensor, k: Tensor, v: Tensor, paged: bool) -> None:
    q_shape, k_shape, v_shape = q.shape, k.shape, v.shape
    if len(q_shape) != 3:
        raise ValueError(f"q has shape {tuple(q_shape)}; it must be [tokens, heads, dim]")
    layout = "[pages, page_size, heads, dim], with a page table" if paged else "[tokens, heads, dim]"
    for name, tensor, shape in (("k", k, k_shape), ("v", v, v_shape)):
        if len(shape) != 3 + paged:
            raise ValueError(f"{name} has shape {tuple(shape)}; it must be {layout}")
        if tensor.dtype is not q.dtype:
            raise TypeError(f"{name} has dtype {tensor.dtype}; it must be {q.dtype}, as q is")
        if tensor.device != q.device:
            raise ValueError(f"{name} is on {tensor.device}; it must be on {q.device}, where q is")
    if k_shape[-1] != q_shape[-1]:
        raise ValueError(f"k has a head_dim of {k_shape[-1]}; it must be {q_shape[-1]}, as that of q")
    if k_shape != v_shape and k_shape[:-1] != v_shape[:-1]:
        raise ValueError(f"v has shape {tuple(v_shape)}; all but its last dimension must be as those of k, {tuple(k_shape)}")


def _describe(q: Tensor, k: Tensor, v: Tensor, sinks: Optional[Tensor], problem: Problem) -> _Described:
    paged = problem.page_table is not None
    _check_shapes(q, k, v, paged)
    if q.dtype not in DTYPES:
        raise TypeError(f"q has dtype {q.dtype}; it must be float32, float16 or bfloat16")
    attention, inputs = Attention(), Inputs()
    attention.dtype = DTYPES[q.dtype]
    attention.batch = batch = problem.cu_seqlens_q.shape[0] - 1
    attention.total_q, attention.q_heads, attention.head_dim = q.shape
    *pool, attention.kv_heads, attention.value_dim = v.shape
    q, k, v = usable(q), usable(k), usable(v)
    if paged:
        attention.page_count, attention.page_size = pool
        inputs.k_page_stride, inputs.v_page_stride = k.stride(0), v.stride(0)
    else:
        attention.total_k = pool[0]
    fill_options(problem, attention)
    kept, features = fill_metadata(problem, batch, attention, inputs, q.device)
    features |= point(inputs.q, q) | point(inputs.k, k) | point(inputs.v, v)
    if sinks is not None:
        sinks = check_metadata(sinks, "sinks", torch.float32, (attention.q_heads,), q.device)
        inputs.sinks = sinks.data_ptr()
        features |= FEATURE_SINKS
        kept.append(sinks)
    attention.features = features
    kept += (q, k, v)
    return _Described(attention, inputs, kept)


def workspace(handle: int, attention: Attention, direction: int, args: "ForwardArgs | BackwardArgs", like: Tensor) -> Tensor:
    """Scratch from torch's allocator, for as long as the tensor that is returned."""
    size = ctypes.c_size_t()
    check(library().varlen_workspace_size(handle, byref(attention), direction, byref(size)))
    scratch = torch.empty(size.value, dtype=torch.uint8, device=like.device)
    args.workspace, args.workspace_size = scratch.data_ptr(), size.value
    return scratch


def forward(q: Tensor, k: Tensor, v: Tensor, sinks: Optional[Tensor], problem: Problem, out: Optional[Tensor] = None,
            want_lse: bool = True) -> "Tuple[Tensor, Optional[Tensor]]":
    """out [total_q, q_heads, value_dim] and lse [q_heads, total_q], or None for it.

    out may be given: a tensor whose strides the library can write.
    """
    attention, inputs, _kept = _describe(q, k, v, sinks, problem)
    if out is None:
        out = q.new_empty((attention.total_q, attention.q_heads, attention.value_dim))
    lse = None
    args = ForwardArgs()
    args.inputs = addressof(inputs)
    point(args.out, out)
    if want_lse:
        lse = torch.empty((attention.q_heads, attention.total_q), dtype=torch.float32, device=q.device)
        args.lse = lse.data_ptr()
        attention.features |= FEATURE_LSE
    handle = context_of(q).handle
    _scratch = workspace(handle, attention, _FORWARD, args, q)
    check(library().varlen_forward(handle, stream_of(q), byref(attention), byref(args)))
    return out, lse


def backward(dout: Optional[Tensor], q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor, sinks: Optional[Tensor],
             problem: Problem, gradients: "Tuple[Tensor, Tensor, Tensor]", want_dsinks: bool = False,
             dlse: Optional[Tensor] = None) -> Optional[Tensor]:
    """Writes the gradients of q, k and v into the tensors given for them. Returns that of sinks, or None.

    dout and dlse are None where the loss has no part of out or of lse.
    """
    if dout is None:
        dout = out.new_zeros((1, 1, out.shape[-1])).expand(out.shape)
    attention, inputs, _kept = _describe(q, k, v, sinks, problem)
    args = BackwardArgs()
    args.inputs = addressof(inputs)
    dout, out = usable(dout), usable(out)
    attention.features |= FEATURE_LSE | point(args.dout, dout) | point(args.out, out)
    args.lse = lse.data_ptr()
    for view, gradient in zip((args.dq, args.dk, args.dv), gradients):
        point(view, gradient)
    if dlse is not None:
        dlse = dlse.contiguous()
        args.dlse = dlse.data_ptr()
        attention.features |= FEATURE_DLSE
    dsinks = None
    if want_dsinks:
        dsinks = torch.empty(attention.q_heads, dtype=torch.float32, device=q.device)
        args.dsinks = dsinks.data_ptr()
        attention.features |= FEATURE_DSINKS
    handle = context_of(q).handle
    _scratch = workspace(handle, attention, _BACKWARD, args, q)
    check(library().varlen_backward(handle, stream_of(q), byref(attention), byref(args)))
    return dsinks
