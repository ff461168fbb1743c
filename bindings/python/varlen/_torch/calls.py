"""The library's two passes on torch tensors: no autograd, no tracing, nothing but checks and the call."""

from typing import Optional, Tuple

import torch

from .._header import FEATURE_DLSE, FEATURE_DSINKS, FEATURE_LSE, BackwardArgs, ForwardArgs, Pass
from .._library import check, library
from .devices import stream_of
from .plans import Plan, Tensors, find, form, usable_all, word_of
from .problem import TENSORS, Problem
from .views import point, usable, usable_strides

Tensor = torch.Tensor

_DENSE = torch.contiguous_format
_OUT, _LSE, _WORKSPACE = (word_of(ForwardArgs, name) for name in ("out", "lse", "workspace"))
_BACKWARD_WORDS = [word_of(BackwardArgs, name) for name in ("dout", "out", "lse", "dq", "dk", "dv")]
_DLSE, _DSINKS, _BACKWARD_WORKSPACE = (word_of(BackwardArgs, name) for name in ("dlse", "dsinks", "workspace"))


def _plan_forward(tensors: Tensors, problem: Problem, out: Optional[Tensor], want_lse: bool) -> Plan:
    args = ForwardArgs()
    if out is None:
        q, v = tensors[0], tensors[2]
        args.out.token_stride, args.out.head_stride = q.shape[1] * v.shape[-1], v.shape[-1]
    else:
        point(args.out, out)
    return Plan(tensors, problem, Pass.FORWARD, args, FEATURE_LSE if want_lse else 0)


def forward(q: Tensor, k: Tensor, v: Tensor, sinks: Optional[Tensor], problem: Problem, out: Optional[Tensor] = None,
            want_lse: bool = True) -> "Tuple[Tensor, Optional[Tensor]]":
    """out [total_q, q_heads, value_dim] and lse [q_heads, total_q], or None for it.

    out may be given: a tensor whose strides the library can write.
    """
    tensors = (q, k, v, sinks, *problem[:TENSORS])
    plan = find(tensors, problem, ("forward", want_lse, out if out is None else form(out)), _plan_forward, out, want_lse)
    if plan is None or (q.data_ptr() | k.data_ptr() | v.data_ptr()) & 15:
        return forward(*usable_all(tensors, problem), out, want_lse)
    if out is None:
        out = torch.empty_like(q, memory_format=_DENSE) if plan.like_q else q.new_empty(plan.out_shape)
    lse = q.new_empty(plan.lse_shape, dtype=torch.float32) if want_lse else None
    scratch = q.new_empty(plan.workspace_size, dtype=torch.uint8)
    frame = plan.take(tensors)
    words = frame.arg_words
    words[_OUT], words[_WORKSPACE] = out.data_ptr(), scratch.data_ptr()
    if want_lse:
        words[_LSE] = lse.data_ptr()
    status = library().varlen_forward(plan.handle, stream_of(q), plan.attention_address, frame.address)
    plan.give_back(frame)
    check(status)
    return out, lse


def _plan_backward(tensors: Tensors, problem: Problem, results: "Tuple[Tensor, ...]", want_dsinks: bool, has_dlse: bool
                   ) -> Optional[Plan]:
    args = BackwardArgs()
    dout, out, _, dq, dk, dv = results
    if not (usable_strides(dout) and usable_strides(out)):
        return None
    features = FEATURE_LSE | (FEATURE_DSINKS if want_dsinks else 0) | (FEATURE_DLSE if has_dlse else 0)
    for view, tensor in ((args.dout, dout), (args.out, out), (args.dq, dq), (args.dk, dk), (args.dv, dv)):
        features |= point(view, tensor)
    return Plan(tensors, problem, Pass.BACKWARD, args, features)


def backward(dout: Optional[Tensor], q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor, sinks: Optional[Tensor],
             problem: Problem, gradients: "Tuple[Tensor, Tensor, Tensor]", want_dsinks: bool = False,
             dlse: Optional[Tensor] = None) -> Optional[Tensor]:
    """Writes the gradients of q, k and v into the tensors given for them. Returns that of sinks, or None.

    dout and dlse are None where the loss has no part of out or of lse.
    """
    if dout is None:
        dout = out.new_zeros((1, 1, out.shape[-1])).expand(out.shape)
    tensors, results = (q, k, v, sinks, *problem[:TENSORS]), (dout, out, lse, *gradients)
    plan = find(tensors, problem, ("backward", want_dsinks, dlse is None, *[each.stride() for each in results]),
                _plan_backward, results, want_dsinks, dlse is not None)
    if plan is None or (q.data_ptr() | k.data_ptr() | v.data_ptr() | dout.data_ptr() | out.data_ptr()) & 15:
        q, k, v, sinks, problem = usable_all(tensors, problem)
        return backward(usable(dout), q, k, v, usable(out), lse, sinks, problem, gradients, want_dsinks, dlse)
    dsinks = q.new_empty(sinks.shape, dtype=torch.float32) if want_dsinks else None
    scratch = q.new_empty(plan.workspace_size, dtype=torch.uint8)
    frame = plan.take(tensors)
    words = frame.arg_words
    for word, tensor in zip(_BACKWARD_WORDS, results):
        words[word] = tensor.data_ptr()
    words[_BACKWARD_WORKSPACE] = scratch.data_ptr()
    if dlse is not None:
        dlse = dlse.contiguous()
        words[_DLSE] = dlse.data_ptr()
    if want_dsinks:
        words[_DSINKS] = dsinks.data_ptr()
    status = library().varlen_backward(plan.handle, stream_of(q), plan.attention_address, frame.address)
    plan.give_back(frame)
    check(status)
    return dsinks
