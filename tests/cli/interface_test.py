#!/usr/bin/env python3
"""Shell completions and man pages: they say what --help says, shells and man take them, and completions offer what fits.

usage: interface_test.py COMMAND SOURCE_FOLDER PART     check, mandoc, man, bash, zsh or fish

Exits with 77 where the part's program is not there.
"""

import glob
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMAND = Path(sys.argv[1]).resolve()
TOOLS = Path(sys.argv[2]).resolve() / "tools"
PAGES = sorted(glob.glob(str(TOOLS / "man" / "*.1")))


def output_of(*words, **options):
    environment = {**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}
    result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, timeout=120,
                            **options)
    return result.stdout, result.returncode


class Check(unittest.TestCase):
    PROGRAM = sys.executable

    def test_nothing_is_stale(self):
        self.assertEqual(output_of(str(TOOLS / "write_interface"), "--check", str(COMMAND)), ("", 0))

    def test_what_is_stale_is_found_and_mended(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "tools"
            for name in ("man", "completions"):
                shutil.copytree(TOOLS / name, copy / name)
            shutil.copy(TOOLS / "write_interface", copy)
            page, completion = copy / "man" / "varlen-run.1", copy / "completions" / "varlen.fish"
            before = page.read_text()
            page.write_text(before.replace(".It Fl -softcap Ar C\n", ""))
            completion.unlink()
            text, status = output_of(str(copy / "write_interface"), str(COMMAND), "--check")
            self.assertEqual(status, 1)
            self.assertEqual(sorted(line.split(" ")[0] for line in text.splitlines()),
                             ["tools/completions/varlen.fish", "tools/man/varlen-run.1"])
            self.assertEqual(output_of(str(copy / "write_interface"), str(COMMAND))[1], 0)
            self.assertEqual(page.read_text(), before)
            self.assertEqual(completion.read_text(), (TOOLS / "completions" / "varlen.fish").read_text())

    def test_each_command_has_a_page_that_names_its_options(self):
        names = re.findall(r"^  (\w+) ", output_of(str(COMMAND), "--help")[0], re.M)
        self.assertEqual([os.path.basename(page) for page in PAGES],
                         sorted(["varlen.1", *(f"varlen-{name}.1" for name in names)]))
        for name in names:
            listed = re.findall(r"^  (--[\w-]+)", output_of(str(COMMAND), name, "--help")[0], re.M)
            page = (TOOLS / "man" / f"varlen-{name}.1").read_text()
            self.assertEqual([f"-{option}" for option in re.findall(r"^\.It Fl (-[\w-]+)", page, re.M)], listed)


class Mandoc(unittest.TestCase):
    PROGRAM = "mandoc"

    def test_mandoc_finds_no_fault(self):
        for page in PAGES:
            self.assertEqual(output_of("mandoc", "-Tlint", "-Wwarning", page), ("", 0))


class Man(unittest.TestCase):
    PROGRAM = "man"

    def test_man_warns_of_nothing(self):
        for page in PAGES:
            result = subprocess.run(["man", "--warnings", "--encoding=UTF-8", "--local-file", page], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
            self.assertEqual((result.stderr, result.returncode), ("", 0))
            self.assertIn("EXIT STATUS", re.sub(".\b", "", result.stdout))


# What is typed, and some of what is offered for its last word; None: nothing.
TYPED = [
    (["varlen", "ex"], {"explain"}),
    (["varlen", "run", "--ma"], {"--mask"}),
    (["varlen", "run", "--mask", ""], {"full", "causal", "window"}),
    (["varlen", "bench", "--mask", ""], {"full", "causal"}),
    (["varlen", "check", "--backend", "c"], {"cpu", "cuda"}),
    (["varlen", "bench", "--workload", "documents"], {"documents-24-gqa8/2-d128-causal"}),
    (["varlen", "check", "--filter", "around/merge/two-parts"], None),
]


class Bash(unittest.TestCase):
    PROGRAM = "bash"

    def offered(self, words):
        script = (f"source '{TOOLS}/completions/varlen.bash'; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _varlen; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        text, status = output_of("bash", "-uc", script, "bash", *words)
        self.assertEqual(status, 0, text)
        return set(text.split("\n")) - {""}

    def test_what_is_offered(self):
        for words, expected in TYPED:
            if expected:
                self.assertEqual(self.offered(words), expected, words)

    def test_lists_and_equal_signs(self):
        self.assertEqual(self.offered(["varlen", "bench", "--dtype", "f32,b"]), {"f32,bf16"})
        self.assertEqual(self.offered(["varlen", "run", "--mask", "=", "c"]), {"causal"})
        self.assertEqual(self.offered(["varlen", "run", "--mask", "="]), {"full", "causal", "window"})

    def test_files_and_numbers(self):
        self.assertIn(f"{TOOLS}/sample/q.npy", self.offered(["varlen", "run", "--q", f"{TOOLS}/sample/q"]))
        self.assertEqual(self.offered(["varlen", "run", "--scale", ""]), set())
        self.assertEqual(self.offered(["varlen", "nosuch", ""]), set())

    def test_cases_of_check(self):
        names = self.offered(["varlen", "check", "--filter", "around/merge/"])
        self.assertGreater(len(names), 3)
        self.assertTrue(all(name.startswith("around/merge/") for name in names), names)


class Zsh(unittest.TestCase):
    PROGRAM = "zsh"

    def test_what_zsh_is_handed(self):
        """With zsh's own functions replaced by ones that print what they are given."""
        script = ("_arguments() { print -rl -- arguments $CURRENT $words[1] \"$@\" }; _describe() { print -rl -- $commands }; "
                  f"words=(\"$@\"); CURRENT=$#; source '{TOOLS}/completions/_varlen'")
        text, status = output_of("zsh", "-fc", script, "zsh", "varlen", "run", "--mask", "")
        self.assertEqual(status, 0, text)
        lines = text.splitlines()
        self.assertEqual(lines[:3], ["arguments", "3", "run"])
        self.assertIn("--q[queries \\[Tq, Hq, D\\] (required)]:FILE:_files", lines)
        self.assertIn("--mask[which keys a query sees; default full]:full|causal|window:(full causal window)", lines)
        text, status = output_of("zsh", "-fc", script, "zsh", "varlen", "")
        self.assertIn("explain:which backends take a problem", text)

    def test_zsh_takes_the_specifications(self):
        """On a terminal, where Tab completes the line and what has come is printed with a mark in front."""
        leader, follower = pty.openpty()
        # zsh sends SIGCONT to what it starts. If that meets the stop in which LeakSanitizer looks at a program at its end,
        # the program never ends.
        options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))
        process = subprocess.Popen(["zsh", "-f", "-i"], stdin=follower, stdout=follower, stderr=follower,
                                   env={**os.environ, "TERM": "vt100", "PATH": f"{COMMAND.parent}:{os.environ['PATH']}",
                                        "ASAN_OPTIONS": options},
                                   start_new_session=True)
        os.close(follower)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(os.close, leader)

        def expect(pattern):
            shown = b""
            while not re.search(pattern, shown):
                self.assertTrue(select.select([leader], [], [], 60)[0], (pattern, shown))
                shown += os.read(leader, 4096)

        os.write(leader, f"fpath=({TOOLS}/completions $fpath); autoload -U compinit; compinit -u -D; PS1=; "
                         "show() { print -r -- \"<$BUFFER>\"; BUFFER= }; zle -N show; bindkey '^X' show; print rea''dy\n"
                         .encode())
        expect(rb"ready")
        for typed, complete in (("varlen ex", "varlen explain "), ("varlen run --sof", "varlen run --softcap "),
                                ("varlen run --mask cau", "varlen run --mask causal "),
                                ("varlen bench --dtype bf", "varlen bench --dtype bf16,"),
                                ("varlen explain --features ali", "varlen explain --features alibi,"),
                                ("varlen bench --workload documents", "varlen bench --workload documents-24-gqa8/2-d128-causal ")):
            os.write(leader, f"{typed}\t\x18".encode())
            expect(f"<{re.escape(complete)} *>".encode())


class Fish(unittest.TestCase):
    PROGRAM = "fish"

    def test_what_is_offered(self):
        for words, expected in TYPED:
            line = " ".join(words)
            text, status = output_of("fish", "--no-config", "-c", f"source '{TOOLS}/completions/varlen.fish'; "
                                     f"complete --do-complete '{line}'")
            self.assertEqual(status, 0, text)
            offered = {each.split("\t")[0] for each in text.splitlines()}
            self.assertLessEqual(expected or set(), offered, (line, text))


if __name__ == "__main__":
    part = {"check": Check, "mandoc": Mandoc, "man": Man, "bash": Bash, "zsh": Zsh, "fish": Fish}[sys.argv[3]]
    if not shutil.which(part.PROGRAM):
        print(f"SKIPPED: there is no {part.PROGRAM} here")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], part.__name__, *sys.argv[4:]])
