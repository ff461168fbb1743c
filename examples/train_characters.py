#!/usr/bin/env python3
"""Trains a two-layer character model on packed documents, on the CPU in under a minute, and plots its loss.

    python examples/train_characters.py --plot loss.svg

Documents are the paragraphs of this project's guides. A step takes paragraphs of any lengths as they come, end to end, up to
a number of characters: nothing is padded, and no paragraph sees another.
"""

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from varlen.torch import varlen_attn

GUIDES = Path(__file__).resolve().parents[1] / "docs"


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x, cu_seqlens, longest):
        q, k, v = self.qkv(self.norms[0](x)).view(len(x), 3, self.heads, -1).unbind(1)
        seen = varlen_attn(q, k, v, cu_seqlens, cu_seqlens, longest, longest, window_size=(-1, 0))
        x = x + self.mix(seen.flatten(1))
        return x + self.inner(self.norms[1](x))


class Model(nn.Module):
    def __init__(self, characters, longest, width=96, heads=4):
        super().__init__()
        self.characters, self.positions = nn.Embedding(characters, width), nn.Embedding(longest, width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(2))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, characters))

    def forward(self, tokens, positions, cu_seqlens, longest):
        x = self.characters(tokens) + self.positions(positions)
        for layer in self.layers:
            x = layer(x, cu_seqlens, longest)
        return self.head(x)


def read_documents(longest):
    """Paragraphs as tensors of characters, and how many characters there are; 0 begins each document."""
    text = [paragraph for path in sorted(GUIDES.glob("*.md")) for paragraph in path.read_text().split("\n\n")]
    alphabet = {character: index + 1 for index, character in enumerate(sorted(set("".join(text))))}
    return [torch.tensor([0] + [alphabet[c] for c in each])[:longest + 1] for each in text if len(each) > 20], len(alphabet) + 1


def pack(documents, order, characters):
    """The next documents of an order, end to end: tokens, what follows each, positions, cu_seqlens, the longest length."""
    chosen, room = [], characters
    while room > 0:
        chosen.append(documents[order.pop()])
        room -= len(chosen[-1]) - 1
    lengths = torch.tensor([len(each) - 1 for each in chosen])
    cu_seqlens = F.pad(lengths.cumsum(0), (1, 0)).int()
    positions = torch.cat([torch.arange(int(n)) for n in lengths])
    return (torch.cat([each[:-1] for each in chosen]), torch.cat([each[1:] for each in chosen]), positions, cu_seqlens,
            int(lengths.max()))


def train(steps, characters_of_a_step, longest=512):
    torch.manual_seed(0)
    documents, alphabet = read_documents(longest)
    model = Model(alphabet, longest)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    order, losses = [], []
    for step in range(steps):
        if len(order) < characters_of_a_step // 20:
            order = torch.randperm(len(documents)).tolist() * 2
        tokens, following, positions, cu_seqlens, longest_here = pack(documents, order, characters_of_a_step)
        loss = F.cross_entropy(model(tokens, positions, cu_seqlens, longest_here), following)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % max(1, steps // 10) == 0 or step == steps - 1:
            print(f"step {step:4}  loss {losses[-1]:.3f}  {len(cu_seqlens) - 1} documents, {len(tokens)} characters")
    return losses


def plot(losses, path):
    """A line in an SVG file."""
    width, height, top = 640, 320, max(losses)
    points = " ".join(f"{50 + i * (width - 70) / max(1, len(losses) - 1):.1f},{height - 30 - loss / top * (height - 50):.1f}"
                      for i, loss in enumerate(losses))
    labels = "".join(f'<text x="44" y="{height - 26 - value / top * (height - 50):.0f}" text-anchor="end">{value}</text>'
                     for value in range(int(top) + 1))
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
                    f'font-size="12"><rect width="100%" height="100%" fill="white"/>{labels}'
                    f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">{len(losses)} steps, nats per character</text>'
                    f'<polyline points="{points}" fill="none" stroke="#1f77b4" stroke-width="1.5"/></svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--characters", type=int, default=4096, help="characters of a step")
    parser.add_argument("--plot", type=Path, default=Path("loss.svg"))
    arguments = parser.parse_args()
    started = time.perf_counter()
    losses = train(arguments.steps, arguments.characters)
    plot(losses, arguments.plot)
    print(f"from {losses[0]:.2f} to {losses[-1]:.2f} in {time.perf_counter() - started:.0f} s; {arguments.plot}")


if __name__ == "__main__":
    main()
