"""flash_attn_with_kvcache: appending, rotating, choosing slots and pages, attending."""

import itertools

import pytest
import torch
from reference import assert_near, attend

import varlen
from varlen._torch import operators
from varlen.flash_attn import flash_attn_with_kvcache

USED, NEW, LENGTH = [3, 0, 11], 4, 20


def turned(rows, cos, sin, first, interleaved, along=True):
    """rows [tokens, heads, dim], row t rotated by position first + t, or first."""
    half, result = cos.shape[1], rows.double().clone()
    for t in range(rows.shape[0]):
        c, s = (table[first + t * along].double() for table in (cos, sin))
        x = result[t, :, 0:2 * half:2] if interleaved else result[t, :, :half]
        y = result[t, :, 1:2 * half:2] if interleaved else result[t, :, half:2 * half]
        x_turned, y_turned = x * c - y * s, x * s + y * c
        x.copy_(x_turned)
        y.copy_(y_turned)
    return result.to(rows.dtype)


class Caches:
    """A cache in one of its forms, and its keys and values [batch, length, heads, dim] by themselves."""

    def __init__(self, form, draw, dtype, device, dim=32):
        batch, self.form = len(USED), form
        self.k, self.v = (draw(batch, LENGTH, 2, dim, dtype=dtype) for _ in range(2))
        self.arguments = {}
        if form == "slots":
            self.given = [self.k.clone(), self.v.clone()]
        elif form == "strides":
            self.given = [torch.cat([each, each], dim=1).transpose(1, 2).contiguous().transpose(1, 2)[:, :LENGTH]
                          for each in (self.k, self.v)]
        else:
            page = LENGTH if form == "picked" else 4
            width, spare = LENGTH // page, 2
            order = torch.randperm(batch * width + spare, generator=torch.Generator().manual_seed(1))[:batch * width]
            self.order = order.view(batch, width).to(device)
            self.given = []
            for each in (self.k, self.v):
                pool = torch.zeros(batch * width + spare, page, 2, dim, dtype=dtype, device=device)
                pool[self.order] = each.view(batch, width, page, 2, dim)
                self.given.append(pool)
            if form == "picked":
                self.arguments = {"cache_batch_idx": self.order[:, 0].int()}
            elif form == "pages":
                self.arguments = {"block_table": self.order.int()}
            else:
                self.arguments = {"block_table": self.order.int().flip(0),
                                  "cache_batch_idx": torch.arange(batch - 1, -1, -1, dtype=torch.int32, device=device)}

    def contents(self):
        if self.form in ("slots", "strides"):
            return self.given
        return [each[self.order].flatten(1, 2) for each in self.given]


FORMS = ("slots", "strides", "picked", "pages", "picked rows")


def check(caches, q, used, options, result, rotated_q=None):
    k, v = caches.contents()
    q = q if rotated_q is None else rotated_q
    for b, count in enumerate(used):
        expected, lse = attend(q[b], k[b, :count], v[b, :count], **options)
        assert_near(result[0][b], expected)
        assert_near(result[1][b], lse, torch.float32)


@pytest.mark.parametrize("form, causal, queries", list(itertools.product(FORMS, (False, True), (1, NEW))))
def test_append_and_attend(form, causal, queries, device, dtypes, draw):
    for dtype in dtypes:
        caches = Caches(form, draw, dtype, device)
        q = draw(len(USED), queries, 4, 32, dtype=dtype)
        k, v = (draw(len(USED), NEW, 2, 32, dtype=dtype) for _ in range(2))
        used = torch.tensor(USED, dtype=torch.int32, device=device)
        result = flash_attn_with_kvcache(q, *caches.given, k, v, cache_seqlens=used, causal=causal, return_softmax_lse=True,
                                         **caches.arguments)
        for cache, before, new in zip(caches.contents(), (caches.k, caches.v), (k, v)):
            for b, count in enumerate(USED):
                before[b, count:count + NEW] = new[b]
            assert torch.equal(cache, before)
        assert used.tolist() == USED
        check(caches, q, [count + NEW for count in USED], {"causal": causal}, result)


@pytest.mark.parametrize("interleaved, causal, queries, dims",
                         [*itertools.product((False, True), (False, True), (1, 2, NEW), (16,)), (True, True, NEW, 32)])
