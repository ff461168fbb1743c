"""FlashAttention's arguments as a problem, and what of them is refused."""

from typing import Any, Optional, Tuple

import torch

from .._errors import UnsupportedError
from .problem import Problem, draw_dropout_state

Tensor = torch.Tensor

# Arguments of FlashAttention-3 that would change a result or a promise, their defaults, and why they are refused.
NOT_DONE = {
    "qv": (None, "a second query for the values (absorbed MLA) is not computed"),
    "q_descale": (None, "there are no 8-bit dtypes"),
    "k_descale": (None, "there are no 8-bit dtypes"),
    "v_descale": (None, "there are no 8-bit dtypes"),
    "sm_margin": (0, "kernels use all of a device's multiprocessors"),
}


def refuse_what_is_not_done(**arguments: Any) -> None:
    """Raises for an argument that varlen would have to ignore."""
    for name, (default, reason) in NOT_DONE.items():
        value = arguments.get(name, default)
        if value is not None and value is not default and value != default:
            shown = "given" if isinstance(value, Tensor) else f"{value!r}"
            raise UnsupportedError(f"{name} is {shown}; it must be {default}, since {reason}")


def bound(seqlen: Any) -> int:
    """A maximum length as a number. A tensor on a GPU counts as unknown, 0, since reading it would wait for the device."""
    if isinstance(seqlen, Tensor):
        return 0 if seqlen.is_cuda else int(seqlen)
    return seqlen or 0


def flat_rows(rows: Optional[Tensor], name: str, shape: "Tuple[int, ...]") -> Optional[Tensor]:
    """What each row of q has, in the shape of its tokens, as one dimension."""
    if rows is None:
        return None
    if rows.shape != shape:
        raise ValueError(f"{name} has shape {tuple(rows.shape)}; it must be {tuple(shape)}")
    return rows.flatten()


def window_of(causal: bool, window_size: "Tuple[int, int]", max_seqlen_k: int) -> "Tuple[int, int]":
    """Left and right bounds, -1 for none. As in FlashAttention, a window as long as the longest key has none."""
    left, right = map(int, window_size)
    if max_seqlen_k:
        left = -1 if left >= max_seqlen_k else left
        right = -1 if right >= max_seqlen_k else right
    return max(left, -1), 0 if causal else max(right, -1)


def problem_of(q: Tensor, cu_seqlens_q: Tensor, cu_seqlens_k: Optional[Tensor], max_seqlen_q: int, max_seqlen_k: int,
               dropout_p: float = 0.0, softmax_scale: Optional[float] = None, causal: bool = False,
               window_size: "Tuple[int, int]" = (-1, -1), softcap: float = 0.0, alibi_slopes: Optional[Tensor] = None,
               deterministic: bool = False, num_splits: int = 0, seqused_q: Optional[Tensor] = None,
               seqused_k: Optional[Tensor] = None, leftpad_k: Optional[Tensor] = None, page_table: Optional[Tensor] = None,
               key_begin: Optional[Tensor] = None, key_end: Optional[Tensor] = None, query_positions: Optional[Tensor] = None,
               key_starts: Optional[Tensor] = None, tree_mask: Optional[Tensor] = None, leftpad_q: Optional[Tensor] = None,
               attention_chunk: int = 0) -> Problem:
    """The problem of FlashAttention's arguments, and of more fields of Problem by their own names."""
    max_seqlen_q, max_seqlen_k = bound(max_seqlen_q), bound(max_seqlen_k)
    # A query that may stand far from the keys sees them through no window, however long.
    left, right = window_of(causal, window_size, max_seqlen_k if query_positions is None else 0)
    return Problem(
        cu_seqlens_q, cu_seqlens_k, seqused_q, seqused_k, leftpad_k, page_table, alibi_slopes,
        draw_dropout_state(q.device) if dropout_p else None, key_begin=key_begin, key_end=key_end,
        query_positions=query_positions, key_starts=key_starts, tree_mask=tree_mask, leftpad_q=leftpad_q,
        max_seqlen_q=max_seqlen_q, max_seqlen_k=max_seqlen_k,
        softmax_scale=q.shape[-1] ** -0.5 if softmax_scale is None else float(softmax_scale), window_left=left,
        window_right=right, softcap=max(float(softcap), 0.0), dropout_p=float(dropout_p),
        deterministic=bool(deterministic), batch_invariant=num_splits == 1, attention_chunk=int(attention_chunk or 0))
