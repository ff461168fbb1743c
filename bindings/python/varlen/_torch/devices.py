"""Which context and which stream a tensor's call goes to."""

import functools
from typing import Optional

import torch

from .._context import Context
from .._errors import UnsupportedError
from .._header import Attention, Dtype, Pass

_GPU_BACKEND = "hip" if getattr(torch.version, "hip", None) else "cuda"
_raw_stream = getattr(torch._C, "_cuda_getCurrentRawStream", None)


@functools.lru_cache(maxsize=None)
def _opened(backend: str, threads: int) -> Context:
    """Contexts stay open: they are few, and torch's own streams outlive them nowhere."""
    return Context(backend, threads)


def context_of(tensor: torch.Tensor) -> Context:
    """The context for a tensor's device: on the CPU one with as many threads as torch has now."""
    if tensor.is_cuda:
        return _opened(f"{_GPU_BACKEND}:{tensor.device.index}", 0)
    if tensor.device.type == "cpu":
        return _opened("cpu", torch.get_num_threads())
    raise UnsupportedError(f"there is no varlen backend for tensors on {tensor.device}: they must be on cpu, cuda or ROCm")


@functools.lru_cache(maxsize=None)
def knows(context: Context, feature: int) -> bool:
    """Whether a context's device does both passes with a feature."""
    attention = Attention(dtype=int(Dtype.FLOAT16), q_heads=1, kv_heads=1, head_dim=64, features=feature)
    try:
        for direction in Pass:
            context.supports(attention, direction)
    except UnsupportedError:
        return False
    return True


def stream_of(tensor: torch.Tensor) -> Optional[int]:
    """torch's current stream on a tensor's device."""
    if not tensor.is_cuda:
        return None
    if _raw_stream is not None:
        return _raw_stream(tensor.device.index)
    return torch.cuda.current_stream(tensor.device).cuda_stream


def context(device: "torch.device | str | int" = "cpu") -> Context:
    """The context that calls on a device's tensors use: context("cuda").status() tells a violation found late.

    On the CPU a violation is raised by the call itself.
    """
    device = torch.device(device)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", torch.cuda.current_device())
    return context_of(torch.empty(0, device=device))
