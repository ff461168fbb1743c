"""Scales of quantised keys and values, as the library reads them and as FlashAttention-3 gives them."""

from typing import Optional, Tuple

import torch

from .problem import check_metadata

Tensor = torch.Tensor


def scale_strides(scale: Tensor, name: str, pool: "Tuple[int, ...]", kv_heads: int, device: torch.device
                  ) -> "Tuple[int, int, int]":
    """Token, head and page stride of a dense float32 tensor of scales, 0 where rows share one.

    pool is (tokens,) or (pages, page_size). Of one number, [kv_heads], [tokens, kv_heads], [pages, kv_heads] or
    [pages, page_size, kv_heads].
    """
    shapes = {(): (0, 0, 0), (1,): (0, 0, 0), (kv_heads,): (0, 1, 0)}
    if len(pool) == 1:
        shapes[(*pool, kv_heads)] = (kv_heads, 1, 0)
    else:
        shapes[(pool[0], kv_heads)] = (0, 1, kv_heads)
        shapes[(*pool, kv_heads)] = (kv_heads, 1, pool[1] * kv_heads)
    shape = tuple(scale.shape)
    if shape not in shapes:
        raise ValueError(f"{name} has shape {shape}; it must be one of {', '.join(map(str, shapes))}")
    check_metadata(scale, name, torch.float32, shape, device)
    return shapes[shape]


def scales_of_rows(descale: Optional[Tensor], cu_seqlens_k: Tensor, rows: int) -> Optional[Tensor]:
    """From [batch, kv_heads] to [rows, kv_heads] of packed keys."""
    if descale is None or not descale.dim():
        return descale
    places = torch.arange(rows, dtype=torch.int32, device=cu_seqlens_k.device)
    sequence = torch.searchsorted(cu_seqlens_k[1:].contiguous(), places, right=True)
    return descale.float()[sequence.clamp(max=max(descale.shape[0] - 1, 0))]


def scales_of_pages(descale: Optional[Tensor], page_table: Tensor, used: Tensor, pages: int, page_size: int
                    ) -> Optional[Tensor]:
    """From [batch, kv_heads] to [pages, kv_heads]; a page that two sequences share has the scale of one of them."""
    if descale is None or not descale.dim():
        return descale
    batch, width = page_table.shape
    first = torch.arange(width, device=page_table.device) * page_size
    place = torch.where(first[None, :] < used[:, None], page_table.long(), pages)  # the last row is nobody's
    scales = torch.ones(pages + 1, descale.shape[1], dtype=torch.float32, device=page_table.device)
    scales[place.reshape(-1)] = descale.float()[:, None, :].expand(batch, width, -1).reshape(batch * width, -1)
    return scales[:pages]
