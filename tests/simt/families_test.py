#!/usr/bin/env python3
"""Which family of kernels takes a call: what the log says, what VARLEN_GPU_KERNELS does, what `check --kernels` finds.

usage: families_test.py COMMAND FOLDER_OF_THE_BACKEND_SIMT [unittest options]
"""

import os
import re
import subprocess
import sys
import unittest

COMMAND = sys.argv[1]
FOLDER = sys.argv[2]
SMALL = "lengths/one-token/*"


def check(pattern, *words, backend="simt", **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
    return subprocess.run([COMMAND, "check", "--backend", backend, "--filter", pattern, *words],
                          env={**clean, "VARLEN_BACKEND_PATH": FOLDER, "SIMT_PROCESSORS": "64", **environment},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)


def choices(result):
    """What the log says of calls of attention."""
    return re.findall(r"^varlen: debug: ((?:forward|backward): .*)$", result.stderr, re.M)


def explain(*words, **environment):
    """The lines on kernels that `varlen explain` prints, by pass."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
    result = subprocess.run([COMMAND, "explain", "--backend", "simt", *words],
                            env={**clean, "VARLEN_BACKEND_PATH": FOLDER, "SIMT_PROCESSORS": "64", **environment},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
    answer = result.stdout.split("\nsimt:0 ")[1]
    return {part: [line.strip() for line in lines.splitlines()[1:]]
            for part, lines in re.findall(r"^  (forward|backward)(.*\n(?:   .*\n)*)", answer, re.M)}


class Explain(unittest.TestCase):
    def test_the_family_its_kernel_and_why_not_the_others(self):
        lines = explain("--lens", "4000,17", "--head-dim", "72", "--value-dim", "40")
        self.assertEqual(lines["forward"], [
            "warp_groups takes it, by its bfloat16 kernel for head_dim <= 128, value_dim <= 128",
            "small_batch does not: total_k = 4017 is above 1024", "latent does not: head_dim = 72 is not above 256",
            "warp_tiles does not: warp_groups comes first"])
        self.assertEqual(lines["backward"][0].split(",")[0], "warp_groups takes it")

    def test_wide_heads_have_one_kernel(self):
        lines = explain("--lens", "9", "--head-dim", "72", "--value-dim", "264", "--features", "alibi")
        kernel = "warp_tiles takes it, by its wide bfloat16 kernel for head_dim <= {}, value_dim <= 512"
        declines = "{} does not: value_dim = 264 is above 256"
        self.assertEqual(lines["forward"], [kernel.format(576), *map(declines.format, ("small_batch", "warp_groups")),
                                            "latent does not: head_dim = 72 is not above 256"])
        self.assertEqual(lines["backward"], [kernel.format(512), *map(declines.format, ("small_batch", "group_sweeps",
                                                                                        "warp_groups"))])

    def test_features_decide(self):
        paged = explain("--lens", "9", "--page-size", "7", "--features", "alibi", "--dtype", "f16")["forward"]
        self.assertRegex(paged[0], "^warp_tiles takes it, by its general float16 kernel for ")
        self.assertEqual(paged[1:], ["small_batch does not: keys are paged",
                                     "warp_groups does not: page_size = 7 is no multiple of 8",
                                     "latent does not: head_dim = 128 is not above 256"])
        self.assertEqual(explain("--lens", "9", "--features", "dsinks,sinks")["backward"][1],
                         "small_batch does not: dsinks are wanted")
        ranges = explain("--lens", "9", "--features", "key-ranges")
        for part in ("forward", "backward"):
            self.assertRegex(ranges[part][0], "^warp_groups takes it, by its general bfloat16 kernel for ")
            self.assertEqual(ranges[part][1], "small_batch does not: key_begin and key_end have bounds to be found")
        for feature, reason in (("tree-mask", "queries beside tree_mask are to be counted"),
                                ("key-starts,seqused-k", "key_starts may let sequences share keys")):
            self.assertEqual(explain("--lens", "9", "--features", feature)["forward"][1],
                             f"small_batch does not: {reason}")
        self.assertRegex(explain("--lens", "9", "--features", "query-positions,leftpad-q")["forward"][0],
                         "^small_batch takes it, by its bfloat16 kernel for ")

    def test_quantised_keys_and_values(self):
        plain = explain("--lens", "9", "--q-lens", "1", "--kv-dtype", "e4m3")["forward"]
        self.assertEqual(plain[:2], [
            "warp_groups takes it, by its bfloat16 kernel for quantised keys and values, head_dim <= 128, "
            "value_dim <= 128",
            "small_batch does not: keys and values are quantised"])
        softcap = explain("--lens", "9", "--q-lens", "1", "--kv-dtype", "int8", "--softcap", "3")["forward"]
        self.assertRegex(softcap[0], "^warp_tiles takes it, by its general bfloat16 kernel for quantised keys and ")
        self.assertIn("warp_groups does not: keys and values are quantised, and scores need more than a scale and a "
                      "mask", softcap)
        wide = explain("--lens", "9", "--q-lens", "1", "--kv-dtype", "e5m2", "--head-dim", "256")["forward"]
        self.assertRegex(wide[0], "^warp_tiles takes it, by its bfloat16 kernel for quantised keys and values, ")
        self.assertIn("warp_groups does not: head_dim = 256 with value_dim = 256 is too large for quantised keys and "
                      "values", wide)

    def test_a_family_that_is_forced(self):
        lines = explain("--lens", "9", VARLEN_GPU_KERNELS="warp_tiles")["forward"]
        self.assertRegex(lines[0], "^warp_tiles takes it, by its .*; VARLEN_GPU_KERNELS asks for it$")
        self.assertEqual(lines[1:], [f"{name} does not: VARLEN_GPU_KERNELS asks for warp_tiles"
                                     for name in ("small_batch", "warp_groups")] +
                         ["latent does not: head_dim = 128 is not above 256"])

    def test_latent_attention(self):
        latent = ["--lens", "4000,17", "--kv-heads", "1", "--head-dim", "576", "--value-dim", "512", "--q-heads"]
        lines = explain(*latent, "128")["forward"]
        self.assertEqual(lines[0], "latent takes it, by its wide bfloat16 kernel for head_dim <= 576, value_dim <= 512")
        self.assertIn("warp_groups does not: head_dim = 576 is above 256", lines)
        for words, reason in ((("128", "--page-size", "7"), "page_size = 7 is no multiple of 8"),
                              (("8", "--features", "alibi"), "scores need more than a scale and a mask of a band"),
                              (("67",), "q_heads / kv_heads = 67 has no divisor from 32 to 64")):
            lines = explain(*latent, *words)["forward"]
            self.assertRegex(lines[0], "^warp_tiles takes it")
            self.assertIn(f"latent does not: {reason}", lines)


class Families(unittest.TestCase):
    def test_the_first_that_takes_a_call_gets_it(self):
        for part in ("forward", "backward"):
            result = check(f"{part}/{SMALL}", VARLEN_LOG="debug")
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            self.assertIn(f"{part}: small_batch takes the call", choices(result))

    def test_the_log_says_why_the_others_declined(self):
        paged = check("forward/paged/*", VARLEN_LOG="debug")
        small = "small_batch does not: keys are paged"
        self.assertIn(f"forward: warp_groups takes the call; {small}", choices(paged))
        narrow = "latent does not: head_dim = 64 is not above 256"
        self.assertIn(f"forward: warp_tiles takes the call; {small}; warp_groups does not: "
                      f"page_size = 7 is no multiple of 8; {narrow}", choices(paged))
        self.assertIn(f"forward: warp_tiles takes the call; {small}; warp_groups does not: "
                      f"leftpad_k moves keys against their pages; {narrow}", choices(paged))
        sinks = check("backward/features/sinks/*", VARLEN_LOG="debug")
        self.assertIn("backward: group_sweeps takes the call; small_batch does not: dsinks are wanted", choices(sinks))

    def test_heads_that_share_no_keys_have_one_sweep(self):
        result = check("backward/shapes/heads-3-on-3/*", VARLEN_LOG="debug")
        self.assertIn("group_sweeps does not: q_heads / kv_heads = 1 is below 2", "".join(choices(result)))

    def test_the_log_is_silent_below_debug(self):
        self.assertEqual(choices(check(f"forward/{SMALL}", VARLEN_LOG="info")), [])

    def test_a_family_can_be_forced(self):
        result = check(f"forward/{SMALL}", VARLEN_LOG="debug", VARLEN_GPU_KERNELS="warp_tiles")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(set(choices(result)),
                         {"forward: warp_tiles takes the call; latent does not: head_dim = 64 is not above 256; "
                          "VARLEN_GPU_KERNELS asks for it"})

    def test_what_a_forced_family_declines_is_not_supported(self):
        result = check("forward/paged/*", "--skipped", VARLEN_GPU_KERNELS="small_batch")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("VARLEN_GPU_KERNELS = small_batch, which declines: keys are paged", result.stdout)
        self.assertRegex(result.stdout, r"\n0 passed, 0 failed, \d+ skipped\n$")

    def test_a_forced_family_declines_features_too(self):
        result = check("backward/*sinks*", "--skipped", VARLEN_GPU_KERNELS="small_batch")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("VARLEN_GPU_KERNELS = small_batch, which declines: dsinks are wanted", result.stdout)

    def test_other_names_are_refused(self):
        result = check(f"forward/{SMALL}", VARLEN_GPU_KERNELS="some")
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertIn('VARLEN_GPU_KERNELS = "some" is none of the families of kernels for this device: '
                      "small_batch, warp_groups, latent, warp_tiles, group_sweeps", result.stderr)

    def test_automatic_choice_can_be_named(self):
        for name in ("", "auto"):
            self.assertEqual(check(f"forward/{SMALL}", VARLEN_GPU_KERNELS=name).returncode, 0)

    def test_each_family_is_run(self):
        result = check("forward/*/full/*", "--kernels")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        for name in ("small_batch", "warp_groups", "latent", "warp_tiles"):
            self.assertIn(f"VARLEN_GPU_KERNELS={name}\n", result.stdout)
            calls = re.search(rf"^ *(\d+)  forward +{name}$", result.stdout, re.M)
            self.assertGreater(int(calls[1]), 0, result.stdout)

    def test_a_family_that_took_nothing_is_a_failure(self):
        result = check("forward/paged/*", "--kernels")
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn("FAILED small_batch took no call of the forward pass\n", result.stdout)

    def test_backends_without_families_say_so(self):
        result = check(f"forward/{SMALL}", "--kernels", backend="cpu")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("tells of no families of kernels", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
