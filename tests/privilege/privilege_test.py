#!/usr/bin/env python3
"""A process with more rights than the user who started it: setuid, setgid and with file capabilities. What the user says
in the environment, or puts where folders from it lead, must not become code or settings of that process.

Run by root, who alone can make such programs; they are run as a user without rights. Exit status 77: not root, or the
system gives such programs no rights (nosuid, no_new_privs).

usage: privilege_test.py PROGRAM PLUGIN
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM, PLUGIN = sys.argv[1:3]
NOBODY = 65534
SKIPPED = 77
VARIABLES = {"VARLEN_BACKEND": "good", "VARLEN_LOG": "debug", "VARLEN_VALIDATE": "0", "VARLEN_CPU_ISA": "baseline"}


class Seen:
    """What the program printed."""

    def __init__(self, text):
        rows = [line.split("\t") for line in text.splitlines()]
        self.privileged = ["privileged", "1"] in rows
        self.opened = ["opened"] in rows
        self.refusal = next((row[1] for row in rows if row[0] == "refused"), "")
        self.folders = {row[2]: (row[1], row[3]) for row in rows if row[0] == "folder"}
        self.variables = {row[1]: row[2] for row in rows if row[0] == "variable"}


class Privilege(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="varlen-privilege-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        self.program = os.path.join(self.folder, "program")
        shutil.copyfile(PROGRAM, self.program)
        os.chmod(self.program, 0o755)
        # Folders of the user's, as good as a user can make them: where the environment says, and where one may be searched.
        self.hostile = self.make_folder("hostile", NOBODY)

    def make_folder(self, name, owner):
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        shutil.copyfile(PLUGIN, os.path.join(path, "varlen-good.so"))
        for place in (os.path.join(path, "varlen-good.so"), path):
            os.chmod(place, 0o755)
            os.chown(place, owner, owner)
        return path

    def run_program(self, *words):
        """As the user, in the hostile folder and with a hostile environment."""
        environment = {"PATH": os.environ["PATH"], "VARLEN_BACKEND_PATH": self.hostile, **VARIABLES}
        result = subprocess.run([self.program, *words], env=environment, cwd=self.hostile, user=NOBODY, group=NOBODY,
                                extra_groups=[], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        # Where lines are counted (tools/coverage), gcc says that the user may not write the counts.
        lines = result.stderr.splitlines(keepends=True)
        self.log = "".join(line for line in lines if not line.startswith("profiling:"))
        return Seen(result.stdout)

    def run_privileged(self, *words):
        seen = self.run_program(*words)
        if not seen.privileged:
            self.skipTest(f"the system gives {self.program} no rights: nosuid or no_new_privs")
        return seen

    def assert_environment_is_ignored(self, seen):
        self.assertEqual(seen.variables, {})
        self.assertEqual(self.log, "")
        self.assertNotIn(self.hostile, seen.folders)
        self.assertNotIn("VARLEN_BACKEND_PATH", [origin for origin, reason in seen.folders.values()])
        self.assertFalse(seen.opened)
        self.assertIn("there is no backend good", seen.refusal)

    def test_without_more_rights_the_environment_counts(self):
        seen = self.run_program()
        self.assertFalse(seen.privileged)
        self.assertTrue(seen.opened, seen.refusal)
        self.assertEqual(seen.folders[self.hostile], ("VARLEN_BACKEND_PATH", ""))
        self.assertEqual(seen.variables, {**VARIABLES, "VARLEN_BACKEND_PATH": self.hostile})
        self.assertIn("searched for plugins", self.log)

    def test_setuid(self):
        os.chmod(self.program, 0o4755)
        self.assert_environment_is_ignored(self.run_privileged())

    def test_setgid(self):
        os.chmod(self.program, 0o2755)
        self.assert_environment_is_ignored(self.run_privileged())

    def test_file_capabilities(self):
        version_2, effective, net_raw = 0x02000000, 1, 1 << 13
        try:
            os.setxattr(self.program, "security.capability",
                        struct.pack("<5I", version_2 | effective, net_raw, 0, 0, 0))
        except OSError as error:
            self.skipTest(f"no file capabilities here: {error}")
        self.assert_environment_is_ignored(self.run_privileged())

    def test_a_folder_that_a_setuid_program_names(self):
        os.chmod(self.program, 0o4755)
        seen = self.run_privileged(self.make_folder("own", 0))
        self.assertTrue(seen.opened, seen.refusal)

    def test_a_folder_of_the_user_that_a_setuid_program_names(self):
        os.chmod(self.program, 0o4755)
        seen = self.run_privileged(self.hostile)
        self.assertFalse(seen.opened)
        self.assertRegex(seen.folders[self.hostile][1], f"belongs to user {NOBODY}, who is neither root")

    def test_a_folder_of_the_user_beside_a_setuid_program(self):
        """As where a program was installed into a folder in which users may make folders."""
        self.make_folder("varlen", NOBODY)
        os.chmod(self.program, 0o4755)
        seen = self.run_privileged()
        self.assertFalse(seen.opened)
        self.assertRegex(seen.folders[os.path.join(self.folder, "varlen")][1], f"belongs to user {NOBODY}")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: only root can make setuid programs of root's")
        sys.exit(SKIPPED)
    outcome = unittest.main(argv=sys.argv[:1], exit=False).result
    if outcome.wasSuccessful() and len(outcome.skipped) >= outcome.testsRun - 1:
        sys.exit(SKIPPED)
    sys.exit(not outcome.wasSuccessful())
