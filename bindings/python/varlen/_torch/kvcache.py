"""flash_attn_with_kvcache: appends to a cache and attends to it."""

from typing import Any, NamedTuple, Optional, Tuple, Union

import torch
import torch.nn.functional as F

from .autograd import attention
from .cache import Cache, Rotary, append, check_new, open_cache
from .layouts import packed, uniform_cu_seqlens
from .options import flat_rows, problem_of, refuse_what_is_not_done
from .problem import check_metadata
from .rotary import rotate

Tensor = torch.Tensor


class Rows(NamedTuple):
    """Packed rows [total, heads, dim] of a batch, and where its sequences begin; seqlen is 0 where lengths differ."""

    data: Tensor
    cu_seqlens: Tensor
    batch: int
    seqlen: int


def _rows(tensor: Tensor, cu_seqlens: Optional[Tensor], batch_like: Optional[Rows] = None) -> Rows:
    if cu_seqlens is not None:
        return Rows(tensor, cu_seqlens, cu_seqlens.shape[0] - 1, 0)
    if batch_like is not None and tensor.shape[:2] == (batch_like.batch, batch_like.seqlen):
        return Rows(packed(tensor), batch_like.cu_seqlens, *tensor.shape[:2])
    return Rows(packed(tensor), uniform_cu_seqlens(*tensor.shape[:2], tensor.device), *tensor.shape[:2])


def _lengths(cache_seqlens: "Union[int, Tensor, None]", name: str, cache: Cache, batch: int) -> Tensor:
    if isinstance(cache_seqlens, Tensor):
        return check_metadata(cache_seqlens, name, torch.int32, (batch,), cache.k.device)
    length = cache.length if cache_seqlens is None else cache_seqlens
    return torch.full((batch,), length, dtype=torch.int32, device=cache.k.device)


def _positions(rows: Rows, starts: Tensor, along: bool) -> Tensor:
    """Each row's position: its sequence's start, plus its place in the sequence where they run along."""
    sequence = torch.searchsorted(rows.cu_seqlens[1:].contiguous(),
                                  torch.arange(rows.data.shape[0], dtype=torch.int32, device=starts.device), right=True)
    sequence = sequence.clamp(max=rows.batch - 1)  # rows of no sequence: rotated by any position, and not read
    place = torch.arange(rows.data.shape[0], device=starts.device) - rows.cu_seqlens[sequence] if along else 0
    return starts[sequence] + place


def _append(cache: Cache, q: Rows, new: Rows, v_new: Tensor, used: Tensor, rotary: Optional[Rotary],
            rotary_seqlens: Optional[Tensor], along: bool) -> "Tuple[Tensor, Tensor]":
    """Appends, and returns the rotated queries and the lengths afterwards."""
    if rotary is None:
        return q.data, append(cache, new.data, v_new, new.cu_seqlens, used)[0]
    together = new.cu_seqlens is q.cu_seqlens and (along or q.seqlen == 1)
    if rotary_seqlens is None and together:
        after, turned = append(cache, new.data, v_new, new.cu_seqlens, used, rotary, q.data)
        return turned, after
    starts = used if rotary_seqlens is None else rotary_seqlens
    turned = rotate(q.data, rotary.cos, rotary.sin, _positions(q, starts, along), rotary.interleaved)
    if rotary_seqlens is None:
        return turned, append(cache, new.data, v_new, new.cu_seqlens, used, rotary)[0]
    keys = rotate(new.data, rotary.cos, rotary.sin, _positions(new, starts, True), rotary.interleaved)
    return turned, append(cache, keys, v_new, new.cu_seqlens, used)[0]


def _rotary_of(cos: Optional[Tensor], sin: Optional[Tensor], interleaved: bool, q: Tensor, k: Optional[Tensor]
               ) -> Optional[Rotary]:
    if cos is None and sin is None:
        return None
    if cos is None or sin is None or cos.shape != sin.shape or cos.dim() != 2:
        raise ValueError("rotary_cos and rotary_sin must both be given, as [positions, rotary_dim / 2]")
    if k is None:
        raise ValueError("rotary_cos is given, but k is None; queries are rotated together with the keys that are appended")
    if cos.device != q.device or sin.device != q.device:
        raise ValueError(f"rotary_cos is on {cos.device}; it must be on {q.device}, where q is")
    return Rotary(cos.float().contiguous(), sin.float().contiguous(), interleaved)


def _with_padded_dims(q: Tensor, k_cache: Tensor, v_cache: Tensor, k: Optional[Tensor], v: Optional[Tensor],
                      scale: Optional[float], arguments: "dict[str, Any]") -> Any:
    """Copies of everything with dims of a multiple of 8, the caches copied back: costly, and said so in docs/python.md."""
    def pad(tensor: Optional[Tensor]) -> Optional[Tensor]:
        return None if tensor is None else F.pad(tensor, (0, -tensor.shape[-1] % 8))

    caches = pad(k_cache), pad(v_cache)
    result = flash_attn_with_kvcache(pad(q), *caches, pad(k), pad(v),
                                     softmax_scale=q.shape[-1] ** -0.5 if scale is None else scale, **arguments)
    if k is not None:
        for cache, padded in zip((k_cache, v_cache), caches):
            cache.copy_(padded[..., :cache.shape[-1]])
    if isinstance(result, tuple):
        return result[0][..., :v_cache.shape[-1]], result[1]
    return result[..., :v_cache.shape[-1]]


