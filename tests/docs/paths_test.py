#!/usr/bin/env python3
"""Files that the guides name are there: paths_test.py SOURCE_FOLDER

In backticks, what begins with a folder of the project, or ends as a source file does, is a path: from the top, or the end
of one, as in `host/state.h`. Links in the guides lead to files."""

import re
import sys
from pathlib import Path

FOLDERS = ("backends", "bindings", "cmake", "core", "docs", "examples", "include", "tests", "tools")
SOURCE = re.compile(r"[\w./-]+\.(?:c|h|cpp|cu|py|sh|cmake|md|txt|map)")
ELSEWHERE = {"hip/hip_runtime_api.h"}  # of other projects


def known_paths(root):
    files = [path for folder in FOLDERS for path in (root / folder).rglob("*")] + list(root.iterdir())
    ends = set()
    for path in files:
        parts = path.relative_to(root).parts
        ends.update("/".join(parts[i:]) for i in range(len(parts)))
    return ends


def is_path(word):
    return word.startswith(tuple(f"{folder}/" for folder in FOLDERS)) or SOURCE.fullmatch(word)


def faults(root):
    known = known_paths(root)
    for guide in [*root.glob("*.md"), *(root / "docs").glob("*.md")]:
        if guide.name == "CHANGELOG.md":  # which also names what is no longer there
            continue
        text = guide.read_text()
        for quoted in re.findall(r"`([^`\n]+)`", text):
            word = quoted.split(" ")[0].rstrip("/")
            if is_path(word) and word not in known | ELSEWHERE:
                yield f"{guide.relative_to(root)} names {word}, which is not there"
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            if not (guide.parent / link).exists():
                yield f"{guide.relative_to(root)} links to {link}, which is not there"


sys.exit("\n".join(faults(Path(sys.argv[1]))) or 0)
