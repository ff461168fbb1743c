"""query_positions and key_starts: where queries stand, and where keys begin."""

import pytest
import torch
from conftest import starts_of
from reference import assert_gradients_near, assert_near, attend

import varlen
from varlen.flash_attn import flash_attn_func, flash_attn_varlen_func


@pytest.fixture(autouse=True)
def need_both(device):
    """GPU backends that do not know them yet refuse them, and say so."""
    if device == "cuda":
        pytest.skip("query_positions and key_starts are not done on CUDA devices")


def int32(numbers, device):
    return torch.tensor(numbers, dtype=torch.int32, device=device)


def expected_of(q, k, v, lengths_q, lengths_k, positions, starts, **options):
    """By the formulas, one sequence at a time."""
    rows = starts_of(lengths_q)
    results = [attend(q[rows[b]:rows[b + 1]], k[starts[b]:starts[b] + lengths_k[b]], v[starts[b]:starts[b] + lengths_k[b]],
                      position=positions[b] if positions else None, **options) for b in range(len(lengths_q))]
    return torch.cat([out for out, _ in results]), torch.cat([lse for _, lse in results], dim=1)


LENGTHS_Q, LENGTHS_K, POSITIONS, STARTS = [3, 17, 1, 40], [5, 17, 9, 29], [1, -5, 8, 20], [60, 30, 50, 0]


@pytest.mark.parametrize("options", ({"causal": True}, {"window_size": (4, 2)}, {"window_size": (40, -1)}))
def test_positions(options, device, dtype, draw):
    q = draw(sum(LENGTHS_Q), 4, 32, dtype=dtype, requires_grad=True)
    k, v = (draw(sum(LENGTHS_K), 2, 32, dtype=dtype, requires_grad=True) for _ in range(2))
    starts_q, starts_k = (int32(starts_of(lengths), device) for lengths in (LENGTHS_Q, LENGTHS_K))
    out, lse, _ = flash_attn_varlen_func(q, k, v, starts_q, starts_k, 40, 29, query_positions=int32(POSITIONS, device),
                                         return_attn_probs=True, **options)
    expected, expected_lse = expected_of(q, k, v, LENGTHS_Q, LENGTHS_K, POSITIONS, starts_of(LENGTHS_K),
                                         causal=options.get("causal", False), window=options.get("window_size", (-1, -1)))
    assert_near(out, expected)
    assert_near(lse, expected_lse, torch.float32)
    assert_gradients_near(out, expected, (q, k, v), draw(*out.shape, dtype=dtype))


def test_alibi_of_a_decoder_that_looks_at_an_encoder(device, dtype, draw):
    q, k, v = draw(2, 6, 4, 32, dtype=dtype), draw(2, 50, 4, 32, dtype=dtype), draw(2, 50, 4, 32, dtype=dtype)
    slopes = torch.tensor([0.5, 0.25, 0.125, 0.0625], device=device)
    out = flash_attn_func(q, k, v, alibi_slopes=slopes, query_positions=int32([0, 0], device))
    for b in range(2):
        assert_near(out[b], attend(q[b], k[b], v[b], slopes=slopes, position=0)[0])
    assert (out - flash_attn_func(q, k, v, alibi_slopes=slopes)).abs().max() > 0.5


def test_key_starts(device, dtype, draw):
    q = draw(sum(LENGTHS_Q), 4, 32, dtype=dtype, requires_grad=True)
    k, v = (draw(70, 2, 32, dtype=dtype, requires_grad=True) for _ in range(2))
    out = flash_attn_varlen_func(q, k, v, int32(starts_of(LENGTHS_Q), device), None, 40, 29, causal=True,
                                 seqused_k=int32(LENGTHS_K, device), key_starts=int32(STARTS, device))
    expected, _ = expected_of(q, k, v, LENGTHS_Q, LENGTHS_K, None, STARTS, causal=True)
    assert_near(out, expected)
    gradients = assert_gradients_near(out, expected, (q, k, v), draw(*out.shape, dtype=dtype))
    assert all(each[29:30].count_nonzero() == 0 for each in gradients[1:])  # between the sequences


