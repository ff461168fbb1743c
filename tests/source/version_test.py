#!/usr/bin/env python3
"""varlen.h alone has the version: what must repeat it agrees, and nothing else that is built or packaged does. A copy of the
sources with another version shows that this is noticed, and that tools/set_version sets all of it.

usage: version_test.py SOURCE_DIR
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(sys.argv[1])
sys.path.insert(0, str(ROOT / "tools" / "lib"))
from version import APART, HEADER, WHOLE, files, put, told, version_of

# Files that must not tell it. They read the header, or are written from it; the record of symbols has the version that
# brought each.
BUILT = ("*.cmake", "*.toml", "*.in", "*.json", "*.1", "CMakeLists.txt")
FOLDERS = ("backends", "bindings", "cmake", "core", "debian", "examples", "tests", "tools")


def stale(root):
    """{file: what is wrong} of those that repeat the version."""
    version = version_of(root)
    found = {path: told(path, pattern) for path, pattern in files(root, {**APART, **WHOLE})}
    return {str(path.relative_to(root)): f"is of version {', '.join(versions) or 'none'}, varlen.h of {version}"
            for path, versions in found.items() if versions != [version]}


def faults(root):
    version = version_of(root)
    if not version:
        return ["varlen.h has no version"]
    repeating = {path for path, _ in files(root, {**APART, **WHOLE})}
    built = {path for folder in FOLDERS for pattern in BUILT for path in (root / folder).rglob(pattern)}
    telling = re.compile(rf"(?<![\d.]){re.escape(version)}(?![\d.])")
    return [*(f"{name} {fault}" for name, fault in stale(root).items()),
            *(f"{path.relative_to(root)} has the version {version}, which is varlen.h's to tell"
              for path in sorted({*root.glob("CMake*"), *built} - repeating) if telling.search(path.read_text()))]


def check_copy(copy):
    """Each file that falls behind is named, and tools/set_version leaves none behind."""
    repeating = [path.relative_to(ROOT) for path, _ in files(ROOT, {**APART, **WHOLE})]
    for path in repeating:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy / path)
    put(copy / HEADER, APART[HEADER], "98.0.0")
    unnoticed = {*map(str, repeating)} - {HEADER, *stale(copy)}
    yield from (f"a {name} of another version is not noticed" for name in unnoticed)

    released = version_of(ROOT)
    put(copy / HEADER, APART[HEADER], released)
    log = copy / "CHANGELOG.md"
    log.write_text(log.read_text().replace(" (not released)", ""))
    for version in "98.3.2", "98.7.6":  # after a release, and instead of a version that was not released
        subprocess.run([ROOT / "tools" / "set_version", "--root", copy, version], check=True)
        yield from (f"set_version {version}: {name} {fault}" for name, fault in stale(copy).items())
    headings = re.findall(r"^## (.*)", log.read_text(), re.MULTILINE)
    if headings[:2] != ["98.7.6 (not released)", released]:
        yield f"set_version leaves CHANGELOG.md with {headings[:2]}"
    if re.findall(r"^varlen \((.*)-", (copy / "debian/changelog").read_text(), re.MULTILINE)[:2] != ["98.7.6", released]:
        yield "set_version leaves another debian/changelog"


with tempfile.TemporaryDirectory() as folder:
    sys.exit("\n".join([*faults(ROOT), *check_copy(Path(folder))]) or 0)
