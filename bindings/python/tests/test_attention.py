"""flash_attn_varlen_func against the formulas, forward and backward, feature by feature."""

import pytest
import torch
from conftest import starts_of
from reference import GRADIENT, assert_gradients_near, assert_near, attend_packed

import varlen
from varlen._torch.options import problem_of
from varlen.flash_attn import (flash_attn_varlen_func, flash_attn_varlen_kvpacked_func, flash_attn_varlen_qkvpacked_func)

LENGTHS_Q, LENGTHS_K = [3, 0, 17, 1, 40], [5, 4, 17, 0, 29]

FEATURES = {
    "full": {},
    "causal": {"causal": True},
    "window": {"window_size": (3, 1)},
    "causal window": {"causal": True, "window_size": (4, 0)},
    "its own key": {"window_size": (0, 0)},
    "softcap": {"softcap": 2.0, "causal": True},
    "scale": {"softmax_scale": 0.3},
    "no scale": {"softmax_scale": 0.0},
    "alibi": {"alibi_slopes": "heads", "causal": True},
    "alibi of each sequence": {"alibi_slopes": "batch"},
    "sinks": {"sinks": True, "causal": True},
    "deterministic": {"deterministic": True, "num_splits": 1, "causal": True},
}


def tensors(draw, dtype, heads=(4, 2), dims=(32, 32), lengths=(LENGTHS_Q, LENGTHS_K)):
    (q_heads, kv_heads), (total_q, total_k) = heads, map(sum, lengths)
    return (draw(total_q, q_heads, dims[0], dtype=dtype, requires_grad=True),
            draw(total_k, kv_heads, dims[0], dtype=dtype, requires_grad=True),
            draw(total_k, kv_heads, dims[1], dtype=dtype, requires_grad=True))


def cu_seqlens(lengths, device):
    return torch.tensor(starts_of(lengths), dtype=torch.int32, device=device)


def options_of(feature, draw, heads=4):
    options = dict(FEATURES[feature])
    if "alibi_slopes" in options:
        shape = (heads,) if options["alibi_slopes"] == "heads" else (len(LENGTHS_Q), heads)
        options["alibi_slopes"] = draw(*shape).abs()
    if "sinks" in options:
        options["sinks"] = draw(heads, requires_grad=True)
    return options


def expected_of(q, k, v, options, lengths=(LENGTHS_Q, LENGTHS_K), problem=None):
    return attend_packed(q, k, v, *map(starts_of, lengths), scale=options.get("softmax_scale"),
                         causal=options.get("causal", False), window=options.get("window_size", (-1, -1)),
                         softcap=options.get("softcap", 0.0), slopes=options.get("alibi_slopes"),
                         sinks=options.get("sinks"), problem=problem)


@pytest.mark.parametrize("feature", FEATURES)
def test_features(feature, device, dtypes, draw):
    for dtype in dtypes:
        q, k, v = tensors(draw, dtype)
        options = options_of(feature, draw)
        starts = [cu_seqlens(lengths, device) for lengths in (LENGTHS_Q, LENGTHS_K)]
        out, lse, weights = flash_attn_varlen_func(q, k, v, *starts, 40, 29, return_attn_probs=True, **options)
        expected, expected_lse = expected_of(q, k, v, options)
        assert_near(out, expected)
        assert_near(lse, expected_lse, torch.float32)
        assert weights.numel() == 0
        wanted = [q, k, v] + ([options["sinks"]] if "sinks" in options else [])
        assert_gradients_near(out, expected, wanted, draw(*out.shape, dtype=dtype))


@pytest.mark.parametrize("feature", FEATURES)
def test_a_gradient_of_lse(feature, device, dtypes, draw):
    for dtype in dtypes:
        q, k, v = tensors(draw, dtype)
        options = options_of(feature, draw)
        starts = [cu_seqlens(lengths, device) for lengths in (LENGTHS_Q, LENGTHS_K)]
        out, lse, _ = flash_attn_varlen_func(q, k, v, *starts, 40, 29, return_attn_probs=True, **options)
        expected, expected_lse = expected_of(q, k, v, options)
        wanted = [q, k, v] + ([options["sinks"]] if "sinks" in options else [])
        dout = draw(*out.shape, dtype=dtype)
        dlse = draw(lse.shape[1], lse.shape[0]).t()  # not dense
        for outputs, references, given in (((out, lse), (expected, expected_lse), (dout, dlse)),
                                           ((lse,), (expected_lse,), (dlse,))):
            gradients = torch.autograd.grad(outputs, wanted, given, retain_graph=True)
            seen = [torch.where(torch.isinf(each), torch.zeros_like(each), each) for each in references]
            of_reference = torch.autograd.grad(seen, wanted, [each.double() for each in given], retain_graph=True,
                                               allow_unused=True)
            for gradient, reference in zip(gradients, of_reference):
                assert_near(gradient, torch.zeros_like(gradient) if reference is None else reference, dtype, GRADIENT)


