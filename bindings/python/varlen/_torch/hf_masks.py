"""The mask that a Hugging Face model hands to attention: which tokens are padding, and what no window says."""

from typing import Any, Callable, Iterator, Optional, Tuple

import torch

from .._errors import UnsupportedError
from .hf_ranges import builder_of, held_by, ranges_of
from .hf_sequences import mark_packed, with_ranges

Tensor = torch.Tensor

# Builders of masks in transformers.masking_utils whose patterns the call of attention does not tell.
PATTERNS = ("chunked_overlay", "blockwise_overlay", "or_masks")


def padding_mask(batch_size: int, q_length: int, kv_length: int, q_offset: int = 0, kv_offset: int = 0,
                 mask_function: Optional[Callable[..., Any]] = None, attention_mask: Optional[Tensor] = None,
                 **options: Any) -> Optional[Tensor]:
    """bool [batch, kv_length] of the keys that are tokens, or None where all are and no row holds several sequences.

    The causal side and the window come with the call of attention. Chunks and blocks do not: they are ranges of keys, which
    the mask then has beside it, as with_ranges lays them out.
    """
    packed_rows, pattern = None, False
    for builder, function in _parts(mask_function):
        if builder == "packed_sequence_mask_function":
            packed_rows = next(held for held in held_by(function) if isinstance(held, Tensor))
        elif builder in PATTERNS:
            pattern |= builder != "chunked_overlay" or not _is_one_chunk(options, kv_length + kv_offset)
    if packed_rows is not None:
        if pattern:
            raise UnsupportedError("the model asks for chunks or blocks in rows that hold several sequences; varlen takes them "
                                   "in rows of one. Use attn_implementation='sdpa' for this model")
        return mark_packed(packed_rows)
    if attention_mask is not None:
        attention_mask = attention_mask[:, -kv_length:].bool()
    if pattern:
        device = next((held.device for _, each in _parts(mask_function) for held in held_by(each) if isinstance(held, Tensor)),
                      options.get("device", "cpu" if attention_mask is None else attention_mask.device))
        if attention_mask is None:
            length = min(kv_length, q_offset + q_length - kv_offset)  # a static cache has room for more
            attention_mask = torch.ones(batch_size, length, dtype=torch.bool, device=device)
        positions = torch.arange(q_length, device=device) + q_offset
        begin, end = ranges_of(mask_function, positions, kv_length + kv_offset)
        return with_ranges(attention_mask, (begin - kv_offset).expand(batch_size, -1), (end - kv_offset).expand(batch_size, -1))
    if attention_mask is None or (attention_mask.shape[1] == kv_length and bool(attention_mask.all())):
        return None
    return attention_mask


def _is_one_chunk(options: "dict[str, Any]", length: int) -> bool:
    chunk = getattr(options.get("config"), "attention_chunk_size", None)
    return bool(chunk) and length <= chunk


def _parts(function: Any) -> "Iterator[Tuple[str, Any]]":
    """A mask function and those that its closure holds, each with the name of the function that built it."""
    if ".<locals>" in getattr(function, "__qualname__", ""):
        yield builder_of(function), function
    for held in held_by(function):
        for each in held if isinstance(held, (tuple, list)) else (held,):
            if callable(each) and not isinstance(each, Tensor):
                yield from _parts(each)
