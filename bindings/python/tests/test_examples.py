"""The examples do what they say: the loss falls, and what is served is what recomputation gives."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from reference import attend_packed

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def run(name, *arguments):
    return subprocess.run([sys.executable, str(EXAMPLES / name), *arguments], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def test_training(tmp_path):
    plot = tmp_path / "loss.svg"
    output = run("train_characters.py", "--steps", "8", "--characters", "512", "--plot", str(plot))
    assert re.search(r"from [\d.]+ to [\d.]+ in", output)
    assert plot.read_text().startswith("<svg") and plot.read_text().count(",") >= 8


def test_training_learns_as_attention_by_the_formulas_does(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    example = importlib.import_module("train_characters")
    losses = example.train(16, 512)

    def by_the_formulas(q, k, v, starts, *_, window_size):
        return attend_packed(q, k, v, starts.tolist(), starts.tolist(), window=window_size)[0].to(q.dtype)

    monkeypatch.setattr(example, "varlen_attn", by_the_formulas)
    expected = example.train(16, 512)
    assert losses[-1] < losses[0]
    assert all(abs(loss - wanted) <= 8 * 2**-23 * wanted for loss, wanted in zip(losses, expected))  # float32's roundings


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
