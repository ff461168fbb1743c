"""Padded batches to packed ones and back, as flash_attn.bert_padding has them."""

from typing import Optional, Tuple

import torch
import torch.nn.functional as F

Tensor = torch.Tensor


def unpad_input(hidden_states: Tensor, attention_mask: Tensor, unused_mask: Optional[Tensor] = None
                ) -> "Tuple[Tensor, Tensor, Tensor, int, Tensor]":
    """Packs the tokens of hidden_states [batch, seqlen, ...] that attention_mask, or unused_mask, [batch, seqlen] marks.

    Returns the packed tokens [total, ...], their indices in the flattened batch, cu_seqlens, the longest sequence's length,
    and how many tokens of each sequence attention_mask marks. The lengths are read on the host, so this waits for the device.
    """
    marked = attention_mask if unused_mask is None else attention_mask + unused_mask
    lengths = marked.sum(dim=-1, dtype=torch.int32)
    indices = marked.flatten().nonzero().flatten()
    cu_seqlens = F.pad(lengths.cumsum(0, dtype=torch.int32), (1, 0))
    longest = int(lengths.max()) if lengths.numel() else 0
    return hidden_states.flatten(0, 1)[indices], indices, cu_seqlens, longest, attention_mask.sum(dim=-1, dtype=torch.int32)


def pad_input(hidden_states: Tensor, indices: Tensor, batch: int, seqlen: int) -> Tensor:
    """Puts packed tokens [total, ...] back to their indices in [batch, seqlen, ...], zero elsewhere."""
    padded = hidden_states.new_zeros((batch * seqlen, *hidden_states.shape[1:]))
    return padded.index_copy(0, indices, hidden_states).view(batch, seqlen, *hidden_states.shape[1:])
