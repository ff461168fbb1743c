"""What varlen.transformers registers, without transformers: padded, packed and dense batches, masks, refusals."""

import pytest
import torch
from conftest import starts_of
from reference import GRADIENT, assert_near, attend

import varlen
from varlen._torch import hf_attention, hf_sequences
from varlen._torch.hf_attention import attention_forward
from varlen._torch.hf_masks import padding_mask

LENGTHS = [7, 2, 12]


class Layer(torch.nn.Module):
    def __init__(self, is_causal=True):
        super().__init__()
        self.is_causal = is_causal


@pytest.fixture(autouse=True, params=[0, 16])
def most_decoded(request, monkeypatch):
    """Keys as pages, for as many queries, or packed."""
    monkeypatch.setattr(hf_attention, "MOST_DECODED", request.param)
    return request.param


@pytest.fixture
def sequences(draw, dtype):
    """q, k, v [tokens, heads, dim] of each sequence."""
    return [tuple(draw(n, heads, 32, dtype=dtype) for heads in (4, 2, 2)) for n in LENGTHS]


def heads_first(rows):
    """[batch, heads, seqlen, dim], as models hand them over, and as caches hold them."""
    return rows.transpose(1, 2).contiguous()


def padded(sequences, side):
    """q, k, v [batch, heads, longest, dim] with noise where there is no token, and the mask [batch, longest]."""
    longest = max(LENGTHS)
    mask = torch.zeros(len(LENGTHS), longest, dtype=torch.bool, device=sequences[0][0].device)
    batch = [torch.full((len(LENGTHS), longest, *each.shape[1:]), 9.0, dtype=each.dtype, device=each.device)
             for each in sequences[0]]
    for b, (n, parts) in enumerate(zip(LENGTHS, sequences)):
        rows = slice(0, n) if side == "right" else slice(longest - n, longest)
        mask[b, rows] = True
        for whole, part in zip(batch, parts):
            whole[b, rows] = part
    return [heads_first(each) for each in batch], mask


OPTIONS = [({}, {"causal": True}), ({"is_causal": False}, {}), ({"sliding_window": 4}, {"causal": True, "window": (3, 0)}),
           ({"sliding_window": 4, "is_causal": False}, {"window": (3, 3)}), ({"softcap": 2.0}, {"causal": True, "softcap": 2.0}),
           ({"scaling": 0.3}, {"causal": True, "scale": 0.3})]


