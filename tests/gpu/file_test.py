#!/usr/bin/env python3
"""A GPU plugin as a file: one symbol, no library that not everyone has, code for its devices, a size to be shipped.

usage: file_test.py PLUGIN NM READELF [--needs LIBRARY]... [--holds TEXT]...

LIBRARY is a vendor's, which the plugin does need; TEXT is found in a plugin that has code for a device.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import unittest

parser = argparse.ArgumentParser()
for word in ("plugin", "nm", "readelf"):
    parser.add_argument(word)
for option in ("--needs", "--holds"):
    parser.add_argument(option, action="append", default=[])
given = parser.parse_args()


def lines(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


class PluginFile(unittest.TestCase):
    def test_one_symbol_is_exported(self):
        names = [line.split()[-1] for line in lines(given.nm, "-D", "--defined-only", given.plugin)]
        self.assertEqual(names, ["varlen_backend_entry"])

    def test_libraries(self):
        dynamic = lines(given.readelf, "-d", given.plugin)
        needed = {re.search(r"\[(.*)\]", line)[1] for line in dynamic if "(NEEDED)" in line}
        self.assertIn("libc.so.6", needed)
        self.assertLessEqual(set(given.needs), needed)
        for name in needed - set(given.needs):
            self.assertRegex(name, r"^(libc|libm|libdl|librt|libpthread|ld-linux.*)\.so\.\d+$")

    def test_code_for_devices(self):
        contents = pathlib.Path(given.plugin).read_bytes()
        for text in given.holds:
            self.assertTrue(text.encode() in contents, f"there is no {text}")

    def test_size(self):
        self.assertLess(os.path.getsize(given.plugin), 40e6)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