@torch.no_grad()
def flash_attn_with_kvcache(
        q: Tensor, k_cache: Tensor, v_cache: Tensor, k: Optional[Tensor] = None, v: Optional[Tensor] = None,
        rotary_cos: Optional[Tensor] = None, rotary_sin: Optional[Tensor] = None,
        cache_seqlens: "Union[int, Tensor, None]" = None, cache_batch_idx: Optional[Tensor] = None,
        cache_leftpad: Optional[Tensor] = None, block_table: Optional[Tensor] = None, softmax_scale: Optional[float] = None,
        causal: bool = False, window_size: "Tuple[int, int]" = (-1, -1), softcap: float = 0.0,
        rotary_interleaved: bool = True, alibi_slopes: Optional[Tensor] = None, num_splits: int = 0,
        return_softmax_lse: bool = False, *, page_table: Optional[Tensor] = None, cu_seqlens_q: Optional[Tensor] = None,
        cu_seqlens_k_new: Optional[Tensor] = None, max_seqlen_q: Optional[int] = None,
        rotary_seqlens: Optional[Tensor] = None, sinks: Optional[Tensor] = None, pack_gqa: Optional[bool] = None,
        scheduler_metadata: Any = None, attention_chunk: int = 0, key_begin: Optional[Tensor] = None,
        key_end: Optional[Tensor] = None, tree_mask: Optional[Tensor] = None, **refused: Any) -> "Union[Tensor, Tuple[Tensor, Tensor]]":
    """Appends k and v [batch, seqlen_new, kv_heads, dim] to a cache in place, and attends to it; not differentiable.

    q is [batch, seqlen_q, heads, dim], or packed [total, heads, dim] with cu_seqlens_q; k and v likewise with
    cu_seqlens_k_new. The cache is [slots, length, kv_heads, dim] with any strides, or [pages, page_size, kv_heads, dim] with
    block_table, int32 [batch, width]; cache_batch_idx, int32 [batch], picks slots, or rows of the table. cache_seqlens, a
    number or int32 [batch], is how many keys there are before the call, cache_leftpad how many of them are padding in front.

    With rotary_cos and rotary_sin [positions, rotary_dim / 2] new key t is rotated by cache_seqlens + t (rotary_seqlens + t,
    if given), query t likewise, or all by cache_seqlens where the mask is neither causal nor a window.

    attention_chunk, key_begin, key_end and tree_mask, the last three shaped as q without heads and dim, are those of
    flash_attn_varlen_func; keys count from the first that is no padding, new ones included.

    Returns out as q, and with return_softmax_lse also lse [batch, heads, seqlen_q], or [heads, total] for packed queries.
    """
    refuse_what_is_not_done(**refused)
    if q.shape[-1] % 8 or v_cache.shape[-1] % 8:
        return _with_padded_dims(q, k_cache, v_cache, k, v, softmax_scale, dict(
            rotary_cos=rotary_cos, rotary_sin=rotary_sin, cache_seqlens=cache_seqlens, cache_batch_idx=cache_batch_idx,
            cache_leftpad=cache_leftpad, block_table=block_table, causal=causal, window_size=window_size, softcap=softcap,
            rotary_interleaved=rotary_interleaved, alibi_slopes=alibi_slopes, num_splits=num_splits,
            return_softmax_lse=return_softmax_lse, page_table=page_table, cu_seqlens_q=cu_seqlens_q,
            cu_seqlens_k_new=cu_seqlens_k_new, max_seqlen_q=max_seqlen_q, rotary_seqlens=rotary_seqlens, sinks=sinks,
            attention_chunk=attention_chunk, key_begin=key_begin, key_end=key_end, tree_mask=tree_mask))
    queries = _rows(q, cu_seqlens_q)
    cache = open_cache(k_cache, v_cache, queries.batch, block_table if block_table is not None else page_table,
                       cache_batch_idx)
    used = _lengths(cache_seqlens, "cache_seqlens", cache, queries.batch)
    rotary = _rotary_of(rotary_cos, rotary_sin, rotary_interleaved, q, k)
    rows = queries.data
    if k is not None:
        k, v = check_new(cache, k, v)
        new = _rows(k, cu_seqlens_k_new, queries)
        new_v = v if cu_seqlens_k_new is not None else packed(v)
        along = causal or max(map(int, window_size)) >= 0
        rows, used = _append(cache, queries, new, new_v, used, rotary, rotary_seqlens, along)
    key_begin, key_end, tree_mask = (
        flat_rows(each, name, q.shape[:-2])
        for each, name in ((key_begin, "key_begin"), (key_end, "key_end"), (tree_mask, "tree_mask")))
    problem = problem_of(q, queries.cu_seqlens, None, max_seqlen_q or queries.seqlen, cache.length, 0.0, softmax_scale,
                         causal, window_size, softcap, alibi_slopes, False, num_splits, None, used,
                         cache_leftpad, cache.page_table, key_begin=key_begin, key_end=key_end, tree_mask=tree_mask,
                         attention_chunk=attention_chunk)
    out, lse = attention(problem, sinks, rows, cache.k, cache.v, want_lse=return_softmax_lse)
    if cu_seqlens_q is not None:
        return (out, lse) if return_softmax_lse else out
    out = out.view(queries.batch, queries.seqlen, *out.shape[1:])
    if not return_softmax_lse:
        return out
    return out, lse.view(-1, queries.batch, queries.seqlen).transpose(0, 1)
