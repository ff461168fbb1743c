#!/usr/bin/env python3
"""Commands show how far they are on a terminal: one line on stderr, which is gone when they have ended. Elsewhere there is
nothing on stderr.

usage: progress_test.py COMMAND SAMPLE_FOLDER [unittest options]
"""

import os
import pty
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMAND = sys.argv[1]
SAMPLE = Path(sys.argv[2])

CLEAR = "\r\033[K"
ARRAYS = [word for option, name in (("--q", "q"), ("--k", "k"), ("--v", "v"), ("--cu-seqlens-q", "cu_seqlens"))
          for word in (option, str(SAMPLE / f"{name}.npy"))]

# Words, and what is shown meanwhile.
COMMANDS = {
    ("info",): ["looking for backends and devices", "opening what the environment asks for"],
    ("explain", "--lens", "9", "--floor", "--threads", "1", "--backend", "cpu"): ["cpu", "7/7 measuring peaks: float32 FMA"],
    ("check", "--backend", "cpu", "--filter", "around/merge/*f16"): ["1/", "around/merge/"],
    ("bench", "--backend", "cpu", "--threads", "1", "--repeats", "2", "--lens", "9"):
        ["7/7 measuring peaks: read bandwidth, 1 thread", "1/1 lens-9-h8-d128 bf16 forward: 2 of 2"],
    ("run", "--backend", "cpu", *ARRAYS, "--out", "out.npy"): [f"1/4 {SAMPLE / 'q.npy'}"[:90], "25/25 forward", "writing"],
    ("run", "--backend", "cpu", *ARRAYS, "--out", "out.npy", "--scale", "nan"): ["opening the backend"],
}


class Progress(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}

    def on_terminal(self, words):
        """What stderr shows where it is a terminal, and the exit status."""
        leader, follower = pty.openpty()
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            process = subprocess.Popen([COMMAND, *words], cwd=self.folder, env=self.environment, stdout=nowhere,
                                       stderr=follower)
        os.close(follower)
        shown = b""
        while True:
            try:
                piece = os.read(leader, 4096)
            except OSError:  # the other side is closed
                piece = b""
            if not piece:
                break
            shown += piece
        os.close(leader)
        return shown.decode(), process.wait()

    def test_a_line_that_goes(self):
        for words, expected in COMMANDS.items():
            with self.subTest(" ".join(words)):
                shown, status = self.on_terminal(words)
                for text in expected:
                    self.assertIn(text, shown)
                reason = shown.split(CLEAR)[-1]  # what stays
                self.assertEqual(reason.startswith("varlen run: softmax_scale = nan"), status != 0, reason)
                self.assertEqual(reason == "", status == 0, reason)

    def test_nothing_in_a_pipe(self):
        for words in COMMANDS:
            with self.subTest(" ".join(words)):
                result = subprocess.run([COMMAND, *words], cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
                self.assertNotIn("\033", result.stderr)
                self.assertEqual(result.stderr == "", result.returncode == 0, result.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
