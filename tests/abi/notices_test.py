#!/usr/bin/env python3
"""tools/abi notices what it must: a plugin's entry is compiled with changed headers, and libvarlen linked without a function,
beside a copy of the record. notices_test.py SOURCE BUILD COMPILER"""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE, BUILD, COMPILER = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
COPIED = ("tools/abi", "tests/abi/recorded", "tests/versions/first", "include", "debian", "CHANGELOG.md")


class Notices(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.project = Path(temporary.name) / "project"
        self.objects = self.project / "build" / "tests" / "abi"
        for name in COPIED:
            copy = shutil.copytree if (SOURCE / name).is_dir() else shutil.copy2
            (self.project / name).parent.mkdir(parents=True, exist_ok=True)
            copy(SOURCE / name, self.project / name)
        self.objects.mkdir(parents=True)
        for name in ("libvarlen.so", "backend.so"):
            shutil.copy2(BUILD / "tests" / "abi" / name, self.objects)

    def change(self, *changes):
        """Changes a header, each change the name of the file, a pattern and what comes in its place, and compiles the entry."""
        for name, pattern, replacement in changes:
            header = self.project / "include" / "varlen" / name
            text, count = re.subn(pattern, replacement, header.read_text(), flags=re.DOTALL)
            self.assertEqual(count, 1, pattern)
            header.write_text(text)
        subprocess.run([COMPILER, "-g", "-fPIC", "-shared", f"-I{self.project / 'include'}",
                        SOURCE / "tests" / "abi" / "backend_entry.c", "-o", self.objects / "backend.so"], check=True)

    def abi(self, *options):
        done = subprocess.run([sys.executable, self.project / "tools" / "abi", *options, self.project / "build"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def expect(self, words, *options):
        status, said = self.abi(*options)
        self.assertEqual(status, 1, said)
        self.assertIn(words, said)
        return said

    def expect_incompatible(self, side, words):
        """It is said, and is not recorded."""
        record = self.project / "tests" / "abi" / "recorded" / f"{side}.abi"
        before = record.read_bytes()
        self.assertIn(words, self.expect(f"{side} has changed incompatibly; --break records that too", "--record"))
        self.assertEqual(record.read_bytes(), before)
        self.expect(f"{side} has changed incompatibly: what was built before would not work on")

    def expect_growth(self, words):
        """It is said, and recorded as it is."""
        self.assertIn(words, self.expect("backend has grown: tools/abi --record"))
        self.assertEqual(self.abi("--record"), (0, ""))
        self.assertEqual(self.abi(), (0, ""))

    def test_nothing_where_nothing_changed(self):
        self.assertEqual(self.abi(), (0, ""))

    def test_a_function_that_is_gone(self):
        shutil.copy2(BUILD / "tests" / "abi" / "without_fill.so", self.objects / "libvarlen.so")
        self.expect_incompatible("libvarlen", "varlen_fill@@VARLEN_0")
        self.assertEqual(self.abi("--record", "--break"), (0, ""))
        self.assertEqual(self.abi(), (0, ""))

    def test_a_function_that_is_new(self):
        whole = self.objects / "whole.so"
        (self.objects / "libvarlen.so").rename(whole)
        shutil.copy2(BUILD / "tests" / "abi" / "without_fill.so", self.objects / "libvarlen.so")
        self.assertEqual(self.abi("--record", "--break")[0], 0)
        whole.rename(self.objects / "libvarlen.so")
        self.assertIn("varlen_fill@@VARLEN_0", self.expect("libvarlen has grown: tools/abi --record"))
        self.assertEqual(self.abi("--record")[0], 0)
        self.assertIn(" varlen_fill@VARLEN_0 ", (self.project / "debian" / "libvarlen0.symbols").read_text())

    def test_a_field_of_another_size(self):
        self.change(("varlen.h", r"int64_t total_q; ", "int32_t total_q, odd; "))
        self.expect_incompatible("backend", "varlen_attention::total_q")

    def test_a_field_of_another_sign(self):
        self.change(("backend.h", r"int32_t threads;", "uint32_t threads;"))
        self.expect_incompatible("backend", "varlen_backend_open::threads")

    def test_a_field_in_the_middle(self):
        self.change(("backend.h", r"const varlen_host \*host; ", r"void *later;\n\g<0>"))
        self.expect_incompatible("backend", "void* later")

    def test_functions_in_another_order(self):
        self.change(("backend.h", r"(    varlen_status \(\*stream_create\)[^\n]*\n)([^\n]*\n)", r"\2\1"))
        self.expect_incompatible("backend", "stream_create' offset changed")

    def test_a_function_of_a_plugin_with_other_parameters(self):
        self.change(("backend.h", r"\(\*free\)\(void \*state, ", "(*free)("))
        self.expect_incompatible("backend", "varlen_backend::free")

    def test_a_field_in_a_struct_that_others_hold(self):
        self.change(("varlen.h", r"\n} varlen_tensor;", r"\n    int64_t later;\g<0>"))
        self.expect_incompatible("backend", "later")

    def test_an_enumerator_of_another_value(self):
        self.change(("varlen.h", r"VARLEN_INT8 = 5 ", "VARLEN_INT8 = 6 "))
        self.expect_incompatible("backend", "VARLEN_INT8")

    def test_a_field_at_the_end(self):
        self.change(("varlen.h", r"\n} varlen_attention;", r"\n    uint64_t later;\g<0>"))
        self.expect_growth("uint64_t later")

    def test_an_enumerator_and_a_function_at_the_ends(self):
        self.change(("varlen.h", r"VARLEN_INT8 = 5 ", "VARLEN_FLOAT4 = 6,\n    VARLEN_INT8 = 5 "),
                    ("backend.h", r"\n} varlen_backend;", r"\n    void (*later)(void *state);\g<0>"))
        self.expect_growth("VARLEN_FLOAT4")

    def test_what_grows_beside_what_breaks(self):
        self.change(("varlen.h", r"\n} varlen_attention;", r"\n    uint64_t later;\g<0>"),
                    ("backend.h", r"int32_t threads;", "int64_t threads;"))
        self.expect_incompatible("backend", "later")

    def test_copies_that_lag(self):
        header = self.project / "tests" / "versions" / "first" / "varlen" / "varlen.h"
        header.write_text(header.read_text() + "\n")
        self.expect("tests/versions/first/varlen/varlen.h is not what")

    def test_first_headers_stay_once_they_are_released(self):
        log = self.project / "CHANGELOG.md"
        log.write_text(log.read_text().replace("## 0.1.0 (not released)", "## 0.1.0"))
        self.change(("varlen.h", r"\n} varlen_attention;", r"\n    uint64_t later;\g<0>"))
        self.expect_growth("uint64_t later")
        self.assertNotIn("later;", (self.project / "tests" / "versions" / "first" / "varlen" / "varlen.h").read_text())


if not shutil.which("abidiff"):
    print("skipped: there is no abidiff (Debian's package abigail-tools)")
    sys.exit(77)
unittest.main(argv=sys.argv[:1])
