#!/usr/bin/env python3
"""Dependencies point one way: includes_test.py SOURCE_FOLDER

- No file includes itself by way of others.
- Of two folders, only the upper one includes from the other (FOLDERS).
- What the log needs does not use the log, nor may anything that the log waits for under its lock.
"""

import os
import re
import sys
from pathlib import Path

# A folder, and the folders that it may include from besides itself.
FOLDERS = {
    "include": [],
    "core": ["include"],
    "backends/cpu": ["include", "backends"],
    "backends/gpu": ["include", "backends"],
    "backends/cuda": ["include", "backends", "backends/gpu"],
    "backends/hip": ["include", "backends", "backends/gpu"],
    "tools": ["include", "backends/cpu"],
}
# Where a name is looked for, after the folder of the file that includes it.
SEARCHED = ["include", "", "backends/cpu", "backends/gpu", "tools", "tests", "tests/unit"]
# Modules (a .c file and its header) that nothing they use may use.
LOWEST = ["core/log", "core/error", "core/text"]


def read_includes(root):
    """The files of the project that each file includes."""
    names = [
        str(path.relative_to(root))
        for folder in ("include", "core", "backends", "tools", "tests", "examples")
        for path in (root / folder).rglob("*")
        if path.suffix in (".c", ".h", ".cpp", ".cu")
    ]
    known = set(names)
    includes = {}
    for name in names:
        wanted = re.findall(r'^\s*#\s*include\s+(["<])([^">]+)[">]', (root / name).read_text(), re.M)
        found = []
        for quote, include in wanted:
            folders = [os.path.dirname(name), *SEARCHED] if quote == '"' else ["include"]
            candidates = (os.path.normpath(os.path.join(folder, include)) for folder in folders)
            found += [next((path for path in candidates if path in known), None)]
        includes[name] = {path for path in found if path}
    return includes


def reached(graph, start):
    """What can be reached from a node, in steps, with the path to each."""
    paths = {}
    rest = [(node, [start, node]) for node in graph.get(start, ())]
    while rest:
        node, path = rest.pop()
        if node not in paths:
            paths[node] = path
            rest += [(after, path + [after]) for after in graph.get(node, ())]
    return paths


def folder_of(name, folders):
    return max((folder for folder in folders if name.startswith(folder + "/")), key=len, default=None)


def cycles(graph, nodes):
    for node in sorted(nodes):
        path = reached(graph, node).get(node)
        if path:
            yield " includes ".join(path)


def wrong_folders(includes):
    for name, found in sorted(includes.items()):
        own = folder_of(name, FOLDERS)
        if not own:
            continue
        for include in sorted(found):
            allowed = folder_of(include, [*FOLDERS, "backends", "tests", "examples"])
            if allowed not in [own, *FOLDERS[own]]:
                yield f"{name} includes {include}: {own} may include from {', '.join([own, *FOLDERS[own]])} alone"


def modules(includes):
    graph = {}
    for name, found in includes.items():
        module = os.path.splitext(name)[0]
        graph.setdefault(module, set()).update(os.path.splitext(include)[0] for include in found)
        graph[module].discard(module)
    return graph


includes = read_includes(Path(sys.argv[1]))
missing = [module for module in LOWEST if f"{module}.c" not in includes]
if missing:
    sys.exit(f"there is no {', '.join(missing)} any more: see LOWEST")
faults = [*cycles(includes, includes), *wrong_folders(includes), *cycles(modules(includes), LOWEST)]
sys.exit("\n".join(faults) or 0)
