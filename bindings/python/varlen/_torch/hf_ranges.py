"""Mask functions of Hugging Face transformers as ranges of keys: the first that each query sees, and the one after the last."""

from typing import Any, Callable, NamedTuple

import torch

from .._errors import UnsupportedError

Tensor = torch.Tensor


class Ranges(NamedTuple):
    """int64 [batch, queries] or what expands to it, in positions; a range whose end is not above its begin is empty."""

    begin: Tensor
    end: Tensor


def builder_of(function: Any) -> str:
    """The name of the function of transformers that built a mask function, or its own."""
    return getattr(function, "__qualname__", "").split(".<locals>")[0]


def held_by(function: Any) -> "list[Any]":
    """What a closure holds."""
    return [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]


def ranges_of(function: Callable[..., Any], positions: Tensor, length: int) -> Ranges:
    """What a mask function shows to queries at positions [queries] of rows with keys at 0 .. length - 1.

    Every builder whose ranges hold the query's own key, or nothing, is known: so a range is what or_masks makes of them.
    """
    builder, held = builder_of(function), held_by(function)
    everything = Ranges(torch.zeros_like(positions)[None], torch.full_like(positions, length)[None])
    if builder == "causal_mask_function":
        return everything._replace(end=positions[None] + 1)
    if builder == "bidirectional_mask_function":
        return everything
    if builder == "sliding_window_overlay":
        (window,) = held
        return everything._replace(begin=(positions[None] - window + 1).clamp(min=0))
    if builder == "chunked_overlay":
        return _chunk(*held, positions)
    if builder == "blockwise_overlay":
        return _blocks(*held, positions, length)
    if builder in ("and_masks", "or_masks"):
        parts = [ranges_of(each, positions, length) for each in held[0]]
        return _union(parts) if builder == "or_masks" else _intersection(parts)
    raise UnsupportedError(f"the model asks for a mask of its own ({builder}), which says of single keys what is seen; varlen "
                           "takes masks that are ranges of keys for each query. Use attn_implementation='sdpa' for this model")


def _intersection(parts: "list[Ranges]") -> Ranges:
    whole = parts[0]
    for each in parts[1:]:
        whole = Ranges(torch.maximum(whole.begin, each.begin), torch.minimum(whole.end, each.end))
    return whole


def _union(parts: "list[Ranges]") -> Ranges:
    whole = parts[0]
    for each in parts[1:]:
        none, nothing = each.begin >= each.end, whole.begin >= whole.end
        begin = torch.where(none, whole.begin, torch.where(nothing, each.begin, torch.minimum(whole.begin, each.begin)))
        whole = Ranges(begin, torch.where(none, whole.end, torch.where(nothing, each.end, torch.maximum(whole.end, each.end))))
    return whole


def _chunk(size: int, padding: Tensor, positions: Tensor) -> Ranges:
    """Chunks count from the first token of each row, behind its padding."""
    begin = torch.div(positions[None] - padding[:, None], size, rounding_mode="floor") * size + padding[:, None]
    return Ranges(begin.clamp(min=0), begin + size)


def _blocks(ids: Tensor, positions: Tensor, length: int) -> Ranges:
    """Blocks [batch, length] are runs of a number of their own; those below 0 are none."""
    ids = ids[:, :length]
    start = torch.ones_like(ids, dtype=torch.bool)
    start[:, 1:] = ids[:, 1:] != ids[:, :-1]
    before = torch.full_like(ids, -1)
    before[:, 1:] = ids.cummax(dim=1).values[:, :-1]
    if bool((start & (ids >= 0) & (ids <= before)).any()):
        raise UnsupportedError("a block of the model's mask lies in several places; varlen takes blocks of tokens that follow "
                               "one another. Use attn_implementation='sdpa' for this model")
    places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    begin = torch.where(start, places, 0).cummax(dim=1).values
    last = torch.ones_like(start)
    last[:, :-1] = start[:, 1:]
    end = torch.where(last, places + 1, length).flip(1).cummin(dim=1).values.flip(1)
    begin, end, is_block = (each[:, positions] for each in (begin, end, ids >= 0))
    return Ranges(begin, torch.where(is_block, end, begin))