@pytest.mark.parametrize("sixteen_bits", [False, True])
def test_rotary(interleaved, causal, queries, dims, sixteen_bits, device, dtype, draw):
    caches = Caches("slots", draw, dtype, device)
    angle = draw(LENGTH, dims // 2)
    cos, sin = angle.cos(), angle.sin()
    if sixteen_bits:
        cos, sin = cos.to(torch.bfloat16), sin.to(torch.bfloat16)
    q = draw(len(USED), queries, 4, 32, dtype=dtype)
    k, v = (draw(len(USED), NEW, 2, 32, dtype=dtype) for _ in range(2))
    for shift in (None, [5, 0, 2]):
        fresh = Caches.__new__(Caches)
        fresh.__dict__.update(caches.__dict__, given=[caches.k.clone(), caches.v.clone()])
        starts = USED if shift is None else shift
        extra = {} if shift is None else {"rotary_seqlens": torch.tensor(shift, dtype=torch.int32, device=device)}
        before = q.clone()
        result = flash_attn_with_kvcache(q, *fresh.given, k, v, cos, sin, torch.tensor(USED, dtype=torch.int32, device=device),
                                         causal=causal, rotary_interleaved=interleaved, return_softmax_lse=True, **extra)
        assert torch.equal(q, before)
        for b, count in enumerate(USED):
            rows = fresh.given[0][b, count:count + NEW]
            assert_near(rows, turned(k[b], cos, sin, starts[b], interleaved).double())
        rotated = torch.stack([turned(q[b], cos, sin, starts[b], interleaved, along=causal) for b in range(len(USED))])
        check(fresh, q, [count + NEW for count in USED], {"causal": causal}, result, rotated)


def test_positions_past_the_tables_are_nan(draw, device, dtype):
    caches = Caches("slots", draw, dtype, device)
    table = draw(4, 8)
    starts = torch.tensor([2, 0, 0], dtype=torch.int32, device=device)
    k = draw(len(USED), NEW, 2, 32, dtype=dtype)
    out = flash_attn_with_kvcache(draw(len(USED), 1, 4, 32, dtype=dtype), *caches.given, k, k, table, table,
                                  torch.tensor(USED, dtype=torch.int32, device=device), rotary_seqlens=starts)
    assert torch.isnan(out[0]).all() and not torch.isnan(out[1:]).any()


def test_left_padding(device, dtype, draw):
    caches = Caches("slots", draw, dtype, device)
    q, padding, used = draw(len(USED), 1, 4, 32, dtype=dtype), [1, 0, 4], [3, 2, 11]
    out = flash_attn_with_kvcache(q, *caches.given, cache_seqlens=torch.tensor(used, dtype=torch.int32, device=device),
                                  cache_leftpad=torch.tensor(padding, dtype=torch.int32, device=device), causal=True)
    for b in range(len(USED)):
        keys = slice(padding[b], used[b])
        assert_near(out[b], attend(q[b], caches.k[b, keys], caches.v[b, keys], causal=True)[0])


def test_lengths(device, dtype, draw):
    caches = Caches("slots", draw, dtype, device)
    q = draw(len(USED), 2, 4, 32, dtype=dtype)
    for given, count in ((None, LENGTH), (5, 5)):
        result = flash_attn_with_kvcache(q, *caches.given, cache_seqlens=given, return_softmax_lse=True)
        check(caches, q, [count] * len(USED), {}, result)


def test_packed_queries(device, dtype, draw):
    caches = Caches("pages", draw, dtype, device)
    counts, starts = [2, 0, 5], torch.tensor([0, 2, 2, 7], dtype=torch.int32, device=device)
    q = draw(7, 4, 32, dtype=dtype)
    k, v = (draw(7, 2, 32, dtype=dtype) for _ in range(2))
    angle = draw(LENGTH, 8)
    out, lse = flash_attn_with_kvcache(
        q, *caches.given, k, v, angle.cos(), angle.sin(), torch.tensor(USED, dtype=torch.int32, device=device), causal=True,
        cu_seqlens_q=starts, cu_seqlens_k_new=starts, max_seqlen_q=5, return_softmax_lse=True, **caches.arguments)
    keys, values = caches.contents()
    for b, count in enumerate(counts):
        rows, used = slice(int(starts[b]), int(starts[b + 1])), USED[b] + count
        rotated = turned(q[rows], angle.cos(), angle.sin(), USED[b], True)
        expected, expected_lse = attend(rotated, keys[b, :used], values[b, :used], causal=True)
        assert_near(out[rows], expected)
        assert_near(lse[:, rows], expected_lse, torch.float32)


def test_padded_dims(device, dtype, draw):
    caches = Caches("slots", draw, dtype, device, dim=20)
    q = draw(len(USED), 1, 4, 20, dtype=dtype)
    k, v = (draw(len(USED), NEW, 2, 20, dtype=dtype) for _ in range(2))
    result = flash_attn_with_kvcache(q, *caches.given, k, v, cache_seqlens=torch.tensor(USED, dtype=torch.int32, device=device),
                                     return_softmax_lse=True)
    assert torch.equal(caches.given[0][0, 3:3 + NEW], k[0])
    check(caches, q, [count + NEW for count in USED], {}, result)


@pytest.mark.skipif(not operators.AVAILABLE, reason=f"SKIPPED: torch {torch.__version__} is older than 2.4")
class TestTracing:
    @pytest.mark.parametrize("form", ["slots", "picked rows"])
    @pytest.mark.parametrize("case", ["read", "append", "rotate", "rotate elsewhere", "padded"])
    def test_compile(self, form, case, device, dtype, draw):
        torch.compiler.reset()  # or the cases before count as one function that is compiled too often
        dim = 20 if case == "padded" else 32
        caches = Caches(form, draw, dtype, device, dim=dim)
        q = draw(len(USED), NEW, 4, dim, dtype=dtype)
        arguments = dict(cache_seqlens=torch.tensor(USED, dtype=torch.int32, device=device), causal=True,
                         return_softmax_lse=True, **caches.arguments)
        if case != "read":
            arguments.update({name: draw(len(USED), NEW, 2, dim, dtype=dtype) for name in ("k", "v")})
        if case.startswith("rotate"):
            arguments.update({name: draw(LENGTH, 8) for name in ("rotary_cos", "rotary_sin")})
        if case == "rotate elsewhere":
            arguments["rotary_seqlens"] = torch.tensor([5, 0, 2], dtype=torch.int32, device=device)

        def attend(q, k_cache, v_cache):
            return flash_attn_with_kvcache(q, k_cache, v_cache, **arguments)

        results = []
        for way in (attend, torch.compile(attend, backend="aot_eager", fullgraph=True)):
            given = [each.clone() for each in caches.given]
            results.append((*way(q, *given), *given))
        assert all(torch.equal(*pair) for pair in zip(*results))
        assert torch.equal(results[1][2], caches.given[0]) == (case == "read")

    def test_the_operator_follows_torchs_rules(self, device, dtype, draw):
        caches = Caches("slots", draw, dtype, device)
        k = draw(len(USED) * NEW, 2, 32, dtype=dtype)
        table = torch.arange(len(USED), dtype=torch.int32, device=device)[:, None]
        starts = torch.arange(0, len(USED) * NEW + 1, NEW, dtype=torch.int32, device=device)
        used = torch.tensor(USED, dtype=torch.int32, device=device)
        for rotary, q in (((None, None, False), None), ((draw(LENGTH, 8), draw(LENGTH, 8), True), draw(*k.shape, dtype=dtype))):
            torch.library.opcheck(torch.ops.varlen.append.default, (*caches.given, table, k, k, starts, used, *rotary, q))


class TestRefusals:
    @pytest.fixture
    def call(self, device, dtype, draw):
        caches = Caches("slots", draw, dtype, device)
        q, k = draw(len(USED), 1, 4, 32, dtype=dtype), draw(len(USED), 1, 2, 32, dtype=dtype)
        used = torch.tensor(USED, dtype=torch.int32, device=device)
        arguments = {"q": q, "k_cache": caches.given[0], "v_cache": caches.given[1], "k": k, "v": k, "cache_seqlens": used}
        return lambda **changed: flash_attn_with_kvcache(**{**arguments, **changed})

    def test_types(self, call, device):
        with pytest.raises(TypeError, match="cache_seqlens has dtype torch.int64"):
            call(cache_seqlens=torch.tensor(USED, device=device))
        with pytest.raises(TypeError, match="cache_batch_idx has dtype torch.int64"):
            call(cache_batch_idx=torch.tensor([0, 1, 2], device=device))

    def test_contradictions(self, call, draw, dtype):
        with pytest.raises(ValueError, match="rotary_cos is given, but k is None"):
            call(k=None, v=None, rotary_cos=draw(4, 8), rotary_sin=draw(4, 8))
        with pytest.raises(ValueError, match="must both be given"):
            call(rotary_cos=draw(4, 8))
        with pytest.raises(ValueError, match="k has shape"):
            call(k=draw(3, 1, 4, 32, dtype=dtype))

    def test_room(self, call, device):
        if device != "cpu":
            pytest.skip("SKIPPED: a device tells it later: test_torch.py")
        with pytest.raises(varlen.BadMetadataError, match="sequence 2 would have 21 keys, above the 20"):
            call(cache_seqlens=torch.tensor([3, 0, LENGTH], dtype=torch.int32))

    def test_what_is_not_done(self, call):
        with pytest.raises(varlen.UnsupportedError, match="sm_margin is 3"):
            call(sm_margin=3)
