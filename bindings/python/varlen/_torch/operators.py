"""The operators of torch.library, varlen::forward and others, for torch.compile, torch.export and what else traces.

Eager calls do without them: the dispatcher's way through Python costs more than the call.
"""

from typing import Any, Optional, Tuple

import torch

from . import calls
from .problem import TENSORS, Problem

Tensor = torch.Tensor

# Both exist from torch 2.4 on.
AVAILABLE = hasattr(torch.library, "register_fake") and hasattr(torch.library, "register_autograd")
_is_compiling = getattr(getattr(torch, "compiler", None), "is_compiling", lambda: False)
_PLAIN = (torch.Tensor, torch.nn.Parameter)

_PROBLEM = ("Tensor cu_seqlens_q, Tensor? cu_seqlens_k, Tensor? seqused_q, Tensor? seqused_k, Tensor? leftpad_k, "
            "Tensor? page_table, Tensor? alibi_slopes, Tensor? dropout_state, Tensor? key_begin, Tensor? key_end, "
            "Tensor? query_positions, Tensor? key_starts, Tensor? tree_mask, Tensor? leftpad_q, SymInt max_seqlen_q, "
            "SymInt max_seqlen_k, float softmax_scale, SymInt window_left, SymInt window_right, float softcap, "
            "float dropout_p, bool deterministic, bool batch_invariant, SymInt attention_chunk")
_INPUTS = f"Tensor q, Tensor k, Tensor v, Tensor? sinks, {_PROBLEM}"


def is_traced(tensor: Tensor) -> bool:
    return AVAILABLE and (_is_compiling() or type(tensor) not in _PLAIN)


def forward(q: Tensor, k: Tensor, v: Tensor, sinks: Optional[Tensor], problem: Problem) -> "Tuple[Tensor, Tensor]":
    return torch.ops.varlen.forward(q, k, v, sinks, *problem)


def forward_out(out: Tensor, q: Tensor, k: Tensor, v: Tensor, sinks: Optional[Tensor], problem: Problem) -> Tensor:
    """Writes out; returns lse."""
    return torch.ops.varlen.forward_out(out, q, k, v, sinks, *problem)


def _lse_like(q: Tensor) -> Tensor:
    return q.new_empty((q.shape[1], q.shape[0]), dtype=torch.float32)


def _gradient_like(tensor: Tensor) -> Tensor:
    return tensor.new_empty(tensor.shape)


def _forward(q: Tensor, k: Tensor, v: Tensor, sinks: Optional[Tensor], *problem: Any) -> "Tuple[Tensor, Tensor]":
    return calls.forward(q, k, v, sinks, Problem(*problem))


def _fake_forward(q: Tensor, k: Tensor, v: Tensor, sinks: Optional[Tensor], *problem: Any) -> "Tuple[Tensor, Tensor]":
    return q.new_empty((q.shape[0], q.shape[1], v.shape[-1])), _lse_like(q)


def _forward_out(out: Tensor, q: Tensor, k: Tensor, v: Tensor, sinks: Optional[Tensor], *problem: Any) -> Tensor:
    return calls.forward(q, k, v, sinks, Problem(*problem), out=out)[1]


def _fake_forward_out(out: Tensor, q: Tensor, k: Tensor, v: Tensor, sinks: Optional[Tensor], *problem: Any) -> Tensor:
    return _lse_like(q)


def _backward(dout: Optional[Tensor], dlse: Optional[Tensor], out: Tensor, lse: Tensor, q: Tensor, k: Tensor, v: Tensor,
              sinks: Optional[Tensor], *problem: Any) -> "Tuple[Tensor, Tensor, Tensor, Tensor]":
    gradients = tuple(_gradient_like(each) for each in (q, k, v))
    dsinks = calls.backward(dout, q, k, v, out, lse, sinks, Problem(*problem), gradients, want_dsinks=sinks is not None,
                            dlse=dlse)
    return (*gradients, q.new_empty(0, dtype=torch.float32) if dsinks is None else dsinks)


def _fake_backward(dout: Optional[Tensor], dlse: Optional[Tensor], out: Tensor, lse: Tensor, q: Tensor, k: Tensor,
                   v: Tensor, sinks: Optional[Tensor], *problem: Any) -> "Tuple[Tensor, Tensor, Tensor, Tensor]":
    gradients = (_gradient_like(each) for each in (q, k, v))
    return (*gradients, q.new_empty(0 if sinks is None else q.shape[1], dtype=torch.float32))


def _save(ctx: Any, inputs: "Tuple[Any, ...]", output: "Tuple[Tensor, Tensor]") -> None:
    q, k, v, sinks, *problem = inputs
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*output, q, k, v, sinks, *problem[:TENSORS])
    ctx.options = problem[TENSORS:]


def _differentiate(ctx: Any, dout: Optional[Tensor], dlse: Optional[Tensor]) -> "Tuple[Optional[Tensor], ...]":
    if dout is None and dlse is None:
        return (None,) * (4 + len(Problem._fields))
    out, lse, *inputs = ctx.saved_tensors
    dq, dk, dv, dsinks = torch.ops.varlen.backward(dout, dlse, out, lse, *inputs, *ctx.options)
    return (dq, dk, dv, None if inputs[3] is None else dsinks) + (None,) * len(Problem._fields)


def define(name: str, schema: str, function: Any, fake: Any) -> None:
    """The operator varlen::name, where torch can have it."""
    if AVAILABLE:
        torch.library.define(f"varlen::{name}", schema)
        torch.library.impl(f"varlen::{name}", ("cpu", "cuda"))(function)
        torch.library.register_fake(f"varlen::{name}")(fake)


define("forward", f"({_INPUTS}) -> (Tensor, Tensor)", _forward, _fake_forward)
define("forward_out", f"(Tensor(a!) out, {_INPUTS}) -> Tensor", _forward_out, _fake_forward_out)
define("backward", f"(Tensor? dout, Tensor? dlse, Tensor out, Tensor lse, {_INPUTS}) -> (Tensor, Tensor, Tensor, Tensor)",
       _backward, _fake_backward)
if AVAILABLE:
    torch.library.register_autograd("varlen::forward", _differentiate, setup_context=_save)
