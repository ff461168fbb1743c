#!/usr/bin/env python3
"""`varlen bench` from end to end. What it measures depends on the machine; what it must report does not.

usage: bench_test.py COMMAND [unittest options]
"""

import html.parser
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMAND = sys.argv[1]

# Queries x keys that a causal mask lets through, over sequences of 5, 64 and 33 tokens.
LENS = [5, 64, 33]
PAIRS = sum(n * (n + 1) // 2 for n in LENS)
SHAPE = ("--lens", "5,64,33", "--q-heads", "4", "--kv-heads", "2", "--head-dim", "64", "--value-dim", "32", "--mask",
         "causal")
NAME = "lens-5,64,33-gqa4/2-d64/32-causal"


class BenchTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="varlen-bench-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def bench(self, *words, status=0, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VARLEN_")}
        result = subprocess.run([COMMAND, "bench", *words], cwd=self.folder, env={**clean, **environment},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def measured(self, *words, **options):
        """With the machine's peaks, which take a second and more to measure."""
        return self.bench("--backend", "cpu", "--repeats", "2", "--threads", "1", *words, **options)

    def small(self, *words, **options):
        return self.measured("--no-peaks", *words, **options)

    def read(self, name):
        return json.loads((self.folder / name).read_text())


class List(BenchTest):
    def test_workloads(self):
        rows = [line.split() for line in self.bench("--list").stdout.splitlines()]
        self.assertEqual(rows[0], "workload runs on sequences queries keys layout".split())
        names = [row[0] for row in rows[1:]]
        self.assertEqual(len(names), len(set(names)))
        for row in (["mixed-40x32k-gqa32/8-d128-causal", "accelerators", "40", "32768", "32768", "packed"],
                    ["skew-1x16k+63x128-gqa32/8-d128-causal", "accelerators", "64", "24448", "24448", "packed"],
                    ["short-256x(32..512)-h12-d64", "accelerators", "256", "32768", "32768", "packed"],
                    ["chat-50x32k-gqa64/8-d128-causal", "accelerators", "50", "32768", "32768", "packed"],
                    ["chunk-8x512q/16k-gqa32/8-d128-causal", "accelerators", "8", "4096", "131072", "packed"],
                    ["verify-32x4k-q4-gqa32/8-d128-page16", "accelerators", "32", "128", "131072", "pages", "of", "16"],
                    ["decode-64x4k-gqa32/8-d128-page16", "accelerators", "64", "64", "262144", "pages", "of", "16"],
                    ["shared-prefix-64x8k-gqa32/8-d128", "accelerators", "64", "64", "8192", "shared"],
                    ["chunked-prefill-16k/1k-gqa32/8-d128", "accelerators", "16", "16384", "16384", "shared"],
                    ["documents-24-gqa8/2-d128-causal", "processors", "24", "12288", "12288", "packed"],
                    ["decode-8x8k-gqa32/8-d128-page16", "processors", "8", "8", "65536", "pages", "of", "16"],
                    ["latent-128x4k-gqa128/1-d576/512-page64", "accelerators", "128", "128", "524288", "pages", "of", "64"],
                    ["latent-8x4k-gqa128/1-d576/512-page64", "processors", "8", "8", "32768", "pages", "of", "64"]):
            self.assertIn(row, rows)


class Measure(BenchTest):
    def test_both_passes_and_a_comparison(self):
        words = (*SHAPE, "--pass", "both", "--dtype", "f32,bf16")
        text = self.measured(*words, "--json", "first.json").stdout
        for heading in ("one thread", "all threads", "float32 FMA", "read bandwidth", "copy bandwidth", "median ms",
                        "spread", "GFLOP/s", "GB/s", "floor ms", "time / floor", "share"):
            self.assertIn(heading, text)
        self.check_json(self.read("first.json"))
        text = self.small(*words, "--compare", "first.json").stdout
        self.assertIn("earlier / now", text)
        ratios = text[text.index("Against first.json") :]
        for dtype in ("f32", "bf16"):
            for direction in ("forward", "backward"):
                self.assertRegex(ratios, rf"\n  {NAME} +{dtype} +{direction} +[0-9.]+ +[0-9.]+ +[0-9.]+\n")

    def check_json(self, measured):
        self.assertEqual(measured["device"]["backend"], "cpu")
        self.assertEqual(measured["device"]["threads"], 1)
        for peak in ("float32_fma_gflops", "read_gb_per_s", "copy_gb_per_s"):
            self.assertGreater(measured["peaks"][peak]["one_thread"], 0)
            self.assertGreater(measured["peaks"][peak]["all_threads"], 0)
        results = {(item["dtype"], item["pass"]): item for item in measured["results"]}
        self.assertEqual(sorted(results), [("bf16", "backward"), ("bf16", "forward"),
                                           ("f32", "backward"), ("f32", "forward")])
        for (dtype, direction), item in results.items():
            factor, tensors = (2.5, 2) if direction == "backward" else (1, 1)
            lse = 4 * sum(LENS) * 4
            size = 4 if dtype == "f32" else 2
            self.assertEqual(item["workload"], NAME)
            self.assertEqual(item["repetitions"], 2)
            self.assertLessEqual(item["p10_ms"], item["median_ms"])
            self.assertLessEqual(item["median_ms"], item["p90_ms"])
            self.assertGreater(item["share"], 0)
            self.assertAlmostEqual(item["floor_ms"] * item["over_floor"] / item["median_ms"], 1, places=3)
            self.assertAlmostEqual(item["share"] * item["over_floor"], 1, places=2)
            flops = item["gflops"] * item["median_ms"] * 1e6
            self.assertAlmostEqual(flops / (2 * PAIRS * 4 * (64 + 32) * factor), 1, places=3)
            moved = item["gb_per_s"] * item["median_ms"] * 1e6
            self.assertAlmostEqual(moved / (size * tensors * sum(LENS) * (4 + 2) * (64 + 32) + lse), 1, places=3)

    def test_pages_run_forward_and_name_why_not_backward(self):
        text = self.small("--lens", "70,9", "--page-size", "16", "--pass", "both", "--json", "paged.json").stdout
        forward, backward = self.read("paged.json")["results"]
        self.assertGreater(forward["median_ms"], 0)
        self.assertNotIn("median_ms", backward)
        self.assertIn("pag", backward["not_supported"])
        self.assertIn("not supported: lens-70,9-h8-d128-page16, bf16, backward: ", text)

    def test_words_pick_workloads(self):
        self.small("--workload", "tiny,vit", "--dtype", "f16", "--json", "two.json")
        self.assertEqual([item["workload"] for item in self.read("two.json")["results"]],
                         ["vit-512x64-h16-d64", "tiny-1x128-h32-d128-causal"])

    def test_a_measurement_that_the_earlier_file_lacks(self):
        (self.folder / "other.json").write_text('{"results": [{"workload": "other", "median_ms": 1}]}')
        text = self.small("--lens", "8", "--compare", "other.json").stdout
        self.assertRegex(text, r"\n  lens-8-h8-d128 +bf16 +forward +- +[0-9.]+ +-\n")

    def test_without_peaks(self):
        text = self.small("--lens", "8", "--json", "bare.json").stdout
        self.assertNotIn("one thread", text)
        self.assertEqual(set(self.read("bare.json")["peaks"].values()), {None})
        result = self.read("bare.json")["results"][0]
        self.assertEqual({result[key] for key in ("share", "bound", "floor_ms", "over_floor")}, {None})

    def test_given_rates_replace_what_is_measured(self):
        text = self.measured("--lens", "8", "--peak", "1.5", "--bandwidth", "0.25", "--json", "given.json").stdout
        self.assertRegex(text, r"\n  given peak +--peak +- +1500\.0  GFLOP/s\n  given bandwidth +--bandwidth +- +0\.2  GB/s")
        self.assertIn(" % of given bandwidth\n", text)
        measured = self.read("given.json")
        self.assertEqual(measured["peaks"]["given_gb_per_s"],
                         {"with": "--bandwidth", "one_thread": None, "all_threads": 0.25})
        self.assertEqual(measured["results"][0]["bound"], "given_gb_per_s")
        # q, k, v and out of 8 tokens, 8 heads and 128 numbers of 2 bytes; lse
        self.assertAlmostEqual(measured["results"][0]["floor_ms"] * 0.25e6 / (4 * 8 * 8 * 128 * 2 + 8 * 8 * 4), 1, places=4)

    def test_plot(self):
        found = subprocess.run(["python3", "-c", "import matplotlib"], stderr=subprocess.DEVNULL).returncode == 0
        result = self.measured("--lens", "8", "--plot", "out.svg", status=0 if found else 1)
        if found:
            self.assertIn("<svg", (self.folder / "out.svg").read_text())
        else:
            self.assertIn("matplotlib is missing: install", result.stderr)
            self.assertNotIn("median ms", result.stdout)
            self.assertEqual(os.listdir(self.folder), [])


class Page(html.parser.HTMLParser):
    """What a report holds: tables and texts, with its tags paired and nothing fetched from elsewhere."""

    EMPTY = {"meta"}
    SINGLE = {"line", "rect"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.rows, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            assert name not in ("src", "href", "xlink:href"), (name, value)
        if tag not in self.EMPTY:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attributes):
        assert tag in self.SINGLE, tag
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        self.texts.append(data.strip())


class Report(BenchTest):
    def page(self, *words, **options):
        self.small(*words, "--report", "report.html", "--json", "report.json", **options)
        return Page((self.folder / "report.html").read_text()), self.read("report.json")["results"]

    def test_the_chart_and_the_figures(self):
        page, results = self.page("--lens", "300,20", "--pass", "both", "--dtype", "f32,bf16", "--peak", "0.4",
                                  "--bandwidth", "100")
        self.assertEqual(page.tags.count("svg"), 1)
        self.assertLessEqual({"floor", "Forward", "Backward", "f32", "bf16"}, set(page.texts))
        table = {tuple(row[:3]): row for row in page.rows if row[0].startswith("lens-")}
        self.assertEqual(len(table), 4)
        for item in results:
            row = table[(item["workload"], item["dtype"], item["pass"])]
            self.assertAlmostEqual(float(row[3]) / item["median_ms"], 1, places=2)
            # The file's numbers and the page's are each rounded by themselves.
            self.assertAlmostEqual(float(row[8]), item["over_floor"], delta=0.0051)
            self.assertRegex(row[9], r"^\d+ % of given peak$")
            self.assertAlmostEqual(int(row[9].split()[0]), 100 * item["share"], delta=0.51)
            self.assertIn(f"{row[8]}×", page.texts)
        # a bar's part below the floor, and one above it where there is something
        bars = sum(2 if item["over_floor"] > 1 else 1 for item in results)
        self.assertEqual(page.tags.count("rect"), bars)
        self.assertTrue(any(text.startswith("varlen bench --backend cpu --repeats 2 ") for text in page.texts))
        self.assertRegex(" ".join(page.texts), r"varlen \d+\.\d+\.\d+, \d{4}-\d\d-\d\d \d\d:\d\d UTC")

    def test_what_is_not_supported_is_named(self):
        page, _ = self.page("--lens", "70", "--page-size", "16", "--pass", "both")
        self.assertNotIn("svg", page.tags)
        self.assertIn("No peaks were measured or given, so there are no floors to draw.", page.texts)
        self.assertTrue(any(text.startswith("Not supported: lens-70-h8-d128-page16, bf16, backward: page_size")
                            for text in page.texts))

    def test_shared_keys_have_no_backward_pass(self):
        text = self.small("--workload", "shared-prefix-8x8k", "--pass", "backward").stdout
        self.assertIn("not supported: shared-prefix-8x8k-gqa32/8-d128, bf16, backward: sequences share keys", text)

    def test_names_are_not_taken_for_tags(self):
        self.small("--lens", "8", "--report", "a<b>&\"c.html")
        page = Page((self.folder / 'a<b>&"c.html').read_text())
        self.assertNotIn("b", page.tags)
        self.assertTrue(any(text.endswith('--report a<b>&"c.html') for text in page.texts), page.texts)


class Refusals(BenchTest):
    def test_options(self):
        for reason, words in (
            ("--lens 5,0: not a list of lengths", ("--lens", "5,0")),
            ("--lens 5,: not a list of lengths", ("--lens", "5,")),
            ("--lens 2147483647,1: more than 2147483647 tokens", ("--lens", "2147483647,1")),
            ("--q-heads -1: not a whole number from 1", ("--lens", "5", "--q-heads", "-1")),
            ("--repeats 2x: not a whole number from 1", ("--repeats", "2x")),
            ("--threads 0: not a whole number from 1", ("--threads", "0")),
            ("--peak 0: not a number above 0", ("--peak", "0")),
            ("--peak inf: not a number above 0", ("--peak", "inf")),
            ("--bandwidth -3: not a number above 0", ("--bandwidth=-3",)),
            ("--bandwidth fast: not a number", ("--bandwidth", "fast")),
            ("--dtype f32,f64: not a list of f32, f16 and bf16", ("--dtype", "f32,f64")),
            ("--pass sideways: not one of forward|backward|both", ("--pass", "sideways")),
            ("--mask window: not one of full|causal", ("--lens", "5", "--mask", "window")),
            ("--page-size needs --lens", ("--page-size", "16")),
            ("--mask needs --lens", ("--mask", "full")),
            ("--workload and --lens exclude each other", ("--workload", "tiny", "--lens", "5")),
            ("unknown option --nosuch", ("--nosuch",)),
        ):
            self.assertIn(reason, self.bench(*words, status=2).stderr)

    def test_what_does_not_exist(self):
        (self.folder / "text.json").write_text("these are no measurements")
        (self.folder / "cut.json").write_text('{"results": [{"workload": "a"')
        (self.folder / "none.json").write_text('{"results": []}')
        for reason, words in (
            ("no workload matches --workload nosuch;", ("--workload", "tiny,nosuch")),
            ("--compare absent.json: cannot be opened", ("--compare", "absent.json")),
            ("--compare text.json: not a file that", ("--compare", "text.json")),
            ("--compare cut.json: not a file that", ("--compare", "cut.json")),
            ("--compare none.json: not a file that", ("--compare", "none.json")),
            ("nosuch", ("--backend", "nosuch")),
        ):
            self.assertIn(reason, self.bench(*words, status=1).stderr)

    def test_what_the_library_refuses(self):
        self.assertIn("kv_heads = 3", self.small("--lens", "5", "--kv-heads", "3", status=1).stderr)
        self.assertIn("head_dim = 12", self.small("--lens", "5", "--head-dim", "12", status=1).stderr)
        self.assertIn("--json nowhere/a.json: cannot be created",
                      self.small("--lens", "5", "--json", "nowhere/a.json", status=1).stderr)
        result = self.small("--lens", "5", "--report", "nowhere/a.html", status=1)
        self.assertIn("--report nowhere/a.html: cannot be created", result.stderr)
        self.assertNotIn("median ms", result.stdout)
        self.assertIn("two outputs go to the same file, --json a and --report ./a",
                      self.small("--lens", "5", "--json", "a", "--report", "./a", status=1).stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
