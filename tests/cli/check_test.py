#!/usr/bin/env python3
"""`varlen check` on a legal backend that leaves optional functions out: what needs them is skipped, and says so.

usage: check_test.py COMMAND FOLDER_OF_THE_BACKEND_PARTIAL [unittest options]
"""

import os
import re
import subprocess
import sys
import unittest

COMMAND = sys.argv[1]
FOLDER = sys.argv[2]

# The cases that need each function, by how their names begin.
NEEDS = {
    "backward": ("backward/",),
    "merge": ("around/merge/",),
    "cu_seqlens": ("around/cu-seqlens/", "metadata/around/lengths-"),
    "pack": ("around/pack", "metadata/around/pack-"),
    "unpack": ("around/unpack", "metadata/around/unpack-"),
    "kv_append": ("around/append/", "around/append-attend/", "metadata/around/append-"),
}


def command(*words, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
    return subprocess.run([COMMAND, *words], env={**clean, "VARLEN_BACKEND_PATH": FOLDER, **environment},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)


def names(pattern):
    return command("check", "--list", "--filter", pattern).stdout.splitlines()


class Partial(unittest.TestCase):
    def check(self, without, pattern):
        """What one run printed: the skipped cases with their reasons, the counts by reason, and the closing counts."""
        result = command("check", "--backend", "partial", "--skipped", "--filter", pattern,
                         VARLEN_TEST_WITHOUT=",".join(without))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        closing = re.fullmatch(r"(\d+) passed, 0 failed, (\d+) skipped", result.stdout.splitlines()[-1])
        skipped = dict(re.findall(r"^skipped (\S+)\n  (.*)$", result.stdout, re.M))
        counts = {reason: int(count) for count, reason in re.findall(r"^   *(\d+)  (\S.*)$", result.stdout, re.M)}
        return skipped, counts, (int(closing[1]), int(closing[2]))

    def expect(self, without, pattern):
        skipped, counts, (passed, total) = self.check(without, pattern)
        needs = {function: [name for name in names(pattern) if name.startswith(NEEDS[function])]
                 for function in without}
        lacking = {name: reason for name, reason in skipped.items() if "has no " in reason}
        self.assertEqual(sorted(lacking), sorted(name for cases in needs.values() for name in cases))
        self.assertEqual(total, len(skipped))
        self.assertEqual(passed + total, len(names(pattern)))
        self.assertEqual(sum(counts.values()), total)
        for function, cases in needs.items():
            reason = ("the device has no backward pass" if function == "backward"
                      else f"backend partial has no varlen_{function}")
            self.assertEqual({lacking[name] for name in cases}, {reason} if cases else set())
            self.assertEqual(counts.get(reason, 0), len(cases))

    def test_each_function_left_out(self):
        for function, beginnings in NEEDS.items():
            with self.subTest(function):
                self.assertTrue(all(names(f"{beginning}*") for beginning in beginnings))
                self.expect([function], "backward/*" if function == "backward" else "*around/*")

    def test_all_left_out(self):
        for pattern in ("*around/*", "backward/*", "metadata/*"):
            self.expect(list(NEEDS), pattern)

    def test_none_left_out(self):
        self.expect([], "*around/*")

    def expect_refused(self, without, pattern, reasons):
        """Only cases with such a reason are skipped, which is counted; the others still pass."""
        skipped, counts, (passed, total) = self.check(without, pattern)
        self.assertEqual(set(counts), set(reasons))
        self.assertEqual(counts, {reason: list(skipped.values()).count(reason) for reason in reasons})
        self.assertEqual(passed + total, len(names(pattern)))
        self.assertGreater(passed, 0)
        return skipped

    def test_features_left_out_are_counted_one_by_one(self):
        skipped = self.expect_refused(["alibi", "sinks"], "*/features/*/f16", [
            f"backend partial does not know VARLEN_FEATURE_{feature} {one}"
            for feature in ("ALIBI", "SINKS") for one in ("forward", "backward")])
        for name, reason in skipped.items():
            self.assertTrue(reason.endswith(name.split("/")[0]), (name, reason))

    def test_features_that_follow_from_fields(self):
        skipped = self.expect_refused(["paged"], "forward/layout/expanded*/f16", [
            "backend partial does not know VARLEN_FEATURE_PAGED forward"])
        self.assertEqual(sorted(skipped), sorted(
            name for name in names("forward/layout/expanded*/f16") if "-page" in name))

    def test_dims_left_out(self):
        pattern = "backward/shapes/d*/f16"
        skipped, counts, (passed, total) = self.check(["dims_above_64"], pattern)
        self.assertIn("head_dim = 128 is above the 64 that backend partial takes backward", counts)
        self.assertIn("value_dim = 256 is above the 64 that backend partial takes backward", counts)
        self.assertEqual((passed + total, sum(counts.values())), (len(names(pattern)), total))
        self.assertGreater(passed, 0)

    def test_heads_that_are_too_wide_are_skipped_and_counted(self):
        for pattern in ("forward/wide/*", "backward/wide/*", "forward/latent/*"):
            skipped, counts, (passed, total) = self.check(["dims_above_64"], pattern)
            self.assertEqual((passed, total), (0, len(names(pattern))))
            self.assertEqual(sum(counts.values()), total)
            self.assertTrue(all(re.fullmatch(r"(head|value)_dim = \d+ is above the 64 that backend partial takes .*", reason)
                                for reason in skipped.values()))

    def test_skipped_cases_are_named_only_if_asked_for(self):
        result = command("check", "--backend", "partial", "--filter", "around/merge/*", VARLEN_TEST_WITHOUT="merge")
        self.assertNotIn("\nskipped around/", result.stdout)
        self.assertRegex(result.stdout, r"\n  skipped  because\n +\d+  backend partial has no varlen_merge\n0 passed, ")

    def test_nothing_skipped_prints_no_table(self):
        result = command("check", "--backend", "partial", "--filter", "around/memory/*")
        self.assertNotIn("because", result.stdout)

    def test_list_and_skipped_exclude_each_other(self):
        result = command("check", "--list", "--skipped")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--list runs nothing", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
