#!/usr/bin/env python3
"""Where there is no NVIDIA GPU, the CUDA backend says so, and is passed over only by programs that did not ask for it.

usage: no_driver_test.py COMMAND SAMPLE_FOLDER
"""

import os
import re
import subprocess
import sys
import unittest

COMMAND, SAMPLE = sys.argv[1:3]
ARRAYS = [word for name in ("q", "k", "v") for word in (f"--{name}", f"{SAMPLE}/{name}.npy")]
RUN = ["run", *ARRAYS, "--cu-seqlens-q", f"{SAMPLE}/cu_seqlens.npy", "--out", "/dev/null"]
REASON = r"no CUDA driver|finds no NVIDIA GPU"


def varlen(*words, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
    return subprocess.run([COMMAND, *words], env={**clean, **environment}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600)


class NoDriver(unittest.TestCase):
    def test_info_gives_the_reason(self):
        text = varlen("info").stdout
        self.assertRegex(text, r"\n  cuda +no device +100 +0 +1\.0 ")
        self.assertRegex(text, rf"\n  cuda: .*({REASON})")

    def test_a_backend_that_is_named_fails_with_the_reason(self):
        for words, environment in ((["--backend", "cuda"], {}), (["--backend", "cuda:1"], {}),
                                   ([], {"VARLEN_BACKEND": "cuda"})):
            result = varlen(*RUN, *words, **environment)
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr, REASON)

    def test_a_list_and_auto_go_on(self):
        for backend in ("cuda,cpu", "auto"):
            result = varlen(*RUN, VARLEN_BACKEND=backend)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertRegex(result.stdout, r"backend +cpu\n")

    def test_rules_of_arguments_do_not_depend_on_it(self):
        result = varlen(*RUN, "--softcap", "-1", VARLEN_BACKEND="cuda,cpu")
        self.assertEqual(result.returncode, 1)
        self.assertIn("softcap = -1", result.stderr)


if __name__ == "__main__":
    if re.search(r"\n  cuda +usable", varlen("info").stdout):
        print("skipped: there is an NVIDIA GPU here")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