def test_continuations_of_one_prompt_share_its_keys(device, dtype, draw):
    q, k, v = draw(5, 4, 32, dtype=dtype), draw(80, 2, 32, dtype=dtype), draw(80, 2, 32, dtype=dtype)
    starts_q, used = int32(range(6), device), int32([80] * 5, device)
    shared = flash_attn_varlen_func(q, k, v, starts_q, None, 1, 80, seqused_k=used, key_starts=int32([0] * 5, device))
    copies = flash_attn_varlen_func(q, k.repeat(5, 1, 1), v.repeat(5, 1, 1), starts_q, starts_q * 80, 1, 80)
    assert torch.equal(shared, copies)
    k.requires_grad_()
    out = flash_attn_varlen_func(q, k, v, starts_q, None, 1, 80, seqused_k=used, key_starts=int32([0] * 5, device))
    with pytest.raises(varlen.BadMetadataError, match="the keys of sequence 1 begin at row 0, before row 80"):
        out.sum().backward()


def test_a_prompt_in_pieces(device, dtype, draw):
    q, k, v = draw(100, 4, 32, dtype=dtype), draw(100, 2, 32, dtype=dtype), draw(100, 2, 32, dtype=dtype)
    whole = flash_attn_varlen_func(q, k, v, int32([0, 100], device), int32([0, 100], device), 100, 100, causal=True)
    pieces = flash_attn_varlen_func(q, k, v, int32([0, 40, 80, 100], device), None, 40, 100, causal=True,
                                    seqused_k=int32([40, 80, 100], device), key_starts=int32([0, 0, 0], device),
                                    query_positions=int32([0, 40, 80], device))
    assert_near(pieces, whole.double())


def test_dropped_weights_are_those_of_positions(device, dtype, draw):
    q, k, v = draw(8, 2, 32, dtype=dtype), draw(30, 2, 32, dtype=dtype), draw(30, 2, 32, dtype=dtype)
    out, _, weights = flash_attn_varlen_func(
        q, k, v, int32([0, 4, 8], device), None, 4, 20, dropout_p=0.4, causal=True, return_attn_probs=True,
        seqused_k=int32([20, 20], device), key_starts=int32([10, 0], device), query_positions=int32([3, 9], device))
    for b, (start, position) in enumerate(((10, 3), (0, 9))):
        kept = weights[b].clamp(min=0).double() / 0.6
        assert_near(out[4 * b:4 * b + 4], torch.einsum("hij,jhd->ihd", kept, v[start:start + 20].double()))
        assert all((weights[b, :, i] != 0).sum() == 2 * (position + i + 1) for i in range(4))


def test_what_contradicts_itself_is_refused(device, dtype, draw):
    q, k, v = draw(4, 2, 32, dtype=dtype), draw(4, 2, 32, dtype=dtype), draw(4, 2, 32, dtype=dtype)
    starts = int32([0, 4], device)
    with pytest.raises(varlen.InvalidArgumentError, match="cu_seqlens_k is given, but key_starts says where keys begin"):
        flash_attn_varlen_func(q, k, v, starts, starts, 4, 4, key_starts=int32([0], device), seqused_k=int32([4], device))
    with pytest.raises(varlen.InvalidArgumentError, match="seqused_k is NULL, but key_starts says where keys begin"):
        flash_attn_varlen_func(q, k, v, starts, None, 4, 4, key_starts=int32([0], device))
    with pytest.raises(ValueError, match="query_positions has shape"):
        flash_attn_varlen_func(q, k, v, starts, starts, 4, 4, query_positions=int32([0, 0], device))
    with pytest.raises(TypeError, match="key_starts has dtype"):
        flash_attn_varlen_func(q, k, v, starts, None, 4, 4, seqused_k=int32([4], device),
                               key_starts=torch.zeros(1, dtype=torch.int64, device=device))
