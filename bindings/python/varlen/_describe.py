"""What was found on this machine: backends, devices, folders, environment. And the log."""

from ctypes import byref
from typing import Any, Callable, List, Optional

from ._header import BackendInfo, DeviceInfo, EnvironmentVariable, LogLevel, LogSink, SearchFolder
from ._library import check, library


def version() -> str:
    """The version of the library that is loaded."""
    return library().varlen_version().decode()


def _all(count: int, kind: type, get: Callable[..., int]) -> List[Any]:
    found = [kind() for _ in range(count)]
    for index, each in enumerate(found):
        check(get(index, byref(each)))
    return found


def backends() -> List[BackendInfo]:
    """Every plugin that was found, usable or not. Loads them all."""
    return _all(library().varlen_backend_count(), BackendInfo, library().varlen_get_backend)


def search_folders() -> List[SearchFolder]:
    return _all(library().varlen_search_folder_count(), SearchFolder, library().varlen_get_search_folder)


def environment() -> List[EnvironmentVariable]:
    return _all(library().varlen_environment_count(), EnvironmentVariable, library().varlen_get_environment)


def device(backend: str, index: int = 0) -> DeviceInfo:
    """Describes a device without opening it."""
    info = DeviceInfo()
    check(library().varlen_get_device(backend.encode(), index, byref(info)))
    return info


def add_backend_folder(path: str) -> None:
    """Adds an absolute folder to those searched for plugins, ahead of the others."""
    check(library().varlen_add_backend_folder(path.encode()))


_sink: Any = None


def set_log_sink(sink: Optional[Callable[[LogLevel, str], None]]) -> None:
    """Sends log lines of every level to a function, in place of stderr; None goes back. It must not call varlen."""
    global _sink
    wrapped = LogSink(lambda _, level, message: sink(LogLevel(level), message.decode())) if sink else LogSink()
    library().varlen_set_log_sink(wrapped, None)
    _sink = wrapped  # the earlier one lives until the library has let go of it
