#!/usr/bin/env python3
"""tools/gpu_code itself: names of kernels, tables, comparisons, checks and exit statuses, on a cubin and a cuobjdump
that are made here.

usage: gpu_code_test.py LIBRARY     LIBRARY: tools/lib
"""

import argparse
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from cubin import CUBIN_USAGE, FORWARD, SASS, USAGE, cubin, write_cuobjdump, write_program  # noqa: E402
from gpu_code import amd, checks  # noqa: E402
from gpu_code.kernel import Kernel, Resources  # noqa: E402
from gpu_code.names import demangled  # noqa: E402
from text_table import text_table  # noqa: E402

TOOL = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "gpu_code")
TITLE = "sm_90a forward bfloat16 64/64 plain"


class Names(unittest.TestCase):
    def test_symbols(self):
        for symbol, expected in (
                ("_Z14forward_kernelI8bfloat16Li128ELi64ELb1EEv17forward_arguments",
                 ("forward", ["bfloat16"], [128, 64], [True])),
                ("_Z14forward_kernelI13__nv_bfloat16Li192ELi128ELb0EEv17forward_arguments",
                 ("forward", ["bfloat16"], [192, 128], [False])),
                ("_Z21backward_small_kernelIDF16_Li64ELi64ELb0EEv18backward_arguments",
                 ("backward_small", ["float16"], [64, 64], [False])),
                ("_Z12merge_kernelI8bfloat16S0_Ev15merge_arguments", ("merge", ["bfloat16", "bfloat16"], [], [])),
                ("_Z12merge_kernelIf6__halfEv15merge_arguments", ("merge", ["float32", "float16"], [], [])),
                ("_Z16kv_append_kernelIfEv16append_arguments", ("kv_append", ["float32"], [], [])),
                ("_Z11pack_kernelIhEv14pack_arguments", ("pack", ["uint8"], [], [])),
                ("_Z13unpack_kernelI8words_16Ev14pack_arguments", ("unpack", ["words_16"], [], [])),
                ("_Z11plan_kernelI14forward_policyEv14plan_argumentsIT_E", ("plan", ["forward_policy"], [], [])),
                ("_ZN3gpu11warp_kernelIN3gpu5plainELi64EEEvPKf", ("warp", ["plain"], [64], [])),
                ("_Z1kI5tilesI6__halfLi64EES1_Li8EEvv", ("k", ["tiles", "float16"], [8], [])),
                ("_ZL12empty_kernelv", ("empty", [], [], [])),
                ("not_mangled", ("not_mangled", [], [], []))):
            with self.subTest(symbol):
                self.assertEqual(tuple(demangled(symbol)), expected)

    def test_titles(self):
        def title(symbol):
            return Kernel(amd, "gfx942", symbol, None, None).title()

        self.assertEqual(title("_Z14forward_kernelI8bfloat16Li128ELi64ELb1EEv1a"),
                         "gfx942 forward bfloat16 128/64 general")
        self.assertEqual(title("_Z14forward_kernelI8bfloat1612plain_scoresLi128ELi64EEv1a"),
                         "gfx942 forward bfloat16 128/64 plain")
        self.assertEqual(title("_ZL12empty_kernelv"), "gfx942 empty")

    def test_tables(self):
        self.assertEqual(text_table(("name", "bytes", "share"), [("one", 8, "5.0%"), ("sixteen", "16 -> 160", "-")]),
                         ["name         bytes  share", "one              8   5.0%", "sixteen  16 -> 160      -"])


