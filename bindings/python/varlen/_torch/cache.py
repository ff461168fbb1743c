"""A cache of keys and values, paged or not, as the library sees it."""

from ctypes import byref
from typing import NamedTuple, Optional, Tuple

import torch

from .._header import KvAppendArgs
from .._library import check, library
from . import operators
from .devices import context_of, stream_of
from .problem import check_metadata
from .views import DTYPES, point, usable

Tensor = torch.Tensor


class Rotary(NamedTuple):
    """Tables float32 [positions, rotary_dim / 2]."""

    cos: Tensor
    sin: Tensor
    interleaved: bool


class Cache(NamedTuple):
    """k and v [pages, page_size, kv_heads, dim], and which pages each sequence has.

    A cache of one slot for each sequence is one of as many pages, each as long as the slot: so slots may have any strides,
    and be picked in any order.
    """

    k: Tensor
    v: Tensor
    page_table: Tensor

    @property
    def length(self) -> int:
        """How many keys a sequence can have."""
        return self.page_table.shape[1] * self.k.shape[1]


def open_cache(k_cache: Tensor, v_cache: Tensor, batch: int, block_table: Optional[Tensor], batch_index: Optional[Tensor]
               ) -> Cache:
    """The cache of FlashAttention's arguments. batch_index, int32 [batch], picks each sequence's slot, or row of block_table."""
    for name, tensor in (("k_cache", k_cache), ("v_cache", v_cache)):
        if tensor.dim() != 4:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}; it must be [batch or pages, length, kv_heads, dim]")
    if batch_index is not None:
        batch_index = check_metadata(batch_index, "cache_batch_idx", torch.int32, (batch,), k_cache.device)
        block_table = batch_index[:, None] if block_table is None else block_table[batch_index.long()]
    elif block_table is None:
        if batch > k_cache.shape[0]:
            raise ValueError(f"k_cache has room for {k_cache.shape[0]} sequences; it must have it for {batch}, those of q")
        block_table = torch.arange(batch, dtype=torch.int32, device=k_cache.device)[:, None]
    return Cache(k_cache, v_cache, block_table)


def append(cache: Cache, k: Tensor, v: Tensor, cu_seqlens: Tensor, used: Tensor, rotary: Optional[Rotary] = None,
           q: Optional[Tensor] = None) -> "Tuple[Tensor, Optional[Tensor]]":
    """Writes k and v, packed by cu_seqlens, behind the first `used` keys of each sequence. Returns how many those are then.

    With rotary, k is rotated by its positions in the cache, and so is q, whose rows are as those of k: returned too, rotated.
    """
    if operators.is_traced(k):
        after, turned = torch.ops.varlen.append(*cache, k, v, cu_seqlens, used, *(rotary or (None, None, False)), q)
        return after, None if q is None else turned
    return _append(cache, k, v, cu_seqlens, used, rotary, q)


def _append(cache: Cache, k: Tensor, v: Tensor, cu_seqlens: Tensor, used: Tensor, rotary: Optional[Rotary],
            q: Optional[Tensor]) -> "Tuple[Tensor, Optional[Tensor]]":
    k, v = usable(k), usable(v)
    batch = used.shape[0]
    after = torch.empty_like(used)
    cu_seqlens = check_metadata(cu_seqlens, "cu_seqlens_k_new", torch.int32, (batch + 1,), k.device)
    table = check_metadata(cache.page_table, "block_table", torch.int32, (batch, cache.page_table.shape[1]), k.device)
    pages, page_size, kv_heads, head_dim = cache.k.shape
    args = KvAppendArgs(
        dtype=DTYPES[k.dtype], batch=batch, kv_heads=kv_heads, head_dim=head_dim, value_dim=cache.v.shape[-1],
        total_new=k.shape[0], page_size=page_size, page_table_width=table.shape[1], page_count=pages,
        k_page_stride=cache.k.stride(0), v_page_stride=cache.v.stride(0), cu_seqlens_new=cu_seqlens.data_ptr(),
        seqused_k=used.data_ptr(), page_table=table.data_ptr(), seqused_k_out=after.data_ptr())
    for view, tensor in ((args.k_new, k), (args.v_new, v), (args.k_cache, cache.k), (args.v_cache, cache.v)):
        point(view, tensor)
    if rotary is not None:
        args.set(rotary_cos=rotary.cos.data_ptr(), rotary_sin=rotary.sin.data_ptr(), rotary_positions=rotary.cos.shape[0],
                 rotary_dim=2 * rotary.cos.shape[1], rotary_interleaved=int(rotary.interleaved))
        if q is not None:
            q = q.clone(memory_format=torch.contiguous_format)
            args.q_heads = q.shape[1]
            point(args.q, q)
    check(library().varlen_kv_append(context_of(k).handle, stream_of(k), byref(args)))
    return after, q


def check_new(cache: Cache, k: Tensor, v: Tensor) -> "Tuple[Tensor, Tensor]":
    """New keys and values of the cache's shapes, dtype and device."""
    for name, new, old in (("k", k, cache.k), ("v", v, cache.v)):
        if new.dtype is not old.dtype or new.device != old.device:
            raise TypeError(f"{name} is {new.dtype} on {new.device}; it must be {old.dtype} on {old.device}, as {name}_cache is")
        if new.shape[-2:] != old.shape[-2:]:
            raise ValueError(f"{name} has shape {tuple(new.shape)}; it must end in {tuple(old.shape[-2:])}, as {name}_cache does")
    return k, v


def _append_operator(k_cache: Tensor, v_cache: Tensor, page_table: Tensor, k: Tensor, v: Tensor, cu_seqlens: Tensor,
                     used: Tensor, cos: Optional[Tensor], sin: Optional[Tensor], interleaved: bool, q: Optional[Tensor]
                     ) -> "Tuple[Tensor, Tensor]":
    rotary = None if cos is None else Rotary(cos, sin, interleaved)
    after, turned = _append(Cache(k_cache, v_cache, page_table), k, v, cu_seqlens, used, rotary, q)
    return after, k.new_empty(0) if turned is None else turned


def _fake_append(k_cache: Tensor, v_cache: Tensor, page_table: Tensor, k: Tensor, v: Tensor, cu_seqlens: Tensor, used: Tensor,
                 cos: Optional[Tensor], sin: Optional[Tensor], interleaved: bool, q: Optional[Tensor]
                 ) -> "Tuple[Tensor, Tensor]":
    return torch.empty_like(used), k.new_empty(0 if q is None else q.shape)


operators.define("append", "(Tensor(a!) k_cache, Tensor(b!) v_cache, Tensor page_table, Tensor k, Tensor v, Tensor cu_seqlens, "
                           "Tensor used, Tensor? cos, Tensor? sin, bool interleaved, Tensor? q) -> (Tensor, Tensor)",
                 _append_operator, _fake_append)
