"""varlen.torch: torch's own signature, tracing, its registry, threads, processes, graphs, what a device tells late."""

import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from reference import GRADIENT, assert_near, attend_packed

import varlen
from varlen._torch import operators
from varlen._torch.devices import context_of
from varlen._torch.problem import Problem
from varlen.torch import AuxRequest, context, varlen_attn, varlen_attn_out

STARTS = [0, 5, 5, 12, 13]

needs_operators = pytest.mark.skipif(not operators.AVAILABLE, reason=f"SKIPPED: torch {torch.__version__} is older than 2.4")
LSE = AuxRequest(lse=True)


@pytest.fixture
def inputs(draw, dtype, device):
    """query, key, value, cu_seq_q, cu_seq_k, max_q, max_k."""
    q = draw(13, 4, 32, dtype=dtype, requires_grad=True)
    k, v = (draw(13, 2, 32, dtype=dtype, requires_grad=True) for _ in range(2))
    starts = torch.tensor(STARTS, dtype=torch.int32, device=device)
    return q, k, v, starts, starts, 7, 7


def test_signature():
    names = ("query key value cu_seq_q cu_seq_k max_q max_k return_aux scale window_size enable_gqa seqused_k block_table "
             "num_splits").split()
    assert list(inspect.signature(varlen_attn).parameters) == names
    assert list(inspect.signature(varlen_attn_out).parameters) == ["out", *names]
    try:
        from torch.nn.attention import varlen as theirs
    except ImportError:
        return
    for ours in (varlen_attn, varlen_attn_out):
        its = inspect.signature(getattr(theirs, ours.__name__, ours)).parameters
        assert [(each.name, each.kind, each.default) for each in inspect.signature(ours).parameters.values()
                if each.name in its] == [(each.name, each.kind, each.default) for each in its.values()]


@pytest.mark.parametrize("window, scale", [((-1, -1), None), ((-1, 0), 0.2), ((2, 0), None), ((1, 1), None)])
def test_varlen_attn(window, scale, inputs):
    q, k, v = inputs[:3]
    out, lse = varlen_attn(*inputs, return_aux=LSE, enable_gqa=True, window_size=window, scale=scale)
    expected, expected_lse = attend_packed(q, k, v, STARTS, STARTS, window=window, scale=scale)
    assert_near(out, expected)
    assert_near(lse, expected_lse, torch.float32)
    loss, expected_loss = out.sum() + lse.square().sum(), expected.sum() + expected_lse.square().sum()
    for gradient, wanted in zip(torch.autograd.grad(loss, (q, k, v)), torch.autograd.grad(expected_loss, (q, k, v))):
        assert_near(gradient, wanted, q.dtype, GRADIENT)
    given = torch.full_like(out, 7.0).detach()
    result, given_lse = varlen_attn_out(given, *inputs, return_aux=LSE, enable_gqa=True, window_size=window, scale=scale)
    assert result is given and torch.equal(given, out) and torch.equal(given_lse, lse)