class Checks(unittest.TestCase):
    def setUp(self):
        values = dict.fromkeys(Resources._fields, 0)
        self.kernels = [Kernel(amd, "gfx942", f"_Z14forward_kernelI8bfloat16Li128ELi64ELb{general}EEv1a",
                               Resources(**{**values, "scratch": scratch, "spilled": 2}), None)
                        for general, scratch in ((0, 8), (1, 40))]

    def scratch(self, text):
        return checks.scratch_failures(self.kernels, checks.rules(text))

    def test_the_first_rule_that_fits_counts(self):
        self.assertEqual(self.scratch("*:forward:128:plain=8,*:*:*:general=40,*:*:*:*=0"), [])
        self.assertEqual(self.scratch("*:*:*:plain=7"), [
            "gfx942 forward bfloat16 128/64 plain: 8 bytes of scratch memory, more than 7, 2 spilled registers"])
        self.assertEqual(self.scratch("gfx9*:*:*:general=0")[0].split(":")[0], "gfx942 forward bfloat16 128/64 general")
        self.assertEqual(self.scratch("*:*:64:plain=0"), ["--most-scratch: the file has no such kernel"])

    def test_kernels_without_dims_are_meant_too(self):
        values = dict.fromkeys(Resources._fields, 0)
        self.kernels = [Kernel(amd, "gfx942", "_Z11pack_kernelItEv1a", Resources(**{**values, "scratch": 8}), None)]
        self.assertEqual(self.scratch("*:pack:-:plain=8,*:*:*:*=0"), [])
        self.assertEqual(len(self.scratch("*:pack:-:plain=7,*:*:*:*=8")), 1)
        self.assertEqual(self.scratch("*:pack:64:plain=7,*:*:*:*=8"), [])

    def test_matrix_share(self):
        class Turn:
            def share(self):
                return 33.33

        plain = self.kernels[0]

        def failures(text, turns):
            return checks.mix_failures(self.kernels, {plain: turns}, checks.rules(text))

        self.assertEqual(failures("gfx942:forward:128:plain=33.3", [Turn()]), [])
        self.assertEqual(failures("gfx942:forward:128:plain=20,gfx942:forward:128:plain=34", [Turn()]),
                         ["gfx942 forward bfloat16 128/64 plain: matrix share 33.3%, less than 34%"])
        self.assertEqual(failures("gfx90a:forward:128:plain=1", [Turn()]),
                         ["gfx90a:forward:128:plain: the file has no such kernel"])
        self.assertEqual(failures("gfx942:forward:128:plain=1", []),
                         ["gfx942 forward bfloat16 128/64 plain: no loop with matrix instructions"])

    def test_rules_that_cannot_be_read(self):
        for text in ("gfx942:forward:128=50", "gfx942:forward:128:plain", "a:b:c:d=", "a:b:c:d=x", ""):
            with self.subTest(text), self.assertRaises(argparse.ArgumentTypeError):
                checks.rules(text)


