"""The examples do what they say: the loss falls, and what is served is what recomputation gives."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def run(name, *arguments):
    return subprocess.run([sys.executable, str(EXAMPLES / name), *arguments], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def test_training(tmp_path):
    plot = tmp_path / "loss.svg"
    output = run("train_characters.py", "--steps", "24", "--characters", "512", "--plot", str(plot))
    first, last = map(float, re.search(r"from ([\d.]+) to ([\d.]+) in", output).groups())
    assert first - last > 1
    assert plot.read_text().startswith("<svg") and plot.read_text().count(",") >= 24


def test_serving():
    for page_size in ("16", "1"):
        output = run("serve.py", "--steps", "6", "--page-size", page_size)
        assert output.endswith("\nas recomputed\n")
        assert len(set(re.findall(r"tokens: (.*)", output))) == 5


@pytest.mark.parametrize("guide", ["README.md", "bindings/python/README.md", "docs/python.md"])
def test_the_first_lines_of_a_guide_run(guide):
    code = re.search(r"```python\n(.*?)```", (EXAMPLES.parent / guide).read_text(), re.S)[1]
    names = {}
    exec(code, names)
    assert names["out"].shape[0] == 6
