"""The library itself, on NumPy arrays: every function of varlen.h, errors, structs."""

import os
import subprocess
import sys

import numpy as np
import pytest

import varlen

CU_SEQLENS = np.array([0, 2, 5, 6], np.int32)


@pytest.fixture(scope="module")
def cpu():
    with varlen.Context("cpu") as context:
        yield context


def example():
    """Causal attention whose queries are zero: each takes the mean of what it sees."""
    q, k, v = (np.zeros((6, heads, 64), np.float32) for heads in (4, 2, 2))
    v[:] = np.arange(6, dtype=np.float32)[:, None, None]
    attention = varlen.Attention(batch=3, q_heads=4, kv_heads=2, head_dim=64, total_q=6, total_k=6, mask=varlen.Mask.CAUSAL,
                                 features=varlen.FEATURE_LSE)
    return attention, varlen.Inputs(q=q, k=k, v=v, cu_seqlens_q=CU_SEQLENS, cu_seqlens_k=CU_SEQLENS)


def test_forward_and_backward(cpu):
    attention, inputs = example()
    out, lse = np.empty((6, 4, 64), np.float32), np.empty((4, 6), np.float32)
    cpu.supports(attention)
    assert cpu.explain(attention).splitlines()[0].endswith(" takes it")
    cpu.forward(attention, varlen.ForwardArgs(inputs=inputs, out=out, lse=lse))
    assert out[:, 0, 0].tolist() == [0, 0.5, 2, 2.5, 3, 5]
    np.testing.assert_allclose(lse[0], np.log([1, 2, 1, 2, 3, 1]), rtol=1e-6)
    dq, dk, dv = np.empty((6, 4, 64), np.float32), np.empty((6, 2, 64), np.float32), np.empty((6, 2, 64), np.float32)
    dout = np.ones_like(out)
    cpu.backward(attention, varlen.BackwardArgs(inputs=inputs, out=out, lse=lse, dout=dout, dq=dq, dk=dk, dv=dv))
    np.testing.assert_allclose(dv[:, 0, 0], [3, 1, 11 / 3, 5 / 3, 2 / 3, 2], rtol=1e-6)


def test_fused_views(cpu):
    qkv = np.random.default_rng(0).standard_normal((6, 3, 4, 64), np.float32)
    attention = varlen.Attention(batch=3, q_heads=4, kv_heads=4, head_dim=64, total_q=6, total_k=6)
    results = []
    for part in (lambda i: qkv[:, i], lambda i: qkv[:, i].copy()):
        out = np.empty((6, 4, 64), np.float32)
        inputs = varlen.Inputs(q=part(0), k=part(1), v=part(2), cu_seqlens_q=CU_SEQLENS, cu_seqlens_k=CU_SEQLENS)
        cpu.forward(attention, varlen.ForwardArgs(inputs=inputs, out=out))
        results.append(out)
    assert np.array_equal(*results)


def test_a_violation_is_an_exception_with_the_librarys_words(cpu):
    attention, inputs = example()
    bad = np.array([0, 5, 2, 6], np.int32)
    inputs.set(cu_seqlens_q=bad)
    with pytest.raises(varlen.BadMetadataError, match=r"cu_seqlens_q\[2\] = 2 is below cu_seqlens_q\[1\] = 5"):
        cpu.forward(attention, varlen.ForwardArgs(inputs=inputs, out=np.empty((6, 4, 64), np.float32)))
    with pytest.raises(ValueError, match="head_dim"):
        cpu.workspace_size(varlen.Attention(batch=1, q_heads=1, kv_heads=1, head_dim=60))
    with pytest.raises(NotImplementedError):
        cpu.supports(varlen.Attention(batch=1, q_heads=1, kv_heads=1, head_dim=2**20 + 8))
    cpu.status()


