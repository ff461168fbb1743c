#!/usr/bin/env python3
"""The varlen command from end to end: what it prints, what it refuses and in which words, and which files it leaves.

usage: cli_test.py COMMAND SAMPLE_FOLDER [unittest options]
"""

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMAND = sys.argv[1]
SAMPLE = Path(sys.argv[2])

FORMATS = {"<f4": "f", "<f8": "d", "<f2": "e", "<i4": "i", "<i8": "q", ">f4": "f"}


def npy_bytes(descr, shape, values, fortran=False):
    order = ">" if descr[0] == ">" else "<"
    extents = "".join(f"{extent}, " for extent in shape)
    header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({extents}), }}\n".encode()
    data = struct.pack(f"{order}{len(values)}{FORMATS[descr]}", *values)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def read_npy(path):
    """(descr, shape, values) of a file that the command has written."""
    raw = Path(path).read_bytes()
    length = struct.unpack("<H", raw[8:10])[0]
    header = eval(raw[10 : 10 + length])
    values = struct.unpack(f"<{(len(raw) - 10 - length) // 4}f", raw[10 + length :])
    return header["descr"], header["shape"], values


def ramp(count):
    return [(i * 37 % 64 - 32) / 32 for i in range(count)]


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="varlen-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def command(self, *words, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
        return subprocess.run([COMMAND, *map(str, words)], cwd=self.folder, env={**clean, **environment},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)

    def write(self, name, descr, shape, values=None, **options):
        count = 1
        for extent in shape:
            count *= extent
        (self.folder / name).write_bytes(npy_bytes(descr, shape, ramp(count) if values is None else values, **options))
        return name

    def refused(self, status, reason, *words, **environment):
        """The command fails with this status and reason, and leaves no file behind."""
        before = sorted(os.listdir(self.folder))
        result = self.command(*words, **environment)
        self.assertIn(reason, result.stderr)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        return result


class TopLevel(CommandTest):
    def test_version_and_help(self):
        self.assertRegex(self.command("--version").stdout, r"^varlen \d+\.\d+\.\d+\n$")
        result = self.command("--help")
        self.assertEqual(result.returncode, 0)
        for name in ("info", "explain", "run", "check", "bench"):
            self.assertIn(f"  {name} ", result.stdout)
            self.assertTrue(self.command(name, "--help").stdout.startswith(f"usage: varlen {name}"))

    def test_wrong_usage(self):
        self.refused(2, "usage: varlen")
        self.refused(2, "unknown command nosuch", "nosuch")
        self.refused(2, "unknown option --nosuch", "info", "--nosuch")


class Info(CommandTest):
    HEADINGS = ("Backends", "Devices", "Plugin folders", "Environment")

    def test_everything_is_printed(self):
        result = self.command("info")
        self.assertEqual(result.returncode, 0, result.stderr)
        for heading in self.HEADINGS:
            self.assertIn(f"\n{heading}", result.stdout)
        self.assertRegex(result.stdout, r"\n  cpu +usable +0 +1 +1\.0 +\S")
        self.assertRegex(result.stdout, r"\n  cpu:0 +f32 f16 bf16 +forward")
        self.assertRegex(result.stdout, r"\n  VARLEN_BACKEND +\(not set\)")
        self.assertIn("gets cpu:0", result.stdout)

    def test_kernels_of_common_calls(self):
        text = self.command("info").stdout
        told = text[text.index("\nKernels of cpu:0 for some calls in bf16, ") :]
        self.assertRegex(told, r"\n  16 texts of 1024 tokens\n")
        # One answer for all calls: the sets do not go by sizes.
        self.assertEqual(len(re.findall(r"^    \w+ takes it$", told, re.M)), 1, told)
        self.assertRegex(told, r"\n  the gradients of 16 texts of 1024 tokens\n    \w+ takes it\n")

    def test_values_of_the_environment_are_shown(self):
        self.assertRegex(self.command("info", VARLEN_BACKEND="cpu").stdout, r"\n  VARLEN_BACKEND +cpu ")

    def test_a_backend_that_does_not_exist(self):
        result = self.refused(1, "nosuch", "info", VARLEN_BACKEND="nosuch")
        for heading in self.HEADINGS:
            self.assertIn(f"\n{heading}", result.stdout)

    def test_folders_that_are_not_searched_say_why(self):
        result = self.command("info", VARLEN_BACKEND_PATH="relative/folder")
        self.assertRegex(result.stdout, r"\n  VARLEN_BACKEND_PATH +no +relative/folder \(\S")

    def test_a_refused_plugin_says_why(self):
        (self.folder / "varlen-broken.so").write_bytes(b"not a library")
        result = self.command("info", VARLEN_BACKEND_PATH=self.folder)
        self.assertRegex(result.stdout, r"\n  broken +refused ")
        self.assertRegex(result.stdout, r"\n  broken: \S")

    def test_names_are_printed_on_one_line(self):
        folder = self.folder / "two\nlines"
        folder.mkdir()
        (folder / "varlen-a\nb\x1b[2J.so").write_bytes(b"")
        result = self.command("info", VARLEN_BACKEND_PATH=folder, VARLEN_LOG="info")
        self.assertRegex(result.stdout, r"\n  a\\nb\\x1b\[2J +refused .*two\\nlines/varlen-a\\nb")
        for text in result.stdout, result.stderr:
            self.assertIn("two\\nlines", text)
            self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\x7f]")


