#!/usr/bin/env python3
"""`varlen bench` on an accelerator, which the CPU backend plays here: its bandwidth is measured by what the library can do,
its arithmetic peak is known only if it is given, and no floor stands on what is not known.

usage: bench_accelerator_test.py COMMAND FOLDER_OF_THE_BACKEND_PARTIAL [unittest options]
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

COMMAND = sys.argv[1]
FOLDER = sys.argv[2]

HEADING = ["workload", "dtype", "pass", "median ms", "spread", "host us", "GFLOP/s", "GB/s", "floor ms",
           "time / floor", "share"]


class Accelerator(unittest.TestCase):
    def bench(self, *words, without="host_memory"):
        """What was printed, and what --json wrote."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            result = subprocess.run([COMMAND, "bench", "--backend", "partial", "--threads", "1", "--repeats", "2", "--json",
                                     file.name, *words],
                                    env={**clean, "VARLEN_BACKEND_PATH": FOLDER, "VARLEN_TEST_WITHOUT": without},
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            with open(file.name, encoding="utf-8") as stream:
                return result.stdout, json.load(stream)

    def rows(self, text):
        """The cells of the table of results, found by where the heading's columns begin."""
        lines = text.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("  workload"))
        places = [lines[start].index(f"  {name}") for name in HEADING] + [None]
        for line in lines[start + 1 :]:
            for place in places[:-1]:
                self.assertEqual(line[place : place + 2], "  ", line)
        return [[line[begin:end].strip() for begin, end in zip(places, places[1:])] for line in lines[start:]]

    def test_given_rates(self):
        text, measured = self.bench("--lens", "300,20", "--pass", "both", "--peak", "2", "--bandwidth", "40")
        self.assertRegex(text, r"\n  given peak +--peak +2000\.0  GFLOP/s\n  given bandwidth +--bandwidth +40\.0  GB/s\n")
        known = {name for name, peak in measured["peaks"].items() if peak}
        self.assertEqual(known, {"given_gflops", "given_gb_per_s"})
        heading, forward, backward = self.rows(text)
        self.assertEqual(heading, HEADING)
        # 300 x 300 + 20 x 20 pairs, 8 heads, dims of 128 and 128, at 2 TFLOP/s
        floor = 2 * 90400 * 8 * 256 / 2e9
        for row, item, factor in zip((forward, backward), measured["results"], (1, 2.5)):
            self.assertAlmostEqual(item["floor_ms"] / (factor * floor), 1, places=4)
            self.assertAlmostEqual(item["over_floor"] * item["floor_ms"] / item["median_ms"], 1, places=4)
            self.assertEqual(item["bound"], "given_gflops")
            self.assertEqual(row[8], f"{factor * floor:.4f}")
            self.assertAlmostEqual(float(row[9]), item["over_floor"], delta=0.0051)  # each is rounded by itself
            self.assertRegex(row[10], r"^\d+ % of given peak$")

    def test_an_unknown_peak_gives_no_floor(self):
        text, measured = self.bench("--lens", "2000")
        for key in ("read_gb_per_s", "copy_gb_per_s", "even_bfloat16_gflops"):
            self.assertGreater(measured["peaks"][key]["all_threads"], 0)
        for key in ("float32_fma_gflops", "even_float32_gflops", "even_float16_gflops", "given_gflops"):
            self.assertIsNone(measured["peaks"][key])
        self.assertRegex(text, r"\n  even attention +bf16 forward, 4 x \d+, 16 heads, d128 +[0-9.]+  GFLOP/s\n")
        item = measured["results"][0]
        self.assertEqual((item["floor_ms"], item["over_floor"]), (None, None))
        self.assertEqual(item["bound"], "even_bfloat16_gflops")
        self.assertGreater(item["share"], 0)
        row = self.rows(text)[1]
        self.assertEqual(row[8:10], ["-", "-"])
        self.assertRegex(row[10], r"^\d+ % of even attention$")

    def expect_copy_floor(self, text, measured):
        copy = measured["peaks"]["copy_gb_per_s"]["all_threads"]
        item = measured["results"][0]
        self.assertEqual(item["bound"], "copy_gb_per_s")
        self.assertAlmostEqual(item["floor_ms"] * copy * 1e6 / (100 * 8 * (4 * 128 * 2 + 4)), 1, places=3)
        self.assertRegex(self.rows(text)[1][10], r"^\d+ % of copy bandwidth$")

    def test_what_bytes_bound_has_a_floor(self):
        # One token each: a flop for two bytes.
        text, measured = self.bench("--lens", ",".join(["1"] * 100), "--peak", "1000", without="host_memory,merge")
        self.assertIsNone(measured["peaks"]["read_gb_per_s"])
        self.expect_copy_floor(text, measured)

    def test_without_a_peak_attention_itself_says_what_may_bound(self):
        text, measured = self.bench("--lens", ",".join(["1"] * 100), without="host_memory,merge")
        copy = measured["peaks"]["copy_gb_per_s"]["all_threads"]
        even = measured["peaks"]["even_bfloat16_gflops"]["all_threads"]  # little in a build that is instrumented
        if 4 * 128 / even < (4 * 128 * 2 + 4) / copy:
            self.expect_copy_floor(text, measured)
        else:
            self.assertIsNone(measured["results"][0]["floor_ms"])
            self.assertEqual(measured["results"][0]["bound"], "even_bfloat16_gflops")

    def test_a_bandwidth_alone(self):
        _, measured = self.bench("--lens", "9", "--no-peaks", "--bandwidth", "40")
        self.assertIsNone(measured["results"][0]["floor_ms"])
        self.assertIsNone(measured["results"][0]["share"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
