#!/usr/bin/env python3
"""The API reference is made of the headers without a warning, and has all that they declare: reference_test.py SOURCE DOXYFILE

Exits with 77 where there is no Doxygen."""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(sys.argv[1])
DOXYFILE = Path(sys.argv[2])
HEADERS = [SOURCE / "include" / "varlen" / name for name in ("varlen.h", "backend.h")]


def make(settings):
    """What Doxygen says, and its exit status."""
    result = subprocess.run(["doxygen", "-"], input=DOXYFILE.read_text() + settings, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    return result.stdout, result.returncode


class Reference(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.settings = (f'OUTPUT_DIRECTORY = "{self.folder}"\nWARN_AS_ERROR = FAIL_ON_WARNINGS\nGENERATE_HTML = NO\n'
                         "GENERATE_XML = YES\nXML_PROGRAMLISTING = NO\n")

    def test_nothing_is_warned_of_and_nothing_is_left_out(self):
        self.assertEqual(make(self.settings), ("", 0))
        named = set(re.findall(r"<(?:name|compoundname)>(\w+)</", "".join(
            path.read_text() for path in (self.folder / "xml").glob("*.xml"))))
        for header in HEADERS:
            text = header.read_text()
            declared = set(re.findall(r"^VARLEN_API [^(]*?(\w+)\(", text, re.M))
            declared |= set(re.findall(r"^typedef (?:struct|enum) (\w+) \{", text, re.M))
            declared |= set(re.findall(r"^    (VARLEN_\w+) = ", text, re.M)) | set(re.findall(r"^#define (VARLEN_\w+) ", text, re.M))
            self.assertGreater(len(declared), 20)
            self.assertEqual(declared - named, set())

    def test_what_is_not_documented_is_warned_of(self):
        shutil.copytree(SOURCE / "include", self.folder / "include")
        header = self.folder / "include" / "varlen" / "varlen.h"
        text = header.read_text()
        header.write_text(text.replace("/* ---- Attention", "VARLEN_API int varlen_undocumented(void);\n\n/* ---- Attention"))
        words, status = make(f'{self.settings}INPUT = "{self.folder}/include/varlen"\n')
        self.assertIn("varlen_undocumented(void) (function) of group contexts is not documented", words)
        self.assertNotEqual(status, 0)


if __name__ == "__main__":
    if not DOXYFILE.exists() or not shutil.which("doxygen"):
        print("SKIPPED: there is no Doxygen here, or there was none when the build was configured")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