def test_arrays_are_checked():
    with pytest.raises(TypeError, match="cu_seqlens_q has elements of i8; it must be an array of int32"):
        varlen.Inputs(cu_seqlens_q=CU_SEQLENS.astype(np.int64))
    with pytest.raises(ValueError, match="must be dense"):
        varlen.Inputs(cu_seqlens_q=np.zeros(8, np.int32)[::2])
    with pytest.raises(ValueError, match="along dim"):
        varlen.Inputs(q=np.zeros((4, 2, 16), np.float32)[..., ::2])
    with pytest.raises(TypeError, match="Inputs has no field query"):
        varlen.Inputs(query=CU_SEQLENS)
    assert varlen.Inputs(q=np.broadcast_to(np.zeros((1, 2, 8), np.float32), (4, 2, 8))).q.token_stride == varlen.EXPANDED


def test_structs_keep_what_they_point_to(cpu):
    attention, _ = example()
    out = np.empty((6, 4, 64), np.float32)
    args = varlen.ForwardArgs(out=out, inputs=varlen.Inputs(
        q=np.zeros((6, 4, 64), np.float32), k=np.zeros((6, 2, 64), np.float32), v=np.ones((6, 2, 64), np.float32),
        cu_seqlens_q=np.array([0, 2, 5, 6], np.int32), cu_seqlens_k=np.array([0, 2, 5, 6], np.int32)))
    attention.features = 0
    cpu.forward(attention, args)
    assert (out == 1).all()
    assert repr(varlen.Attention(batch=3)) == "Attention(batch=3)"


def test_merge(cpu):
    parts = np.stack([np.full((3, 2, 8), 1, np.float32), np.full((3, 2, 8), 4, np.float32)])
    lses = np.log(np.stack([np.full((2, 3), 2, np.float32), np.full((2, 3), 1, np.float32)]))
    out, lse = np.empty((3, 2, 8), np.float32), np.empty((2, 3), np.float32)
    cpu.merge(varlen.MergeArgs(parts=2, heads=2, tokens=3, value_dim=8, partial_out=parts[0], partial_lse=lses, out=out, lse=lse))
    np.testing.assert_allclose(out, 2, rtol=1e-6)
    np.testing.assert_allclose(lse, np.log(3), rtol=1e-6)


def test_cu_seqlens_pack_unpack(cpu):
    cu_seqlens = np.empty(4, np.int32)
    cpu.cu_seqlens(np.array([2, 3, 1], np.int32), cu_seqlens)
    assert cu_seqlens.tolist() == [0, 2, 5, 6]
    packed = np.arange(1, 7, dtype=np.int64).reshape(6, 1, 1)
    padded = np.empty((3, 4, 1, 1), np.int64)
    given = dict(element_size=8, batch=3, max_seqlen=4, heads=1, dim=1, total=6, padded=padded[0], packed=packed,
                 cu_seqlens=cu_seqlens)
    for leftpad, rows in ((None, [[1, 2, 0, 0], [3, 4, 5, 0], [6, 0, 0, 0]]),
                          (np.array([2, 0, 3], np.int32), [[0, 0, 1, 2], [3, 4, 5, 0], [0, 0, 0, 6]])):
        args = varlen.PackArgs(**given, leftpad=leftpad)
        cpu.unpack(args)
        assert padded[..., 0, 0].tolist() == rows
        packed[:] = 0
        cpu.pack(args)
        assert packed.flatten().tolist() == [1, 2, 3, 4, 5, 6]
    with pytest.raises(varlen.BadMetadataError, match="sequence 0 has 5 tokens, padding before them included"):
        cpu.pack(varlen.PackArgs(**given, leftpad=np.array([3, 0, 3], np.int32)))


def test_kv_append(cpu):
    k, v = np.zeros((2, 4, 1, 8), np.float32), np.zeros((2, 4, 1, 8), np.float32)
    new = np.ones((3, 1, 8), np.float32)
    used, after = np.array([1, 2], np.int32), np.empty(2, np.int32)
    cpu.kv_append(varlen.KvAppendArgs(
        batch=2, kv_heads=1, head_dim=8, total_new=3, page_size=4, page_table_width=1, page_count=2, k_new=new, v_new=new,
        k_cache=k, v_cache=v, cu_seqlens_new=np.array([0, 2, 3], np.int32), seqused_k=used, seqused_k_out=after,
        page_table=np.array([[1], [0]], np.int32)))
    assert after.tolist() == [3, 3]
    assert k[:, :, 0, 0].tolist() == [[0, 0, 1, 0], [0, 1, 1, 0]]


