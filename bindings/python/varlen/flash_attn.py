"""FlashAttention's functions on varlen: its names, argument order, defaults, results and shapes, on any machine.

Signatures are FlashAttention-2's. By keyword alone, all but flash_attn_with_kvcache also take what FlashAttention-3 and
later add, as far as a function has use for it (Further, below). What varlen does not do is refused with the reason.

    import varlen.flash_attn
    varlen.flash_attn.install()                   # from here on, `import flash_attn` finds this module

docs/python.md tells where results differ from FlashAttention's.
"""

from typing import Any, NamedTuple, Optional, Tuple, Union

import torch

from ._torch.alias import install
from ._torch.autograd import attention
from ._torch.combine import flash_attn_combine
from ._torch.kvcache import flash_attn_with_kvcache
from ._torch.layouts import heads_first, packed, packed_heads, uniform_cu_seqlens
from ._torch.options import flat_rows, problem_of, refuse_what_is_not_done
from ._torch.padding import pad_input, unpad_input
from ._torch.weights import signed_weights

__all__ = ["flash_attn_func", "flash_attn_kvpacked_func", "flash_attn_qkvpacked_func", "flash_attn_varlen_func",
           "flash_attn_varlen_kvpacked_func", "flash_attn_varlen_qkvpacked_func", "flash_attn_with_kvcache",
           "flash_attn_combine", "pad_input", "unpad_input", "install"]

Tensor = torch.Tensor
Result = Union[Tensor, Tuple[Tensor, Tensor, Tensor]]
Window = Tuple[int, int]


class Further(NamedTuple):
    """Arguments by keyword alone, after FlashAttention-3 and later.

    seqused_q, seqused_k: int32 [batch], the rows in use of each sequence; leftpad_q, leftpad_k: likewise, how many of them are
    padding, at its start. page_table: block_table by its other name.
    key_begin, key_end: int32 [total_q], the keys of its own sequence that each query may see, key_begin <= j < key_end; they
    hide what the mask shows. tree_mask: int64 [total_q], whose bit t is whether the query may see key seqlen_k - seqlen_q + t,
    for up to 64 drafts of a sequence that are verified at once; it has no gradients. Functions without cu_seqlens take the
    three as [batch, seqlen_q]. attention_chunk: queries see keys of their own chunk of so many positions alone; 0: none.
    sinks: [heads], whose exp is added to each row's softmax denominator; differentiable. num_splits = 1 asks that a
    sequence's bits do not depend on the rest of the batch, other values leave the choice to the library; pack_gqa is left to
    it too. Of varlen's own: query_positions, int32 [batch], is where the first query of each sequence stands among its keys;
    key_starts, int32 [batch], the row where its keys begin, with seqused_k and in place of cu_seqlens_k, which is None then.
    The rest is refused unless it is the default.
    """

    seqused_q: Optional[Tensor] = None
    seqused_k: Optional[Tensor] = None
    page_table: Optional[Tensor] = None
    sinks: Optional[Tensor] = None
    num_splits: int = 0
    pack_gqa: Optional[bool] = None
    query_positions: Optional[Tensor] = None
    key_starts: Optional[Tensor] = None
    leftpad_q: Optional[Tensor] = None
    leftpad_k: Optional[Tensor] = None
    qv: Optional[Tensor] = None
    q_descale: Optional[Tensor] = None
    k_descale: Optional[Tensor] = None
    v_descale: Optional[Tensor] = None
    attention_chunk: int = 0
    sm_margin: int = 0
    key_begin: Optional[Tensor] = None
    key_end: Optional[Tensor] = None
    tree_mask: Optional[Tensor] = None


_NOTHING = Further()
_ROWS = ("key_begin", "key_end", "tree_mask")


def _further(arguments: "dict[str, Any]") -> Further:
    if not arguments:
        return _NOTHING
    further = Further(**arguments)
    refuse_what_is_not_done(**further._asdict())
    return further


