#!/usr/bin/env python3
"""varlen.h alone has the version: what must repeat it agrees, and nothing else that is built or packaged does.

usage: version_test.py SOURCE_DIR
"""

import re
import sys
from pathlib import Path

# Files that repeat it, with where; each that is there must, in all these places.
REPEATED = {
    "CHANGELOG.md": r"\A# Changes\n\n## ([\d.]+)",
    "debian/changelog": r"\Avarlen \(([\d.]+)-",
    "bindings/rust/*/Cargo.toml": r"^(?:version|varlen-sys = .*version) = \"([\d.]+)\"",
    "bindings/rust/Cargo.lock": r"^name = \"varlen(?:-sys)?\"\nversion = \"([\d.]+)\"",
}
# Files that must not. They read the header, or are written from it; the record of symbols has the version that brought each.
BUILT = ("*.cmake", "*.toml", "*.in", "*.json", "CMakeLists.txt")
FOLDERS = ("backends", "bindings", "cmake", "core", "debian", "examples", "tests", "tools")


def version_of(header):
    return ".".join(re.findall(r"^#define VARLEN_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", header.read_text(), re.MULTILINE))


def faults(root):
    version = version_of(root / "include" / "varlen" / "varlen.h")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        yield f"varlen.h has no version, but: {version}"
    repeating = {path: pattern for name, pattern in REPEATED.items() for path in root.glob(name)}
    for path, pattern in repeating.items():
        told = re.findall(pattern, path.read_text(), re.MULTILINE)
        if set(told) != {version}:
            yield f"{path.relative_to(root)} is of version {', '.join(told) or 'none'}, varlen.h of {version}"
    built = [path for folder in FOLDERS for pattern in BUILT for path in (root / folder).rglob(pattern)]
    for path in sorted({*root.glob("CMake*"), *built} - set(repeating)):
        if re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", path.read_text()):
            yield f"{path.relative_to(root)} has the version {version}, which is varlen.h's to tell"


sys.exit("\n".join(faults(Path(sys.argv[1]))) or 0)