class Command(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.nvcc = os.path.join(self.folder, "nvcc")
        write_program(self.nvcc, "#!/bin/sh\n")
        write_cuobjdump(os.path.join(self.folder, "cuobjdump"))
        self.file = self.write("one.cubin", cubin(bytes(160)))

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as stream:
            stream.write(content)
        return path

    def run_tool(self, *words, status=0):
        result = subprocess.run([sys.executable, TOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def inspect(self, *words, **options):
        return self.run_tool("--compiler", self.nvcc, *words, **options)

    def test_resources(self):
        head, row = self.inspect(self.file).stdout.splitlines()[:2]
        self.assertEqual(head.split(), "architecture kernel dtype head_dim value_dim general registers AGPRs SGPRs "
                                       "scratch spilled spilled SGPRs shared threads code".split())
        self.assertEqual(row.split(), "sm_90a forward bfloat16 64 64 no 255 - - 8 - - 1024 128 160".split())

    def test_plugin(self):
        plugin = self.write("plugin.so", b"\x7fELF\x02".ljust(64, b"\0") + b".nv_fatbin\0")
        self.write("plugin.so.cubin", cubin(bytes(160)))
        self.write("plugin.so.usage", USAGE.encode())
        rows = [row.split() for row in self.inspect(plugin).stdout.splitlines()[1:3]]
        self.assertEqual([(row[0], *row[6:]) for row in rows],
                         [("sm_80", *"230 - - 0 - - 0 128 160".split()),
                          ("sm_90a", *"255 - - 8 - - 1024 128 160".split())])

    def test_filters(self):
        for words, kept in ((("--kernel", "forward"), True), (("--kernel", "backward"), False), (("--general",), False),
                            (("--plain", "--dtype", "bfloat16"), True), (("--head-dim", "128"), False),
                            (("--head-dim", "128", "--head-dim", "64"), True), (("--architecture", "sm_80"), False)):
            with self.subTest(words):
                self.assertEqual("bfloat16" in self.inspect(*words, self.file).stdout, kept)

    def test_mix(self):
        head, row = self.inspect("--quiet", "--mix", self.file).stdout.splitlines()[:2]
        self.assertEqual(row.split(), "sm_90a forward bfloat16 64 64 no +0x20 * 1 0 1 0 1 0 1 4 25.0% 0".split())
        self.assertIn("matrix share", head)

    def test_checks(self):
        self.inspect("--quiet", "--most-scratch", "*:*:*:*=8", "--least-mix", "sm_90a:forward:64:plain=25", self.file)
        failed = self.inspect("--quiet", "--most-scratch", "*:*:*:*=7", "--least-mix", "sm_90a:forward:64:plain=26",
                              self.file, status=1)
        self.assertEqual(failed.stderr.splitlines(), [f"{TITLE}: matrix share 25.0%, less than 26%",
                                                      f"{TITLE}: 8 bytes of scratch memory, more than 7"])

    def test_comparison(self):
        again = self.write("again.cubin", cubin(bytes(160)))
        self.assertEqual(self.inspect("--compare", self.file, again).stdout,
                         "kernels with the same code: 1, with other code: 0\n")
        other = self.write("other.cubin", cubin(b"x" * 144))
        self.write("other.cubin.usage", CUBIN_USAGE.replace("REG:255 STACK:8", "REG:240 STACK:0").encode())
        self.write("other.cubin.sass",
                   "".join(line + "\n" for line in SASS.splitlines() if "STL" not in line).encode())
        head, row, _, *summary = self.inspect("--compare", self.file, other).stdout.splitlines()
        self.assertEqual(head.split()[6:], ["registers", "scratch", "code", "instructions", "scratch"])
        self.assertEqual(row.split()[6:], "255 -> 240 8 -> 0 160 -> 144 10 -> 9 1 -> 0".split())
        self.assertEqual(summary, ["kernels with the same code: 0, with other code: 1",
                                   "code of these: 160 -> 144 bytes (-10.00 %)"])

    def test_a_kernel_that_only_one_has(self):
        small = FORWARD.replace("14forward", "20forward_small")
        other = self.write("other.cubin", cubin(bytes(160), symbol=small))
        self.write("other.cubin.usage", CUBIN_USAGE.replace(FORWARD, small).encode())
        self.assertEqual(self.inspect("--compare", self.file, other).stdout.splitlines(), [
            "kernels with the same code: 0, with other code: 0", f"only in the old file: {TITLE}",
            "only in the new file: sm_90a forward_small bfloat16 64/64 plain"])

    def test_usage(self):
        for words in ((), ("--compare", self.file), (self.file, "--compare", self.file, self.file),
                      ("--mix", "--compare", self.file, self.file), ("--most-scratch", "8", self.file)):
            with self.subTest(words):
                self.inspect(*words, status=2)
        self.assertIn("exit status", self.run_tool("--help").stdout)

    def test_files_that_hold_no_code(self):
        text = self.write("text", b"nothing")
        self.assertIn("holds neither NVIDIA's nor AMD's code", self.inspect(text, status=1).stderr)
        self.assertIn("No such file", self.inspect(text + "s", status=1).stderr)

    def test_without_cuobjdump(self):
        os.remove(os.path.join(self.folder, "cuobjdump"))
        result = subprocess.run([sys.executable, TOOL, "--compiler", self.nvcc, self.file], env={"PATH": "/nowhere"},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 77)
        self.assertIn("skipped: there is no cuobjdump beside ", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
