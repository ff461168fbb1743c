#!/usr/bin/env python3
"""Code that the guides show is code that is built and run: code_test.py SOURCE_FOLDER GUIDE...

Each block of C, C++, CMake, make and Rust stands word for word, indentation aside, in a file of examples/ or bindings/rust. A
line of three dots stands for lines that are left out."""

import re
import sys
import textwrap
from pathlib import Path

LANGUAGES = {"c": (".c", ".h"), "cpp": (".cpp", ".hpp"), "cmake": ("CMakeLists.txt",), "make": ("Makefile",),
             "rust": (".rs",)}


def lines_of(text):
    return [line.strip() for line in textwrap.dedent(text).strip().splitlines()]


def pieces_of(block):
    """Runs of lines between lines of three dots."""
    pieces = [[]]
    for line in lines_of(block):
        if line == "...":
            pieces.append([])
        else:
            pieces[-1].append(line)
    stripped = ("\n".join(piece).strip("\n") for piece in pieces)
    return [piece.split("\n") for piece in stripped if piece]


def is_in(pieces, lines):
    """Whether the pieces stand in the lines, one behind another."""
    at = 0
    for piece in pieces:
        starts = [i for i in range(at, len(lines) - len(piece) + 1) if lines[i:i + len(piece)] == piece]
        if not starts:
            return False
        at = starts[0] + len(piece)
    return True


def documented(text):
    """Of Rust, what stands in its documentation too."""
    return text + "\n" + "\n".join(line.strip()[3:].lstrip() for line in text.splitlines() if line.startswith("//!"))


def faults(root, guide):
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", guide.read_text(), re.S | re.M)
    shown = [(language, block) for language, block in blocks if language in LANGUAGES]
    if not shown:
        yield f"{guide.name} shows no code"
    files = [path for folder in ("examples", "bindings/rust") for path in (root / folder).rglob("*")
             if path.is_file() and "target" not in path.relative_to(root).parts]
    for language, block in shown:
        sources = [path for path in files if path.name.endswith(LANGUAGES[language])]
        pieces = pieces_of(block)
        if not any(is_in(pieces, lines_of(documented(path.read_text()))) for path in sources):
            yield f"{guide.name}: no file has this {language}:\n{block}"


root = Path(sys.argv[1])
sys.exit("\n".join(fault for name in sys.argv[2:] for fault in faults(root, Path(name))) or 0)