def _packed(tensors: "Tuple[Tensor, ...]", cu_seqlens_q: Tensor, cu_seqlens_k: Optional[Tensor], max_seqlen_q: int,
            max_seqlen_k: int, dropout_p: float, softmax_scale: Optional[float], causal: bool, window_size: Window,
            softcap: float, alibi_slopes: Optional[Tensor], deterministic: bool, return_attn_probs: bool, more: Further,
            seqused_k: Optional[Tensor] = None, page_table: Optional[Tensor] = None) -> Result:
    """Attention on packed tensors, as split takes them: out alone, or with lse and the signed weights."""
    problem = problem_of(tensors[0], cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, dropout_p, softmax_scale, causal,
                         window_size, softcap, alibi_slopes, deterministic, more.num_splits, more.seqused_q,
                         more.seqused_k if seqused_k is None else seqused_k, more.leftpad_k, page_table, key_begin=more.key_begin,
                         key_end=more.key_end, query_positions=more.query_positions, key_starts=more.key_starts,
                         tree_mask=more.tree_mask, leftpad_q=more.leftpad_q, attention_chunk=more.attention_chunk)
    out, lse = attention(problem, more.sinks, *tensors, want_lse=return_attn_probs)
    return (out, lse, signed_weights(tensors, more.sinks, problem)) if return_attn_probs else out


def _dense(tensors: "Tuple[Tensor, ...]", dropout_p: float, softmax_scale: Optional[float], causal: bool, window_size: Window,
           softcap: float, alibi_slopes: Optional[Tensor], deterministic: bool, return_attn_probs: bool,
           arguments: "dict[str, Any]") -> Result:
    """Attention on [batch, seqlen, ...] tensors, as packed sequences of one length.

    Tensors that lie in memory as [batch, heads, seqlen, dim] are packed without a copy where each head can be a sequence of
    its own: unless dropout, sinks or lse tell heads and sequences apart.
    """
    more = _further(arguments)
    q, k = tensors[0], tensors[-1]
    (batch, seqlen_q), seqlen_k = q.shape[:2], k.shape[1]
    if k.shape[0] != batch:
        raise ValueError(f"k has a batch of {k.shape[0]}; it must be {batch}, as that of q")
    by_heads = heads_first(tensors) and dropout_p == 0 and more == _NOTHING and not return_attn_probs
    if more is not _NOTHING:
        more = more._replace(**{name: flat_rows(getattr(more, name), name, (batch, seqlen_q)) for name in _ROWS})
    sequences = batch * q.shape[2] if by_heads else batch
    cu_seqlens_q = uniform_cu_seqlens(sequences, seqlen_q, q.device)
    cu_seqlens_k = cu_seqlens_q if seqlen_k == seqlen_q else uniform_cu_seqlens(sequences, seqlen_k, q.device)
    if by_heads and alibi_slopes is not None:
        alibi_slopes = alibi_slopes.expand(batch, q.shape[2]).reshape(-1, 1)
    result = _packed(tuple(map(packed_heads if by_heads else packed, tensors)), cu_seqlens_q, cu_seqlens_k, seqlen_q,
                     seqlen_k, dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes, deterministic,
                     return_attn_probs, more)
    if by_heads:
        return result.view(batch, q.shape[2], seqlen_q, result.shape[-1]).transpose(1, 2)
    if not return_attn_probs:
        return result.view(batch, seqlen_q, *result.shape[1:])
    out, lse, weights = result
    return out.view(batch, seqlen_q, *out.shape[1:]), lse.view(-1, batch, seqlen_q).transpose(0, 1), weights


def flash_attn_func(q: Tensor, k: Tensor, v: Tensor, dropout_p: float = 0.0, softmax_scale: Optional[float] = None,
                    causal: bool = False, window_size: Window = (-1, -1), softcap: float = 0.0,
                    alibi_slopes: Optional[Tensor] = None, deterministic: bool = False, return_attn_probs: bool = False,
                    **further: Any) -> Result:
    """q [batch, seqlen_q, heads, dim], k and v [batch, seqlen_k, kv_heads, dim]; out as q.

    With return_attn_probs: out, lse [batch, heads, seqlen_q] and, with dropout, the weights [batch, heads, seqlen_q,
    seqlen_k], negative where they were dropped (empty without dropout, as FlashAttention has it).
    """
    return _dense((q, k, v), dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes, deterministic,
                  return_attn_probs, further)


