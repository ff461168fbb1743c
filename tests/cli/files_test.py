#!/usr/bin/env python3
"""The files of the varlen command: what it writes is replaced whole or left alone, and nothing keeps it waiting for ever.

usage: files_test.py COMMAND SAMPLE_FOLDER [unittest options]
"""

import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

COMMAND = sys.argv[1]
SAMPLE = Path(sys.argv[2])
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
OLD = b"what was there before"


def run_words(**paths):
    """`varlen run` on the sample; keywords are options, and take the place of the sample's."""
    chosen = {"q": SAMPLE / "q.npy", "k": SAMPLE / "k.npy", "v": SAMPLE / "v.npy",
              "cu_seqlens_q": SAMPLE / "cu_seqlens.npy", "out": "out.npy", **paths}
    words = [COMMAND, "run", "--backend", "cpu"]
    for name, path in chosen.items():
        words += ["--" + name.replace("_", "-"), str(path)]
    return words


class FilesTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="varlen-files-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.expected = self.reference()

    def run_command(self, words, **options):
        return subprocess.run(words, cwd=self.folder, env=ENVIRONMENT, timeout=120,
                              **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})

    def succeeds(self, words, **options):
        result = self.run_command(words, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def fails(self, status, reason, words, **options):
        before = sorted(os.listdir(self.folder))
        result = self.run_command(words, **options)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(reason, result.stderr.decode())
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def reference(self):
        self.succeeds(run_words())
        written = (self.folder / "out.npy").read_bytes()
        (self.folder / "out.npy").unlink()
        return written


class Outputs(FilesTest):
    def test_one_file_by_several_names_is_refused(self):
        (self.folder / "there.npy").write_bytes(OLD)
        (self.folder / "sub").mkdir()
        os.link(self.folder / "there.npy", self.folder / "hard.npy")
        os.symlink("there.npy", self.folder / "soft.npy")
        os.symlink("absent.npy", self.folder / "dangling.npy")
        os.symlink(".", self.folder / "here")
        for out, lse in (("there.npy", "there.npy"), ("there.npy", "./there.npy"), ("there.npy", "hard.npy"),
                         ("there.npy", "soft.npy"), ("there.npy", self.folder / "there.npy"),
                         ("there.npy", "sub/../there.npy"), ("there.npy", "here/there.npy"),
                         ("absent.npy", "absent.npy"), ("absent.npy", "sub/../absent.npy"),
                         ("absent.npy", "dangling.npy"), ("absent.npy", self.folder / "here" / "absent.npy")):
            with self.subTest(out=out, lse=lse):
                self.fails(2, f"two outputs go to the same file, --out {out} and --lse {lse}",
                           run_words(out=out, lse=lse))
        self.assertEqual((self.folder / "there.npy").read_bytes(), OLD)
        (self.folder / "sub" / "there.npy").write_bytes(OLD)
        self.succeeds(run_words(out="there.npy", lse="sub/there.npy"))
        self.succeeds(run_words(out="/dev/null", lse="/dev/null"))

    def test_an_output_may_be_an_input(self):
        for name in ("q", "expect"):
            source = SAMPLE / ("q.npy" if name == "q" else "expected.npy")
            shutil.copy(source, self.folder / "both.npy")
            self.succeeds(run_words(**{name: "both.npy", "out": "both.npy"}))
            self.assertEqual((self.folder / "both.npy").read_bytes(), self.expected)

    def test_stdout_is_no_output(self):
        with open(self.folder / "report", "wb") as report:
            self.fails(2, "--out /dev/stdout: stdout takes what the command prints", run_words(out="/dev/stdout"),
                       stdout=report)
        self.fails(2, "--lse /dev/stdout: stdout takes", run_words(lse="/dev/stdout"))

    def test_modes_are_kept(self):
        for mode in (0o600, 0o640, 0o666, 0o755):
            (self.folder / "out.npy").write_bytes(OLD)
            (self.folder / "out.npy").chmod(mode)
            self.succeeds(run_words())
            self.assertEqual(stat.S_IMODE((self.folder / "out.npy").stat().st_mode), mode)
            self.assertEqual((self.folder / "out.npy").read_bytes(), self.expected)

    @unittest.skipUnless(hasattr(os, "geteuid") and os.geteuid() == 0, "only root can give files away")
    def test_owners_are_kept(self):
        (self.folder / "out.npy").write_bytes(OLD)
        os.chown(self.folder / "out.npy", 12345, 23456)
        self.succeeds(run_words())
        status = (self.folder / "out.npy").stat()
        self.assertEqual((status.st_uid, status.st_gid), (12345, 23456))

    def test_new_files_follow_the_umask(self):
        for mask, mode in ((0o022, 0o644), (0o077, 0o600)):
            self.succeeds(run_words(), preexec_fn=lambda: os.umask(mask))
            self.assertEqual(stat.S_IMODE((self.folder / "out.npy").stat().st_mode), mode)
            (self.folder / "out.npy").unlink()

    def test_files_are_replaced_whole(self):
        (self.folder / "out.npy").write_bytes(OLD)
        with open(self.folder / "out.npy", "rb") as reader:
            self.succeeds(run_words())
            self.assertEqual(reader.read(), OLD)
        self.assertEqual((self.folder / "out.npy").read_bytes(), self.expected)

    def test_links_stay_and_lead_to_the_new_file(self):
        (self.folder / "sub").mkdir()
        (self.folder / "sub" / "there.npy").write_bytes(OLD)
        os.symlink("sub/there.npy", self.folder / "link.npy")
        os.symlink("sub/absent.npy", self.folder / "dangling.npy")
        os.symlink("dangling.npy", self.folder / "twice.npy")
        for link, target in (("link.npy", "there.npy"), ("twice.npy", "absent.npy")):
            self.succeeds(run_words(out=link))
            self.assertTrue((self.folder / link).is_symlink())
            self.assertFalse((self.folder / "sub" / target).is_symlink())
            self.assertEqual((self.folder / "sub" / target).read_bytes(), self.expected)
        os.symlink("ring.npy", self.folder / "ring.npy")
        self.fails(1, "ring.npy: cannot be created: Too many levels", run_words(out="ring.npy"))

    def test_all_outputs_or_none(self):
        (self.folder / "out.npy").write_bytes(OLD)
        (self.folder / "folder").mkdir()
        for lse, reason in (("nowhere/lse.npy", "--lse nowhere/lse.npy: cannot be created: No such file"),
                            ("folder", "--lse folder: a folder"), ("folder/", "--lse folder/: a folder"),
                            ("new/", "--lse new/: cannot be created"), ("n" * 256, "File name too long")):
            self.fails(1, reason, run_words(lse=lse))
            self.assertEqual((self.folder / "out.npy").read_bytes(), OLD)
        self.succeeds(run_words(lse="n" * 255))

    def test_a_disk_that_is_full(self):
        (self.folder / "out.npy").write_bytes(OLD)

        def limit():
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        self.fails(1, "--out out.npy: cannot be written: File too large", run_words(), preexec_fn=limit)
        self.assertEqual((self.folder / "out.npy").read_bytes(), OLD)
        self.fails(1, "--out /dev/full: cannot be written: No space left", run_words(out="/dev/full"))

    def test_pipes_take_outputs(self):
        os.mkfifo(self.folder / "pipe")
        self.fails(1, "--out pipe: no process reads this pipe", run_words(out="pipe"))
        end = os.open(self.folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(end, True)
        process = subprocess.Popen(run_words(out="pipe"), cwd=self.folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
        while not has_data(end):
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        with os.fdopen(end, "rb") as stream:
            self.assertEqual(stream.read(), self.expected)
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertTrue((self.folder / "pipe").is_fifo())

    def test_signals_leave_nothing_behind(self):
        """The command is held up in writing its second output, into a pipe that nobody empties."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            (self.folder / "out.npy").write_bytes(OLD)
            os.mkfifo(self.folder / "pipe")
            reader = os.open(self.folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
            shrink(reader)
            process = subprocess.Popen(run_words(dout=SAMPLE / "expected.npy", dq="pipe", dk="dk.npy", dv="dv.npy"),
                                       cwd=self.folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
            while not has_data(reader):
                self.assertIsNone(process.poll())
                time.sleep(0.01)
            self.assertEqual(len(list(self.folder.glob(".*.partial"))), 1)
            if number == signal.SIGPIPE:
                os.read(reader, 1)
                os.close(reader)
            else:
                process.send_signal(number)
            self.assertEqual(process.wait(timeout=60), -number)
            if number != signal.SIGPIPE:
                os.close(reader)
            (self.folder / "pipe").unlink()
            self.assertEqual(os.listdir(self.folder), ["out.npy"])
            self.assertEqual((self.folder / "out.npy").read_bytes(), OLD)


def shrink(pipe):
    """Makes the pipe take no more than a page."""
    import fcntl
    fcntl.fcntl(pipe, 1031, 4096)  # F_SETPIPE_SZ


def has_data(pipe):
    return bool(select.select([pipe], [], [], 0)[0])


class Inputs(FilesTest):
    def test_pipes_are_read_to_their_end(self):
        """Slowly and in pieces, by processes that the shell puts into the place of a file."""
        script = """cut() { head -c 7 "$1"; sleep 0.2; tail -c +8 "$1"; }
            exec "$@" --q <(cut "$SAMPLE/q.npy") --cu-seqlens-q <(cat "$SAMPLE/cu_seqlens.npy")"""
        words = run_words()
        for option in ("--q", "--cu-seqlens-q"):
            del words[words.index(option) : words.index(option) + 2]
        result = subprocess.run(["bash", "-c", script, "bash", *words], cwd=self.folder, timeout=120,
                                env={**ENVIRONMENT, "SAMPLE": str(SAMPLE)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.folder / "out.npy").read_bytes(), self.expected)

    def through_pipe(self, contents):
        os.mkfifo(self.folder / "pipe")

        def give():
            try:
                (self.folder / "pipe").write_bytes(contents)
            except BrokenPipeError:
                pass

        writer = threading.Thread(target=give)
        writer.start()
        try:
            return self.run_command(run_words(q="pipe"))
        finally:
            writer.join()
            (self.folder / "pipe").unlink()

    def test_a_named_pipe_with_a_writer(self):
        self.assertEqual(self.through_pipe((SAMPLE / "q.npy").read_bytes()).returncode, 0)
        self.assertEqual((self.folder / "out.npy").read_bytes(), self.expected)

    def test_pipes_that_hold_no_array(self):
        good = (SAMPLE / "q.npy").read_bytes()
        for contents, reason in ((b"", "truncated: the start of a .npy file takes 8 bytes, 0 are left"),
                                 (good[:50], "truncated: the header takes 118 bytes, 40 are left"),
                                 (good[:-1], "truncated: the array takes 94208 bytes, 94207 are left"),
                                 (good + b"x", "more bytes follow the array of shape [46, 8, 64]")):
            result = self.through_pipe(contents)
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"--q pipe: {reason}", result.stderr.decode())

    def test_a_pipe_without_a_writer_is_refused(self):
        os.mkfifo(self.folder / "pipe")
        self.fails(1, "--q pipe: no process writes into this pipe", run_words(q="pipe"))
        self.fails(1, "--compare pipe: no process writes into this pipe",
                   [COMMAND, "bench", "--backend", "cpu", "--compare", "pipe"])

    def test_what_is_no_file(self):
        for path in ("/dev/zero", self.folder):
            self.fails(1, f"--q {path}: neither a regular file nor a pipe", run_words(q=path))


class Stdout(FilesTest):
    COMMANDS = ([COMMAND, "--version"], [COMMAND, "--help"], [COMMAND, "info"], [COMMAND, "run", "--help"],
                [COMMAND, "check", "--list"], [COMMAND, "check", "--backend", "cpu", "--filter", "around/memory/*"],
                [COMMAND, "bench", "--list"])
    BENCH = [COMMAND, "bench", "--backend", "cpu", "--lens", "3,2", "--repeats", "1"]

    def test_a_full_stdout_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            for words in (*self.COMMANDS, self.BENCH, run_words()):
                self.fails_to_print(words, "stdout: cannot be written: No space left on device", stdout=full)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_closed_stdout_is_a_failure(self):
        for words in (*self.COMMANDS, run_words()):
            self.fails_to_print(words, "stdout: cannot be written: Bad file descriptor",
                                preexec_fn=lambda: os.close(1), stdout=None)
        self.assertEqual(os.listdir(self.folder), [])

    def fails_to_print(self, words, reason, **options):
        with self.subTest(words=words[1:3]):
            result = self.run_command(words, **options)
            self.assertIn(reason, result.stderr.decode())
            self.assertEqual(result.returncode, 1)

    def test_all_streams_closed(self):
        """No file takes the place of one, to be written into by what is printed."""
        (self.folder / "out.npy").write_bytes(OLD)
        result = self.run_command(run_words(), preexec_fn=lambda: os.closerange(0, 3), stdout=None, stderr=None)
        self.assertEqual(result.returncode, 1)
        self.assertEqual((self.folder / "out.npy").read_bytes(), OLD)

    def test_a_reader_that_leaves_ends_the_command_quietly(self):
        reader, writer = os.pipe()
        os.close(reader)
        for words in ([COMMAND, "check", "--list"], run_words()):
            result = self.run_command(words, stdout=writer)
            self.assertEqual((result.returncode, result.stderr), (-signal.SIGPIPE, b""))
        os.close(writer)
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
