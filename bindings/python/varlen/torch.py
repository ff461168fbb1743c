"""The functions of torch.nn.attention.varlen on varlen, for torch from 1.13 on, and on tensors of any device it has.

    from varlen.torch import varlen_attn
    out = varlen_attn(query, key, value, cu_seq, cu_seq, max_len, max_len, window_size=(-1, 0))

varlen_attn is differentiable and is traced as one operator, varlen::forward. Importing this module offers varlen to torch's
own registry, where torch has one; torch.nn.attention.activate_flash_attention_impl("varlen") then makes torch's varlen_attn
run on it, on the CPU too.
"""

from typing import Any, NamedTuple, Optional, Tuple, Union

import torch

from ._torch import calls, operators, registry
from ._torch.autograd import attention
from ._torch.devices import context
from ._torch.options import bound
from ._torch.problem import Problem

__all__ = ["AuxRequest", "varlen_attn", "varlen_attn_out", "context"]

Tensor = torch.Tensor
Result = Union[Tensor, Tuple[Tensor, Tensor]]


class AuxRequest(NamedTuple):
    """What varlen_attn returns beside out. torch's own AuxRequest is taken as well."""

    lse: bool = False


def _problem(query: Tensor, key: Tensor, cu_seq_q: Tensor, cu_seq_k: Optional[Tensor], max_q: int, max_k: int,
             scale: Optional[float], window_size: "Tuple[int, int]", enable_gqa: bool, seqused_k: Optional[Tensor],
             block_table: Optional[Tensor], num_splits: Optional[int]) -> Problem:
    heads, kv_heads = query.shape[-2], key.shape[-2]
    if heads != kv_heads and not enable_gqa:
        raise ValueError(f"query has {heads} heads and key has {kv_heads}; they must be as many without enable_gqa=True")
    if scale is not None and not scale > 0:
        raise ValueError(f"scale is {scale}; it must be greater than 0")
    if block_table is not None and seqused_k is None:
        raise ValueError("block_table is given, but seqused_k is None; it must say how many keys each sequence has")
    if block_table is None and cu_seq_k is None:
        raise ValueError("cu_seq_k is None; it must be given without a block_table")
    left, right = window_size
    return Problem(cu_seq_q, None if block_table is not None else cu_seq_k, seqused_k=seqused_k, page_table=block_table,
                   max_seqlen_q=bound(max_q), max_seqlen_k=bound(max_k),
                   softmax_scale=query.shape[-1] ** -0.5 if scale is None else scale, window_left=left, window_right=right,
                   batch_invariant=num_splits == 1)


def varlen_attn(query: Tensor, key: Tensor, value: Tensor, cu_seq_q: Tensor, cu_seq_k: Optional[Tensor], max_q: int,
                max_k: int, *, return_aux: Any = None, scale: Optional[float] = None,
                window_size: "Tuple[int, int]" = (-1, -1), enable_gqa: bool = False, seqused_k: Optional[Tensor] = None,
                block_table: Optional[Tensor] = None, num_splits: Optional[int] = None) -> Result:
    """Attention on packed query [total_q, heads, dim], key and value [total_k, kv_heads, dim].

    cu_seq_q and cu_seq_k, int32 [batch + 1], say where sequences begin; max_q and max_k bound their lengths, 0 where that is
    not known. window_size is (left, right), -1 for no bound, (-1, 0) for causal; the last query stands at the last key.
    seqused_k, int32 [batch], shortens the keys of each sequence. With block_table, int32 [batch, width], key and value are
    [pages, page_size, kv_heads, dim], cu_seq_k is not used and seqused_k is needed. num_splits = 1 makes a sequence's bits
    independent of the rest of the batch.

    Returns out [total_q, heads, dim], and lse [heads, total_q] after it where return_aux asks for it; both are differentiable.
    """
    problem = _problem(query, key, cu_seq_q, cu_seq_k, max_q, max_k, scale, window_size, enable_gqa, seqused_k, block_table,
                       num_splits)
    want_lse = return_aux is not None and return_aux.lse
    out, lse = attention(problem, None, query, key, value, want_lse=want_lse)
    return (out, lse) if want_lse else out


def varlen_attn_out(out: Tensor, query: Tensor, key: Tensor, value: Tensor, cu_seq_q: Tensor, cu_seq_k: Optional[Tensor],
                    max_q: int, max_k: int, *, return_aux: Any = None, scale: Optional[float] = None,
                    window_size: "Tuple[int, int]" = (-1, -1), enable_gqa: bool = False,
                    seqused_k: Optional[Tensor] = None, block_table: Optional[Tensor] = None,
                    num_splits: Optional[int] = None) -> Result:
    """varlen_attn into out [total_q, heads, dim], whose rows must be dense and aligned to 16 bytes. Not differentiable."""
    shape = (query.shape[0], query.shape[1], value.shape[-1])
    if out.shape != shape or out.dtype is not query.dtype or out.device != query.device:
        raise ValueError(f"out is {out.dtype} {tuple(out.shape)} on {out.device}; it must be {query.dtype} {shape} on "
                         f"{query.device}")
    if query.shape[-1] % 8 or value.shape[-1] % 8:
        raise ValueError(f"head_dim is {query.shape[-1]} and {value.shape[-1]}; it must be a multiple of 8 with out given")
    problem = _problem(query, key, cu_seq_q, cu_seq_k, max_q, max_k, scale, window_size, enable_gqa, seqused_k, block_table,
                       num_splits)
    want_lse = return_aux is not None and return_aux.lse
    if operators.is_traced(query):
        lse = operators.forward_out(out, query, key, value, None, problem)
    else:
        with torch.no_grad():
            _, lse = calls.forward(query, key, value, None, problem, out=out, want_lse=want_lse)
    return (out, lse) if want_lse else out


registry.offer()
