#!/usr/bin/env python3
"""The varlen command with each of its allocations failing in turn: once, and from then on.

It ends by itself: with status 0, and then it has printed and written all that it prints and writes otherwise; or with
status 1 and a reason, and then the files that it would have written are as they were.

usage: command_test.py COMMAND FOLDER_OF_LIBVARLEN LIBRARY_OF_FAULTS SAMPLE_FOLDER FOLDER_OF_THE_BACKEND_PARTIAL
                       [unittest options]
"""

import concurrent.futures
import os
import re
import resource
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMAND, LIBRARY_FOLDER, FAULTS, SAMPLE, PARTIAL = sys.argv[1:6]
SAMPLE = Path(SAMPLE)
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
ENVIRONMENT["LD_LIBRARY_PATH"] = LIBRARY_FOLDER
OLD = b"what was there before"

RUN = ["run", "--backend", "cpu", "--mask", "causal", "--dout", SAMPLE / "expected.npy", "--expect",
       SAMPLE / "expected.npy", "--alibi", "alibi.npy", "--out", "out.npy", "--lse", "lse.npy", "--dq", "dq.npy",
       "--dk", "dk.npy", "--dv", "dv.npy"]
for option, name in (("q", "q"), ("k", "k"), ("v", "v"), ("cu-seqlens-q", "cu_seqlens")):
    RUN += [f"--{option}", SAMPLE / f"{name}.npy"]


def masked(text):
    """Without numbers, and without the blanks that align them: times differ from run to run, by a power of ten and more."""
    return re.sub(rb"[ \d.#+-]*\d(?:[ \d.#+-]|e[+-]\d)*", b"#", text)


def masked_files(files):
    return {name: masked(contents) if name.endswith((".json", ".html")) else contents for name, contents in files.items()}


class Try:
    """One run of the command in a folder of its own."""

    def __init__(self, words, faults, outputs=(), keep=(), **variables):
        self.faults = faults
        with tempfile.TemporaryDirectory(prefix="varlen-faults-") as name:
            folder = Path(name)
            for file, contents in dict(keep).items():
                (folder / file).write_bytes(contents)
            for output in outputs:
                (folder / output).write_bytes(OLD)
            environment = {**ENVIRONMENT, "LD_PRELOAD": FAULTS, "VARLEN_FAULTS": faults,
                           "VARLEN_FAULTS_REPORT": "report", **variables}
            result = subprocess.run([COMMAND, *map(str, words)], cwd=folder, env=environment, timeout=120,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.status, self.reason = result.returncode, result.stderr.decode(errors="replace")
            if b"FAILED " in result.stdout:  # a case of `varlen check`
                self.reason += result.stdout.decode(errors="replace")
            # Times differ from run to run.
            self.printed = masked(result.stdout)
            report = folder / "report"
            self.asked, self.failed, self.live = map(int, report.read_text().split()) if report.exists() else (0, 0, 0)
            self.written = {file.name: file.read_bytes() for file in folder.iterdir()
                            if file.name not in keep and file != report}

    def fault(self, usual, outputs):
        """What is wrong; None if nothing is."""
        if self.status == 0:
            # Not the same, but told: a case that is skipped, a reason that could not be kept.
            told = (b"no room on the device", b"there was no memory to keep the text")
            if self.printed != usual.printed and not any(words in self.printed for words in told):
                return f"printed something else: {self.printed.decode()}"
            return None if masked_files(self.written) == masked_files(usual.written) else "wrote other files"
        if self.status != 1:
            return "ended otherwise"
        if not self.reason:
            return "gave no reason"
        if self.written != {output: OLD for output in outputs}:
            return "touched files"
        return None


class Command(unittest.TestCase):
    total = 0

    def fail_each(self, words, outputs=(), keep=(), **variables):
        usual = Try(words, "none", outputs, keep, **variables)
        self.assertEqual((usual.status, usual.reason), (0, ""), usual.printed)
        tries = [f"{mode}:{number}" for mode in ("once", "from") for number in range(1, usual.asked + 1)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for tried in pool.map(lambda faults: Try(words, faults, outputs, keep, **variables), tries):
                self.check(tried, usual, words, outputs)

    def check(self, tried, usual, words, outputs=()):
        Command.total += 1
        with self.subTest(words=words, faults=tried.faults):
            fault = tried.fault(usual, outputs)
            self.assertIsNone(fault, f"status {tried.status}: {tried.reason}")

    def test_info(self):
        self.fail_each(["info"])

    def test_explain(self):
        self.fail_each(["explain", "--backend", "cpu", "--lens", "3,2"])
        self.fail_each(["explain", "--lens", "3,2"], **self.ACCELERATOR)
        self.fail_each(["explain", "--backend", "cpu", "--cu-seqlens-q", SAMPLE / "cu_seqlens.npy"])

    def test_run(self):
        slopes = b"\x93NUMPY\x01\x00\x46\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (8,), }".ljust(69)
        self.fail_each(RUN, ("out.npy", "lse.npy", "dq.npy", "dk.npy", "dv.npy"),
                       {"alibi.npy": slopes + b"\n" + bytes(64)})

    def test_check(self):
        self.fail_each(["check", "--backend", "cpu", "--filter", "lengths/one-token/f32"])
        self.fail_each(["check", "--backend", "cpu", "--skipped", "--filter", "around/memory/*"])
        self.fail_each(["check", "--list"])

    BENCH = ["bench", "--lens", "3,2", "--q-heads", "1", "--head-dim", "8", "--repeats", "1", "--pass", "both"]
    ACCELERATOR = {"VARLEN_BACKEND_PATH": PARTIAL, "VARLEN_TEST_WITHOUT": "host_memory"}

    def test_bench(self):
        """On what seems to be an accelerator, whose host times are printed too."""
        self.fail_each(["bench", "--list"])
        for extra in (["--dtype", "f32"], ["--dtype", "f16", "--page-size", "2"]):
            self.fail_each([*self.BENCH, *extra, "--backend", "partial", "--peak", "1", "--bandwidth", "100", "--json",
                            "new.json", "--compare", "old.json"],
                           ("new.json",), {"old.json": b'{"results": [{"workload": "other"}]}'}, **self.ACCELERATOR)

    def test_a_report(self):
        self.fail_each([*self.BENCH, "--backend", "cpu", "--no-peaks", "--dtype", "f32", "--report", "new.html"],
                       ("new.html",))

    def test_the_measuring_of_peaks(self):
        """How many allocations it makes depends on the machine's speed: the first ones."""
        met = number = 0
        while met < 2:
            number += 1
            tried = Try([*self.BENCH, "--backend", "cpu"], f"from:{number}")
            if "the probe" in tried.reason:
                met += 1
                self.check(tried, None, self.BENCH)
        limited = subprocess.run([COMMAND, *self.BENCH, "--backend", "cpu"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env=ENVIRONMENT, preexec_fn=limit_memory)
        self.assertEqual(limited.returncode, 1)
        self.assertRegex(limited.stderr, rb"the probe: out of memory for two buffers of \d+ bytes")

    def test_the_measuring_of_an_accelerator(self):
        tried = number = 0
        while not tried or "measure the bandwidth" not in tried.reason:
            number += 1
            tried = Try([*self.BENCH, "--backend", "partial"], f"from:{number}", **self.ACCELERATOR)
        self.check(tried, None, self.BENCH)

    def test_help(self):
        for words in (["--help"], ["--version"], ["run", "--help"], ["bench", "--help"]):
            self.fail_each(words)

    @classmethod
    def tearDownClass(cls):
        print(f"{cls.total} allocations failed in turn", file=sys.stderr)


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[6:]])
