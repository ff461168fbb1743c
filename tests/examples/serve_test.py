#!/usr/bin/env python3
"""The serving example as a person meets it: serve_test.py SERVE GUIDE

Its help names every option, wrong words are refused, what cannot be opened is said, and it prints what the guide shows."""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

SERVE, GUIDE = sys.argv[1:3]


def serve(*words, backend="cpu"):
    return subprocess.run([SERVE, *words], capture_output=True, text=True, env={**os.environ, "VARLEN_BACKEND": backend})


class Serve(unittest.TestCase):
    def test_help_names_every_option(self):
        done = serve("--help")
        self.assertEqual(done.returncode, 0)
        source = (Path(GUIDE).parents[1] / "examples/serve/options.c").read_text()
        for option in re.findall(r'"(--[a-z-]+)"', source):
            self.assertRegex(done.stdout, rf"(?m)^  {option} ")

    def test_wrong_words_are_refused(self):
        for words, said in (
            (["--color"], "--color is not an option"),
            (["--slots"], "--slots takes a number from 1 to 4096"),
            (["--slots", "0"], "--slots takes a number from 1 to 4096"),
            (["--slots", "8x"], "--slots takes a number from 1 to 4096"),
            (["--slots", "9", "--budget", "8"], "--budget must be --slots or more"),
            (["--pages", "3"], "--pages are too few for the longest request alone"),
        ):
            with self.subTest(words=words):
                done = serve(*words)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(said, done.stderr)

    def test_a_backend_that_is_not_there_is_said(self):
        done = serve(backend="nothing")
        self.assertEqual(done.returncode, 1)
        self.assertIn("VARLEN_ERROR_BACKEND_UNAVAILABLE: there is no backend nothing", done.stderr)

    def test_the_smallest_and_odd_shapes(self):
        for words in ("--requests 1 --longest 1 --generate 1 --pages 1", "--slots 1", "--budget 8", "--page-size 7 --pages 70"):
            with self.subTest(words=words):
                done = serve("--check", *words.split())
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_prints_what_the_guide_shows(self):
        """But for the machine, its speed and roundings."""
        shown = re.search(r"serve --check\n(.*?)^```", Path(GUIDE).read_text(), re.S | re.M)[1].splitlines()
        done = serve("--check")
        self.assertEqual(done.returncode, 0)
        printed = done.stdout.splitlines()
        for line in shown:
            if not re.match(r"cpu:0|\.\.\.|  (tokens per second|largest difference) ", line):
                self.assertIn(line, printed)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
