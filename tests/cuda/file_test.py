#!/usr/bin/env python3
"""The CUDA plugin as a file: one symbol, no library of CUDA's that would have to be installed, a size to be shipped.

usage: file_test.py PLUGIN NM READELF
"""

import os
import re
import subprocess
import sys
import unittest

PLUGIN, NM, READELF = sys.argv[1:4]


def lines(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


class PluginFile(unittest.TestCase):
    def test_one_symbol_is_exported(self):
        names = [line.split()[-1] for line in lines(NM, "-D", "--defined-only", PLUGIN)]
        self.assertEqual(names, ["varlen_backend_entry"])

    def test_the_runtime_is_inside_and_the_driver_is_found_later(self):
        needed = [re.search(r"\[(.*)\]", line)[1] for line in lines(READELF, "-d", PLUGIN) if "(NEEDED)" in line]
        self.assertIn("libc.so.6", needed)
        for name in needed:
            self.assertRegex(name, r"^(libc|libm|libdl|librt|libpthread|ld-linux.*)\.so\.\d+$")

    def test_size(self):
        self.assertLess(os.path.getsize(PLUGIN), 40e6)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