def test_kv_append_of_keys_alone(cpu):
    """Into a latent cache, of whose columns the last two turn: here by a right angle at position 1."""
    keys = np.zeros((2, 1, 8), np.float32)
    new = np.arange(1, 9, dtype=np.float32).reshape(1, 1, 8)
    args = {"batch": 1, "kv_heads": 1, "head_dim": 8, "total_new": 1, "total_k": 2, "k_new": new, "k_cache": keys,
            "cu_seqlens_new": np.array([0, 1], np.int32), "cu_seqlens_k": np.array([0, 2], np.int32),
            "seqused_k": np.array([1], np.int32), "rotary_cos": np.array([[1], [0]], np.float32),
            "rotary_sin": np.array([[0], [1]], np.float32), "rotary_positions": 2, "rotary_dim": 2}
    cpu.kv_append(varlen.KvAppendArgs(**args, rotary_begin=6))
    assert keys[:, 0].tolist() == [[0] * 8, [1, 2, 3, 4, 5, 6, -8, 7]]
    with pytest.raises(varlen.InvalidArgumentError, match="rotary_begin = 7 . rotary_dim = 2 is above head_dim = 8"):
        cpu.kv_append(varlen.KvAppendArgs(**args, rotary_begin=7))
    with pytest.raises(varlen.InvalidArgumentError, match="v_new.data is NULL, but v_cache.data is given"):
        cpu.kv_append(varlen.KvAppendArgs(**args, v_cache=keys))


def test_memory_streams_events(cpu):
    data = cpu.alloc(64)
    assert data % 256 == 0
    back = np.empty(64, np.uint8)
    stream, start, end = cpu.stream_create(), cpu.event_create(), cpu.event_create()
    cpu.event_record(start, stream)
    cpu.fill(data, 7, 64, stream)
    cpu.copy(back, data, 64, stream)
    cpu.event_record(end, stream)
    cpu.stream_wait(stream, end)
    cpu.event_synchronize(end)
    cpu.synchronize(stream)
    assert cpu.event_elapsed(start, end) >= 0
    assert (back == 7).all()
    for event in (start, end):
        cpu.event_destroy(event)
    cpu.stream_destroy(stream)
    cpu.free(data)


def test_descriptions(cpu):
    assert varlen.version() == varlen.__version__
    assert varlen.BackendState.USABLE in [each.state for each in varlen.backends() if each.name == b"cpu"]
    assert b"VARLEN_BACKEND" in [each.name for each in varlen.environment()]
    assert varlen.search_folders()
    assert varlen.device("cpu").flags & varlen.DEVICE_HOST_MEMORY
    assert cpu.name == "cpu:0" and repr(cpu) == "<varlen.Context cpu:0>"
    assert isinstance(cpu.kernel_families(), list)
    with pytest.raises(varlen.BackendUnavailableError, match="mars"):
        varlen.Context("mars")


def test_log_sink():
    lines = []
    varlen.set_log_sink(lambda level, message: lines.append((level, message)))
    try:
        varlen.Context("cpu").close()
    finally:
        varlen.set_log_sink(None)
    assert lines and isinstance(lines[0][0], varlen.LogLevel)


def test_a_context_closes_once():
    context = varlen.Context("cpu")
    context.close()
    context.close()
    assert repr(context) == "<varlen.Context, closed>"


def test_where_the_library_is_looked_for():
    environment = {**os.environ, "VARLEN_LIBRARY": "/nowhere/libvarlen.so.0"}
    result = subprocess.run([sys.executable, "-c", "import varlen; varlen.version()"], env=environment, text=True,
                            stderr=subprocess.PIPE, check=False)
    assert "BackendUnavailableError: /nowhere/libvarlen.so.0 cannot be loaded (VARLEN_LIBRARY names it)" in result.stderr
