#!/usr/bin/env python3
"""Where there is no device, a GPU backend says so, and is passed over only by programs that did not ask for it.

usage: no_device_test.py COMMAND SAMPLE_FOLDER BACKEND PRIORITY REASON

REASON is a regular expression. Exit status 77: there is a device.
"""

import os
import re
import subprocess
import sys
import unittest

COMMAND, SAMPLE, BACKEND, PRIORITY, REASON = sys.argv[1:6]
ARRAYS = [word for name in ("q", "k", "v") for word in (f"--{name}", f"{SAMPLE}/{name}.npy")]
RUN = ["run", *ARRAYS, "--cu-seqlens-q", f"{SAMPLE}/cu_seqlens.npy", "--out", "/dev/null"]


def varlen(*words, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
    return subprocess.run([COMMAND, *words], env={**clean, **environment}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600)


class NoDevice(unittest.TestCase):
    def test_info_gives_the_reason(self):
        text = varlen("info").stdout
        self.assertRegex(text, rf"\n  {BACKEND} +no device +{PRIORITY} +0 +1\.0 ")
        self.assertRegex(text, rf"\n  {BACKEND}: .*({REASON})")

    def test_a_backend_that_is_named_fails_with_the_reason(self):
        for words, environment in ((["--backend", BACKEND], {}), (["--backend", f"{BACKEND}:1"], {}),
                                   ([], {"VARLEN_BACKEND": BACKEND})):
            result = varlen(*RUN, *words, **environment)
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr, REASON)

    def test_a_list_and_auto_go_on(self):
        for backend in (f"{BACKEND},cpu", "auto"):
            result = varlen(*RUN, VARLEN_BACKEND=backend)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertRegex(result.stdout, r"backend +cpu\n")

    def test_rules_of_arguments_do_not_depend_on_it(self):
        result = varlen(*RUN, "--softcap", "-1", VARLEN_BACKEND=f"{BACKEND},cpu")
        self.assertEqual(result.returncode, 1)
        self.assertIn("softcap = -1", result.stderr)


if __name__ == "__main__":
    if re.search(rf"\n  {BACKEND} +usable", varlen("info").stdout):
        print("skipped: there is a device here")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
