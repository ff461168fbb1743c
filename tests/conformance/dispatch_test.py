#!/usr/bin/env python3
"""Each kernel set of the CPU backend that this machine can run is in the tests, and runs when it is asked for.

usage: dispatch_test.py COMMAND SET:[WORD,WORD...]...

A set whose WORDS are in /proc/cpuinfo must run.
"""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

COMMAND = sys.argv[1]
SETS = {name: set(filter(None, words.split(","))) for name, words in (pair.split(":") for pair in sys.argv[2:])}


def check(isa):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
    return subprocess.run([COMMAND, "check", "--backend", "cpu", "--filter", "forward/lengths/one-token/*"],
                          env={**environment, "VARLEN_CPU_ISA": isa}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=600)


def runnable():
    """What the backend offers."""
    return set(re.search(r"it can be auto, (.*)$", check("none-such").stderr).group(1).split(", "))


def used(result):
    """The set that a run names as its own."""
    return re.match(r"cpu:0 \(.*, (\w+)\)", result.stdout).group(1)


class Dispatch(unittest.TestCase):
    def test_sets_of_the_processor_are_offered(self):
        cpuinfo = Path("/proc/cpuinfo")
        words = set(re.findall(r"\w+", cpuinfo.read_text())) if cpuinfo.exists() else set()
        for isa, needed in SETS.items():
            if needed <= words:
                self.assertIn(isa, runnable())

    def test_offered_sets_are_tested(self):
        self.assertLessEqual(runnable(), set(SETS))

    def test_offered_sets_run(self):
        for isa in runnable():
            result = check(isa)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            self.assertEqual(used(result), isa)

    def test_other_sets_are_refused(self):
        for isa in set(SETS) - runnable():
            result = check(isa)
            self.assertNotEqual(result.returncode, 0, result.stdout)
            self.assertIn(f'VARLEN_CPU_ISA = "{isa}"', result.stderr)

    def test_automatic_choice_is_offered(self):
        self.assertIn(used(check("auto")), runnable())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
