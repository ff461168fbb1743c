#!/usr/bin/env python3
"""The sources as files: none includes itself by way of others, also of a GPU platform's; folders, and the rooms of
backends/gpu, depend one way; what the log needs does not use the log; and each file is short enough to be read at a
sitting.

usage: sources_test.py SOURCE_DIR
"""

import os
import re
import sys
import tempfile
import unittest

FOLDERS = ("backends", "bindings", "cmake", "core", "examples", "include", "tests", "tools")
C_SOURCES = (".c", ".cpp", ".cu", ".def", ".h", ".hpp")
OTHER_SOURCES = (".cmake", ".py", ".rs", ".sh", ".txt")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(?:"|<(?=varlen/))([^">]+)', re.MULTILINE)

MOST_LINES = 450
# Files that may be longer, and why.
LONG = {
    "include/varlen/varlen.h": "the public header, which is one story",
}

# Which folders the files of a folder may include, besides their own.
ALLOWED = {
    "include": (),
    "core": ("include",),
    "backends": ("include",),
    "backends/cpu": ("include", "backends"),
    "backends/gpu": ("include", "backends"),
    "backends/cuda": ("include", "backends", "backends/gpu"),
    "backends/hip": ("include", "backends", "backends/gpu"),
    "tools": ("include",),
}

# Modules, each a source and its header, that nothing they use may use: what they do under a lock must not wait for it.
LOWEST = ("core/log", "core/error", "core/text")

# Which rooms of backends/gpu the files of a room may include, besides their own and the platform.
ROOMS = {
    "call": (),
    "groups": (),
    "plan": ("call",),
    "rows": ("call", "plan"),
    "around": ("call",),
    "warp_tiles": ("call", "plan", "rows"),
    "warp_groups": ("call", "groups", "plan", "rows"),
    "host": ("call", "plan", "around"),
}


def sources(root):
    """Paths of sources, from the root."""
    found = []
    for top in FOLDERS:
        for folder, subfolders, names in os.walk(os.path.join(root, top)):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith(".") and name != "__pycache__")
            found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(names)]
    return found


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def common_folders(a, b):
    pairs = zip(a.split("/")[:-1], b.split("/")[:-1])
    return next((n for n, (x, y) in enumerate(pairs) if x != y), min(a.count("/"), b.count("/")))


