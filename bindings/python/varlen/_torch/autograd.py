"""Attention on torch tensors, differentiable: eager calls here, traced ones by the operators."""

from typing import Any, Optional, Tuple

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from . import calls, operators
from .problem import TENSORS, Problem

Tensor = torch.Tensor


def split(tensors: "Tuple[Tensor, ...]") -> "Tuple[Tensor, Tensor, Tensor]":
    """q, k and v of (q, k, v), of (q, kv [tokens, 2, heads, dim]) or of (qkv [tokens, 3, heads, dim],)."""
    if len(tensors) == 3:
        return tensors
    if len(tensors) == 2:
        return (tensors[0], *tensors[1].unbind(1))
    return tensors[0].unbind(1)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, problem: Problem, sinks: Optional[Tensor], *tensors: Tensor) -> "Tuple[Tensor, Tensor]":
        out, lse = calls.forward(*split(tensors), sinks, problem)
        ctx.save_for_backward(out, lse, sinks, *problem[:TENSORS], *tensors)
        ctx.options = list(problem[TENSORS:])
        ctx.set_materialize_grads(False)
        return out, lse

    @staticmethod
    def backward(ctx: Any, dout: Optional[Tensor], dlse: Optional[Tensor]) -> "Tuple[Optional[Tensor], ...]":
        # Under create_graph alone is there anything for once_differentiable to refuse, and it costs as much as a tensor.
        return (_differentiate_once if torch.is_grad_enabled() else _differentiate)(ctx, dout, dlse)


def _differentiate(ctx: Any, dout: Optional[Tensor], dlse: Optional[Tensor]) -> "Tuple[Optional[Tensor], ...]":
    out, lse, sinks, *rest = ctx.saved_tensors
    tensors = tuple(rest[TENSORS:])
    if dout is None and dlse is None:
        return (None, None) + (None,) * len(tensors)
    gradients = tuple([torch.empty_like(each, memory_format=torch.contiguous_format) for each in tensors])
    dsinks = calls.backward(dout, *split(tensors), out, lse, sinks, Problem._make(rest[:TENSORS] + ctx.options),
                            split(gradients), want_dsinks=ctx.needs_input_grad[1], dlse=dlse)
    return (None, dsinks, *gradients)


_differentiate_once = once_differentiable(_differentiate)


def _pad(tensor: Tensor) -> Tensor:
    """Zeros after dim, to a multiple of 8: they change no score and no value."""
    return F.pad(tensor, (0, -tensor.shape[-1] % 8)) if tensor.shape[-1] % 8 else tensor


def attention(problem: Problem, sinks: Optional[Tensor], *tensors: Tensor, want_lse: bool = True
              ) -> "Tuple[Tensor, Optional[Tensor]]":
    """out and lse of tensors as split takes them, both differentiable. lse is None where it is neither wanted nor needed."""
    value_dim = tensors[-1].shape[-1]
    if tensors[0].shape[-1] % 8 or value_dim % 8:
        out, lse = attention(problem, sinks, *map(_pad, tensors), want_lse=want_lse)
        return out[..., :value_dim], lse
    if sinks is not None and sinks.dtype is not torch.float32:
        sinks = sinks.float()
    if operators.is_traced(tensors[0]):
        return operators.forward(*split(tensors), sinks, problem)
    if torch.is_grad_enabled():
        for each in tensors:
            if each.requires_grad:
                return _Attention.apply(problem, sinks, *tensors)
        if sinks is not None and sinks.requires_grad:
            return _Attention.apply(problem, sinks, *tensors)
    return calls.forward(*split(tensors), sinks, problem, want_lse=want_lse)