def test_a_loss_of_lse_is_squared_where_there_are_no_keys(device, dtype, draw):
    q, k, v = tensors(draw, dtype, lengths=([4], [2]))
    out, lse, _ = flash_attn_varlen_func(q, k, v, cu_seqlens([4], device), cu_seqlens([2], device), 4, 2, causal=True,
                                         return_attn_probs=True)
    gradients = torch.autograd.grad(out.float().sum() + lse.square().sum(), (q, k, v))
    assert all(bool(torch.isfinite(each).all()) for each in gradients)
    assert gradients[0][:2].count_nonzero() == 0


@pytest.mark.parametrize("dims", [(60, 60), (111, 111), (5, 3), (64, 32), (256, 256), (512, 512), (576, 512)])
def test_any_head_dim(dims, device, dtypes, draw):
    if max(dims) > 256 and device != "cpu":
        pytest.skip("GPUs take dims up to 256")
    for dtype in dtypes:
        q, k, v = tensors(draw, dtype, dims=dims)
        starts = [cu_seqlens(lengths, device) for lengths in (LENGTHS_Q, LENGTHS_K)]
        out = flash_attn_varlen_func(q, k, v, *starts, 40, 29, causal=True)
        expected, _ = expected_of(q, k, v, {"causal": True})
        assert_near(out, expected)
        assert_gradients_near(out, expected, (q, k, v), draw(*out.shape, dtype=dtype))


def test_packed_layouts_give_the_same_bits(device, dtype, draw, deterministic):
    starts = cu_seqlens(LENGTHS_Q, device)
    q, k, v = tensors(draw, dtype, heads=(4, 4), lengths=(LENGTHS_Q, LENGTHS_Q))
    out = flash_attn_varlen_func(q, k, v, starts, starts, 40, 40, causal=True)
    gradients = torch.autograd.grad(out, (q, k, v), out.detach())
    kv, qkv = torch.stack([k, v], dim=1), torch.stack([q, k, v], dim=1)
    for result, inputs in ((flash_attn_varlen_kvpacked_func(q, kv, starts, starts, 40, 40, causal=True), (q, kv)),
                           (flash_attn_varlen_qkvpacked_func(qkv, starts, 40, causal=True), (qkv,))):
        assert torch.equal(result, out)
        given = torch.autograd.grad(result, inputs, out.detach())
        split = [part for each in given for part in (each.unbind(1) if each.dim() == 4 else (each,))]
        assert all(torch.equal(*pair) for pair in zip(split, gradients))


def test_used_lengths(device, dtype, draw):
    q, k, v = tensors(draw, dtype, lengths=(LENGTHS_Q, LENGTHS_Q))
    starts = cu_seqlens(LENGTHS_Q, device)
    used = torch.tensor([1, 0, 9, 1, 33], dtype=torch.int32, device=device)
    out = flash_attn_varlen_func(q, k, v, starts, starts, 40, 40, causal=True, seqused_q=used, seqused_k=used)
    rows = torch.cat([torch.arange(start, start + int(count)) for start, count in zip(starts.tolist(), used)]).to(device)
    expected, _ = expected_of(q[rows], k[rows], v[rows], {"causal": True}, lengths=(used.tolist(), used.tolist()))
    assert_near(out[rows], expected)
    assert out.index_fill(0, rows, 0).count_nonzero() == 0
    (dq,) = torch.autograd.grad(out.sum(), q)
    assert dq.index_fill(0, rows, 0).count_nonzero() == 0


