"""What calls have in common: structs filled once for all calls whose tensors differ in their addresses alone.

A model makes the same call in each of its layers. All that a tensor is but for its address (shape, strides, dtype, device) is
its form; the forms of a call's tensors, with its options, find the call's plan, and a call fills addresses into a copy of the
plan's structs.
"""

import ctypes
from ctypes import addressof
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

import torch

from .._header import FEATURE_SINKS, Attention, BackwardArgs, ForwardArgs, Inputs, Pass
from .devices import context_of
from .problem import TENSORS, Problem, check_metadata, fill_metadata, fill_options
from .scales import scale_strides
from .views import DTYPES, KV_DTYPES, point, usable, usable_strides

Tensor = torch.Tensor
Tensors = Tuple[Optional[Tensor], ...]  # of a call: q, k, v, sinks and the tensors of its problem
Args = Union[ForwardArgs, BackwardArgs]

MOST_PLANS = 512  # all are dropped beyond: lengths that change at each step would collect them without end

_WORD = ctypes.sizeof(ctypes.c_void_p)


def word_of(struct: type, field: str) -> int:
    """Where an address lies in a struct; a view begins with its own."""
    return getattr(struct, field).offset // _WORD


_INPUT_WORDS = [word_of(Inputs, name) for name in ("q", "k", "v", "sinks", *Problem._fields[:TENSORS])]


def form(tensor: Tensor) -> "Tuple[Any, ...]":
    return tensor.shape, tensor.stride(), tensor.dtype, tensor.device


def check_shapes(q: Tensor, k: Tensor, v: Tensor, paged: bool) -> None:
    q_shape, k_shape, v_shape = q.shape, k.shape, v.shape
    if len(q_shape) != 3:
        raise ValueError(f"q has shape {tuple(q_shape)}; it must be [tokens, heads, dim]")
    layout = "[pages, page_size, heads, dim], with a page table" if paged else "[tokens, heads, dim]"
    for name, tensor, shape in (("k", k, k_shape), ("v", v, v_shape)):
        if len(shape) != 3 + paged:
            raise ValueError(f"{name} has shape {tuple(shape)}; it must be {layout}")
        if tensor.dtype is not q.dtype and (tensor.dtype not in KV_DTYPES or tensor.dtype is not k.dtype):
            raise TypeError(f"{name} has dtype {tensor.dtype}; it must be {q.dtype}, as q is")
        if tensor.device != q.device:
            raise ValueError(f"{name} is on {tensor.device}; it must be on {q.device}, where q is")
    if k_shape[-1] != q_shape[-1]:
        raise ValueError(f"k has a head_dim of {k_shape[-1]}; it must be {q_shape[-1]}, as that of q")
    if k_shape != v_shape and k_shape[:-1] != v_shape[:-1]:
        raise ValueError(f"v has shape {tuple(v_shape)}; all but its last dimension must be as those of k, {tuple(k_shape)}")
    if q.dtype not in DTYPES:
        raise TypeError(f"q has dtype {q.dtype}; it must be float32, float16 or bfloat16")


class Frame:
    """The structs of one call, and their words, which are set faster than fields."""

    __slots__ = ("inputs", "args", "input_words", "arg_words", "address")

    def __init__(self, inputs: Inputs, args: Args) -> None:
        self.inputs, self.args = inputs, args
        self.args.inputs = addressof(inputs)
        self.input_words, self.arg_words = (memoryview(each).cast("B").cast("Q") for each in (inputs, args))
        self.address = addressof(args)