def targets(path, name, by_name):
    """The files that path may mean by a name: the one beside it, or those of the nearest folders. A header of the GPU
    platforms is there once for each vendor."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    candidates = by_name.get(os.path.basename(name), ())
    if beside in candidates:
        return [beside]
    candidates = [each for each in candidates if ("/" + each).endswith("/" + name)]
    nearest = max((common_folders(path, each) for each in candidates), default=0)
    return [each for each in candidates if common_folders(path, each) == nearest]


def include_graph(root):
    """{file: files that it includes}, and the includes for which there is no file."""
    paths = [path for path in sources(root) if path.endswith(C_SOURCES)]
    by_name = {}
    for path in paths:
        by_name.setdefault(os.path.basename(path), []).append(path)
    graph, missing = {}, []
    for path in paths:
        graph[path] = []
        for name in INCLUDE.findall(read(root, path)):
            found = targets(path, name, by_name)
            graph[path] += found
            if not found:
                missing.append(f'{path}: there is no "{name}"')
    return graph, missing


def find_cycle(graph):
    """The files of one cycle, or None."""
    done, way = set(), []

    def visit(path):
        if path in way:
            return way[way.index(path):] + [path]
        if path in done:
            return None
        way.append(path)
        cycle = next(filter(None, map(visit, graph[path])), None)
        way.pop()
        done.add(path)
        return cycle

    return next(filter(None, map(visit, graph)), None)


def folder_of(path, folders):
    return max((folder for folder in folders if path.startswith(folder + "/")), key=len, default=None)


def wrong_folders(graph):
    """Includes from folders that a file's own does not depend on; each vendor's platform is below backends/gpu."""
    wrong = []
    for path, others in graph.items():
        own = folder_of(path, ALLOWED)
        for other in others if own else ():
            if "/platform/" not in other and folder_of(other, (*ALLOWED, "tests")) not in (own, *ALLOWED[own]):
                wrong.append(f"{path} includes {other}")
    return wrong


def modules(graph):
    """The graph of sources with their headers."""
    merged = {}
    for path, others in graph.items():
        module = os.path.splitext(path)[0]
        merged.setdefault(module, set()).update(os.path.splitext(other)[0] for other in others)
        merged[module].discard(module)
    return merged


def uses(graph, start, wanted):
    """Whether a module uses another, by way of others too."""
    seen, rest = set(), [start]
    while rest:
        for other in graph.get(rest.pop(), ()):
            if other == wanted:
                return True
            if other not in seen:
                seen.add(other)
                rest.append(other)
    return False


def room_of(path):
    parts = path.split("/")
    return parts[2] if path.startswith("backends/gpu/") and len(parts) == 4 else None


def wrong_ways(graph):
    return [f"{path} includes {other}" for path, others in graph.items() for other in others
            if room_of(path) in ROOMS and room_of(other) in ROOMS
            and room_of(other) not in (room_of(path), *ROOMS[room_of(path)])]


def too_long(root):
    counts = {path: read(root, path).count("\n") for path in sources(root) if path.endswith(C_SOURCES + OTHER_SOURCES)}
    return [f"{path}: {count} lines" for path, count in counts.items() if count > MOST_LINES and path not in LONG]


class Sources(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.graph, self.missing = include_graph(sys.argv[1])

    def test_there_are_sources(self):
        self.assertIn("backends/gpu/call/problem.h", self.graph["backends/gpu/call/sequence.h"])
        self.assertIn("include/varlen/backend.h", self.graph["backends/gpu/call/problem.h"])

    def test_includes_are_found(self):
        self.assertEqual(self.missing, [])

    def test_no_file_includes_itself(self):
        self.assertEqual(find_cycle(self.graph), None)

    def test_folders_depend_one_way(self):
        self.assertEqual(wrong_folders(self.graph), [])

    def test_the_lowest_modules_use_nothing_that_uses_them(self):
        graph = modules(self.graph)
        for module in LOWEST:
            self.assertIn(module, graph)
            self.assertFalse(uses(graph, module, module), module)

    def test_rooms_depend_one_way(self):
        self.assertEqual(wrong_ways(self.graph), [])

    def test_files_are_short(self):
        self.assertEqual(too_long(sys.argv[1]), [])


class Checks(unittest.TestCase):
    def tree(self, files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = folder.name
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return root

    def test_a_cycle_is_found_through_a_platform(self):
        root = self.tree({"backends/gpu/call/a.h": '#include "platform/b.h"\n', "backends/cuda/platform/b.h": "",
                          "backends/hip/platform/b.h": '#include "call/a.h"\n'})
        self.assertEqual(find_cycle(include_graph(root)[0]),
                         ["backends/gpu/call/a.h", "backends/hip/platform/b.h", "backends/gpu/call/a.h"])

    def test_a_public_header_is_part_of_a_cycle(self):
        root = self.tree({"include/varlen/a.h": '# include "b.h"\n', "include/varlen/b.h": "#include <varlen/a.h>\n"})
        self.assertEqual(len(find_cycle(include_graph(root)[0])), 3)

    def test_the_nearest_file_is_meant(self):
        root = self.tree({"backends/cpu/x.h": "", "backends/gpu/call/x.h": "",
                          "backends/cpu/kernels/y.h": '#include "x.h"\n'})
        self.assertEqual(include_graph(root)[0]["backends/cpu/kernels/y.h"], ["backends/cpu/x.h"])

    def test_a_missing_file(self):
        root = self.tree({"core/a.c": '#include "b.h"\n#include <stdio.h>\n'})
        self.assertEqual(include_graph(root)[1], ['core/a.c: there is no "b.h"'])

    def test_the_wrong_way(self):
        root = self.tree({"backends/gpu/host/a.cpp": '#include "rows/b.h"\n', "backends/gpu/rows/b.h": ""})
        self.assertEqual(wrong_ways(include_graph(root)[0]), ["backends/gpu/host/a.cpp includes backends/gpu/rows/b.h"])

    def test_a_folder_below_includes_from_above(self):
        root = self.tree({"core/a.c": '#include "b.h"\n', "tools/b.h": "", "backends/gpu/call/c.h":
                          '#include "platform/d.h"\n', "backends/cuda/platform/d.h": '#include "call/c.h"\n'})
        self.assertEqual(wrong_folders(include_graph(root)[0]), ["core/a.c includes tools/b.h"])

    def test_modules_that_use_each_other(self):
        root = self.tree({"core/a.c": '#include "b.h"\n', "core/a.h": "", "core/b.h": "", "core/b.c":
                          '#include "a.h"\n'})
        graph = modules(include_graph(root)[0])
        self.assertTrue(uses(graph, "core/a", "core/a"))
        self.assertIsNone(find_cycle(include_graph(root)[0]))

    def test_a_long_file(self):
        root = self.tree({"core/a.c": "\n" * (MOST_LINES + 1), "core/b.c": "\n" * MOST_LINES,
                          "core/c.json": "\n" * 999})
        self.assertEqual(too_long(root), ["core/a.c: 451 lines"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
