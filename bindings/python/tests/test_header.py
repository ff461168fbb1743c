"""The generated layouts are those of varlen.h, and those that the ABI's own test freezes."""

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import pytest

from varlen import _header

PACKAGE = Path(__file__).resolve().parents[1]
LAYOUT = (PACKAGE.parents[1] / "tests" / "headers" / "layout.c").read_text()
HEADER = (PACKAGE.parents[1] / "include" / "varlen" / "varlen.h").read_text()


def named(name):
    return getattr(_header, "".join(word.capitalize() for word in name.split("_")[1:]), None)


STRUCTS = re.findall(r"typedef struct (\w+) \{", HEADER)


def test_generated_from_this_header():
    subprocess.run([sys.executable, str(PACKAGE / "generate_header.py"), "--check"], check=True)


@pytest.mark.parametrize("struct", STRUCTS)
def test_sizes_and_offsets(struct):
    size = re.search(rf"^SIZE\({struct}, (\d+)\);", LAYOUT, re.M)
    fields = dict(re.findall(rf"^FIELD\({struct}, (\w+), (\d+)\);", LAYOUT, re.M))
    kind = named(struct)
    assert ctypes.sizeof(kind) == int(size[1])
    assert {name: getattr(kind, name).offset for name, _ in kind._fields_} == {name: int(at) for name, at in fields.items()}


def test_values():
    values = dict(re.findall(r"^VALUE\(VARLEN_(\w+), (-?\w+)\);", LAYOUT, re.M))
    for enum in re.findall(r"typedef enum (\w+) \{(.*?)\}", HEADER, re.S):
        members = {int(value) for value in re.findall(r"= (\d+)", enum[1])}
        assert {int(member) for member in named(enum[0])} == members
        for member in named(enum[0]):
            assert int(values[next(name for name in values if name.endswith(member.name) and f"VARLEN_{name} " in enum[1])],
                       0) == member
    for name in (name for name in _header.__all__ if name.startswith(("FLAG_", "FEATURE_", "UNBOUNDED", "EXPANDED"))):
        assert getattr(_header, name) == int(values[name], 0), name


def test_every_function_is_there():
    assert set(_header.FUNCTIONS) == set(re.findall(r"^VARLEN_API [^(]*?(varlen_\w+)\(", HEADER, re.M))