class SampleTest(CommandTest):
    """Runs the sample of the quickstart, and variations on it."""

    ARRAYS = {"--q": "q", "--k": "k", "--v": "v", "--cu-seqlens-q": "cu_seqlens"}

    def words(self, *extra, **replaced):
        words = ["run"]
        for option, name in self.ARRAYS.items():
            words += [option, replaced.get(option.strip("-").replace("-", "_"), SAMPLE / f"{name}.npy")]
        return [*words, "--mask", "causal", "--out", "out.npy", *extra]


class Run(SampleTest):
    def errors(self, *extra):
        result = self.command(*self.words("--expect", SAMPLE / "expected.npy", *extra))
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout, float(result.stdout.split("largest error")[1].split()[0])

    def test_the_table(self):
        text, error = self.errors()
        for row in (r"backend +cpu\n", r"device +0: ", r"sequences +4\n", r"tokens +46 queries, 46 keys\n",
                    r"padding avoided +54\.0 % \(54 of the 100 ", r"time +[0-9.]+ ms \(median of \d+ ",
                    r"GFLOP/s +[0-9]"):
            self.assertRegex(text, r"(^|\n)  " + row)
        self.assertLess(error, 2e-6)

    def test_every_dtype(self):
        self.assertLess(self.errors("--dtype", "f16")[1], 2e-3)
        self.assertLess(self.errors("--dtype", "bf16")[1], 2e-2)

    def test_outputs_are_f4_with_their_shapes(self):
        result = self.command(*self.words("--lse", "lse.npy"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted(os.listdir(self.folder)), ["lse.npy", "out.npy"])
        self.assertEqual(read_npy(self.folder / "out.npy")[:2], ("<f4", (46, 8, 64)))
        self.assertEqual(read_npy(self.folder / "lse.npy")[:2], ("<f4", (8, 46)))

    def test_an_output_is_replaced_only_by_a_run_that_succeeds(self):
        (self.folder / "out.npy").write_text("old")
        self.refused(1, "--sinks s.npy is [7]", *self.words("--sinks", self.write("s.npy", "<f4", (7,))))
        self.assertEqual((self.folder / "out.npy").read_text(), "old")
        self.assertEqual(self.command(*self.words()).returncode, 0)
        self.assertEqual(read_npy(self.folder / "out.npy")[1], (46, 8, 64))

    def test_what_is_no_file_is_written_to_directly(self):
        words = self.words()
        words[words.index("out.npy")] = "/dev/null"
        self.assertEqual(self.command(*words).returncode, 0)
        self.assertTrue(Path("/dev/null").is_char_device())

    def test_i8_metadata_and_f8_and_f2_arrays_are_converted(self):
        self.command(*self.words())
        expected = read_npy(self.folder / "out.npy")
        self.write("cu.npy", "<i8", (5,), [0, 17, 20, 45, 46])
        raw = (SAMPLE / "q.npy").read_bytes()
        values = struct.unpack(f"<{46 * 8 * 64}f", raw[-46 * 8 * 64 * 4 :])
        for descr in ("<f8", "<f2"):
            self.write("q.npy", descr, (46, 8, 64), values)
            result = self.command(*self.words("--dtype", "f32", q="q.npy", cu_seqlens_q="cu.npy"))
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(read_npy(self.folder / "out.npy"), expected)

    def test_paged_keys(self):
        """The sample's keys and values, in pages of 4 tokens in reverse order."""
        cu_seqlens = [0, 17, 20, 45, 46]
        pages, table, width = [], [], 7
        for start, end in zip(cu_seqlens, cu_seqlens[1:]):
            row = []
            for first in range(start, end, 4):
                row.append(len(pages))
                pages.append(list(range(first, min(first + 4, end))))
            table.append(row + [-1] * (width - len(row)))
        count = len(pages)
        table = [count - 1 - page if page >= 0 else -1 for row in table for page in row]
        pages.reverse()
        for name in ("k", "v"):
            rows = struct.unpack(f"<{46 * 128}f", (SAMPLE / f"{name}.npy").read_bytes()[-46 * 512 :])
            values = []
            for page in pages:
                for slot in range(4):
                    row = page[slot] if slot < len(page) else None
                    values += [float("nan")] * 128 if row is None else rows[row * 128 : row * 128 + 128]
            self.write(f"{name}.npy", "<f4", (count, 4, 2, 64), values)
        self.write("table.npy", "<i4", (4, width), table)
        self.write("used.npy", "<i8", (4,), [17, 3, 25, 1])
        result = self.command(*self.words("--page-table", "table.npy", "--seqused-k", "used.npy",
                                          "--expect", SAMPLE / "expected.npy", k="k.npy", v="v.npy"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertLess(float(result.stdout.split("largest error")[1].split()[0]), 2e-6)
        self.write("table.npy", "<i4", (4, width), [count] + table[1:])
        self.refused(1, "page_table", *self.words("--page-table", "table.npy", "--seqused-k", "used.npy",
                                                  k="k.npy", v="v.npy"))

    def test_every_other_option_changes_the_result(self):
        self.command(*self.words())
        plain = read_npy(self.folder / "out.npy")
        four = self.write("four.npy", "<i4", (4,), [9, 2, 20, 1])
        one = self.write("one.npy", "<i4", (4,), [1, 1, 1, 0])
        for extra in (["--seqused-q", four], ["--seqused-k", four], ["--leftpad-q", one], ["--leftpad-k", one],
                      ["--scale", "0.5"],
                      ["--softcap", "1.5"], ["--alibi", self.write("a.npy", "<f4", (8,))],
                      ["--alibi", self.write("b.npy", "<f8", (4, 8))],
                      ["--sinks", self.write("s.npy", "<f4", (8,))],
                      ["--query-positions", self.write("p.npy", "<i8", (4,), [3, -1, 20, 0])],
                      ["--key-starts", self.write("ks.npy", "<i4", (4,), [30, 2, 2, 0]), "--seqused-k", four],
                      ["--cu-seqlens-k", self.write("ck.npy", "<i4", (5,), [0, 16, 20, 45, 46])]):
            result = self.command(*self.words(*extra))
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertNotEqual(read_npy(self.folder / "out.npy"), plain, extra)

    def test_a_scale_of_0_is_no_default(self):
        results = set()
        for scale in ([], ["--scale", "0"], ["--scale", "1e-30"]):
            result = self.command(*self.words(*scale))
            self.assertEqual(result.returncode, 0, result.stderr)
            results.add(read_npy(self.folder / "out.npy"))
        self.assertEqual(len(results), 2)

    def test_windows(self):
        words = self.words()
        words[words.index("causal")] = "window"
        results = set()
        for window in ("2,0", "inf,0", "0,inf", "3,3"):
            result = self.command(*words, "--window", window)
            self.assertEqual(result.returncode, 0, result.stderr)
            results.add(read_npy(self.folder / "out.npy"))
        self.assertEqual(len(results), 4)
        wide = self.command(*words, "--window", "inf,0", "--expect", SAMPLE / "expected.npy")
        self.assertLess(float(wide.stdout.split("largest error")[1].split()[0]), 2e-6)

    def test_alignment(self):
        used = self.write("used.npy", "<i4", (4,), [9, 2, 20, 1])
        results = set()
        for alignment in ("bottom-right", "top-left"):
            result = self.command(*self.words("--seqused-k", used, "--alignment", alignment))
            self.assertEqual(result.returncode, 0, result.stderr)
            results.add(read_npy(self.folder / "out.npy"))
        self.assertEqual(len(results), 2)

    def test_gradients(self):
        self.write("dout.npy", "<f4", (46, 8, 64))
        words = self.words("--dout", "dout.npy", "--dq", "dq.npy", "--dk", "dk.npy", "--dv", "dv.npy")
        if "backward" not in self.command("info").stdout.split("cpu:0", 1)[1].splitlines()[0]:
            self.refused(1, "backward", *words)
            return
        result = self.command(*words)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("backward GFLOP/s", result.stdout)
        for name, shape in (("dq", (46, 8, 64)), ("dk", (46, 2, 64)), ("dv", (46, 2, 64))):
            self.assertEqual(read_npy(self.folder / f"{name}.npy")[:2], ("<f4", shape))


class RunRefusals(SampleTest):
    """Nothing is written, and the reason names the argument, its value and the rule."""

    def test_options(self):
        window = self.words()
        window[window.index("causal")] = "window"
        for reason, words in (
            ("unknown option --nosuch", self.words("--nosuch", "1")),
            ("--scale needs a value", self.words("--scale")),
            ("--scale abc: not a number", self.words("--scale", "abc")),
            ("--dtype f64: not one of f32|f16|bf16", self.words("--dtype", "f64")),
            ("--mask is given twice", self.words("--mask", "full")),
            ("--mask window needs --window", window),
            ("--window 1: not a pair", [*window, "--window", "1"]),
            ("--window -1,0: not a pair", [*window, "--window", "-1,0"]),
            ("--window 1,2,3: not a pair", [*window, "--window", "1,2,3"]),
            ("--window 1,9999999999: not a pair", [*window, "--window", "1,9999999999"]),
            ("--window needs --mask window", self.words("--window", "1,1")),
            ("--page-table needs --seqused-k", self.words("--page-table", "t.npy")),
            ("--cu-seqlens-k and --page-table exclude",
             self.words("--page-table", "t.npy", "--seqused-k", "u.npy", "--cu-seqlens-k", "c.npy")),
            ("--cu-seqlens-k and --key-starts exclude",
             self.words("--key-starts", "t.npy", "--seqused-k", "u.npy", "--cu-seqlens-k", "c.npy")),
            ("--key-starts and --page-table exclude",
             self.words("--key-starts", "t.npy", "--seqused-k", "u.npy", "--page-table", "p.npy")),
            ("--key-starts needs --seqused-k", self.words("--key-starts", "t.npy")),
            ("--query-positions and --alignment top-left exclude",
             self.words("--query-positions", "t.npy", "--alignment", "top-left")),
            ("--dout, --dq, --dk and --dv go together", self.words("--dq", "dq.npy")),
            ("two outputs go to the same file, --out out.npy and --lse out.npy", self.words("--lse", "out.npy")),
            ("--q is missing", ["run", "--k", "k.npy"]),
        ):
            self.refused(2, reason, *words)

    def test_files(self):
        good = (SAMPLE / "q.npy").read_bytes()
        (self.folder / "short.npy").write_bytes(good[:-1])
        (self.folder / "text.npy").write_text("these are no numbers")
        self.write("fortran.npy", "<f4", (46, 8, 64), fortran=True)
        self.write("big.npy", ">f4", (46, 8, 64))
        self.write("integers.npy", "<i4", (46, 8, 64), [1] * (46 * 8 * 64))
        for name, reason in (("short.npy", "short.npy: truncated"), ("text.npy", "text.npy: not a .npy file"),
                             ("fortran.npy", "fortran.npy: fortran_order = True"), ("big.npy", "big.npy: descr = '>f4' is big-endian"),
                             ("integers.npy", "integers.npy holds i32, but must hold f2, f4 or f8"),
                             ("absent.npy", "absent.npy: cannot be opened")):
            self.refused(1, f"--q {reason}", *self.words(q=name))
        self.write("floats.npy", "<f4", (5,))
        self.refused(1, "--cu-seqlens-q floats.npy holds f32, but must hold i4 or i8",
                     *self.words(cu_seqlens_q="floats.npy"))
        self.write("far.npy", "<i8", (5,), [0, 17, 20, 45, 1 << 40])
        self.refused(1, "far.npy: element 4 = 1099511627776 does not fit", *self.words(cu_seqlens_q="far.npy"))

    def test_shapes_that_disagree_are_both_named(self):
        q = f"--q {SAMPLE / 'q.npy'} is [46, 8, 64]"
        k = f"--k {SAMPLE / 'k.npy'} is [46, 2, 64]"
        self.write("k32.npy", "<f4", (46, 2, 32))
        self.refused(1, f"{q} but --k k32.npy is [46, 2, 32]: D would be both 64 and 32", *self.words(k="k32.npy"))
        self.write("v45.npy", "<f4", (45, 2, 64))
        self.refused(1, f"{k} but --v v45.npy is [45, 2, 64]: Tk would be both 46 and 45", *self.words(v="v45.npy"))
        self.write("flat.npy", "<f4", (46, 512))
        self.refused(1, "--q flat.npy is [46, 512], but must be [Tq, Hq, D]", *self.words(q="flat.npy"))
        self.write("used.npy", "<i4", (3,), [1, 1, 1])
        self.refused(1, "--seqused-q used.npy is [3]: B would be both 4 and 3", *self.words("--seqused-q", "used.npy"))
        self.write("a.npy", "<f4", (4, 8, 1))
        self.refused(1, "--alibi a.npy is [4, 8, 1], but must be [Hq] or [B, Hq]", *self.words("--alibi", "a.npy"))
        self.write("none.npy", "<i4", (0,))
        self.refused(1, "--cu-seqlens-q none.npy is [0]: B = -1", *self.words(cu_seqlens_q="none.npy"))
        self.write("v0.npy", "<f4", (46, 2, 0))
        self.refused(1, "--v v0.npy is [46, 2, 0]: Dv = 0", *self.words(v="v0.npy"))

    def test_what_the_library_refuses(self):
        for shape, reason in (((46, 3, 64), "kv_heads = 3"), ((46, 16, 64), "kv_heads = 16")):
            self.write("k.npy", "<f4", shape)
            self.refused(1, reason, *self.words(k="k.npy", v="k.npy"))
        self.write("q12.npy", "<f4", (46, 8, 12))
        self.write("k12.npy", "<f4", (46, 2, 12))
        self.refused(1, "head_dim = 12", *self.words(q="q12.npy", k="k12.npy", v="k12.npy"))
        for values, reason in (([1, 17, 20, 45, 46], "cu_seqlens_q[0] = 1"),
                               ([0, 17, 16, 45, 46], "cu_seqlens_q[2] = 16"),
                               ([0, 17, 20, 45, 47], "cu_seqlens_q[4] = 47")):
            self.write("cu.npy", "<i4", (5,), values)
            self.refused(1, reason, *self.words(cu_seqlens_q="cu.npy"))
        self.refused(1, "softmax_scale = nan", *self.words("--scale", "nan"))
        self.refused(1, "softcap = -1", *self.words("--softcap", "-1"))
        self.write("used.npy", "<i4", (4,), [17, 4, 25, 1])
        self.refused(1, "seqused_k[1] = 4", *self.words("--seqused-k", "used.npy"))

    def test_backends_and_places_that_do_not_exist(self):
        self.refused(1, "nosuch", *self.words("--backend", "nosuch"))
        self.refused(1, "nosuch", *self.words(), VARLEN_BACKEND="nosuch")
        words = self.words("--lse", "nowhere/lse.npy")
        self.refused(1, "nowhere/lse.npy", *words)


class Check(CommandTest):
    def test_list_and_filter(self):
        names = self.command("check", "--list").stdout.splitlines()
        self.assertGreaterEqual(len(names), 300)
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(self.command("check", "--list", "--filter", names[0]).stdout.splitlines()[0], names[0])

    def test_one_case_runs_by_its_name(self):
        name = self.command("check", "--list").stdout.splitlines()[0]
        result = self.command("check", "--backend", "cpu", "--filter", name)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertRegex(result.stdout.splitlines()[-1], r"^\d+ passed, 0 failed, \d+ skipped$")

    def test_no_match_is_a_failure(self):
        self.refused(1, "no case matches --filter nosuchcase", "check", "--filter", "nosuchcase")
        self.refused(1, "no case matches --filter nosuchcase", "check", "--list", "--filter", "nosuchcase")

    def test_refusals(self):
        self.refused(1, "nosuch", "check", "--backend", "nosuch")
        self.refused(2, "--scale huge: not one of small|full", "check", "--scale", "huge")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
