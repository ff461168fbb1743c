"""Softmax weights and dropout masks, by the formulas of docs/semantics.md: for tests and small sizes."""

import ctypes
from typing import Optional, Tuple

import torch

from .._errors import UnsupportedError
from .autograd import split
from .problem import Problem

Tensor = torch.Tensor

MOST_WEIGHTS = 2**28
_LOW = 0xFFFFFFFF


def _philox(counter: "Tuple[Tensor, ...]", key: "Tuple[Tensor, Tensor]") -> "Tuple[Tensor, ...]":
    """Philox4x32-10 on int64 tensors that hold 32-bit words."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = ((second >> 32) & _LOW) ^ c1 ^ k0, second & _LOW, ((first >> 32) & _LOW) ^ c3 ^ k1, first & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & _LOW, (k1 + 0xBB67AE85) & _LOW
    return c0, c1, c2, c3


def kept(problem: Problem, batch_index: int, heads: int, queries: int, keys: int) -> Tensor:
    """Which weights dropout keeps: bool [heads, queries, keys] of one sequence."""
    state = problem.dropout_state
    zero = torch.zeros((), dtype=torch.int64, device=state.device)
    seed, offset = state[0], state[1]
    call_key = _philox((offset & _LOW, (offset >> 32) & _LOW, zero, zero), (seed & _LOW, (seed >> 32) & _LOW))[:2]
    h, i, j = (torch.arange(count, device=state.device) for count in (heads, queries, keys))
    counter = torch.broadcast_tensors(j // 4, i[:, None], h[:, None, None], zero + batch_index)
    words = torch.stack(_philox(counter, call_key))
    word = words.gather(0, (j % 4).expand(1, heads, queries, keys))[0]
    return word >= int(ctypes.c_float(problem.dropout_p).value * 2**32)


def _hidden(problem: Problem, rows: slice, queries: int, keys: int, position: Tensor) -> Tensor:
    """bool [queries, keys]: what chunks, key ranges and a tree mask hide from the queries in some rows of q."""
    j = torch.arange(keys, device=position.device)
    hidden = torch.zeros((queries, keys), dtype=torch.bool, device=position.device)
    if problem.attention_chunk > 0:
        chunk = problem.attention_chunk
        hidden |= torch.div(position, chunk, rounding_mode="floor") != torch.div(j, chunk, rounding_mode="floor")
    if problem.key_begin is not None:
        hidden |= j < problem.key_begin[rows][:, None]
    if problem.key_end is not None:
        hidden |= j >= problem.key_end[rows][:, None]
    if problem.tree_mask is not None:
        bit = j - (keys - queries)
        hidden |= (bit >= 0) & (((problem.tree_mask[rows][:, None] >> bit.clamp(min=0)) & 1) == 0)
    return hidden


def _sequence_weights(q: Tensor, k: Tensor, sinks: Optional[Tensor], slopes: Optional[Tensor], problem: Problem, rows: slice,
                      first: int) -> Tensor:
    """float32 [heads, queries, keys] of q [queries, heads, dim], which are some rows of the packed ones and whose first query
    stands at `first`, and k [keys, kv_heads, dim]."""
    queries, heads, keys = *q.shape[:2], k.shape[0]
    k = k.float().repeat_interleave(heads // k.shape[1], dim=1)
    scores = torch.einsum("ihd,jhd->hij", q.float(), k) * problem.softmax_scale
    if problem.softcap > 0:
        scores = problem.softcap * torch.tanh(scores / problem.softcap)
    position = torch.arange(queries, device=q.device)[:, None] + first
    distance = torch.arange(keys, device=q.device) - position
    if slopes is not None:
        scores = scores - slopes[:, None, None] * distance.abs()
    if problem.window_left >= 0:
        scores = scores.masked_fill(distance < -problem.window_left, -torch.inf)
    if problem.window_right >= 0:
        scores = scores.masked_fill(distance > problem.window_right, -torch.inf)
    scores = scores.masked_fill(_hidden(problem, rows, queries, keys, position), -torch.inf)
    if sinks is not None:
        scores = torch.cat([scores, sinks.float()[:, None, None].expand(heads, queries, 1)], dim=-1)
    weights = torch.softmax(scores, dim=-1)[..., :keys]
    return weights.nan_to_num(0.0)  # rows that see no key


def signed_weights(tensors: "Tuple[Tensor, ...]", sinks: Optional[Tensor], problem: Problem) -> Tensor:
    """[batch, heads, max_seqlen_q, max_seqlen_k] in the dtype of q: softmax weights, with a minus where they were dropped.

    Empty without dropout. Reads lengths on the host, so it waits for the device.
    """
    q, k, _ = split(tensors)
    if problem.dropout_p == 0:
        return q.new_empty(0)
    if problem.page_table is not None or problem.leftpad_q is not None or problem.leftpad_k is not None:
        raise UnsupportedError("return_attn_probs is True; it must be False with dropout and a block_table or left padding")
    starts_q = problem.cu_seqlens_q.tolist()
    starts_k = (problem.cu_seqlens_k if problem.key_starts is None else problem.key_starts).tolist()
    used_q, used_k, positions = (each.tolist() if each is not None else None
                                 for each in (problem.seqused_q, problem.seqused_k, problem.query_positions))
    batch, heads = len(starts_q) - 1, q.shape[1]
    longest_q = problem.max_seqlen_q or max((b - a for a, b in zip(starts_q, starts_q[1:])), default=0)
    longest_k = problem.max_seqlen_k or max((b - a for a, b in zip(starts_k, starts_k[1:])) if problem.key_starts is None
                                            else used_k, default=0)
    if batch * heads * longest_q * longest_k > MOST_WEIGHTS:
        raise UnsupportedError(f"return_attn_probs is True; it must be False for more than {MOST_WEIGHTS} weights: "
                               f"{batch} * {heads} * {longest_q} * {longest_k}")
    weights = q.new_zeros((batch, heads, longest_q, longest_k))
    slopes = problem.alibi_slopes
    for b in range(batch):
        queries = used_q[b] if used_q else starts_q[b + 1] - starts_q[b]
        keys = used_k[b] if used_k else starts_k[b + 1] - starts_k[b]
        with torch.no_grad():
            rows = slice(starts_q[b], starts_q[b] + queries)
            plain = _sequence_weights(q[rows], k[starts_k[b]:starts_k[b] + keys], sinks,
                                      slopes[b] if slopes is not None and slopes.dim() == 2 else slopes, problem, rows,
                                      positions[b] if positions else keys - queries)
            signed = torch.where(kept(problem, b, heads, queries, keys), plain, -plain)
        weights[b, :, :queries, :keys] = signed.to(q.dtype)
    return weights
