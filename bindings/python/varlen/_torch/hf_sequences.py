"""Where the sequences of a Hugging Face batch lie, told by its padding, its positions or its shape."""

from typing import Any, NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F

from .._header import FEATURE_LEFTPAD_Q
from .devices import context_of, knows
from .layouts import uniform_cu_seqlens

Tensor = torch.Tensor


class Sequences(NamedTuple):
    """Where the sequences of a batch lie in its flattened queries and keys.

    Rows are what is taken out of them before; None where sequences are used where they lie, in slots of which seqused and
    leftpad say what is padding.
    """

    cu_seqlens_q: Tensor
    cu_seqlens_k: Tensor
    max_seqlen_q: int = 0
    max_seqlen_k: int = 0
    rows_q: Optional[Tensor] = None
    rows_k: Optional[Tensor] = None
    seqused_q: Optional[Tensor] = None
    seqused_k: Optional[Tensor] = None
    leftpad_q: Optional[Tensor] = None
    leftpad_k: Optional[Tensor] = None
    is_dense: bool = False  # whether slots are the rows of the batch


def of_dense(query: Tensor, key: Tensor) -> Sequences:
    """One sequence for each row of [batch, seqlen, ...]."""
    batch, seqlen_q, seqlen_k = *query.shape[:2], key.shape[1]
    cu_seqlens_q = uniform_cu_seqlens(batch, seqlen_q, query.device)
    cu_seqlens_k = cu_seqlens_q if seqlen_q == seqlen_k else uniform_cu_seqlens(batch, seqlen_k, query.device)
    return Sequences(cu_seqlens_q, cu_seqlens_k, seqlen_q, seqlen_k, is_dense=True)


def of_padded(mask: Tensor, seqlen_q: int) -> Sequences:
    """One sequence for each row of a mask [batch, seqlen_k]; queries are its last seqlen_q tokens.

    Kept with the mask, which all layers of a model share.
    """
    known = getattr(mask, "_varlen_sequences", None)
    if known is None or known[0] != seqlen_q:
        known = _keep(mask, (seqlen_q, _of_runs(mask, seqlen_q) or _of_marks(mask, seqlen_q)))
    return known[1]


def with_ranges(mask: Tensor, begin: Tensor, end: Tensor) -> Tensor:
    """A mask [batch, seqlen_k] and, of each of the last tokens, the keys begin .. end - 1 that it sees: int32 [batch, 3,
    seqlen_k]."""
    whole = torch.zeros((mask.shape[0], 3, mask.shape[1]), dtype=torch.int32, device=mask.device)
    whole[:, 0] = mask
    for row, bounds in ((1, begin), (2, end)):
        whole[:, row, mask.shape[1] - bounds.shape[1]:] = bounds.clamp(0, mask.shape[1])
    return whole


def of_ranges(whole: Tensor, seqlen_q: int) -> "Tuple[Sequences, Tensor, Tensor]":
    """The sequences of with_ranges, and key_begin and key_end of their queries: what is padding no longer counts.

    Kept as of_padded keeps them.
    """
    known = getattr(whole, "_varlen_sequences", None)
    if known is None or known[0] != seqlen_q:
        mask = whole[:, 0].bool()
        sequences = of_padded(mask, seqlen_q)
        tokens_before = F.pad(mask.cumsum(-1), (1, 0)).int()
        bounds = [tokens_before.gather(1, whole[:, row, whole.shape[2] - seqlen_q:].long()).flatten() for row in (1, 2)]
        if sequences.rows_q is not None:
            bounds = [each[sequences.rows_q] for each in bounds]
        known = _keep(whole, (seqlen_q, (sequences, *bounds)))
    return known[1]


def of_positions(position_ids: Optional[Tensor], query: Tensor, key: Tensor) -> Optional[Sequences]:
    """The sequences of one packed row, which begin where position_ids start again; None where it is one sequence."""
    if position_ids is None or query.shape[0] != 1 or query.shape[1] != key.shape[1] or query.shape[1] < 2:
        return None
    if position_ids.shape != (1, query.shape[1]):
        return None
    sequences = _of_starts(position_ids[:, 1:] != position_ids[:, :-1] + 1)
    return sequences if sequences.cu_seqlens_q.shape[0] > 2 else None


def mark_packed(sequence_ids: Tensor) -> Tensor:
    """A mask of tokens alone, whose sequences are the runs of equal numbers in the rows of sequence_ids [batch, seqlen]."""
    mask = torch.ones_like(sequence_ids, dtype=torch.bool)
    _keep(mask, (mask.shape[1], _of_starts(sequence_ids[:, 1:] != sequence_ids[:, :-1])))
    return mask


def _of_starts(starts: Tensor) -> Sequences:
    """Sequences of flattened rows, told by whether each token but the first of a row starts one."""
    begins = F.pad(starts, (1, 0), value=True).flatten()
    cu_seqlens = F.pad(begins.nonzero().flatten().int(), (0, 1), value=begins.numel())
    return Sequences(cu_seqlens, cu_seqlens)


def _of_runs(mask: Tensor, seqlen_q: int) -> Optional[Sequences]:
    """Sequences where they lie, padded at the left, at the right or both.

    None where a row's tokens are not one run, or the device cannot skip padding before queries.
    """
    batch, seqlen_k = mask.shape
    if not mask.numel():
        return None
    begins = mask.int().argmax(dim=-1).int()
    ends = begins + mask.sum(dim=-1, dtype=torch.int32)
    places = torch.arange(seqlen_k, device=mask.device)
    runs = (places >= begins[:, None]) & (places < ends[:, None])
    begins_q, ends_q = ((each - (seqlen_k - seqlen_q)).clamp(min=0) for each in (begins, ends))
    are_runs, are_padded = torch.stack([(runs == mask).all(), begins_q.any()]).tolist()
    if not are_runs or (are_padded and not knows(context_of(mask), FEATURE_LEFTPAD_Q)):
        return None
    cu_seqlens_q, cu_seqlens_k = (uniform_cu_seqlens(batch, each, mask.device) for each in (seqlen_q, seqlen_k))
    return Sequences(cu_seqlens_q, cu_seqlens_k, seqlen_q, seqlen_k, seqused_q=ends_q, seqused_k=ends,
                     leftpad_q=begins_q if are_padded else None, leftpad_k=begins, is_dense=True)


def _of_marks(mask: Tensor, seqlen_q: int) -> Sequences:
    """Sequences of the rows that a mask marks, wherever they lie."""
    cu_seqlens_k, rows_k, longest_k = _marked(mask)
    if seqlen_q == mask.shape[1]:
        return Sequences(cu_seqlens_k, cu_seqlens_k, longest_k, longest_k, rows_k, rows_k)
    cu_seqlens_q, rows_q, longest_q = _marked(mask[:, mask.shape[1] - seqlen_q:])
    return Sequences(cu_seqlens_q, cu_seqlens_k, longest_q, longest_k, rows_q, rows_k)


def _marked(mask: Tensor) -> "Tuple[Tensor, Tensor, int]":
    """cu_seqlens of what each row of a mask marks, their places in the flattened mask, and the longest length."""
    lengths = mask.sum(dim=-1, dtype=torch.int32)
    longest = 0 if mask.is_cuda or not mask.shape[0] else int(lengths.max())
    return F.pad(lengths.cumsum(0, dtype=torch.int32), (1, 0)), mask.flatten().nonzero().flatten(), longest


def _keep(tensor: Tensor, known: Any) -> Any:
    tensor._varlen_sequences = known
    return known
