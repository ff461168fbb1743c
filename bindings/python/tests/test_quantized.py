"""Keys and values in float8 and int8: FlashAttention's functions against themselves on dequantised tensors."""

import pytest
import torch

import varlen
from varlen import flash_attn

KV_DTYPES = [getattr(torch, name) for name in ("float8_e4m3fn", "float8_e5m2", "int8") if hasattr(torch, name)]
LENGTHS = [35, 1, 70]
HEADS, KV_HEADS, DIM = 4, 2, 64


@pytest.fixture(params=KV_DTYPES, ids=str)
def kv_dtype(request):
    return request.param


def quantize(values, dtype):
    """Numbers that use the range of a dtype, and what they are multiplied by, near 1 / 40."""
    return (values * 40).round().clamp(-120, 120).to(dtype)


def cu_seqlens_of(lengths):
    return torch.tensor([0, *lengths]).cumsum(0).to(torch.int32)


def draw(dtype, kv_dtype, *shape):
    torch.manual_seed(7)
    q = torch.randn(sum(LENGTHS), HEADS, DIM).to(dtype)
    return q, *(quantize(torch.randn(*shape, KV_HEADS, DIM), kv_dtype) for _ in "kv")


def scales():
    return (0.5 + torch.rand(len(LENGTHS), KV_HEADS)) / 40


def per_token(descale):
    return torch.repeat_interleave(descale, torch.tensor(LENGTHS), 0)[..., None]


def expect_close(got, want):
    torch.testing.assert_close(got.float(), want.float(), rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_packed(kv_dtype, dtype):
    q, k, v = draw(dtype, kv_dtype, sum(LENGTHS))
    sums, longest, k_descale, v_descale = cu_seqlens_of(LENGTHS), max(LENGTHS), scales(), scales()
    got = flash_attn.flash_attn_varlen_func(q, k, v, sums, sums, longest, longest, causal=True, k_descale=k_descale,
                                            v_descale=v_descale)
    plain = ((each.float() * per_token(scale)).to(dtype) for each, scale in ((k, k_descale), (v, v_descale)))
    expect_close(got, flash_attn.flash_attn_varlen_func(q, *plain, sums, sums, longest, longest, causal=True))
    assert got.dtype is dtype


def test_one_scale_for_all(kv_dtype):
    q, k, v = draw(torch.bfloat16, kv_dtype, sum(LENGTHS))
    sums, longest, scale = cu_seqlens_of(LENGTHS), max(LENGTHS), torch.tensor(0.025)
    got = flash_attn.flash_attn_varlen_func(q, k, v, sums, sums, longest, longest, k_descale=scale, v_descale=scale)
    plain = ((each.float() * scale).to(q.dtype) for each in (k, v))
    expect_close(got, flash_attn.flash_attn_varlen_func(q, *plain, sums, sums, longest, longest))


def test_paged_cache(kv_dtype):
    page_size, used = 16, torch.tensor([50, 3, 17], dtype=torch.int32)
    torch.manual_seed(3)
    q = torch.randn(3, 1, HEADS, DIM).to(torch.bfloat16)
    k, v = (quantize(torch.randn(12, page_size, KV_HEADS, DIM), kv_dtype) for _ in "kv")
    table = torch.tensor([[7, 2, 9, 4], [0, -1, -1, -1], [5, 11, -1, -1]], dtype=torch.int32)
    k_descale, v_descale = scales(), scales()
    got = flash_attn.flash_attn_with_kvcache(q, k, v, cache_seqlens=used, block_table=table, k_descale=k_descale,
                                             v_descale=v_descale)
    plain = [k.float(), v.float()]
    for each, scale in zip(plain, (k_descale, v_descale)):
        for b in range(3):
            pages = table[b][table[b] >= 0].long()
            each[pages] *= scale[b][:, None]
    want = flash_attn.flash_attn_with_kvcache(q, *(each.to(q.dtype) for each in plain), cache_seqlens=used, block_table=table)
    expect_close(got, want)


@pytest.mark.skipif(not hasattr(torch, "float8_e4m3fn"), reason="this torch has no float8")
def test_a_nan_is_one_where_it_is_seen():
    q, k, v = draw(torch.float32, torch.float8_e4m3fn, sum(LENGTHS))
    sums, longest = cu_seqlens_of(LENGTHS), max(LENGTHS)
    k.view(torch.uint8)[34] = 0x7F  # the last key of the first sequence, which its last query alone sees
    out = flash_attn.flash_attn_varlen_func(q, k, v, sums, sums, longest, longest, causal=True)
    assert out[34].isnan().all() and not out[:34].isnan().any() and not out[35:].isnan().any()


def test_shared_keys(kv_dtype):
    q, k, v = draw(torch.float32, kv_dtype, sum(LENGTHS))
    sums, longest, scale = cu_seqlens_of(LENGTHS), max(LENGTHS), torch.tensor(0.025)
    more = {"seqused_k": torch.tensor([70, 70, 70], dtype=torch.int32), "key_starts": torch.tensor([0, 0, 36], dtype=torch.int32)}
    got = flash_attn.flash_attn_varlen_func(q, k, v, sums, None, longest, longest, k_descale=scale, v_descale=scale, **more)
    plain = (each.float() * scale for each in (k, v))
    expect_close(got, flash_attn.flash_attn_varlen_func(q, *plain, sums, None, longest, longest, **more))
    with pytest.raises(varlen.UnsupportedError, match="v_descale has 6 elements; it must have one beside key_starts"):
        flash_attn.flash_attn_varlen_func(q, k, v, sums, None, longest, longest, v_descale=scales(), **more)


def test_what_is_refused(kv_dtype):
    q, k, v = draw(torch.bfloat16, kv_dtype, sum(LENGTHS))
    sums, longest = cu_seqlens_of(LENGTHS), max(LENGTHS)
    with pytest.raises(TypeError, match="v has dtype"):
        flash_attn.flash_attn_varlen_func(q, k, v.float(), sums, sums, longest, longest)
    with pytest.raises(varlen.UnsupportedError, match="q_descale is given"):
        flash_attn.flash_attn_varlen_func(q, k, v, sums, sums, longest, longest, q_descale=torch.ones(3, 2))
    with pytest.raises(varlen.VarlenError, match="k_scale is given, but kv_dtype = 0"):
        flash_attn.flash_attn_varlen_func(q, q[:, :2], q[:, :2], sums, sums, longest, longest, k_descale=scales())
    with pytest.raises(varlen.UnsupportedError, match="the backward pass takes keys and values of dtype only"):
        flash_attn.flash_attn_varlen_func(q.requires_grad_(), k, v, sums, sums, longest, longest).sum().backward()
    cache = quantize(torch.randn(3, 80, KV_HEADS, DIM), kv_dtype)
    with pytest.raises(varlen.UnsupportedError, match="nothing is appended to a cache of"):
        flash_attn.flash_attn_with_kvcache(q[None, :3].transpose(0, 1).detach(), cache, cache.clone(), q[:3, None, :2].detach(),
                                           q[:3, None, :2].detach(), cache_seqlens=4)