def test_pages(inputs, device):
    q, k, v, starts, *_ = (each.detach() if isinstance(each, torch.Tensor) else each for each in inputs)
    pools = [torch.zeros(8, 4, 2, 32, dtype=k.dtype, device=device) for _ in range(2)]
    for b in range(4):
        for row in range(STARTS[b], STARTS[b + 1]):
            at = row - STARTS[b]
            for pool, rows in zip(pools, (k, v)):
                pool[2 * b + at // 4, at % 4] = rows[row]
    table = torch.arange(8, dtype=torch.int32, device=device).view(4, 2)
    out = varlen_attn(q, *pools, starts, None, 7, 7, enable_gqa=True, window_size=(-1, 0), seqused_k=starts.diff(),
                      block_table=table)
    assert_near(out, varlen_attn(q, k, v, starts, starts, 7, 7, enable_gqa=True, window_size=(-1, 0)).double())


def test_refusals(inputs):
    q, k, v, starts, *_ = inputs
    with pytest.raises(ValueError, match="query has 4 heads and key has 2"):
        varlen_attn(*inputs)
    with pytest.raises(ValueError, match="scale is 0.0; it must be greater than 0"):
        varlen_attn(*inputs, enable_gqa=True, scale=0.0)
    with pytest.raises(ValueError, match="seqused_k is None"):
        varlen_attn(*inputs, enable_gqa=True, block_table=starts[:, None])
    with pytest.raises(ValueError, match="cu_seq_k is None"):
        varlen_attn(q, k, v, starts, None, 7, 7, enable_gqa=True)
    with pytest.raises(ValueError, match="out is"):
        varlen_attn_out(torch.empty(2, 2), *inputs, enable_gqa=True)
    with pytest.raises(varlen.UnsupportedError, match="tensors on meta"):
        context_of(torch.empty(0, device="meta"))


@needs_operators
class TestTracing:
    def attend(self, q, k, v, starts, *bounds):
        return varlen_attn(q, k, v, starts, starts, 7, 7, enable_gqa=True, window_size=(-1, 0))

    def test_operators_follow_torchs_rules(self, inputs, device):
        q, k, v, starts, *_ = inputs
        problem = Problem(starts, starts, max_seqlen_q=7, max_seqlen_k=7, softmax_scale=0.2, window_right=0)
        sinks = torch.zeros(4, device=device, requires_grad=True)
        for given in (None, sinks):
            torch.library.opcheck(torch.ops.varlen.forward.default, (q, k, v, given, *problem))
        torch.library.opcheck(torch.ops.varlen.forward_out.default,
                              (torch.empty_like(q).detach(), q.detach(), k.detach(), v.detach(), None, *problem))

    @pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
    def test_compile(self, backend, inputs, deterministic, tmp_path, monkeypatch):
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # nothing that other operators were compiled to
        q, k, v, *_ = inputs
        compiled = torch.compile(self.attend, backend=backend, fullgraph=True)
        try:
            out = compiled(*inputs)
        except Exception as error:  # what inductor raises without a C++ compiler differs between versions
            if backend == "inductor" and "compiler" in str(error).lower():
                pytest.skip("SKIPPED: inductor finds no compiler here")
            raise
        expected = self.attend(*inputs)
        assert torch.equal(out, expected)
        for compiled_grad, grad in zip(torch.autograd.grad(out.sum(), (q, k, v)),
                                       torch.autograd.grad(expected.sum(), (q, k, v))):
            assert torch.equal(compiled_grad, grad)

    def test_compiled_dropout_and_sinks(self, inputs, device, deterministic):
        from varlen.flash_attn import flash_attn_varlen_func

        q, k, v, starts, *_ = inputs
        sinks = torch.zeros(4, device=device, requires_grad=True)

        def attend(dropout):
            return flash_attn_varlen_func(q, k, v, starts, starts, 7, 7, dropout, causal=True, sinks=sinks)

        compiled = torch.compile(attend, backend="aot_eager", fullgraph=True)
        out, expected = compiled(0.0), attend(0.0)
        assert torch.equal(out, expected)
        assert torch.equal(torch.autograd.grad(out.sum(), sinks)[0], torch.autograd.grad(expected.sum(), sinks)[0])
        assert not torch.equal(compiled(0.5), out)

    @pytest.mark.parametrize("of_out, of_lse", [(1, 1), (0, 1), (1, 0)])
    def test_compiled_gradients_of_lse(self, of_out, of_lse, inputs, deterministic):
        q, k, v, *_ = inputs

        def loss(*given):
            out, lse = varlen_attn(*given, enable_gqa=True, return_aux=LSE)
            return (of_out * out.sum() if of_out else 0) + (of_lse * lse.square().sum() if of_lse else 0)

        compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)(*inputs)
        for each, wanted in zip(torch.autograd.grad(compiled, (q, k, v)), torch.autograd.grad(loss(*inputs), (q, k, v))):
            assert torch.equal(each, wanted)

    def test_export(self, inputs):
        attend = self.attend

        class Module(torch.nn.Module):
            def forward(self, *given):
                return attend(*given)

        given = tuple(each.detach() if isinstance(each, torch.Tensor) else each for each in inputs)
        program = torch.export.export(Module(), given)
        assert "varlen.forward" in str(program.graph)
        assert torch.equal(program.module()(*given), attend(*given))

    def test_compiled_out(self, inputs):
        def attend(out, *given):
            return varlen_attn_out(out, *given, enable_gqa=True)

        given = tuple(each.detach() if isinstance(each, torch.Tensor) else each for each in inputs)
        out = torch.zeros_like(given[0])
        torch.compile(attend, backend="aot_eager", fullgraph=True)(out, *given)
        assert torch.equal(out, varlen_attn(*given, enable_gqa=True))