def flash_attn_kvpacked_func(q: Tensor, kv: Tensor, dropout_p: float = 0.0, softmax_scale: Optional[float] = None,
                             causal: bool = False, window_size: Window = (-1, -1), softcap: float = 0.0,
                             alibi_slopes: Optional[Tensor] = None, deterministic: bool = False,
                             return_attn_probs: bool = False, **further: Any) -> Result:
    """flash_attn_func with kv [batch, seqlen_k, 2, kv_heads, dim]."""
    return _dense((q, kv), dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes, deterministic,
                  return_attn_probs, further)


def flash_attn_qkvpacked_func(qkv: Tensor, dropout_p: float = 0.0, softmax_scale: Optional[float] = None,
                              causal: bool = False, window_size: Window = (-1, -1), softcap: float = 0.0,
                              alibi_slopes: Optional[Tensor] = None, deterministic: bool = False,
                              return_attn_probs: bool = False, **further: Any) -> Result:
    """flash_attn_func with qkv [batch, seqlen, 3, heads, dim]."""
    return _dense((qkv,), dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes, deterministic,
                  return_attn_probs, further)


def flash_attn_varlen_func(q: Tensor, k: Tensor, v: Tensor, cu_seqlens_q: Tensor, cu_seqlens_k: Optional[Tensor],
                           max_seqlen_q: int, max_seqlen_k: int, dropout_p: float = 0.0,
                           softmax_scale: Optional[float] = None, causal: bool = False, window_size: Window = (-1, -1),
                           softcap: float = 0.0, alibi_slopes: Optional[Tensor] = None, deterministic: bool = False,
                           return_attn_probs: bool = False, block_table: Optional[Tensor] = None, **further: Any) -> Result:
    """q [total_q, heads, dim], k and v [total_k, kv_heads, dim], or [pages, page_size, kv_heads, dim] with block_table.

    cu_seqlens are int32 [batch + 1] on the device of q. max_seqlens are upper bounds, 0 where they are not known: they
    change no result, but for a window as long as max_seqlen_k, which counts as unbounded. With block_table, int32
    [batch, width], the keys of a sequence are as many as cu_seqlens_k says, or seqused_k.

    With return_attn_probs: out, lse [heads, total_q], differentiable too, and, with dropout, the weights [batch, heads,
    max_seqlen_q, max_seqlen_k], negative where they were dropped.
    """
    more = _further(further)
    seqused_k = more.seqused_k
    page_table = block_table if block_table is not None else more.page_table
    if page_table is not None:
        if seqused_k is None and cu_seqlens_k is not None:
            seqused_k = cu_seqlens_k[1:] - cu_seqlens_k[:-1]
        cu_seqlens_k = None
    return _packed((q, k, v), cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, dropout_p, softmax_scale, causal,
                   window_size, softcap, alibi_slopes, deterministic, return_attn_probs, more, seqused_k, page_table)


def flash_attn_varlen_kvpacked_func(q: Tensor, kv: Tensor, cu_seqlens_q: Tensor, cu_seqlens_k: Tensor, max_seqlen_q: int,
                                    max_seqlen_k: int, dropout_p: float = 0.0, softmax_scale: Optional[float] = None,
                                    causal: bool = False, window_size: Window = (-1, -1), softcap: float = 0.0,
                                    alibi_slopes: Optional[Tensor] = None, deterministic: bool = False,
                                    return_attn_probs: bool = False, **further: Any) -> Result:
    """flash_attn_varlen_func with kv [total_k, 2, kv_heads, dim]."""
    return _packed((q, kv), cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, dropout_p, softmax_scale, causal,
                   window_size, softcap, alibi_slopes, deterministic, return_attn_probs, _further(further))


def flash_attn_varlen_qkvpacked_func(qkv: Tensor, cu_seqlens: Tensor, max_seqlen: int, dropout_p: float = 0.0,
                                     softmax_scale: Optional[float] = None, causal: bool = False,
                                     window_size: Window = (-1, -1), softcap: float = 0.0,
                                     alibi_slopes: Optional[Tensor] = None, deterministic: bool = False,
                                     return_attn_probs: bool = False, **further: Any) -> Result:
    """flash_attn_varlen_func with qkv [total, 3, heads, dim]."""
    return _packed((qkv,), cu_seqlens, cu_seqlens, max_seqlen, max_seqlen, dropout_p, softmax_scale, causal, window_size,
                   softcap, alibi_slopes, deterministic, return_attn_probs, _further(further))
