#!/usr/bin/env python3
"""`varlen explain`: what it counts of a problem, what backends say of it, and in which words it refuses.

usage: explain_test.py COMMAND FOLDER_OF_THE_BACKEND_PARTIAL [unittest options]
"""

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMAND = sys.argv[1]
FOLDER = sys.argv[2]


class ExplainTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="varlen-explain-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def explain(self, *words, status=0, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
        result = subprocess.run([COMMAND, "explain", *words], cwd=self.folder, env={**clean, **environment},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def write(self, name, values, descr="<i4"):
        header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({len(values)},), }}\n".encode()
        data = struct.pack(f"<{len(values)}{descr[1]}", *values)
        (self.folder / name).write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data)
        return name


class Problem(ExplainTest):
    def test_what_it_comes_to(self):
        text = self.explain("--lens", "5,64,33", "--q-heads", "4", "--kv-heads", "2", "--head-dim", "64", "--value-dim",
                            "32", "--mask", "causal").stdout
        pairs = sum(n * (n + 1) // 2 for n in (5, 64, 33))
        self.assertRegex(text, r"\n  sequences +3, of at most 64 queries and 64 keys\n  tokens +102 queries, 102 keys\n")
        self.assertRegex(text, r"\n  heads +4 of queries on 2 of keys and values, head_dim 64, value_dim 32, bf16\n")
        self.assertRegex(text, rf"\n  visible pairs +{pairs} for each query head\n")
        flops, moved = 2 * pairs * 4 * (64 + 32), 2 * 102 * (4 + 2) * (64 + 32) + 4 * 102 * 4
        self.assertRegex(text, rf"\n  forward +{flops / 1e6:.2f} MFLOP on {moved / 1e3:.0f} kB\n")
        self.assertRegex(text, rf"\n  backward +{2.5 * flops / 1e6:.2f} MFLOP on ")

    def test_windows_alignments_and_queries(self):
        def pairs(*words):
            return int(re.search(r"visible pairs +(\d+) ", self.explain("--lens", "9,4", *words).stdout)[1])

        self.assertEqual(pairs(), 81 + 16)
        self.assertEqual(pairs("--q-lens", "1"), 9 + 4)
        self.assertEqual(pairs("--q-lens", "2,3", "--mask", "causal"), (8 + 9) + (2 + 3 + 4))
        self.assertEqual(pairs("--q-lens", "2,3", "--mask", "causal", "--alignment", "top-left"), (1 + 2) + (1 + 2 + 3))
        self.assertEqual(pairs("--mask", "window", "--window", "1,0"), (2 * 9 - 1) + (2 * 4 - 1))

    def test_files_of_running_sums(self):
        q = self.write("q.npy", [0, 2, 2, 5])
        k = self.write("k.npy", [0, 7, 8, 12])
        text = self.explain("--cu-seqlens-q", q, "--cu-seqlens-k", k).stdout
        self.assertRegex(text, r"tokens +5 queries, 12 keys\n")
        self.assertRegex(text, rf"visible pairs +{2 * 7 + 3 * 4} ")
        self.assertRegex(self.explain("--cu-seqlens-q", q).stdout, r"tokens +5 queries, 5 keys\n")

    def test_a_workload_of_bench(self):
        text = self.explain("--workload", "decode-8x8k-gqa32/8-d128-page16").stdout
        self.assertRegex(text, r"sequences +8, of at most 1 queries and 8192 keys\n")
        self.assertRegex(text, r"pages +4096 of 16 tokens\n")
        self.assertNotIn("backward", text)

    def test_values_in_keys_count_once(self):
        text = self.explain("--workload", "latent-128x4k-gqa128/1-d576/512-page64").stdout
        elements = 128 * 128 * (576 + 512) + 128 * 4096 * 576
        self.assertRegex(text, rf"forward +[0-9.]+ GFLOP on {(2 * elements + 4 * 128 * 128) / 1e6:.3g} MB\n")


class Answer(ExplainTest):
    def test_the_cpu_names_its_kernels(self):
        last = re.findall(r"^ +(\w+) (?:takes it|does not: .*)$", self.explain("--lens", "9").stdout, re.M)[-1]
        for isa in (last, "auto"):
            text = self.explain("--backend", "cpu", "--lens", "9", VARLEN_CPU_ISA=isa).stdout
            opened = re.search(r"\ncpu:0 \(.*, (\w+)\), \d+ threads\n  forward +supported, with a workspace of .*B "
                               r"\(\d+ bytes\)\n", text)[1]
            self.assertIn(isa, (opened, "auto"))
            self.assertEqual(text.count(f" {opened} takes it\n"), 2)

    def test_why_the_others_do_not(self):
        def reasons(*words, **environment):
            text = self.explain("--backend", "cpu", "--lens", "9", "--pass", "forward", *words, **environment).stdout
            return dict(re.findall(r"^ +(\w+) does not: (.*)$", text, re.M)), re.search(r"(\w+) takes it", text)[1]

        needs = "it needs what this processor or its system lacks"
        others, taken = reasons()
        known = {needs, f"{taken} comes first", "it is slower on this processor than the next"}
        self.assertLessEqual(set(others.values()), known)
        runnable = [taken, *(name for name, reason in others.items() if reason != needs)]
        if runnable[-1] == taken:
            self.skipTest("this processor runs one set alone")
        forced, last = reasons(VARLEN_CPU_ISA=runnable[-1])
        self.assertEqual(last, runnable[-1])
        self.assertEqual({forced[name] for name in runnable[:-1]}, {"VARLEN_CPU_ISA asks for another"})

    def test_the_floor_is_of_given_rates(self):
        text = self.explain("--backend", "cpu", "--lens", "128", "--pass", "forward", "--floor", "--peak", "0.001",
                            "--bandwidth", "100").stdout
        floor = 2 * 128 * 128 * 8 * 256 / 1e9 * 1e3
        self.assertIn(f"takes at least {floor:.4g} ms, by the given peak\n", text)
        self.assertNotIn("takes at least", self.explain("--lens", "128").stdout)

    def test_the_floor_is_measured(self):
        text = self.explain("--backend", "cpu", "--threads", "1", "--lens", "128", "--dtype", "f32", "--floor").stdout
        self.assertRegex(text, r"takes at least [0-9.e-]+ ms, by the (float32 FMA|read bandwidth)\n")

    def test_what_a_backend_leaves_out(self):
        environment = {"VARLEN_BACKEND_PATH": FOLDER, "VARLEN_TEST_WITHOUT": "backward,sinks"}
        text = self.explain("--lens", "9", "--features", "sinks,lse", **environment).stdout
        self.assertRegex(text, r"\npartial:0 .*\n  forward +not supported: backend partial does not know VARLEN_FEATURE_SINKS")
        self.assertRegex(text, r"\n  backward +not supported: backend partial has no varlen_backward\n")
        self.assertRegex(text, r"\ncpu:0 .*\n  forward +supported, ")
        result = self.explain("--backend", "partial", "--lens", "9", status=1, **environment)
        self.assertIn("no backend here takes the problem", result.stderr)

    def test_a_backend_that_tells_nothing(self):
        text = self.explain("--backend", "partial", "--lens", "9", VARLEN_BACKEND_PATH=FOLDER,
                            VARLEN_TEST_WITHOUT="explain").stdout
        self.assertRegex(text, r"forward +supported, .*\n +backend partial does not tell which kernels calls go to\n")

    def test_a_backend_that_cannot_be_used(self):
        (self.folder / "varlen-broken.so").write_bytes(b"not a library")
        text = self.explain("--lens", "9", VARLEN_BACKEND_PATH=str(self.folder)).stdout
        self.assertRegex(text, r"\nbroken cannot be used: \S")


class Refusals(ExplainTest):
    def test_options(self):
        for reason, words in (
            ("--lens, --cu-seqlens-q or --workload is missing", ()),
            ("exclude one another", ("--lens", "5", "--workload", "documents")),
            ("--q-lens needs --lens", ("--q-lens", "5", "--workload", "documents")),
            ("--q-lens must have one number, or as many as --lens", ("--lens", "5,6,7", "--q-lens", "1,2")),
            ("--cu-seqlens-k needs --cu-seqlens-q", ("--lens", "5", "--cu-seqlens-k", "k.npy")),
            ("--mask window needs --window", ("--lens", "5", "--mask", "window")),
            ("--window needs --mask window", ("--lens", "5", "--window", "1,1")),
            ("--workload has heads, dims, pages, a mask and a dtype of keys of its own", ("--workload", "documents", "--q-heads", "4")),
            ("--peak and --bandwidth need --floor", ("--lens", "5", "--peak", "1")),
            ("--features lse,nosuch: not a list of lse, alibi, ", ("--lens", "5", "--features", "lse,nosuch")),
        ):
            self.assertIn(reason, self.explain(*words, status=2).stderr)

    def test_what_does_not_exist_or_breaks_a_rule(self):
        self.write("start.npy", [1, 2])
        self.write("falls.npy", [0, 5, 3])
        self.write("two.npy", [0, 5])
        self.write("three.npy", [0, 5, 9])
        self.write("floats.npy", [0, 5], "<f4")
        for reason, words in (
            ("--workload decode: not the name of one workload", ("--workload", "decode")),
            ("--cu-seqlens-q absent.npy: cannot be opened", ("--cu-seqlens-q", "absent.npy")),
            ("--cu-seqlens-q start.npy: element 0 = 1 must be 0", ("--cu-seqlens-q", "start.npy")),
            ("--cu-seqlens-q falls.npy: element 2 = 3 is below element 1 = 5", ("--cu-seqlens-q", "falls.npy")),
            ("--cu-seqlens-q floats.npy is [2] of f32, but must be [B+1]", ("--cu-seqlens-q", "floats.npy")),
            ("has 2 elements but --cu-seqlens-k 3", ("--cu-seqlens-q", "two.npy", "--cu-seqlens-k", "three.npy")),
            ("kv_heads = 3 does not divide q_heads = 8", ("--lens", "5", "--kv-heads", "3")),
            ("nosuch", ("--lens", "5", "--backend", "nosuch")),
        ):
            self.assertIn(reason, self.explain(*words, status=1).stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
