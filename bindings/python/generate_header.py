#!/usr/bin/env python3
"""Writes varlen/_header.py, what varlen.h declares, for ctypes.

usage: generate_header.py [--check]

--check writes nothing, and fails where the file is not what the header says.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "include" / "varlen" / "varlen.h"
TARGET = HERE / "varlen" / "_header.py"

SCALARS = {"int32_t": "c_int32", "uint32_t": "c_uint32", "int64_t": "c_int64", "uint64_t": "c_uint64",
           "uint8_t": "c_uint8", "size_t": "c_size_t", "float": "c_float", "double": "c_double"}
SHARED = {"varlen_alignment": "ALIGN_", "varlen_backend_state": "BACKEND_", "varlen_log_level": "LOG_"}
ELEMENTS = {"int32_t": "int32", "float": "float32", "uint64_t": "uint64"}

PREFACE = '''"""What varlen.h declares: constants, structs, functions. Written by generate_header.py; the header has the comments."""

from ctypes import (CFUNCTYPE, c_char, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_uint8, c_uint32,
                    c_uint64, c_void_p)
from enum import IntEnum

from ._struct import Struct
'''


def class_name(name: str) -> str:
    """varlen_forward_args is ForwardArgs."""
    return "".join(word.capitalize() for word in name.split("_")[1:])


def constants(text: str) -> "list[str]":
    lines = []
    for name, value in re.findall(r"^#define VARLEN_(\w+) +(\S.*)$", text, re.M):
        if name == "API":
            continue
        value = re.sub(r"\(u?int\d+_t\)|(?<=[0-9a-f])u\b", "", value.strip())
        lines.append(f"{name} = {value.strip('()')}")
    return lines


def enums(text: str) -> "dict[str, list[tuple[str, str]]]":
    return {name: re.findall(r"VARLEN_(\w+) = (\d+)", body)
            for name, body in re.findall(r"typedef enum (\w+) \{(.*?)\}", text, re.S)}


def enum_lines(name: str, members: "list[tuple[str, str]]") -> "list[str]":
    """Members lose what they have in common: Status.ERROR_DEVICE, Mask.CAUSAL, Pass.FORWARD."""
    prefix = name.split("_", 1)[1].upper() + "_"
    shared = prefix if all(member.startswith(prefix) for member, _ in members) else ""
    shared = shared or SHARED.get(name, "")
    return [f"class {class_name(name)}(IntEnum):", *(f"    {member[len(shared):]} = {value}" for member, value in members)]


class Types:
    """C types as ctypes has them."""

    def __init__(self, text: str):
        self.enums = set(enums(text))
        self.structs = set(re.findall(r"typedef struct (\w+) \{", text))

    def of(self, text: str) -> str:
        text = re.sub(r"\bconst\b", "", text).strip()
        if text.replace(" ", "") == "char*":
            return "c_char_p"
        if "*" in text or text in ("varlen_stream", "varlen_event"):
            return "c_void_p"
        if text == "varlen_log_sink":
            return "LogSink"
        if text in self.structs:
            return class_name(text)
        return "c_int" if text in self.enums else SCALARS[text]


def struct_lines(name: str, body: str, types: Types) -> "list[str]":
    fields, elements = [], []
    for declaration in re.findall(r"[^;]+;", body):
        kind, stars, field, count = re.match(r"\s*(.*?)\s*(\**)(\w+)(?:\[(\d+)\])?;", declaration, re.S).groups()
        base = re.sub(r"\bconst\b", "", kind).strip()
        ctype = f"c_char * {count}" if count else types.of(f"{kind} {stars}")
        fields.append(f'        ("{field}", {ctype}),')
        if stars and base in ELEMENTS:
            elements.append(f'"{field}": "{ELEMENTS[base]}"')
    lines = [f"class {class_name(name)}(Struct):", "    _fields_ = [", *fields, "    ]"]
    return lines + ([wrap("    _elements_ = {", elements, "}")] if elements else [])


def wrap(start: str, parts: "list[str]", end: str) -> str:
    lines, line = [], start
    for index, part in enumerate(parts):
        part += "," if index + 1 < len(parts) else end
        if len(line) + len(part) > 118:
            lines.append(line)
            line = " " * (len(start) - 1)
        line += part if line.endswith(("{", "[", "(")) else f" {part}"
    return "\n".join([*lines, line])


def function_lines(text: str, types: Types) -> "list[str]":
    lines = []
    for result, name, parameters in re.findall(r"^VARLEN_API\s+([\w ]+?[ *]+)(varlen_\w+)\(([^)]*)\);", text, re.M):
        kinds = [types.of(re.sub(r"\w+$", "", each.strip())) for each in parameters.split(",") if each.strip() != "void"]
        kind = "None" if result.strip() == "void" else types.of(result)
        lines.append(f'    "{name}": ({kind}, [{", ".join(kinds)}]),')
    return lines


def generate(header: str) -> str:
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    types = Types(text)
    parts = ["\n".join(constants(text))]
    parts += ["\n".join(enum_lines(name, members)) for name, members in enums(text).items()]
    parts.append("LogSink = CFUNCTYPE(None, c_void_p, c_int, c_char_p)")
    parts += ["\n".join(struct_lines(name, body, types))
              for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\n\}", text, re.S)]
    parts.append("\n".join(["# name: (result, parameters)", "FUNCTIONS = {", *function_lines(text, types), "}"]))
    names = re.findall(r"^(?:class )?([A-Z]\w+)(?: =|\()", "\n".join(parts), re.M)
    exported = wrap("__all__ = [", [f'"{name}"' for name in names if name != "FUNCTIONS"], "]")
    return "\n\n\n".join([PREFACE + "\n" + exported, *parts]) + "\n"


def main(arguments: "list[str]") -> int:
    text = generate(HEADER.read_text())
    if arguments == ["--check"]:
        if not TARGET.exists() or TARGET.read_text() != text:
            print(f"{TARGET} is not what {HEADER} says: run {Path(__file__).name}", file=sys.stderr)
            return 1
        return 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