def test_torchs_registry(inputs, deterministic):
    try:
        from torch.nn.attention import activate_flash_attention_impl, list_flash_attention_impls, restore_flash_attention_impl
        from torch.nn.attention.varlen import varlen_attn as theirs
    except ImportError:
        pytest.skip(f"SKIPPED: torch {torch.__version__} has no registry of flash attention implementations")
    q, k, v = inputs[:3]
    assert "varlen" in list_flash_attention_impls()
    activate_flash_attention_impl("varlen")
    try:
        gqa = {"enable_gqa": True} if "enable_gqa" in inspect.signature(theirs).parameters else {}
        out = theirs(*inputs, **gqa, window_size=(-1, 0))
        gradients = torch.autograd.grad(out.sum(), (q, k, v))
    finally:
        restore_flash_attention_impl()
    expected = varlen_attn(*inputs, enable_gqa=True, window_size=(-1, 0))
    assert torch.equal(out, expected)
    assert all(torch.equal(*pair) for pair in zip(gradients, torch.autograd.grad(expected.sum(), (q, k, v))))


def test_deterministic_algorithms_are_asked_for(inputs, monkeypatch):
    from varlen._torch import calls

    seen = []
    find = calls.find
    monkeypatch.setattr(calls, "find", lambda *given: seen.append(find(*given)) or seen[-1])
    for wanted in (False, True):
        torch.use_deterministic_algorithms(wanted)
        try:
            varlen_attn(*inputs, enable_gqa=True)
        finally:
            torch.use_deterministic_algorithms(False)
    assert [each.attention.flags & varlen.FLAG_DETERMINISTIC for each in seen] == [0, varlen.FLAG_DETERMINISTIC]


def test_threads_follow_torch(inputs, device):
    if device != "cpu":
        pytest.skip("SKIPPED: threads are the CPU's")
    before = torch.get_num_threads()
    try:
        units, results = [], []
        for count in (1, 2):
            torch.set_num_threads(count)
            units.append(context("cpu").device.compute_units)
            results.append(varlen_attn(*inputs, enable_gqa=True))
    finally:
        torch.set_num_threads(before)
    assert units == [1, 2]
    assert torch.equal(*results)


def test_calls_from_several_threads(inputs, draw, dtype):
    """Calls alike but for the addresses of their tensors share what they are made of, and never at the same time."""
    _, k, v, *rest = (each.detach() if isinstance(each, torch.Tensor) else each for each in inputs)
    queries = [draw(13, 4, 32, dtype=dtype) for _ in range(4)]

    def attend(q):
        return [varlen_attn(q, k, v, *rest, enable_gqa=True) for _ in range(100)]

    with ThreadPoolExecutor(len(queries)) as pool:
        results = list(pool.map(attend, queries))
    for q, outs in zip(queries, results):
        expected = varlen_attn(q, k, v, *rest, enable_gqa=True)
        assert all(torch.equal(out, expected) for out in outs)


def test_plans_do_not_pile_up(draw, device, dtype, monkeypatch):
    from varlen._torch import plans

    monkeypatch.setattr(plans, "MOST_PLANS", 4)
    monkeypatch.setattr(plans, "_plans", {})
    for tokens in range(1, 12):
        q = draw(tokens, 4, 32, dtype=dtype)
        starts = torch.tensor([0, tokens], dtype=torch.int32, device=device)
        assert_near(varlen_attn(q, q, q, starts, starts, 0, 0), attend_packed(q, q, q, [0, tokens], [0, tokens])[0])
        assert len(plans._plans) <= 4


