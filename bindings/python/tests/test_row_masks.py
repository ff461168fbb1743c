"""Key ranges, chunks and tree masks of FlashAttention's functions, against dense masks by the formulas."""

import pytest
import torch
from conftest import starts_of
from reference import assert_gradients_near, assert_near, attend, attend_packed
from test_attention import LENGTHS_K, LENGTHS_Q, cu_seqlens, tensors

import varlen
from varlen.flash_attn import flash_attn_func, flash_attn_varlen_func, flash_attn_with_kvcache


def random_ranges(device):
    """begin and end of each row, and the dense masks of the sequences."""
    generator = torch.Generator().manual_seed(3)
    begin, end, visible = [], [], []
    for queries, keys in zip(LENGTHS_Q, LENGTHS_K):
        first, last = (torch.randint(0, keys + 1, (queries,), generator=generator, dtype=torch.int32) for _ in range(2))
        j = torch.arange(keys)
        begin, end = [*begin, first], [*end, last]
        visible.append(((first[:, None] <= j) & (j < last[:, None])).to(device))
    return torch.cat(begin).to(device), torch.cat(end).to(device), visible


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"window_size": (6, 3)}])
def test_key_ranges(options, device, dtype, draw):
    q, k, v = tensors(draw, dtype)
    starts = [cu_seqlens(lengths, device) for lengths in (LENGTHS_Q, LENGTHS_K)]
    begin, end, visible = random_ranges(device)
    out, lse, _ = flash_attn_varlen_func(q, k, v, *starts, 40, 29, return_attn_probs=True, key_begin=begin, key_end=end,
                                         **options)
    expected, expected_lse = attend_packed(q, k, v, *map(starts_of, (LENGTHS_Q, LENGTHS_K)), visible=visible,
                                           causal=options.get("causal", False), window=options.get("window_size", (-1, -1)))
    assert_near(out, expected)
    assert_near(lse, expected_lse, torch.float32)
    assert_gradients_near(out, expected, (q, k, v), draw(*out.shape, dtype=dtype))


def test_one_of_the_two(device, dtype, draw):
    q, k, v = (each.detach() for each in tensors(draw, dtype, lengths=([9], [9])))
    starts = cu_seqlens([9], device)
    last = torch.arange(1, 10, dtype=torch.int32, device=device)
    causal = flash_attn_varlen_func(q, k, v, starts, starts, 9, 9, causal=True)
    assert_near(flash_attn_varlen_func(q, k, v, starts, starts, 9, 9, key_end=last), causal.double())
    own = flash_attn_varlen_func(q, k, v, starts, starts, 9, 9, causal=True, key_begin=last - 1)
    assert_near(own, v.repeat_interleave(2, dim=1).double())


@pytest.mark.parametrize("chunk", [1, 5, 100])
def test_chunks(chunk, device, dtype, draw):
    q, k, v = tensors(draw, dtype)
    starts = [cu_seqlens(lengths, device) for lengths in (LENGTHS_Q, LENGTHS_K)]
    visible = []
    for queries, keys in zip(LENGTHS_Q, LENGTHS_K):
        position = torch.arange(queries, device=device)[:, None] + keys - queries
        visible.append(torch.div(position, chunk, rounding_mode="floor") == torch.arange(keys, device=device) // chunk)
    out = flash_attn_varlen_func(q, k, v, *starts, 40, 29, causal=True, attention_chunk=chunk)
    expected, _ = attend_packed(q, k, v, *map(starts_of, (LENGTHS_Q, LENGTHS_K)), causal=True, visible=visible)
    assert_near(out, expected)
    assert_gradients_near(out, expected, (q, k, v), draw(*out.shape, dtype=dtype))


PARENTS = [-1, 0, 0, 1, 1, 3, 2]


def tree(device):
    """The words of drafts, and which drafts each one sees."""
    visible = torch.eye(len(PARENTS), dtype=torch.bool)
    for draft, parent in enumerate(PARENTS):
        if parent >= 0:
            visible[draft] |= visible[parent]
    words = [sum(1 << t for t in range(len(PARENTS)) if row[t]) for row in visible]
    return torch.tensor(words, device=device), visible.to(device)


def test_tree_masks(device, dtype, draw):
    drafts, context = len(PARENTS), 20
    q, k, v = (draw(n, heads, 32, dtype=dtype) for n, heads in ((drafts, 4), (context + drafts, 2), (context + drafts, 2)))
    words, seen = tree(device)
    visible = torch.cat([torch.ones(drafts, context, dtype=torch.bool, device=device), seen], dim=1)
    starts = cu_seqlens([drafts], device), cu_seqlens([context + drafts], device)
    out = flash_attn_varlen_func(q, k, v, *starts, drafts, context + drafts, tree_mask=words)
    assert_near(out, attend(q, k, v, visible=visible)[0])
    cache = [torch.cat([each, torch.full_like(each, 9)])[None] for each in (k, v)]
    out = flash_attn_with_kvcache(q[None], *cache, cache_seqlens=context + drafts, tree_mask=words[None])
    assert_near(out[0], attend(q, k, v, visible=visible)[0])


def test_a_tree_mask_has_no_gradients(device, dtype, draw):
    q, k, v = tensors(draw, dtype, lengths=([3], [3]))
    starts = cu_seqlens([3], device)
    out = flash_attn_varlen_func(q, k, v, starts, starts, 3, 3, tree_mask=torch.tensor([1, 3, 5], device=device))
    with pytest.raises(varlen.UnsupportedError, match="takes no tree masks"):
        out.sum().backward()


def test_rows_of_a_dense_batch(device, dtype, draw):
    q, k, v = (draw(2, 7, heads, 32, dtype=dtype) for heads in (4, 2, 2))
    end = torch.tensor([[7, 1, 2, 0, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7]], dtype=torch.int32, device=device)
    out = flash_attn_func(q, k, v, key_end=end)
    for b in range(2):
        assert_near(out[b], attend(q[b], k[b], v[b], visible=torch.arange(7, device=device) < end[b][:, None])[0])


def test_dropped_weights_are_those_of_the_mask(device, dtype, draw):
    q, k, v = (each.detach() for each in tensors(draw, dtype))
    starts = [cu_seqlens(lengths, device) for lengths in (LENGTHS_Q, LENGTHS_K)]
    begin, end, visible = random_ranges(device)
    _, _, weights = flash_attn_varlen_func(q, k, v, *starts, 40, 29, dropout_p=0.2, return_attn_probs=True, key_begin=begin,
                                           key_end=end)
    for b, seen in enumerate(visible):
        assert weights[b, :, :seen.shape[0], :seen.shape[1]][:, ~seen].count_nonzero() == 0


def test_what_is_wrong_is_told(device, dtype, draw):
    q, k, v = (each.detach() for each in tensors(draw, dtype, lengths=([4], [2])))
    starts = cu_seqlens([4], device), cu_seqlens([2], device)

    def call(**rows):
        return flash_attn_varlen_func(q, k, v, *starts, 4, 2, **rows)

    with pytest.raises(TypeError, match="key_begin has dtype torch.int64; it must be torch.int32"):
        call(key_begin=torch.zeros(4, dtype=torch.int64, device=device))
    with pytest.raises(ValueError, match=r"tree_mask has shape \(3,\); it must be \(4,\)"):
        call(tree_mask=torch.zeros(3, dtype=torch.int64, device=device))
    if device == "cpu":
        with pytest.raises(varlen.BadMetadataError, match=r"key_end\[2\] = 3 is above the 2 keys of its sequence"):
            call(key_end=torch.tensor([0, 2, 3, 1], dtype=torch.int32))
