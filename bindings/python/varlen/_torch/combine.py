"""Partial results of attention, over parts of the keys, as one."""

from ctypes import byref
from typing import Optional, Tuple

import torch

from .._header import MergeArgs
from .._library import check, library
from .devices import context_of, stream_of
from .problem import check_metadata
from .views import DTYPES, point, usable

Tensor = torch.Tensor


def flash_attn_combine(out_partial: Tensor, lse_partial: Tensor, out: Optional[Tensor] = None,
                       out_dtype: Optional[torch.dtype] = None) -> "Tuple[Tensor, Tensor]":
    """out [batch, seqlen, heads, dim] and lse [batch, seqlen, heads] of out_partial [splits, batch, seqlen, heads, dim] and
    lse_partial [splits, batch, seqlen, heads], float32; batch may be missing in all of them.

    Tensors may have any strides; those that the library cannot take are copied. out has the dtype of out_partial, unless out
    or out_dtype says another.
    """
    dtype = out.dtype if out is not None else out_dtype or out_partial.dtype
    for name, each in (("out_partial", out_partial.dtype), ("out_dtype", dtype)):
        if each not in DTYPES:
            raise TypeError(f"{name} is {each}; it must be float32, float16 or bfloat16")
    splits, *rows, heads, dim = out_partial.shape
    tokens = rows[0] * rows[1] if len(rows) == 2 else rows[0]
    partial = usable(out_partial.reshape(splits, tokens, heads, dim))
    lse = check_metadata(lse_partial.movedim(-1, 1), "lse_partial", torch.float32, (splits, heads, *rows), partial.device)
    merged = torch.empty((tokens, heads, dim), dtype=dtype, device=partial.device)
    merged_lse = torch.empty((heads, tokens), dtype=torch.float32, device=partial.device)
    args = MergeArgs(dtype=DTYPES[dtype], partial_dtype=DTYPES[partial.dtype], parts=splits, heads=heads, tokens=tokens,
                     partial_out_stride=partial.stride(0), partial_lse=lse.data_ptr(), lse=merged_lse.data_ptr(), value_dim=dim)
    point(args.partial_out, partial)
    point(args.out, merged)
    check(library().varlen_merge(context_of(partial).handle, stream_of(partial), byref(args)))
    merged = merged.view(*rows, heads, dim)
    return merged if out is None else out.copy_(merged), merged_lse.view(heads, *rows).movedim(0, -1)
