#!/usr/bin/env python3
"""The files that are shipped are hardened, and need no library that not everyone has.

usage: hardening_test.py --readelf READELF [--compiler WORD]... [--fortified FILE]... [--branches] [--sanitized]
                         [--foreign FILE]... FILE...

WORDs compile for the machine that the files are for. A fortified FILE calls the checked kinds of the C library's functions.
--branches: the build asked for protected branches; --sanitized: for a sanitizer. A foreign FILE holds objects of
others, which need not be marked for protected branches.
"""

import argparse
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

parser = argparse.ArgumentParser()
parser.add_argument("--readelf", required=True)
parser.add_argument("--compiler", action="append", default=[])
parser.add_argument("--foreign", action="append", default=[])
parser.add_argument("--fortified", action="append", default=[])
parser.add_argument("--branches", action="store_true")
parser.add_argument("--sanitized", action="store_true")
parser.add_argument("files", nargs="+")
given = parser.parse_args()

# What a function begins with that a protected branch may go to: endbr64; bti c, or a signature of the return address.
LANDING_PADS = {"X86-64": (b"\xf3\x0f\x1e\xfa",), "AArch64": (b"\x5f\x24\x03\xd5", b"\x3f\x23\x03\xd5")}


def readelf(path, *options):
    return subprocess.run([given.readelf, "--wide", *options, path], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def marks(path):
    """What the file's notes promise of its branches, as {"IBT", "SHSTK"}."""
    found = re.search(r"(?:x86|AArch64) feature: (.+)", readelf(path, "--notes"))
    return set(found[1].split(", ")) if found else set()


def marks_of_nothing():
    """The same for a library without code of ours: the linker drops what the C library's own objects do not promise."""
    with tempfile.TemporaryDirectory() as scratch:
        source, library = pathlib.Path(scratch, "nothing.c"), pathlib.Path(scratch, "nothing.so")
        source.write_text("int nothing(void);\nint nothing(void) { return 0; }\n")
        subprocess.run([*given.compiler, "-shared", "-fPIC", source, "-o", library], check=True)
        return marks(library)


class File:
    def __init__(self, path):
        self.path = path
        self.header = readelf(path, "--file-header")
        self.dynamic = readelf(path, "--dynamic")
        self.segments = dict(re.findall(r"^ +(GNU_\w+) .* ([R ][W ][E ]) ", readelf(path, "--segments"), re.M))
        self.symbols = [line.split() for line in readelf(path, "--symbols").splitlines()
                        if re.match(r" *\d+: [0-9a-f]+ ", line)]
        self.imported = {fields[7].split("@")[0] for fields in self.symbols if fields[6] == "UND" and len(fields) > 7}
        self.is_program = "PIE" in self.flags()

    def flags(self):
        """Words such as BIND_NOW and PIE."""
        return " ".join(re.findall(r"\(FLAGS(?:_1)?\) +(.*)", self.dynamic)).split()

    def needed(self):
        return set(re.findall(r"\(NEEDED\).*\[(.*)\]", self.dynamic))

    def entry_points(self):
        """Functions that are called from outside: the exported ones of a library, main of a program."""
        defined = [fields for fields in self.symbols if fields[3] == "FUNC" and fields[6] != "UND"]
        exported = [fields for fields in defined if fields[4] == "GLOBAL" and fields[7].startswith("varlen_")]
        main = [fields for fields in defined if fields[7] == "main"]
        return [(fields[7], int(fields[1], 16)) for fields in (main if self.is_program else exported)]

    def bytes_at(self, address, count):
        contents = pathlib.Path(self.path).read_bytes()
        offset, size, number = (struct.unpack_from(form, contents, at)[0]
                                for form, at in (("<Q", 32), ("<H", 54), ("<H", 56)))
        for header in range(offset, offset + size * number, size):
            kind, _, start, virtual, _, length = struct.unpack_from("<IIQQQQ", contents, header)
            if kind == 1 and virtual <= address < virtual + length:  # PT_LOAD
                return contents[start + address - virtual:][:count]
        raise ValueError(f"{address:#x} is in no segment of {self.path}")


class Hardening(unittest.TestCase):
    def for_each_file(self, check):
        for path in given.files:
            with self.subTest(path):
                check(File(path))

    def test_addresses_are_bound_at_load_and_read_only(self):
        def check(file):
            self.assertIn("GNU_RELRO", file.segments)
            self.assertTrue({"NOW", "BIND_NOW"} & set(file.flags()))
            self.assertNotIn("TEXTREL", file.dynamic)
        self.for_each_file(check)

    def test_no_executable_stack(self):
        self.for_each_file(lambda file: self.assertEqual(file.segments.get("GNU_STACK"), "RW "))

    def test_no_file_has_an_address_of_its_own(self):
        self.for_each_file(lambda file: self.assertRegex(file.header, r"Type: +DYN"))

    def test_stacks_are_guarded(self):
        self.for_each_file(lambda file: self.assertIn("__stack_chk_fail", file.imported))

    @unittest.skipUnless(given.fortified, "this build asked for none")
    def test_functions_of_the_c_library_are_fortified(self):
        def check(file):
            self.assertTrue({name for name in file.imported if re.fullmatch(r"__\w+_chk", name)}, file.imported)
        self.for_each_file(lambda file: file.path not in given.fortified or check(file))

    @unittest.skipUnless(given.branches, "this compiler protects none")
    def test_branches_are_protected(self):
        def check(file):
            pads = next(pads for machine, pads in LANDING_PADS.items() if machine in file.header)
            self.assertTrue(file.entry_points())
            for name, address in file.entry_points():
                self.assertIn(file.bytes_at(address, 4), pads, name)
        self.for_each_file(check)

    @unittest.skipUnless(given.branches, "this compiler protects none")
    def test_protected_branches_are_promised(self):
        expected = marks_of_nothing()

        def check(file):
            self.assertLessEqual(expected, marks(file.path))
        self.for_each_file(lambda file: file.path in given.foreign or check(file))


class Needs(unittest.TestCase):
    @unittest.skipIf(given.sanitized, "sanitizers bring libraries of their own")
    def test_the_library_needs_libc_and_libm_alone(self):
        for path in given.files:
            if re.fullmatch(r"libvarlen\.so.*", pathlib.Path(path).name):
                for name in File(path).needed():
                    self.assertRegex(name, r"^(libc|libm|ld-linux.*)\.so\.\d+$")
                return
        self.fail("libvarlen is not among the files")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
