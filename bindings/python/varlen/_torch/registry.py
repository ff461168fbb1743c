"""varlen in torch's registry of flash attention implementations (torch.nn.attention, from 2.10 on)."""

import importlib
from typing import Any, Optional, Tuple

import torch

from .._errors import UnsupportedError
from . import calls
from .layouts import packed, uniform_cu_seqlens
from .options import window_of
from .problem import Problem, draw_dropout_state

Tensor = torch.Tensor


class _Handle:
    """Keeps the registration; torch calls remove() when another implementation is activated."""

    def __init__(self, library: Any) -> None:
        self.library: Any = library

    def remove(self) -> None:
        self.library = None


def offer() -> None:
    """Registers the name "varlen", if torch has a registry. Nothing is activated."""
    try:
        registry = importlib.import_module("torch.nn.attention._registry")
    except ImportError:
        return
    registry.register_flash_attention_impl("varlen", register_fn=_activate)


def _activate() -> _Handle:
    library = torch.library.Library("aten", "IMPL")
    keys = ("CPU", "CUDA") if torch.cuda.is_available() else ("CPU",)
    for key in keys:
        library.impl("_flash_attention_forward", _forward, key)
        library.impl("_flash_attention_forward_no_dropout_inplace", _forward_into, key)
        library.impl("_flash_attention_backward", _backward, key)
    return _Handle(library)


def _problem(query: Tensor, key: Tensor, cu_seq_q: Optional[Tensor], cu_seq_k: Optional[Tensor], max_q: int, max_k: int,
             dropout_p: float, is_causal: bool, scale: Optional[float], left: Optional[int], right: Optional[int],
             dropout_state: Optional[Tensor], options: "dict[str, Any]") -> Problem:
    left, right = window_of(is_causal, (-1 if left is None else left, -1 if right is None else right), 0)
    if cu_seq_q is None:
        cu_seq_q = uniform_cu_seqlens(*query.shape[:2], query.device)
        cu_seq_k = uniform_cu_seqlens(*key.shape[:2], key.device)
    paged = options.get("block_table") is not None
    return Problem(cu_seq_q, None if paged else cu_seq_k, seqused_k=options.get("seqused_k"),
                   page_table=options.get("block_table"), alibi_slopes=options.get("alibi_slopes"),
                   dropout_state=dropout_state, max_seqlen_q=int(max_q), max_seqlen_k=int(max_k),
                   softmax_scale=query.shape[-1] ** -0.5 if scale is None else scale, window_left=left, window_right=right,
                   dropout_p=dropout_p, batch_invariant=options.get("num_splits") == 1)


def _rows(*tensors: Tensor) -> "Tuple[Tensor, ...]":
    return tuple(packed(each) if each.dim() == 4 else each for each in tensors)


def _forward(query: Tensor, key: Tensor, value: Tensor, cum_seq_q: Optional[Tensor], cum_seq_k: Optional[Tensor],
             max_q: int, max_k: int, dropout_p: float, is_causal: bool, return_debug_mask: bool, *,
             scale: Optional[float] = None, window_size_left: Optional[int] = None, window_size_right: Optional[int] = None,
             **options: Any) -> "Tuple[Tensor, Tensor, Tensor, Tensor, Tensor]":
    if return_debug_mask:
        raise UnsupportedError("return_debug_mask is True; it must be False, since weights are not kept")
    state = draw_dropout_state(query.device) if dropout_p else torch.zeros(2, dtype=torch.int64, device=query.device)
    problem = _problem(query, key, cum_seq_q, cum_seq_k, max_q, max_k, dropout_p, is_causal, scale, window_size_left,
                       window_size_right, state if dropout_p else None, options)
    if problem.page_table is not None:
        out, lse = calls.forward(query, key, value, None, problem)
    else:
        out, lse = calls.forward(*_rows(query, key, value), None, problem)
    if query.dim() == 4:
        batch, seqlen = query.shape[:2]
        out, lse = out.view(batch, seqlen, *out.shape[1:]), lse.view(-1, batch, seqlen).transpose(0, 1).contiguous()
    return out, lse, state, torch.empty(0, dtype=torch.int64, device=query.device), query.new_empty(0)


def _forward_into(out: Tensor, query: Tensor, key: Tensor, value: Tensor, *arguments: Any, **options: Any) -> Tensor:
    result, lse, *_ = _forward(query, key, value, *arguments, **options)
    out.copy_(result)
    return lse


def _backward(grad_out: Tensor, query: Tensor, key: Tensor, value: Tensor, out: Tensor, logsumexp: Tensor,
              cum_seq_q: Optional[Tensor], cum_seq_k: Optional[Tensor], max_q: int, max_k: int, dropout_p: float,
              is_causal: bool, rng_state: Tensor, unused: Tensor, *, scale: Optional[float] = None,
              window_size_left: Optional[int] = None, window_size_right: Optional[int] = None
              ) -> "Tuple[Tensor, Tensor, Tensor]":
    problem = _problem(query, key, cum_seq_q, cum_seq_k, max_q, max_k, dropout_p, is_causal, scale, window_size_left,
                       window_size_right, rng_state if dropout_p else None, {})
    lse = logsumexp.transpose(0, 1).flatten(1).contiguous() if query.dim() == 4 else logsumexp
    gradients = tuple(torch.empty(each.shape, dtype=each.dtype, device=each.device) for each in (query, key, value))
    calls.backward(*_rows(grad_out, query, key, value, out), lse, None, problem, _rows(*gradients))
    return gradients
