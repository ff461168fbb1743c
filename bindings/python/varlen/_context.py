"""varlen.Context: one device of one backend, and every call of varlen.h on it."""

import ctypes
import sys
from ctypes import byref
from typing import Any, List, Optional

from ._arrays import address_of, is_array
from ._header import (EXPLAIN_SIZE, Attention, BackwardArgs, DeviceInfo, ForwardArgs, KernelFamily, KvAppendArgs, MergeArgs,
                      OpenOptions, PackArgs, Pass)
from ._library import check, library


def _address(data: Any, name: str, elements: Optional[str] = None) -> Optional[int]:
    return address_of(data, name, elements) if is_array(data) else data


class Context:
    """One device of one backend.

    backend is what VARLEN_BACKEND may be: "auto", "cpu", "cuda:1", "cuda, cpu"; None leaves the choice to the environment.
    threads is for the CPU backend: 0 follows the process and OpenMP. Calls may be made from several threads at once.
    Streams, events and memory are addresses. The context is closed with close(), at the end of a with block, or when
    nothing refers to it.
    """

    def __init__(self, backend: Optional[str] = None, threads: int = 0) -> None:
        self._library = library()
        self.handle: Optional[int] = None
        handle = ctypes.c_void_p()
        options = OpenOptions(backend=backend, threads=threads)
        check(self._library.varlen_open(byref(options), byref(handle)))
        self.handle = handle.value

    def close(self) -> None:
        """Waits for the context's own work and frees it. Its memory, streams and events must have been freed before."""
        handle, self.handle = self.handle, None
        if handle:
            self._library.varlen_close(handle)

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "handle", None) and not sys.is_finalizing():  # a vendor's runtime may be gone by then
            self.close()

    def __repr__(self) -> str:
        return f"<varlen.Context {self.name}>" if self.handle else "<varlen.Context, closed>"

    # ---- what the device is, and what has happened on it

    @property
    def device(self) -> DeviceInfo:
        info = DeviceInfo()
        check(self._library.varlen_context_device(self.handle, byref(info)))
        return info

    @property
    def name(self) -> str:
        """What VARLEN_BACKEND would be to open this device: "cpu:0"."""
        info = self.device
        return f"{info.backend.decode()}:{info.device}"

    def status(self) -> None:
        """Raises BadMetadataError with the first violation that the device has found since the last call that told one.

        Does not wait: synchronize the stream first to hear about all work enqueued so far. On the CPU the call itself fails.
        """
        check(self._library.varlen_context_status(self.handle))

    def kernel_families(self) -> List[KernelFamily]:
        families = [KernelFamily() for _ in range(self._library.varlen_kernel_family_count(self.handle))]
        for index, family in enumerate(families):
            check(self._library.varlen_get_kernel_family(self.handle, index, byref(family)))
        return families

    # ---- attention

    def supports(self, attention: Attention, direction: Pass = Pass.FORWARD) -> None:
        """Raises with the reason where the backend does not do a problem."""
        check(self._library.varlen_supports(self.handle, byref(attention), direction))

    def workspace_size(self, attention: Attention, direction: Pass = Pass.FORWARD) -> int:
        size = ctypes.c_size_t()
        check(self._library.varlen_workspace_size(self.handle, byref(attention), direction, byref(size)))
        return size.value

    def explain(self, attention: Attention, direction: Pass = Pass.FORWARD) -> str:
        """Which kernels calls of a problem go to and why not to others, a line each."""
        text = ctypes.create_string_buffer(EXPLAIN_SIZE)
        check(self._library.varlen_explain(self.handle, byref(attention), direction, text, len(text)))
        return text.value.decode()

    def forward(self, attention: Attention, args: ForwardArgs, stream: Optional[int] = None) -> None:
        """varlen_forward. Arguments without a workspace get one for the length of the call."""
        self._attend(self._library.varlen_forward, Pass.FORWARD, attention, args, stream)

    def backward(self, attention: Attention, args: BackwardArgs, stream: Optional[int] = None) -> None:
        """varlen_backward. Arguments without a workspace get one for the length of the call."""
        self._attend(self._library.varlen_backward, Pass.BACKWARD, attention, args, stream)

    def _attend(self, function: Any, direction: Pass, attention: Attention, args: Any, stream: Optional[int]) -> None:
        if args.workspace:
            return check(function(self.handle, stream, byref(attention), byref(args)))
        args.workspace_size = self.workspace_size(attention, direction)
        args.workspace = self.alloc(args.workspace_size)
        try:
            check(function(self.handle, stream, byref(attention), byref(args)))
            if args.workspace:
                self.synchronize(stream)
        finally:
            self.free(args.workspace)
            args.workspace = None

    # ---- around attention

    def merge(self, args: MergeArgs, stream: Optional[int] = None) -> None:
        check(self._library.varlen_merge(self.handle, stream, byref(args)))

    def cu_seqlens(self, lengths: Any, cu_seqlens: Any, batch: Optional[int] = None, stream: Optional[int] = None) -> None:
        """Writes the running sums of lengths, int32 [batch], to cu_seqlens, int32 [batch + 1]."""
        batch = len(lengths) if batch is None else batch
        check(self._library.varlen_cu_seqlens(self.handle, stream, batch, _address(lengths, "lengths", "int32"),
                                              _address(cu_seqlens, "cu_seqlens", "int32")))

    def pack(self, args: PackArgs, stream: Optional[int] = None) -> None:
        check(self._library.varlen_pack(self.handle, stream, byref(args)))

    def unpack(self, args: PackArgs, stream: Optional[int] = None) -> None:
        check(self._library.varlen_unpack(self.handle, stream, byref(args)))

    def kv_append(self, args: KvAppendArgs, stream: Optional[int] = None) -> None:
        check(self._library.varlen_kv_append(self.handle, stream, byref(args)))

    # ---- memory, streams, events

    def alloc(self, size: int) -> Optional[int]:
        data = ctypes.c_void_p()
        check(self._library.varlen_alloc(self.handle, size, byref(data)))
        return data.value

    def free(self, data: Optional[int]) -> None:
        check(self._library.varlen_free(self.handle, data))

    def copy(self, destination: Any, source: Any, size: int, stream: Optional[int] = None) -> None:
        check(self._library.varlen_copy(self.handle, stream, _address(destination, "destination"),
                                        _address(source, "source"), size))

    def fill(self, destination: Any, value: int, size: int, stream: Optional[int] = None) -> None:
        check(self._library.varlen_fill(self.handle, stream, _address(destination, "destination"), value, size))

    def stream_create(self) -> Optional[int]:
        stream = ctypes.c_void_p()
        check(self._library.varlen_stream_create(self.handle, byref(stream)))
        return stream.value

    def stream_destroy(self, stream: Optional[int]) -> None:
        check(self._library.varlen_stream_destroy(self.handle, stream))

    def synchronize(self, stream: Optional[int] = None) -> None:
        check(self._library.varlen_stream_synchronize(self.handle, stream))

    def event_create(self) -> Optional[int]:
        event = ctypes.c_void_p()
        check(self._library.varlen_event_create(self.handle, byref(event)))
        return event.value

    def event_destroy(self, event: Optional[int]) -> None:
        check(self._library.varlen_event_destroy(self.handle, event))

    def event_record(self, event: Optional[int], stream: Optional[int] = None) -> None:
        check(self._library.varlen_event_record(self.handle, event, stream))

    def event_synchronize(self, event: Optional[int]) -> None:
        check(self._library.varlen_event_synchronize(self.handle, event))

    def event_elapsed(self, start: Optional[int], end: Optional[int]) -> float:
        """Milliseconds between two events that have both been reached."""
        milliseconds = ctypes.c_double()
        check(self._library.varlen_event_elapsed(self.handle, start, end, byref(milliseconds)))
        return milliseconds.value

    def stream_wait(self, stream: Optional[int], event: Optional[int]) -> None:
        check(self._library.varlen_stream_wait(self.handle, stream, event))