@pytest.mark.parametrize("given, options", OPTIONS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_padded(given, options, side, sequences):
    batch, mask = padded(sequences, side)
    out, weights = attention_forward(Layer(), *batch, mask, **given)
    assert weights is None and out.shape == (3, 12, 4, 32)
    assert out[~mask].count_nonzero() == 0
    for b, parts in enumerate(sequences):
        assert_near(out[b][mask[b]], attend(*parts, **options)[0])


def holed(sequences):
    """A batch padded at the right, with noise in the midst of its rows too."""
    batch, mask = padded(sequences, "right")
    places = torch.arange(12, device=mask.device).view(2, 6).t().flatten()
    return [each[:, :, places] for each in batch], mask[:, places]


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_batches_are_used_as_they_lie(side, sequences, monkeypatch):
    batch, mask = padded(sequences, side)
    knows = hf_sequences.knows(hf_sequences.context_of(mask), varlen.FEATURE_LEFTPAD_Q)
    assert knows or mask.is_cuda
    out = attention_forward(Layer(), *batch, mask)[0]
    assert (hf_sequences.of_padded(mask, 12).rows_k is None) == (knows or side == "right")
    monkeypatch.setattr(hf_sequences, "knows", lambda *_: False)
    gathered = mask.clone()
    assert_near(attention_forward(Layer(), *batch, gathered)[0], out.float())
    assert (hf_sequences.of_padded(gathered, 12).rows_k is None) == (side == "right")
    assert hf_sequences.of_padded(gathered, 1).rows_k is None or side == "right"  # a query to each row needs no padding


@pytest.mark.parametrize("is_padded", [False, True])
def test_decoding_copies_no_cache(is_padded, sequences, most_decoded, monkeypatch):
    batch, mask = padded(sequences, "left")
    seen = []

    def record(problem, sinks, *tensors, want_lse):
        seen.append((problem, tensors))
        return given(problem, sinks, *tensors, want_lse=want_lse)

    given = hf_attention.attention
    monkeypatch.setattr(hf_attention, "attention", record)
    last = batch[0][:, :, -2:]
    out, _ = attention_forward(Layer(), last, *batch[1:], mask if is_padded else None)
    (problem, (_, k, v)), = seen
    assert (problem.page_table is not None) == (most_decoded > 0)
    assert not hf_attention._are_pages(*(each.transpose(1, 2).contiguous() for each in (last, *batch[1:])), None)
    assert (k.data_ptr() == batch[1].data_ptr() and v.data_ptr() == batch[2].data_ptr()) == (most_decoded > 0)
    for b, row in enumerate(mask if is_padded else torch.ones_like(mask)):
        assert_near(out[b], attend(last[b].transpose(0, 1), *(each[b, :, row].transpose(0, 1) for each in batch[1:]),
                                   causal=True)[0])


def test_padding_in_the_midst(sequences):
    batch, mask = holed(sequences)
    out, _ = attention_forward(Layer(), *batch, mask)
    assert hf_sequences.of_padded(mask, 12).rows_k is not None
    assert out[~mask].count_nonzero() == 0
    for b, parts in enumerate(zip(*[each.transpose(1, 2) for each in batch])):
        assert_near(out[b][mask[b]], attend(*(each[mask[b]] for each in parts), causal=True)[0])


@pytest.mark.parametrize("side", ["left", "right"])
def test_rows_without_a_token(side, sequences):
    batch, mask = padded(sequences, side)
    mask[1] = False
    out, _ = attention_forward(Layer(is_causal=False), *batch, mask)
    assert out[1].count_nonzero() == 0
    assert_near(out[0][mask[0]], attend(*sequences[0])[0])


def test_packed(sequences, device):
    packed = [heads_first(torch.cat(parts)[None]) for parts in zip(*sequences)]
    starts = starts_of(LENGTHS)
    cu_seqlens = torch.tensor(starts, device=device)  # of 64 bits, as some collators make them
    positions = torch.cat([torch.arange(n, device=device) for n in LENGTHS])[None]
    for given in ({"cu_seq_lens_q": cu_seqlens, "cu_seq_lens_k": cu_seqlens, "max_length_q": 12, "max_length_k": 12},
                  {"position_ids": positions}, {"position_ids": positions + 2}):
        out, _ = attention_forward(Layer(), *packed, None, **given)
        for b, parts in enumerate(sequences):
            assert_near(out[0, starts[b]:starts[b + 1]], attend(*parts, causal=True)[0])


def test_a_single_sequence_is_not_packed(sequences, device):
    q, k, v = sequences[2]
    one = [heads_first(each[None]) for each in (q, k, v)]
    out, _ = attention_forward(Layer(), *one, None, position_ids=torch.arange(12, device=device)[None])
    assert_near(out[0], attend(q, k, v, causal=True)[0])


@pytest.mark.parametrize("queries", [1, 2])
def test_decoding(queries, sequences):
    batch, mask = padded(sequences, "left")
    last = batch[0][:, :, -queries:]
    out, _ = attention_forward(Layer(), last, *batch[1:], mask)
    for b, (q, k, v) in enumerate(sequences):
        assert_near(out[b], attend(q[-queries:], k, v, causal=True)[0])
    room = [torch.cat([each, torch.full_like(each, float("nan"))], dim=2) for each in batch[1:]]  # of a static cache
    assert torch.equal(attention_forward(Layer(), last, *room, mask)[0], out)


@pytest.mark.parametrize("side", ["left", "right"])
def test_sinks_and_gradients(side, sequences, draw, dtype):
    sinks = draw(4, dtype=sequences[0][0].dtype, requires_grad=True)
    batch, mask = padded(sequences, side)
    batch = [each.detach().requires_grad_() for each in batch]
    out, _ = attention_forward(Layer(), *batch, mask, s_aux=sinks)
    gradients = torch.autograd.grad(out.float().sum(), (*batch, sinks))
    expected = sum(attend(*(each[b, :, mask[b]].transpose(0, 1) for each in batch), causal=True, sinks=sinks)[0].sum()
                   for b in range(len(LENGTHS)))
    for gradient, wanted in zip(gradients, torch.autograd.grad(expected, (*batch, sinks))):
        assert_near(gradient, wanted, dtype, GRADIENT)


def test_dropout_drops(sequences):
    batch, mask = padded(sequences, "right")
    out, _ = attention_forward(Layer(), *batch, mask, dropout=0.5)
    assert not torch.equal(out, attention_forward(Layer(), *batch, mask)[0])


def test_masks():
    everything = torch.ones(2, 5, dtype=torch.long)
    assert padding_mask(2, 5, 5) is None
    assert padding_mask(2, 5, 5, attention_mask=everything) is None
    padding = everything.clone()
    padding[0, 3:] = 0
    assert torch.equal(padding_mask(2, 5, 5, attention_mask=padding), padding.bool())
    assert torch.equal(padding_mask(2, 1, 3, attention_mask=padding), padding[:, -3:].bool())
    assert padding_mask(2, 5, 9, attention_mask=everything).shape == (2, 5)  # a static cache has room for more


def packed_sequence_mask_function(packed_sequence_mask):
    """Built as transformers builds its own, whose name is looked for."""
    def inner_mask(batch, head, q, k):
        return packed_sequence_mask[batch, q] == packed_sequence_mask[batch, k]

    return inner_mask


def and_masks(*functions):
    def and_mask(batch, head, q, k):
        return all(function(batch, head, q, k) for function in functions)

    return and_mask


def or_masks(*functions):
    def or_mask(batch, head, q, k):
        return any(function(batch, head, q, k) for function in functions)

    return or_mask


def test_a_mask_function_of_packed_rows(sequences, device):
    rows = torch.cat([torch.full((n,), b, device=device) for b, n in enumerate(LENGTHS)])[None]
    mask = padding_mask(1, 21, 21, mask_function=and_masks(lambda *_: True, packed_sequence_mask_function(rows)))
    packed = [heads_first(torch.cat(parts)[None]) for parts in zip(*sequences)]
    out, _ = attention_forward(Layer(), *packed, mask)
    for b, start in enumerate(starts_of(LENGTHS)[:-1]):
        assert_near(out[0, start:start + LENGTHS[b]], attend(*sequences[b], causal=True)[0])


def causal_mask_function(batch, head, q, k):
    return k <= q


def sliding_window_overlay(sliding_window):
    def inner_mask(batch, head, q, k):
        return k > q - sliding_window

    return inner_mask


def chunked_overlay(chunk_size, left_padding):
    def inner_mask(batch, head, q, k):
        return (k - left_padding[batch]) // chunk_size == (q - left_padding[batch]) // chunk_size

    return inner_mask


def blockwise_overlay(block_sequence_ids):
    def inner_mask(batch, head, q, k):
        same = block_sequence_ids[batch, q] == block_sequence_ids[batch, k]
        return bool(same and block_sequence_ids[batch, q] >= 0)

    return inner_mask


def dense(function, b, queries, keys):
    seen = [[bool(function(b, 0, i, j)) for j in keys] for i in queries]
    return torch.tensor(seen, dtype=torch.bool).reshape(len(queries), len(keys))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("pattern", ["chunks", "images", "images in a window", "images beside a window"])
def test_masks_that_are_ranges(pattern, side, sequences, device):
    batch, mask = padded(sequences, side)
    padding = (mask.cumsum(-1) == 0).sum(-1)
    ids = torch.full((3, 12), -1)
    ids[:, 2:4], ids[:, 4:7], ids[1, 8:12] = 0, 1, 2
    function = {"chunks": and_masks(chunked_overlay(3, padding), causal_mask_function),
                "images": or_masks(causal_mask_function, blockwise_overlay(ids)),
                "images in a window": and_masks(or_masks(causal_mask_function, blockwise_overlay(ids)),
                                                sliding_window_overlay(4)),
                "images beside a window": or_masks(and_masks(sliding_window_overlay(2), causal_mask_function),
                                                   blockwise_overlay(ids))}[pattern]
    given = padding_mask(3, 12, 12, mask_function=function, attention_mask=mask)
    for queries in (12, 2):  # the whole, and the last ones beside a cache
        if queries < 12:
            given = padding_mask(3, queries, 12, q_offset=12 - queries, mask_function=function, attention_mask=mask)
        last = batch[0][:, :, -queries:]
        out, _ = attention_forward(Layer(), last, *batch[1:], given, sliding_window=4 if "in a" in pattern else None)
        for b in range(3):
            tokens = mask[b].nonzero().flatten()
            asked = [int(i) for i in tokens if i >= 12 - queries]
            visible = dense(function, b, asked, tokens.tolist()).to(device)
            q, k, v = (each[b].transpose(0, 1) for each in batch)
            assert_near(out[b, [i - 12 + queries for i in asked]], attend(q[asked], k[tokens], v[tokens], visible=visible)[0])


def test_chunks_beside_a_cache_that_has_dropped_keys(sequences, device):
    q, k, v = sequences[2]
    function = and_masks(chunked_overlay(5, torch.zeros(1, dtype=torch.long)), causal_mask_function)
    given = padding_mask(1, 2, 9, q_offset=10, kv_offset=3, mask_function=function)
    one = [heads_first(each[None]) for each in (q[-2:], k[3:], v[3:])]
    out, _ = attention_forward(Layer(), *one, given)
    assert_near(out[0], attend(q[-2:], k[3:], v[3:], visible=dense(function, 0, [10, 11], range(3, 12)).to(device))[0])


def test_blocks_in_several_places_are_refused():
    ids = torch.tensor([[0, 0, -1, 0, 0]])
    with pytest.raises(varlen.UnsupportedError, match="lies in several places"):
        padding_mask(1, 5, 5, mask_function=or_masks(causal_mask_function, blockwise_overlay(ids)))


def test_refusals(sequences):
    batch, mask = padded(sequences, "right")
    with pytest.raises(varlen.UnsupportedError, match="output_attentions is True"):
        attention_forward(Layer(), *batch, mask, output_attentions=True)
    with pytest.raises(varlen.UnsupportedError, match="attention_mask has 4 dimensions"):
        attention_forward(Layer(), *batch, mask[:, None, None])
    with pytest.raises(varlen.UnsupportedError, match="a mask of its own"):
        padding_mask(1, 4, 4, mask_function=and_masks(or_masks(lambda *_: True)))
