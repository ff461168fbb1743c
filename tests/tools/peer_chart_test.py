#!/usr/bin/env python3
"""tools/peer_chart on tables that are known, and the picture in the guides.

usage: peer_chart_test.py SOURCE_FOLDER
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

SOURCE = os.path.abspath(sys.argv[1])
TOOL = os.path.join(SOURCE, "tools", "peer_chart")
SVG = "{http://www.w3.org/2000/svg}"

TABLE = """\
# a comment
title: times & floors
floor: of this test

workload        pass      floor  ours  theirs  others
even, 4 x <1k>  forward   0.5    1.0   2.0     -
ragged          forward   0.25   0.5   -       0.25
even, 4 x <1k>  backward  2      3     8       4
"""


class PeerChart(unittest.TestCase):
    def draw(self, table, status=0):
        with tempfile.TemporaryDirectory() as folder:
            path, picture = os.path.join(folder, "table.txt"), os.path.join(folder, "chart.svg")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(table)
            result = subprocess.run([sys.executable, TOOL, path, picture], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True)
            self.assertEqual(result.returncode, status, result.stderr)
            if status:
                self.assertFalse(os.path.exists(picture))
                return result.stderr
            self.assertEqual(result.stdout + result.stderr, "")
            return ET.parse(picture).getroot()

    def marks(self, chart):
        """(place from the left, from the top, words) of each time."""
        found = []
        for path in chart.iter(f"{SVG}path"):
            title = path.find(f"{SVG}title")
            if title is not None:
                x, y = map(float, re.fullmatch(r"translate\((.*),(.*)\)", path.get("transform")).groups())
                found.append((x, y, title.text))
        return found

    def texts(self, chart):
        return {text.text: (float(text.get("x")), float(text.get("y"))) for text in chart.iter(f"{SVG}text")}

    def test_times_stand_where_their_ratio_is(self):
        chart = self.draw(TABLE)
        texts, marks = self.texts(chart), self.marks(chart)
        zero, one = texts["0 x"][0], texts["floor"][0]
        expected = {"ours: 1 ms, 2.00 x floor": 2, "theirs: 2 ms, 4.00 x floor": 4, "ours: 0.5 ms, 2.00 x floor": 2,
                    "others: 0.25 ms, 1.00 x floor": 1, "ours: 3 ms, 1.50 x floor": 1.5,
                    "theirs: 8 ms, 4.00 x floor": 4, "others: 4 ms, 2.00 x floor": 2}
        self.assertEqual({words for _, _, words in marks}, set(expected))
        for x, _, words in marks:
            self.assertAlmostEqual((x - zero) / (one - zero), expected[words], delta=0.01)

    def test_rows_stand_below_their_pass_beside_their_names(self):
        chart = self.draw(TABLE)
        texts = self.texts(chart)
        height = {words: y for _, y, words in self.marks(chart)}
        self.assertAlmostEqual(texts["ragged"][1], height["others: 0.25 ms, 1.00 x floor"], delta=6)
        self.assertAlmostEqual(texts["even, 4 x <1k>"][1], height["others: 4 ms, 2.00 x floor"], delta=6)
        order = [texts["forward"][1], height["theirs: 2 ms, 4.00 x floor"], texts["ragged"][1], texts["backward"][1],
                 height["theirs: 8 ms, 4.00 x floor"]]
        self.assertEqual(order, sorted(order))

    def test_words(self):
        texts = self.texts(self.draw(TABLE))
        for words in ("times & floors", "floor: of this test", "ours", "theirs", "others"):
            self.assertIn(words, texts)

    def test_refusals(self):
        for old, new, reason in (
            ("  0.25   0.5", "  0.25   fast", "line 7: ours = fast is not a number above 0"),
            ("  0.25   0.5", "  0      0.5", "line 7: floor = 0 is not a number above 0"),
            ("  0.25   0.5", "  nan    0.5", "line 7: floor = nan is not a number above 0"),
            ("  -       0.25", "  0.25", "line 7: 5 columns, but the heading has 6"),
            ("pass  ", "  ", 'line 5: the heading is not "workload  pass  floor" and names of libraries'),
            ("others\n", "b  c  d  e  f\n", "line 5: 7 libraries, but there are marks for 6"),
        ):
            self.assertIn(old, TABLE)
            self.assertIn(f"table.txt: {reason}\n", self.draw(TABLE.replace(old, new, 1), status=1))
        self.assertIn("there are no rows", self.draw("title: nothing\n", status=1))

    def test_the_picture_in_the_guides_shows_the_table(self):
        docs = os.path.join(SOURCE, "docs")
        with tempfile.TemporaryDirectory() as folder:
            picture = os.path.join(folder, "peers.svg")
            subprocess.run([sys.executable, TOOL, os.path.join(docs, "peers.txt"), picture], check=True)
            with open(picture, encoding="utf-8") as drawn, open(os.path.join(docs, "peers.svg"), encoding="utf-8") as shown:
                self.assertEqual(drawn.read() == shown.read(), True, "docs/peers.svg is old: run tools/peer_chart")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