WORKERS = """
import torch
from torch.utils.data import DataLoader, Dataset
from varlen.torch import varlen_attn

def attend(seed):
    q = torch.randn(9, 2, 16, generator=torch.Generator().manual_seed(seed))
    starts = torch.tensor([0, 4, 9], dtype=torch.int32)
    return varlen_attn(q, q, q, starts, starts, 5, 5)

class Attended(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return attend(index)

if __name__ == "__main__":
    expected = torch.stack([attend(index) for index in range(8)])  # before the workers are forked, and after
    for method in ("fork", "spawn"):
        loader = DataLoader(Attended(), batch_size=4, num_workers=2, multiprocessing_context=method)
        assert torch.equal(torch.cat(list(loader)), expected)
    assert torch.equal(attend(3), expected[3])
"""


def test_data_loader_workers(tmp_path):
    (tmp_path / "workers.py").write_text(WORKERS)
    subprocess.run([sys.executable, str(tmp_path / "workers.py")], check=True, timeout=120)


def test_a_violation_is_told(inputs, device):
    q, k, v, starts, *_ = inputs
    bad = torch.tensor([0, 5, 4, 12, 13], dtype=torch.int32, device=device)
    words = r"cu_seqlens_q\[2\] = 4 is below cu_seqlens_q\[1\] = 5"
    if device == "cpu":
        with pytest.raises(varlen.BadMetadataError, match=words):
            varlen_attn(q, k, v, bad, starts, 7, 7, enable_gqa=True)
    else:
        assert varlen_attn(q, k, v, bad, starts, 7, 7, enable_gqa=True).count_nonzero() == 0
        torch.cuda.synchronize()
        with pytest.raises(varlen.BadMetadataError, match=words):
            context(device).status()
    context(device).status()


def test_cuda_graphs(inputs, device):
    if device != "cuda":
        pytest.skip("SKIPPED: there is no CUDA device here")
    q, k, v, starts, *_ = (each.detach() if isinstance(each, torch.Tensor) else each for each in inputs)
    starts = starts.clone()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        varlen_attn(q, k, v, starts, starts, 0, 0, enable_gqa=True)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = varlen_attn(q, k, v, starts, starts, 0, 0, enable_gqa=True)
    for given in (STARTS, [0, 1, 3, 8, 13]):
        starts.copy_(torch.tensor(given, dtype=torch.int32))
        graph.replay()
        assert torch.equal(out, varlen_attn(q, k, v, starts, starts, 0, 0, enable_gqa=True))


def test_gradient_checkpoints_and_hooks_of_saved_tensors(inputs, deterministic):
    from torch.utils.checkpoint import checkpoint
    from varlen.flash_attn import flash_attn_varlen_func

    q, k, v, starts, *_ = inputs

    def attend(q, k, v):
        return flash_attn_varlen_func(q, k, v, starts, starts, 7, 7, 0.4, causal=True)  # the same mask when it is recomputed

    results = []
    for way in (attend, lambda *given: checkpoint(attend, *given, use_reentrant=False)):
        torch.manual_seed(3)
        out = way(q, k, v)
        results.append((out, *torch.autograd.grad(out.sum(), (q, k, v))))
    assert all(torch.equal(*pair) for pair in zip(*results))
    with torch.autograd.graph.saved_tensors_hooks(lambda each: each.clone(), lambda each: each):
        torch.manual_seed(3)
        out = attend(q, k, v)
    assert all(torch.equal(*pair) for pair in zip(torch.autograd.grad(out.sum(), (q, k, v)), results[0][1:]))


def test_a_changed_input_is_noticed(inputs):
    out = varlen_attn(*inputs, enable_gqa=True)
    with torch.no_grad():
        inputs[3].zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()
