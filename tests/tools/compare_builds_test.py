#!/usr/bin/env python3
"""tools/compare_builds on builds whose `varlen` prints times that are known.

usage: compare_builds_test.py LIBRARY BUILD     LIBRARY: tools/lib; BUILD: a build that is measured against itself
"""

import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True

TOOL = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "compare_builds")
BUILD = sys.argv[2]

# The command of a fake build. "times" holds a list of milliseconds by "workload dtype pass": one for each run, over and
# over. What ran, and in what environment, is appended to "log".
COMMAND = f"#!{sys.executable}\n" + '''
import json, os, sys
words = sys.argv[1:]
folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
build = json.load(open(os.path.join(folder, "build.json")))
def given(name, otherwise=None):
    return words[words.index(name) + 1] if name in words else otherwise
if "--help" in words:
    print("--json FILE" + build.get("help", ""))
elif "--list" in words:
    print("  workload  runs on  sequences")
    for name, kind in build["workloads"].items():
        print(f"  {name}  {kind}  1")
elif build.get("broken"):
    sys.exit("no device")
else:
    log = os.path.join(os.path.dirname(folder), "log")
    with open(log, "a") as stream:
        stream.write(json.dumps([os.path.basename(folder), words, dict(os.environ)]) + "\\n")
    runs = sum(json.loads(line)[0] == os.path.basename(folder) and given("--workload") in json.loads(line)[1]
               for line in open(log))
    results = []
    passes = {"both": ["forward", "backward"]}.get(given("--pass"), [given("--pass")])
    for dtype in given("--dtype", "bf16").split(","):
        for which in passes:
            times = build["times"].get(f"{given('--workload')} {dtype} {which}")
            entry = {"workload": given("--workload"), "dtype": dtype, "pass": which}
            if times:
                entry.update(median_ms=times[(runs - 1) % len(times)])
                if build["threads"] is None:
                    entry.update(host_us=build.get("host", 5))
            else:
                entry.update(not_supported="pages are not for that pass")
            results.append(entry)
    device = {"backend": given("--backend", "cpu"), "device": 0, "name": build.get("name", "one"),
              "architecture": "avx2", "threads": build["threads"]}
    json.dump({"device": device, "results": results}, open(given("--json"), "w"))
'''

WORKLOADS = {"one-1x4k": "processors", "decode-8x8k": "processors", "decode-64x4k": "accelerators"}