def test_pages(device, dtype, draw):
    q, k, v = (each.detach() for each in tensors(draw, dtype))
    starts_q, starts_k = cu_seqlens(LENGTHS_Q, device), cu_seqlens(LENGTHS_K, device)
    out = flash_attn_varlen_func(q, k, v, starts_q, starts_k, 40, 29, causal=True)
    page, width = 4, 8
    table = torch.randperm(len(LENGTHS_K) * width, generator=torch.Generator().manual_seed(0)).view(-1, width)
    pools = []
    for rows in (k, v):
        pool = torch.full((table.numel(), page, *rows.shape[1:]), float("nan"), dtype=dtype, device=device)
        for b, start in enumerate(starts_of(LENGTHS_K)[:-1]):
            for j in range(LENGTHS_K[b]):
                pool[table[b, j // page], j % page] = rows[start + j]
        pools.append(pool)
    table = table.int().to(device)
    lengths = torch.tensor(LENGTHS_K, dtype=torch.int32, device=device)
    for extra in ({"block_table": table}, {"page_table": table, "seqused_k": lengths}):
        assert_near(flash_attn_varlen_func(q, *pools, starts_q, starts_k, 40, 29, causal=True, **extra), out.double())


def test_dropout(device, dtype, draw):
    q, k, v = tensors(draw, dtype)
    starts = [cu_seqlens(lengths, device) for lengths in (LENGTHS_Q, LENGTHS_K)]
    torch.manual_seed(7)
    out, _, weights = flash_attn_varlen_func(q, k, v, *starts, 40, 29, dropout_p=0.3, causal=True, return_attn_probs=True)
    torch.manual_seed(7)
    problem = problem_of(q, *starts, 40, 29, dropout_p=0.3, causal=True)
    expected, _ = expected_of(q, k, v, {"causal": True}, problem=problem)
    assert_near(out, expected)
    assert_gradients_near(out, expected, (q, k, v), draw(*out.shape, dtype=dtype))
    assert weights.shape == (5, 4, 40, 29)
    assert 0.2 < (weights < 0).sum() / (weights != 0).sum() < 0.4
    assert_near(weights[2].abs().sum(-1)[:, :17], torch.ones(4, 17, dtype=torch.float64, device=device), dtype)
    other = flash_attn_varlen_func(q, k, v, *starts, 40, 29, dropout_p=0.3, causal=True)
    assert not torch.equal(other, out)


def test_rows_without_keys(device, dtype, draw):
    q, k, v = (each.detach() for each in tensors(draw, dtype, lengths=([4], [2])))
    out, lse, _ = flash_attn_varlen_func(q, k, v, cu_seqlens([4], device), cu_seqlens([2], device), 4, 2, causal=True,
                                         return_attn_probs=True)
    assert out[:2].count_nonzero() == 0 and bool((lse[:, :2] == -torch.inf).all())


@pytest.mark.parametrize("window", [(29, 0), (100, 100)])
def test_a_window_as_long_as_the_longest_key_is_none(window, device, dtype, draw):
    q, k, v = (each.detach() for each in tensors(draw, dtype))
    starts = [cu_seqlens(lengths, device) for lengths in (LENGTHS_Q, LENGTHS_K)]
    assert torch.equal(flash_attn_varlen_func(q, k, v, *starts, 40, 29, window_size=window),
                       flash_attn_varlen_func(q, k, v, *starts, 40, 29, window_size=(-1, 0 if window[1] == 0 else -1)))


def test_strides_are_taken_as_they_are(device, dtype, draw):
    starts = cu_seqlens(LENGTHS_Q, device)
    q, k, v = (each.detach() for each in tensors(draw, dtype, heads=(4, 4), lengths=(LENGTHS_Q, LENGTHS_Q)))
    out = flash_attn_varlen_func(q, k, v, starts, starts, 40, 40)
    heads_outside = [each.transpose(0, 1).contiguous().transpose(0, 1) for each in (q, k, v)]
    unaligned = [torch.cat([each.new_zeros(1), each.flatten()])[1:].view(each.shape) for each in (q, k, v)]
    every_second = [torch.stack([each, each], dim=-1).flatten(-2)[..., ::2] for each in (q, k, v)]
    for given in (heads_outside, unaligned, every_second):
        assert torch.equal(flash_attn_varlen_func(*given, starts, starts, 40, 40), out)


def test_expanded_heads(device, dtype, draw):
    starts = cu_seqlens(LENGTHS_Q, device)
    q, k, v = tensors(draw, dtype, heads=(4, 1), lengths=(LENGTHS_Q, LENGTHS_Q))
    wide = [each.expand(-1, 4, -1) for each in (k, v)]
    narrow_out = flash_attn_varlen_func(q, k, v, starts, starts, 40, 40)
    wide_out = flash_attn_varlen_func(q, *wide, starts, starts, 40, 40)
    assert_near(wide_out, narrow_out.double())
    dout = draw(*q.shape, dtype=dtype)
    _, reference = torch.autograd.grad(expected_of(q, k, v, {}, lengths=(LENGTHS_Q, LENGTHS_Q))[0], (q, k), dout.double())
    _, gradient = torch.autograd.grad(wide_out, (q, k), dout)
    more = {each: bound + 4 for each, bound in GRADIENT.items()}  # torch rounds the four heads and adds them in the dtype
    assert_near(gradient, reference, dtype, more)


class TestRefusals:
    """What is refused names the argument, its value and the rule."""

    @pytest.fixture
    def call(self, device, dtype, draw):
        q, k, v = tensors(draw, dtype, lengths=([2, 3], [2, 3]))
        starts = cu_seqlens([2, 3], device)
        arguments = {"q": q, "k": k, "v": v, "cu_seqlens_q": starts, "cu_seqlens_k": starts, "max_seqlen_q": 3,
                     "max_seqlen_k": 3}
        return lambda **changed: flash_attn_varlen_func(**{**arguments, **changed})

    def test_int64_cu_seqlens(self, call, device):
        with pytest.raises(TypeError, match="cu_seqlens_q has dtype torch.int64; it must be torch.int32"):
            call(cu_seqlens_q=torch.tensor([0, 2, 5], device=device))

    def test_shapes(self, call, device, draw, dtype):
        with pytest.raises(ValueError, match=r"cu_seqlens_k has shape \(2,\); it must be \(3,\)"):
            call(cu_seqlens_k=torch.tensor([0, 5], dtype=torch.int32, device=device))
        with pytest.raises(ValueError, match="k has a head_dim of 64; it must be 32"):
            call(k=draw(5, 2, 64, dtype=dtype))
        with pytest.raises(ValueError, match=r"k has shape \(5, 32\)"):
            call(k=draw(5, 32, dtype=dtype))
        with pytest.raises(ValueError, match="v has shape"):
            call(v=draw(4, 2, 32, dtype=dtype))
        with pytest.raises(ValueError, match="kv_heads"):
            call(k=draw(5, 3, 32, dtype=dtype), v=draw(5, 3, 32, dtype=dtype))

    def test_dtypes(self, call, draw):
        with pytest.raises(TypeError, match="k has dtype torch.float64"):
            call(k=draw(5, 2, 32, dtype=torch.float64))
        with pytest.raises(TypeError, match="alibi_slopes has dtype torch.float16; it must be torch.float32"):
            call(alibi_slopes=draw(4, dtype=torch.float16))

    def test_metadata(self, call, device):
        if device != "cpu":
            pytest.skip("SKIPPED: a device tells it later: test_torch.py")
        with pytest.raises(varlen.BadMetadataError, match=r"cu_seqlens_q\[2\] = 1 is below cu_seqlens_q\[1\] = 2"):
            call(cu_seqlens_q=torch.tensor([0, 2, 1], dtype=torch.int32))
        with pytest.raises(varlen.BadMetadataError, match="max_seqlen_q"):
            call(max_seqlen_q=2)

    @pytest.mark.parametrize("argument, value", [("qv", True), ("sm_margin", 8)])
    def test_what_varlen_does_not_do(self, argument, value, call):
        with pytest.raises(varlen.UnsupportedError, match=f"{argument} is"):
            call(**{argument: value})

    def test_unknown_arguments(self, call):
        with pytest.raises(TypeError, match="learnable_sink"):
            call(learnable_sink=None)

    def test_a_gradient_of_a_gradient(self, call, draw, dtype):
        q = draw(5, 4, 32, dtype=dtype, requires_grad=True)
        (dq,) = torch.autograd.grad(call(q=q).float().square().sum(), q, create_graph=True)
        with pytest.raises(RuntimeError, match="once_differentiable"):
            dq.sum().backward()
