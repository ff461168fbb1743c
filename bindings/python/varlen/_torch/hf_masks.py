"""The mask that a Hugging Face model hands to attention: which tokens are padding, and nothing else."""

from typing import Any, Callable, Iterator, Optional, Tuple

import torch

from .._errors import UnsupportedError
from .hf_sequences import mark_packed

Tensor = torch.Tensor

# Builders of masks in transformers.masking_utils whose patterns are not causal, windowed or full.
OTHER_PATTERNS = {"chunked_overlay": "attention in chunks", "blockwise_overlay": "blocks that see both ways",
                  "or_masks": "a mask of the model's own"}


def padding_mask(batch_size: int, q_length: int, kv_length: int, q_offset: int = 0, kv_offset: int = 0,
                 mask_function: Optional[Callable[..., Any]] = None, attention_mask: Optional[Tensor] = None,
                 **options: Any) -> Optional[Tensor]:
    """bool [batch, kv_length] of the keys that are tokens, or None where all are and no row holds several sequences.

    The causal side and the window come with the call of attention; a pattern that they cannot say is refused here.
    """
    packed_rows = None
    for builder, function in _parts(mask_function):
        if builder == "chunked_overlay" and _is_one_chunk(options, kv_length + kv_offset):
            continue
        if builder in OTHER_PATTERNS:
            raise UnsupportedError(f"the model asks for {OTHER_PATTERNS[builder]} ({builder}); varlen has full, causal and "
                                   "windowed masks alone. Use attn_implementation='sdpa' for this model")
        if builder == "packed_sequence_mask_function":
            packed_rows = next(held for held in _held(function) if isinstance(held, Tensor))
    if packed_rows is not None:
        return mark_packed(packed_rows)
    if attention_mask is None:
        return None
    attention_mask = attention_mask[:, -kv_length:].bool()
    if attention_mask.shape[1] == kv_length and bool(attention_mask.all()):
        return None
    return attention_mask


def _is_one_chunk(options: "dict[str, Any]", length: int) -> bool:
    chunk = getattr(options.get("config"), "attention_chunk_size", None)
    return bool(chunk) and length <= chunk


def _parts(function: Any) -> "Iterator[Tuple[str, Any]]":
    """A mask function and those that its closure holds, each with the name of the function that built it."""
    name = getattr(function, "__qualname__", "")
    if ".<locals>" in name:
        yield name.split(".<locals>")[0], function
    for held in _held(function):
        for each in held if isinstance(held, (tuple, list)) else (held,):
            if callable(each) and not isinstance(each, Tensor):
                yield from _parts(each)


def _held(function: Any) -> "Iterator[Any]":
    return (cell.cell_contents for cell in getattr(function, "__closure__", None) or ())
