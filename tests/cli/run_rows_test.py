#!/usr/bin/env python3
"""Key ranges, chunks and tree masks of `varlen run`: results of rows that see one key or none, and what is refused.

usage: run_rows_test.py COMMAND [unittest options]
"""

import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMAND = sys.argv.pop(1)

FORMATS = {"<f4": "f", "<i4": "i", "<i8": "q"}


class RunRows(unittest.TestCase):
    """One sequence of three queries and four keys, one head of eight dims. Value j is j + 1 throughout."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="varlen-rows-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.write("q.npy", "<f4", (3, 1, 8), [0.5] * 24)
        self.write("k.npy", "<f4", (4, 1, 8), [0.25] * 32)
        self.write("v.npy", "<f4", (4, 1, 8), [j + 1 for j in range(4) for _ in range(8)])
        self.write("cuq.npy", "<i4", (2,), [0, 3])
        self.write("cuk.npy", "<i4", (2,), [0, 4])

    def write(self, name, descr, shape, values):
        header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple(shape)}, }}\n".encode()
        data = struct.pack(f"<{len(values)}{FORMATS[descr]}", *values)
        (self.folder / name).write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data)

    def run_command(self, *words):
        return subprocess.run(
            [COMMAND, "run", "--q", "q.npy", "--k", "k.npy", "--v", "v.npy", "--cu-seqlens-q", "cuq.npy", "--cu-seqlens-k",
             "cuk.npy", "--out", "out.npy", "--backend", "cpu", *words],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)

    def means(self, *words):
        """The first element of each row of the result: the mean of the values that it sees, since all scores are equal."""
        result = self.run_command(*words)
        self.assertEqual(result.returncode, 0, result.stderr)
        raw = (self.folder / "out.npy").read_bytes()
        return [round(value, 5) for value in struct.unpack("<24f", raw[-96:])[::8]]

    def refused(self, reason, *words):
        result = self.run_command(*words)
        self.assertIn(reason, result.stderr)
        self.assertNotEqual(result.returncode, 0)
        self.assertFalse((self.folder / "out.npy").exists())

    def test_key_ranges(self):
        self.write("begin.npy", "<i4", (3,), [0, 2, 3])
        self.write("end.npy", "<i8", (3,), [1, 4, 2])
        self.assertEqual(self.means("--key-begin", "begin.npy", "--key-end", "end.npy"), [1, 3.5, 0])
        self.assertEqual(self.means("--key-begin", "begin.npy"), [2.5, 3.5, 4])
        self.assertEqual(self.means("--key-end", "end.npy", "--mask", "causal"), [1, 2, 1.5])

    def test_chunks(self):
        self.assertEqual(self.means("--chunk", "2"), [1.5, 3.5, 3.5])
        self.assertEqual(self.means("--chunk", "2", "--mask", "causal"), [1.5, 3, 3.5])

    def test_a_tree_mask(self):
        self.write("tree.npy", "<i8", (3,), [1, 2, 5])
        self.assertEqual(self.means("--tree-mask", "tree.npy"), [1.5, 2, 2.33333])

    def test_what_is_refused(self):
        self.write("high.npy", "<i4", (3,), [4, 5, 4])
        self.write("long.npy", "<i4", (4,), [0, 0, 0, 0])
        self.write("narrow.npy", "<i4", (3,), [1, 1, 1])
        self.write("floats.npy", "<f4", (3,), [0, 0, 0])
        self.refused("key_end[1] = 5 is above the 4 keys of its sequence", "--key-end", "high.npy")
        self.refused("Tq would be both 3 and 4", "--key-begin", "long.npy")
        self.refused("--key-end floats.npy holds f32, but must hold i4 or i8", "--key-end", "floats.npy")
        self.refused("--tree-mask narrow.npy holds i32, but must hold i8", "--tree-mask", "narrow.npy")
        self.refused("--chunk 0: not a whole number from 1", "--chunk", "0")
        self.refused("--tree-mask and --dout exclude each other", "--tree-mask", "narrow.npy", "--dout", "q.npy", "--dq",
                     "a.npy", "--dk", "b.npy", "--dv", "c.npy")


if __name__ == "__main__":
    unittest.main()
