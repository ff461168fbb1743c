#!/usr/bin/env python3
"""varlen.h alone has the version: what must repeat it agrees, and nothing else that is built or packaged does.

usage: version_test.py SOURCE_DIR
"""

import re
import sys
from pathlib import Path

# Files that repeat it, with where. A file that is not there repeats nothing.
REPEATED = {
    "CHANGELOG.md": r"^## ([\d.]+)",
    "debian/changelog": r"^varlen \(([\d.]+)-",
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
    for name, pattern in REPEATED.items():
        match = re.search(pattern, (root / name).read_text(), re.MULTILINE)
        if not match or match[1] != version:
            yield f"{name} is of version {match and match[1]}, varlen.h of {version}"
    built = [path for folder in FOLDERS for pattern in BUILT for path in (root / folder).rglob(pattern)]
    for path in [*root.glob("CMake*"), *built]:
        if re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", path.read_text()):
            yield f"{path.relative_to(root)} has the version {version}, which is varlen.h's to tell"


sys.exit("\n".join(faults(Path(sys.argv[1]))) or 0)