class CompareBuilds(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = os.path.realpath(scratch.name)
        self.log = os.path.join(self.folder, "log")
        self.build("old", {"one-1x4k bf16 forward": [10], "decode-8x8k bf16 forward": [4]})
        self.build("new", {"one-1x4k bf16 forward": [10], "decode-8x8k bf16 forward": [4]})

    def build(self, which, times, threads=2, **more):
        folder = os.path.join(self.folder, which, "bin")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "varlen"), "w", encoding="utf-8") as stream:
            stream.write(COMMAND)
        os.chmod(stream.name, 0o755)
        with open(os.path.join(self.folder, which, "build.json"), "w", encoding="utf-8") as stream:
            json.dump({"workloads": WORKLOADS, "threads": threads, "times": times, **more}, stream)

    def compare(self, *words, status=0, **environment):
        result = subprocess.run([sys.executable, TOOL, "old", "new", *words], cwd=self.folder,
                                env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def rows(self, text):
        """The cells of the table by workload, dtype and pass."""
        lines = [line.split() for line in text.splitlines()]
        return {tuple(line[:3]): line[3:] for line in lines if line and line[0] in WORKLOADS}

    def runs(self):
        """The builds, words and environments of what measured a workload."""
        with open(self.log, encoding="utf-8") as stream:
            lines = stream.read().split("\n")[:-1]  # the last may be half written
        return [run for run in map(json.loads, lines) if "--workload" in run[1]]

    def test_equal_builds(self):
        result = self.compare("--rounds", "2", "--limit", "0")
        self.assertEqual(self.rows(result.stdout), {
            (name, "bf16", "forward"): [time, time, "1.0000", "1.0000", "1.0000"]
            for name, time in (("one-1x4k", "10"), ("decode-8x8k", "4"))})
        self.assertIn("forward: geometric mean 1.0000 of 2\n", result.stdout)
        self.assertIn("not supported: one-1x4k, bf16, backward: pages are not for that pass\n", result.stdout)
        self.assertEqual(result.stderr, "")

    def test_median_and_quartiles_of_the_rounds(self):
        self.build("new", {"one-1x4k bf16 forward": [11, 9, 10.5, 10.2, 12]})
        result = self.compare("--rounds", "5", "--pass", "forward", "one-1x4k")
        self.assertEqual(self.rows(result.stdout)["one-1x4k", "bf16", "forward"],
                         ["10", "10.5", "1.0500", "1.0200", "1.1000", "slower"])

    def test_a_pair_of_one_round_stays_together(self):
        self.build("old", {"one-1x4k bf16 forward": [10, 20]})
        self.build("new", {"one-1x4k bf16 forward": [5, 10]})
        result = self.compare("--rounds", "4", "--pass", "forward", "one-1x4k", "--limit", "0")
        self.assertEqual(self.rows(result.stdout)["one-1x4k", "bf16", "forward"][2:],
                         ["0.5000", "0.5000", "0.5000", "faster"])

    def test_the_builds_take_turns(self):
        self.compare("--rounds", "2", "--pass", "forward")
        self.assertEqual([(build, words[words.index("--workload") + 1]) for build, words, _ in self.runs()],
                         [("old", "one-1x4k"), ("new", "one-1x4k"), ("old", "decode-8x8k"), ("new", "decode-8x8k"),
                          ("new", "one-1x4k"), ("old", "one-1x4k"), ("new", "decode-8x8k"), ("old", "decode-8x8k")])

    def test_each_build_has_its_own_library(self):
        self.compare("--rounds", "1", VARLEN_BACKEND_PATH="/elsewhere", LD_LIBRARY_PATH="/mine", VARLEN_CPU_ISA="avx2")
        for build, _, environment in self.runs():
            self.assertNotIn("VARLEN_BACKEND_PATH", environment)
            self.assertEqual(environment["LD_LIBRARY_PATH"], f"{self.folder}/{build}/lib:/mine")
            self.assertEqual(environment["VARLEN_CPU_ISA"], "avx2")

    def test_options_of_bench(self):
        self.compare("--rounds", "1", "--backend", "cuda:1", "--threads", "3", "--dtype", "f32,bf16", "--pass", "both",
                     "--repeats", "9", "one")
        for _, words, _ in self.runs():
            del words[: words.index("--workload")]
            self.assertEqual(words, ["--workload", "one-1x4k", "--repeats", "9", "--backend", "cuda:1", "--threads",
                                     "3", "--dtype", "f32,bf16", "--pass", "both"])

    def test_peaks_are_left_out_if_both_builds_can(self):
        for which, others in (("old", False), ("new", True)):
            self.build(which, {}, help=" --no-peaks")
            self.compare("--rounds", "1", "one")
            runs = self.runs()[-2:]
            self.assertEqual([build for build, _, _ in runs], ["old", "new"])
            for _, words, _ in runs:
                self.assertEqual("--no-peaks" in words, others)

    def test_the_limit(self):
        self.build("new", {"one-1x4k bf16 forward": [10.2], "decode-8x8k bf16 forward": [3, 5, 5]})
        self.compare("--rounds", "3")
        self.compare("--rounds", "3", "--limit", "2.5")
        failed = self.compare("--rounds", "3", "--limit", "1", status=1)
        self.assertEqual(failed.stderr, "one-1x4k bf16 forward: +2.00 % (+2.00 to +2.00), more than 1 %\n")

    def test_accelerators(self):
        self.build("old", {"decode-64x4k bf16 forward": [1]}, threads=None, host=4)
        self.build("new", {"decode-64x4k bf16 forward": [1]}, threads=None, host=5)
        result = self.compare("--rounds", "2", "--pass", "forward")
        self.assertEqual(self.rows(result.stdout),
                         {("decode-64x4k", "bf16", "forward"): ["1", "1", "1.0000", "1.0000", "1.0000", "1.250"]})

    def test_refusals(self):
        self.assertIn("no workload matches nosuch", self.compare("nosuch", status=2).stderr)
        self.compare("--rounds", "0", status=2)
        self.build("new", {}, name="another")
        self.assertIn("the builds open different devices", self.compare(status=3).stderr)
        self.build("new", {}, broken=True)
        self.assertRegex(self.compare(status=3).stderr, r"new/bin/varlen bench .*: exit status 1\nno device")
        os.remove(os.path.join(self.folder, "new", "bin", "varlen"))
        self.assertIn("new is no build folder", self.compare(status=2).stderr)

    def test_an_interrupt_ends_in_the_table(self):
        tool = subprocess.Popen([sys.executable, TOOL, "old", "new", "--rounds", "1000", "--pass", "forward", "one"],
                                cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (os.path.exists(self.log) and len(self.runs()) > 2):
            time.sleep(0.05)
        tool.send_signal(signal.SIGINT)
        text, _ = tool.communicate(timeout=120)
        self.assertEqual(tool.returncode, 130)
        self.assertEqual(self.rows(text)["one-1x4k", "bf16", "forward"][2], "1.0000")

    def test_progress_on_a_terminal(self):
        try:
            reader, writer = pty.openpty()
        except OSError as error:
            self.skipTest(f"no pseudo terminal: {error}")
        subprocess.run([sys.executable, TOOL, "old", "new", "--rounds", "1", "one"], cwd=self.folder, stderr=writer,
                       stdout=subprocess.DEVNULL, check=True)
        os.close(writer)
        self.assertIn("1/2 round 1 of 1: one-1x4k new", os.read(reader, 4096).decode())
        os.close(reader)

    def test_a_build_against_itself(self):
        result = subprocess.run([sys.executable, TOOL, BUILD, BUILD, "--backend", "cpu", "--threads", "1", "--rounds",
                                 "2", "--repeats", "1", "tiny"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        for which in ("forward", "backward"):
            self.assertRegex(result.stdout, rf"tiny-1x128-h32-d128-causal +bf16 +{which}( +[0-9.]+){{5}}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
