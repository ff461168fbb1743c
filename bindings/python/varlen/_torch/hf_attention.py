"""The attention function that a Hugging Face model calls, on padded and on packed batches."""

from typing import Any, Optional, Tuple

import torch

from .._errors import UnsupportedError
from .autograd import attention
from .hf_sequences import Sequences, of_dense, of_padded, of_positions, of_ranges
from .layouts import packed
from .options import bound
from .problem import Problem, draw_dropout_state

Tensor = torch.Tensor

# Queries of a sequence up to which keys are read in pages: for more, a copy of the keys is little beside the rest of the work.
MOST_DECODED = 16


def attention_forward(module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Optional[Tensor],
                      dropout: float = 0.0, scaling: Optional[float] = None, sliding_window: Optional[int] = None,
                      softcap: Optional[float] = None, is_causal: Optional[bool] = None, s_aux: Optional[Tensor] = None,
                      position_ids: Optional[Tensor] = None, cu_seq_lens_q: Optional[Tensor] = None,
                      cu_seq_lens_k: Optional[Tensor] = None, max_length_q: Any = None, max_length_k: Any = None,
                      deterministic: Optional[bool] = None, **more: Any) -> "Tuple[Tensor, None]":
    """out [batch, seqlen, heads, dim] of query, key and value [batch, heads, seqlen, dim]; no weights."""
    if more.get("output_attentions"):
        raise UnsupportedError("output_attentions is True; it must be False, since weights are not kept")
    if attention_mask is not None and attention_mask.dim() not in (2, 3):
        raise UnsupportedError(f"attention_mask has {attention_mask.dim()} dimensions; it must be what varlen.transformers makes "
                               "of padding: call varlen.transformers.register() before the model is made")
    query, key, value = (each.transpose(1, 2) for each in (query, key, value))
    key_begin = key_end = None
    if attention_mask is not None:
        key, value = key[:, :attention_mask.shape[-1]], value[:, :attention_mask.shape[-1]]
        if attention_mask.dim() == 3:
            sequences, key_begin, key_end = of_ranges(attention_mask, query.shape[1])
        else:
            sequences = of_padded(attention_mask, query.shape[1])
    elif cu_seq_lens_q is not None and cu_seq_lens_k is not None:
        sequences = Sequences(cu_seq_lens_q.int(), cu_seq_lens_k.int(), bound(max_length_q), bound(max_length_k))
    else:
        sequences = of_positions(position_ids, query, key) or of_dense(query, key)
    causal = is_causal if is_causal is not None else getattr(module, "is_causal", True)
    left = -1 if sliding_window is None else sliding_window - 1
    left, right = (left, 0 if causal else left) if key_end is None else (-1, -1)  # ranges have all of the mask
    problem = Problem(sequences.cu_seqlens_q, sequences.cu_seqlens_k, sequences.seqused_q, sequences.seqused_k,
                      sequences.leftpad_k, leftpad_q=sequences.leftpad_q,
                      dropout_state=draw_dropout_state(query.device) if dropout else None,
                      max_seqlen_q=sequences.max_seqlen_q, max_seqlen_k=sequences.max_seqlen_k,
                      softmax_scale=query.shape[-1] ** -0.5 if scaling is None else scaling, key_begin=key_begin,
                      key_end=key_end, window_left=left, window_right=right, softcap=softcap or 0.0, dropout_p=dropout,
                      deterministic=bool(deterministic))
    return _attend(query, key, value, s_aux, problem, sequences), None


def _are_pages(query: Tensor, key: Tensor, value: Tensor, sinks: Optional[Tensor]) -> bool:
    """Whether the keys of a step of decoding lie as caches hold them, [batch, heads, seqlen, dim], which cannot be seen as
    packed: each sequence's are then a page. Backward takes none."""
    if not 0 < query.shape[1] <= MOST_DECODED or key.shape[-1] % 8 or value.shape[-1] % 8:
        return False
    if torch.is_grad_enabled() and any(each is not None and each.requires_grad for each in (query, key, value, sinks)):
        return False
    return key.numel() > 0 and all(each.stride(0) > 0 and each.stride(0) != each.shape[1] * each.stride(1)
                                   for each in (key, value))


def _in_pages(problem: Problem, key: Tensor) -> Problem:
    batch, seqlen_k = key.shape[:2]
    table = torch.arange(batch, dtype=torch.int32, device=key.device)[:, None]
    used = problem.seqused_k
    if used is None:
        used = torch.full((batch,), seqlen_k, dtype=torch.int32, device=key.device)
    return problem._replace(cu_seqlens_k=None, seqused_k=used, page_table=table)


def _attend(query: Tensor, key: Tensor, value: Tensor, sinks: Optional[Tensor], problem: Problem, sequences: Sequences
            ) -> Tensor:
    batch, seqlen = query.shape[:2]
    if sequences.is_dense and _are_pages(query, key, value, sinks):
        out, _ = attention(_in_pages(problem, key), sinks, packed(query), key, value, want_lse=False)
        return out.view(batch, seqlen, *out.shape[1:])
    q, k, v = packed(query), packed(key), packed(value)
    if sequences.rows_q is not None:
        q = q[sequences.rows_q]
    if sequences.rows_k is not None:
        k, v = k[sequences.rows_k], v[sequences.rows_k]
    out, _ = attention(problem, sinks, q, k, v, want_lse=False)
    if sequences.rows_q is not None:
        padded = out.new_zeros((batch * seqlen, *out.shape[1:]))
        out = padded.index_copy(0, sequences.rows_q, out)
    return out.view(batch, seqlen, *out.shape[1:])
