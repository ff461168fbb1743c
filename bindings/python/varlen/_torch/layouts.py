"""Dense tensors as packed ones."""

from typing import Tuple

import torch

Tensor = torch.Tensor


def uniform_cu_seqlens(batch: int, seqlen: int, device: torch.device) -> Tensor:
    """cu_seqlens of sequences of one length."""
    if seqlen == 0:
        return torch.zeros(batch + 1, dtype=torch.int32, device=device)
    return torch.arange(0, batch * seqlen + 1, seqlen, dtype=torch.int32, device=device)


def packed(tensor: Tensor) -> Tensor:
    """[batch, seqlen, ...] as [batch * seqlen, ...]: a view where the strides allow it, else a copy."""
    return tensor.flatten(0, 1)


def packed_heads(tensor: Tensor) -> Tensor:
    """[batch, seqlen, heads, dim] as [batch * heads * seqlen, 1, dim]: a view where heads_first."""
    return tensor.transpose(1, 2).reshape(-1, 1, tensor.shape[-1])


def heads_first(tensors: "Tuple[Tensor, ...]") -> bool:
    """Whether q, k and v have as many heads and lie in memory as [batch, heads, seqlen, dim], and cannot be seen as packed."""
    return (len(tensors) == 3 and tensors[0].shape[0] > 1 and tensors[0].shape[2] == tensors[1].shape[2]
            and all(each.dim() == 4 and not each.is_contiguous() and each.transpose(1, 2).is_contiguous()
                    for each in tensors))
