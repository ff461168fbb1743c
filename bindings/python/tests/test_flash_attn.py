"""FlashAttention's names: signatures, dense layouts, padding, combining, the alias."""

import inspect
import subprocess
import sys

import pytest
import torch
from conftest import starts_of
from reference import GRADIENT, assert_near, attend

import varlen
from varlen import flash_attn
from varlen.flash_attn import (flash_attn_combine, flash_attn_func, flash_attn_kvpacked_func, flash_attn_qkvpacked_func,
                               flash_attn_varlen_func, pad_input, unpad_input)

OPTIONS = ("dropout_p=0.0 softmax_scale=None causal=False window_size=(-1,-1) softcap=0.0 alibi_slopes=None "
           "deterministic=False return_attn_probs=False")
SIGNATURES = {
    "flash_attn_func": f"q k v {OPTIONS}",
    "flash_attn_kvpacked_func": f"q kv {OPTIONS}",
    "flash_attn_qkvpacked_func": f"qkv {OPTIONS}",
    "flash_attn_varlen_func": f"q k v cu_seqlens_q cu_seqlens_k max_seqlen_q max_seqlen_k {OPTIONS} block_table=None",
    "flash_attn_varlen_kvpacked_func": f"q kv cu_seqlens_q cu_seqlens_k max_seqlen_q max_seqlen_k {OPTIONS}",
    "flash_attn_varlen_qkvpacked_func": f"qkv cu_seqlens max_seqlen {OPTIONS}",
    "flash_attn_with_kvcache": "q k_cache v_cache k=None v=None rotary_cos=None rotary_sin=None cache_seqlens=None "
                               "cache_batch_idx=None cache_leftpad=None block_table=None softmax_scale=None causal=False "
                               "window_size=(-1,-1) softcap=0.0 rotary_interleaved=True alibi_slopes=None num_splits=0 "
                               "return_softmax_lse=False",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    parameters = inspect.signature(getattr(flash_attn, name)).parameters.values()
    positional = [each for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    shown = [each.name if each.default is each.empty else f"{each.name}={each.default}".replace(" ", "")
             for each in positional]
    assert " ".join(shown) == SIGNATURES[name]


def reference(q, k, v, **options):
    results = [attend(q[b], k[b], v[b], **options) for b in range(q.shape[0])]
    return torch.stack([out for out, _ in results]), torch.stack([lse for _, lse in results])


@pytest.mark.parametrize("seqlens", [(7, 7), (3, 11), (11, 3), (1, 5)])
def test_dense(seqlens, device, dtypes, draw):
    for dtype in dtypes:
        q = draw(3, seqlens[0], 4, 32, dtype=dtype, requires_grad=True)
        k, v = (draw(3, seqlens[1], 2, 32, dtype=dtype, requires_grad=True) for _ in range(2))
        out, lse, weights = flash_attn_func(q, k, v, causal=True, return_attn_probs=True)
        expected, expected_lse = reference(q, k, v, causal=True)
        assert_near(out, expected)
        assert_near(lse, expected_lse, torch.float32)
        assert weights.numel() == 0
        dout = draw(*out.shape, dtype=dtype)
        for gradient, wanted in zip(torch.autograd.grad(out, (q, k, v), dout),
                                    torch.autograd.grad(expected, (q, k, v), dout.double())):
            assert_near(gradient, wanted, dtype, GRADIENT)


def test_a_gradient_of_lse_and_nothing_else(device, dtype, draw, deterministic):
    q = draw(3, 5, 4, 30, dtype=dtype, requires_grad=True)  # padded
    k, v = (draw(3, 11, 2, 30, dtype=dtype, requires_grad=True) for _ in range(2))
    out, lse, _ = flash_attn_func(q, k, v, causal=True, return_attn_probs=True)
    _, expected_lse = reference(q, k, v, causal=True)
    dq, dk, dv = torch.autograd.grad(lse.square().sum(), (q, k, v), retain_graph=True)
    for gradient, wanted in zip((dq, dk), torch.autograd.grad(expected_lse.square().sum(), (q, k))):
        assert_near(gradient, wanted, dtype, GRADIENT)
    assert dv.count_nonzero() == 0
    whole = torch.autograd.grad(out.sum() + lse.square().sum(), (q, k, v), retain_graph=True)
    assert torch.equal(whole[2], torch.autograd.grad(out.sum(), v)[0])


def test_dense_dropout_weights(device, dtype, draw):
    q, k, v = (draw(2, 9, 2, 16, dtype=dtype) for _ in range(3))
    out, _, weights = flash_attn_func(q, k, v, 0.4, causal=True, return_attn_probs=True)
    assert weights.shape == (2, 2, 9, 9)
    drop = (weights >= 0) / 0.6
    expected = torch.stack([attend(q[b], k[b], v[b], causal=True, drop=drop[b])[0] for b in range(2)])
    assert_near(out, expected)


def test_packed_dense_layouts(device, dtype, draw, deterministic):
    q, k, v = (draw(2, 9, 4, 32, dtype=dtype, requires_grad=True) for _ in range(3))
    out = flash_attn_func(q, k, v, causal=True)
    gradients = torch.autograd.grad(out, (q, k, v), out.detach())
    kv, qkv = torch.stack([k, v], dim=2), torch.stack([q, k, v], dim=2)
    assert torch.equal(flash_attn_kvpacked_func(q, kv, causal=True), out)
    packed = flash_attn_qkvpacked_func(qkv, causal=True)
    assert torch.equal(packed, out)
    (given,) = torch.autograd.grad(packed, qkv, out.detach())
    assert torch.equal(given, torch.stack(gradients, dim=2))


def test_layouts_of_dense_tensors(device, dtype, draw):
    q, k, v = (draw(2, 9, 4, 32, dtype=dtype) for _ in range(3))
    slopes = draw(4).abs()
    out = flash_attn_func(q, k, v, causal=True, alibi_slopes=slopes)
    heads_first = [each.transpose(1, 2).contiguous().transpose(1, 2) for each in (q, k, v)]
    free_batch = [torch.cat([each, each], dim=1)[:, :9] for each in (q, k, v)]
    for given in (heads_first, free_batch):
        given = [each.requires_grad_() for each in given]
        result = flash_attn_func(*given, causal=True, alibi_slopes=slopes)
        assert torch.equal(result, out)
        dout = out.transpose(1, 2).contiguous().transpose(1, 2)
        expected, _ = reference(q.requires_grad_(), k.requires_grad_(), v.requires_grad_(), causal=True, slopes=slopes)
        for gradient, wanted in zip(torch.autograd.grad(result, given, dout),
                                    torch.autograd.grad(expected, (q, k, v), out.double())):
            assert_near(gradient, wanted, dtype, GRADIENT)


def test_heads_first_is_not_copied(dtype, draw):
    q, k, v = (draw(2, 4, 512, 32, dtype=dtype).transpose(1, 2) for _ in range(3))
    with torch.no_grad(), torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        flash_attn_func(q, k, v)
    assert not [each.key for each in profile.key_averages() if "copy" in each.key or "clone" in each.key]


def test_empty(device, dtype, draw):
    q, k = draw(2, 0, 4, 32, dtype=dtype), draw(2, 3, 4, 32, dtype=dtype)
    assert flash_attn_func(q, k, k).shape == (2, 0, 4, 32)
    assert flash_attn_func(k, q, q).count_nonzero() == 0
    with pytest.raises(ValueError, match="k has a batch of 1; it must be 2"):
        flash_attn_func(q, k[:1], k[:1])


@pytest.mark.parametrize("causal", [False, True])
def test_left_padding(causal, device, dtype, draw):
    q, k, v = (draw(3, n, heads, 32, dtype=dtype, requires_grad=True) for n, heads in ((6, 4), (9, 2), (9, 2)))
    padding_q, padding_k = [2, 0, 6], [4, 0, 3]
    given = {f"leftpad_{side}": torch.tensor(padding, dtype=torch.int32, device=device)
             for side, padding in (("q", padding_q), ("k", padding_k))}
    if device == "cuda":
        with pytest.raises(varlen.UnsupportedError, match="VARLEN_FEATURE_LEFTPAD_Q"):
            flash_attn_func(q, k, v, causal=causal, **given)
        return
    out = flash_attn_func(q, k, v, causal=causal, **given)
    expected = torch.zeros(out.shape, dtype=torch.float64)
    for b in range(3):
        expected[b, padding_q[b]:] = attend(q[b, padding_q[b]:], *(each[b, padding_k[b]:] for each in (k, v)), causal=causal)[0]
    assert_near(out, expected)
    for gradient, wanted in zip(*(torch.autograd.grad(each.sum(), (q, k, v)) for each in (out, expected))):
        assert_near(gradient, wanted, dtype, GRADIENT)


@pytest.mark.parametrize("side", ["left", "right"])
def test_unpad_and_pad(side, device, dtype, draw):
    lengths = [3, 0, 5]
    mask = torch.arange(5)[None] < torch.tensor(lengths)[:, None]
    mask = mask.flip(1) if side == "left" else mask
    states = draw(3, 5, 2, 8, dtype=dtype, requires_grad=True)
    rows, indices, cu_seqlens, longest, used = unpad_input(states, mask.to(device))
    assert cu_seqlens.tolist() == starts_of(lengths) and cu_seqlens.dtype is torch.int32
    assert longest == 5 and used.tolist() == lengths
    assert torch.equal(rows, states[mask.to(device)])
    padded = pad_input(rows, indices, 3, 5)
    assert torch.equal(padded, states * mask[:, :, None, None].to(device))
    padded.sum().backward()
    assert torch.equal(states.grad, mask[:, :, None, None].expand_as(states).to(states))


def test_combine(device, dtypes, draw):
    for dtype in dtypes:
        q, k, v = (draw(2, n, 4, 32, dtype=dtype) for n in (6, 10, 10))
        whole, whole_lse, _ = flash_attn_func(q, k, v, return_attn_probs=True)
        parts = [flash_attn_func(q, k[:, s], v[:, s], return_attn_probs=True)[:2] for s in (slice(0, 4), slice(4, 10))]
        out_partial = torch.stack([out for out, _ in parts])
        lse_partial = torch.stack([lse.transpose(1, 2) for _, lse in parts])
        for given, given_lse in ((out_partial, lse_partial),
                                 (out_partial.permute(0, 1, 3, 2, 4).contiguous().permute(0, 1, 3, 2, 4), lse_partial)):
            out, lse = flash_attn_combine(given, given_lse)
            assert_near(out, whole.double())
            assert_near(lse, whole_lse.transpose(1, 2).double(), torch.float32)
        given = torch.empty_like(whole)
        assert flash_attn_combine(out_partial, lse_partial, out=given)[0] is given
        packed, _ = flash_attn_combine(out_partial[:, 0], lse_partial[:, 0], out_dtype=torch.float32)
        assert packed.dtype is torch.float32
        assert_near(packed, whole[0].double(), dtype)
    wide, lse = draw(3, 5, 2, 528, dtype=dtype), draw(3, 5, 2)
    expected = (wide.double() * torch.softmax(lse.double(), dim=0)[..., None]).sum(0)
    assert_near(flash_attn_combine(wide, lse)[0], expected)
    with pytest.raises(TypeError, match="lse_partial has dtype torch.float64"):
        flash_attn_combine(out_partial, lse_partial.double())


def test_install():
    code = ("import varlen.flash_attn; varlen.flash_attn.install(); varlen.flash_attn.install()\n"
            "from flash_attn import flash_attn_func\n"
            "from flash_attn.flash_attn_interface import flash_attn_varlen_func\n"
            "from flash_attn.bert_padding import unpad_input\n"
            "import flash_attn; assert flash_attn_func is varlen.flash_attn.flash_attn_func, flash_attn.__version__")
    subprocess.run([sys.executable, "-c", code], check=True)
    code = ("import sys, types; sys.modules['flash_attn'] = types.ModuleType('flash_attn')\n"
            "import varlen.flash_attn; varlen.flash_attn.install()")
    result = subprocess.run([sys.executable, "-c", code], text=True, stderr=subprocess.PIPE, check=False)
    assert "flash_attn has been imported already" in result.stderr


def test_a_batch_of_one_agrees_with_packed(device, dtype, draw):
    q, k, v = (draw(1, 12, 4, 32, dtype=dtype) for _ in range(3))
    starts = torch.tensor([0, 12], dtype=torch.int32, device=device)
    assert torch.equal(flash_attn_func(q, k, v)[0], flash_attn_varlen_func(q[0], k[0], v[0], starts, starts, 12, 12))