class Plan:
    """The call of some forms: its problem, its workspace, and frames that wait for a call."""

    def __init__(self, tensors: Tensors, problem: Problem, direction: Pass, args: Args, features: int) -> None:
        q = tensors[0]
        self.attention, self._inputs, self._args = Attention(), Inputs(), args
        self._fill(*tensors[:4], problem, features)
        self.attention_address = addressof(self.attention)
        self.present = [(at, word) for at, (tensor, word) in enumerate(zip(tensors, _INPUT_WORDS)) if tensor is not None]
        self.out_shape = (self.attention.total_q, self.attention.q_heads, self.attention.value_dim)
        self.like_q = q.shape == self.out_shape
        self.lse_shape = (self.attention.q_heads, self.attention.total_q)
        self.context = context_of(q)
        self.handle = self.context.handle
        self.workspace_size = args.workspace_size = self.context.workspace_size(self.attention, direction)
        self._frames: List[Frame] = []

    def _fill(self, q: Tensor, k: Tensor, v: Tensor, sinks: Optional[Tensor], problem: Problem, features: int) -> None:
        attention, inputs = self.attention, self._inputs
        attention.dtype = DTYPES[q.dtype]
        attention.kv_dtype = 0 if k.dtype is q.dtype else KV_DTYPES[k.dtype]
        attention.batch = batch = problem.cu_seqlens_q.shape[0] - 1
        attention.total_q, attention.q_heads, attention.head_dim = q.shape
        *pool, attention.kv_heads, attention.value_dim = v.shape
        if problem.page_table is not None:
            attention.page_count, attention.page_size = pool
            inputs.k_page_stride, inputs.v_page_stride = k.stride(0), v.stride(0)
        else:
            attention.total_k = pool[0]
        for name in ("k_scale", "v_scale"):
            scale = getattr(problem, name)
            if scale is not None:
                token, head, page = scale_strides(scale, name, tuple(pool), attention.kv_heads, q.device)
                inputs.set(**{f"{name}_token_stride": token, f"{name}_head_stride": head, f"{name}_page_stride": page})
        fill_options(problem, attention)
        features |= fill_metadata(problem, batch, attention, inputs, q.device)
        features |= point(inputs.q, q) | point(inputs.k, k) | point(inputs.v, v)
        if sinks is not None:
            check_metadata(sinks, "sinks", torch.float32, (attention.q_heads,), q.device)
            features |= FEATURE_SINKS
        attention.features = features

    def take(self, tensors: Tensors) -> Frame:
        """A frame with the addresses of a call's tensors, which must live until it is given back."""
        try:
            frame = self._frames.pop()  # one step of the interpreter: no other thread gets the same
        except IndexError:
            frame = Frame(Inputs.from_buffer_copy(self._inputs), type(self._args).from_buffer_copy(self._args))
        words = frame.input_words
        for at, word in self.present:
            words[word] = tensors[at].data_ptr()
        return frame

    def give_back(self, frame: Frame) -> None:
        self._frames.append(frame)


_plans: "Dict[Any, Optional[Plan]]" = {}
_UNKNOWN: Any = object()


def find(tensors: Tensors, problem: Problem, kind: "Tuple[Any, ...]", make: "Callable[..., Optional[Plan]]", *given: Any
         ) -> Optional[Plan]:
    """The plan of a call of a kind; make(tensors, problem, *given) makes one that is new.

    None where the library cannot take tensors as they lie: it can then take what usable_all makes of them.
    """
    key = (kind, problem[TENSORS:], torch.are_deterministic_algorithms_enabled(), torch.get_num_threads(),
           *[each if each is None else (each.shape, each.stride(), each.dtype, each.device) for each in tensors])
    plan = _plans.get(key, _UNKNOWN)
    if plan is _UNKNOWN:
        check_shapes(*tensors[:3], problem.page_table is not None)
        plan = make(tensors, problem, *given) if all_usable(tensors) else None
        if len(_plans) >= MOST_PLANS:
            _plans.clear()
        _plans[key] = plan
    return plan


def all_usable(tensors: Tensors) -> bool:
    return (all(usable_strides(each) for each in tensors[:3])
            and all(each is None or each.is_contiguous() for each in tensors[3:]))


def usable_all(tensors: Tensors, problem: Problem) -> "Tuple[Any, ...]":
    """q, k, v, sinks and the problem, with copies for what the library cannot take."""
    q, k, v, *rest = tensors
    sinks, *metadata = (each if each is None else each.contiguous() for each in rest)
    return usable(q), usable(k), usable(v), sinks, Problem(*metadata, *problem[TENSORS:])
