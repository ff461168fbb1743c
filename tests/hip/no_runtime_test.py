#!/usr/bin/env python3
"""Where HIP's runtime is not installed, the HIP plugin is refused in the loader's words, and nothing else is affected.

usage: no_runtime_test.py COMMAND PLUGIN SONAME SAMPLE_FOLDER

The test runs a copy of the libraries, in which the plugin needs a runtime of another name, which nobody has.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

COMMAND, PLUGIN, SONAME, SAMPLE = sys.argv[1:5]
ABSENT = "libabsent64" + SONAME[len("libamdhip64"):]
REASON = f"{ABSENT}: cannot open shared object file"
ARRAYS = [word for name in ("q", "k", "v") for word in (f"--{name}", f"{SAMPLE}/{name}.npy")]
RUN = ["run", *ARRAYS, "--cu-seqlens-q", f"{SAMPLE}/cu_seqlens.npy", "--out", "/dev/null"]


class NoRuntime(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        plugin = pathlib.Path(PLUGIN)
        cls.libraries = pathlib.Path(temporary.name) / "lib"
        shutil.copytree(plugin.parent.parent, cls.libraries, symlinks=True)
        text = plugin.read_bytes().replace(SONAME.encode(), ABSENT.encode())
        (cls.libraries / plugin.parent.name / plugin.name).write_bytes(text)

    def varlen(self, *words, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
        path = ":".join([str(self.libraries), *filter(None, [clean.pop("LD_LIBRARY_PATH", "")])])
        return subprocess.run([COMMAND, *words], env={**clean, "LD_LIBRARY_PATH": path, **environment},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)

    def test_info_gives_the_reason(self):
        text = self.varlen("info").stdout
        self.assertRegex(text, r"\n  hip +refused ")
        self.assertIn(REASON, text)

    def test_a_backend_that_is_named_fails_with_the_reason(self):
        result = self.varlen(*RUN, "--backend", "hip")
        self.assertEqual(result.returncode, 1)
        self.assertIn(REASON, result.stderr)

    def test_a_list_and_auto_go_on(self):
        for backend in ("hip,cpu", "auto"):
            result = self.varlen(*RUN, VARLEN_BACKEND=backend)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertRegex(result.stdout, r"backend +cpu\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
