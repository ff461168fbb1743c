"""Rotary embedding in torch, for what varlen_kv_append does not rotate."""

import torch

Tensor = torch.Tensor


def rotate(rows: Tensor, cos: Tensor, sin: Tensor, positions: Tensor, interleaved: bool) -> Tensor:
    """rows [tokens, heads, dim] rotated by positions [tokens] in float32; cos and sin are [positions, rotary_dim / 2].

    A position that the tables do not have makes its row NaN.
    """
    half = cos.shape[1]
    known = ((positions >= 0) & (positions < cos.shape[0]))[:, None, None]
    index = positions.clamp(0, max(cos.shape[0] - 1, 0)).long()
    c, s = (torch.where(known, table[index].float()[:, None], torch.nan) for table in (cos, sin))
    turned = rows[..., :2 * half].float()
    x, y = (turned[..., ::2], turned[..., 1::2]) if interleaved else (turned[..., :half], turned[..., half:])
    pairs = (x * c - y * s, x * s + y * c)
    joined = torch.stack(pairs, dim=-1).flatten(-2) if interleaved else torch.cat(pairs, dim=-1)
    return torch.cat([joined.to(rows.dtype), rows[..., 2 * half:]], dim=-1)
