"""What a call asks beside q, k and v."""

from typing import NamedTuple, Optional

import torch

from .._header import (FEATURE_ALIBI, FEATURE_DROPOUT_STATE, FEATURE_KEY_RANGES, FEATURE_KEY_STARTS, FEATURE_LEFTPAD_K,
                       FEATURE_LEFTPAD_Q, FEATURE_QUERY_POSITIONS, FEATURE_SEQUSED_K, FEATURE_SEQUSED_Q, FEATURE_TREE_MASK,
                       FLAG_BATCH_INVARIANT, FLAG_DETERMINISTIC, FLAG_EXACT_SCALE, UNBOUNDED, Attention, Inputs, Mask)

Tensor = torch.Tensor


class Problem(NamedTuple):
    """The fields of varlen_attention and varlen_inputs that are not found from q, k and v, tensors first.

    The operators of torch take them one by one in this order. Windows say the mask: (-1, -1) full, (-1, 0) causal.
    """

    cu_seqlens_q: Tensor
    cu_seqlens_k: Optional[Tensor] = None
    seqused_q: Optional[Tensor] = None
    seqused_k: Optional[Tensor] = None
    leftpad_k: Optional[Tensor] = None
    page_table: Optional[Tensor] = None
    alibi_slopes: Optional[Tensor] = None
    dropout_state: Optional[Tensor] = None
    key_begin: Optional[Tensor] = None
    key_end: Optional[Tensor] = None
    query_positions: Optional[Tensor] = None
    key_starts: Optional[Tensor] = None
    tree_mask: Optional[Tensor] = None
    leftpad_q: Optional[Tensor] = None
    max_seqlen_q: int = 0
    max_seqlen_k: int = 0
    softmax_scale: float = 1.0
    window_left: int = UNBOUNDED
    window_right: int = UNBOUNDED
    softcap: float = 0.0
    dropout_p: float = 0.0
    deterministic: bool = False
    batch_invariant: bool = False
    attention_chunk: int = 0


TENSORS = 14  # of a problem's fields


def draw_dropout_state(device: torch.device) -> Tensor:
    """Seed and offset from torch's generator of a device, so that torch.manual_seed repeats them and a captured graph draws
    others at each replay."""
    return torch.randint(0, 2**63 - 1, (2,), dtype=torch.int64, device=device)


def check_metadata(tensor: Tensor, name: str, dtype: torch.dtype, shape: "tuple[int, ...]", device: torch.device) -> Tensor:
    """A dense tensor of what the library will read there: only Python can see its type and device."""
    if tensor.dtype is not dtype:
        raise TypeError(f"{name} has dtype {tensor.dtype}; it must be {dtype}")
    if tensor.device != device:
        raise ValueError(f"{name} is on {tensor.device}; it must be on {device}, where q is")
    if tensor.shape != shape:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}; it must be {tuple(shape)}")
    return tensor if tensor.is_contiguous() else tensor.contiguous()


# Fields of Problem and of varlen_inputs by the same name, int32 [batch], and the feature that each is.
_OF_SEQUENCES = (("seqused_q", FEATURE_SEQUSED_Q), ("seqused_k", FEATURE_SEQUSED_K), ("leftpad_q", FEATURE_LEFTPAD_Q),
                 ("leftpad_k", FEATURE_LEFTPAD_K), ("query_positions", FEATURE_QUERY_POSITIONS),
                 ("key_starts", FEATURE_KEY_STARTS))


# Likewise, [total_q]. torch has no unsigned words: bit 63 is the sign.
_OF_ROWS = (("key_begin", torch.int32, FEATURE_KEY_RANGES), ("key_end", torch.int32, FEATURE_KEY_RANGES),
            ("tree_mask", torch.int64, FEATURE_TREE_MASK))


def fill_metadata(problem: Problem, batch: int, attention: Attention, inputs: Inputs, device: torch.device) -> int:
    """Checks the tensors of a problem, and writes what the structs have of them but for their addresses. Returns features."""
    features = 0
    check_metadata(problem.cu_seqlens_q, "cu_seqlens_q", torch.int32, (batch + 1,), device)
    if problem.cu_seqlens_k is not None:
        check_metadata(problem.cu_seqlens_k, "cu_seqlens_k", torch.int32, (batch + 1,), device)
    for name, feature in _OF_SEQUENCES:
        numbers = getattr(problem, name)
        if numbers is not None:
            check_metadata(numbers, name, torch.int32, (batch,), device)
            features |= feature
    for name, dtype, feature in _OF_ROWS:
        rows = getattr(problem, name)
        if rows is not None:
            check_metadata(rows, name, dtype, (attention.total_q,), device)
            features |= feature
    if problem.page_table is not None:
        attention.page_table_width = width = problem.page_table.shape[-1]
        check_metadata(problem.page_table, "page_table", torch.int32, (batch, width), device)
    if problem.alibi_slopes is not None:
        heads, each = attention.q_heads, problem.alibi_slopes.dim() == 2
        check_metadata(problem.alibi_slopes, "alibi_slopes", torch.float32, (batch, heads) if each else (heads,), device)
        inputs.alibi_batch_stride = heads if each else 0
        features |= FEATURE_ALIBI
    if problem.dropout_state is not None:
        check_metadata(problem.dropout_state, "dropout_state", torch.int64, (2,), device)
        features |= FEATURE_DROPOUT_STATE
    return features


_CAUSAL, _WINDOW = int(Mask.CAUSAL), int(Mask.WINDOW)


def fill_options(problem: Problem, attention: Attention) -> None:
    """Writes the numbers of a problem into the struct."""
    left, right = problem.window_left, problem.window_right
    attention.max_seqlen_q = problem.max_seqlen_q
    attention.max_seqlen_k = problem.max_seqlen_k
    attention.softmax_scale = problem.softmax_scale
    attention.softcap = problem.softcap
    attention.dropout_p = problem.dropout_p
    attention.attention_chunk = problem.attention_chunk
    flags = FLAG_EXACT_SCALE
    if problem.deterministic or torch.are_deterministic_algorithms_enabled():
        flags |= FLAG_DETERMINISTIC
    if problem.batch_invariant:
        flags |= FLAG_BATCH_INVARIANT
    attention.flags = flags
    if left == UNBOUNDED and right == 0:
        attention.mask = _CAUSAL
    elif left != UNBOUNDED or right != UNBOUNDED:
        attention.mask, attention.window_left, attention.window_right = _WINDOW, left, right
