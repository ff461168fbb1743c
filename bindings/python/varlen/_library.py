"""Finds and loads libvarlen.

The first of these that is there: the file that VARLEN_LIBRARY names; lib/libvarlen.so.0 in this package, where wheels have
it; libvarlen.so.0 where the system looks for libraries.
"""

import ctypes
import functools
import importlib.util
import os
from pathlib import Path

from ._errors import BY_STATUS, BackendUnavailableError, VarlenError
from ._header import FUNCTIONS, VERSION_MAJOR, VERSION_MINOR

SONAME = f"libvarlen.so.{VERSION_MAJOR}"
BESIDE = Path(__file__).parent / "lib" / SONAME
# Packages that hold one backend plugin each, and nothing else.
PLUGIN_PACKAGES = ("varlen_cuda",)


@functools.lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """The library, with the types of its functions. It is loaded once, and stays."""
    loaded = _load()
    for name, (result, parameters) in FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, parameters
    version = loaded.varlen_version().decode()
    if version.split(".")[:2] != [str(VERSION_MAJOR), str(VERSION_MINOR)]:
        raise VarlenError(f"{loaded._name} is varlen {version}; this package is for {VERSION_MAJOR}.{VERSION_MINOR}")
    for package in PLUGIN_PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            check(loaded.varlen_add_backend_folder(os.fsencode(os.path.abspath(folder))))
    return loaded


def _load() -> ctypes.CDLL:
    named = os.environ.get("VARLEN_LIBRARY")
    if named:
        path, reason = named, "VARLEN_LIBRARY names it"
    elif BESIDE.exists():
        path, reason = str(BESIDE), "it lies in the package"
    else:
        path, reason = SONAME, f"VARLEN_LIBRARY is not set, and there is no {BESIDE}"
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise BackendUnavailableError(f"{path} cannot be loaded ({reason}): {error}") from error


def check(status: int) -> None:
    """Raises what a status says, with the library's message."""
    if status:
        message = library().varlen_error_message().decode(errors="replace")
        raise BY_STATUS.get(status, VarlenError)(message)
