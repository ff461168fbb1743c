#!/usr/bin/env python3
"""Serves requests of ragged lengths from a paged cache: prefill, decode, and the tokens that recomputation gives.

    python examples/serve.py

The model is a small decoder with random weights. Requests share a pool of pages; each call appends the new keys and values
of every request to its own pages, rotated by their positions, and attends to them. Nothing is padded, neither prompts nor
steps.
"""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

from varlen.flash_attn import flash_attn_varlen_func, flash_attn_with_kvcache

WORDS, WIDTH, HEADS, KV_HEADS, DIM, LAYERS, LONGEST = 211, 128, 8, 2, 16, 3, 256


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.qkv = nn.Linear(WIDTH, (HEADS + 2 * KV_HEADS) * DIM)
        self.mix = nn.Linear(HEADS * DIM, WIDTH)
        self.inner = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x, attend):
        q, k, v = self.qkv(self.norms[0](x)).view(len(x), -1, DIM).split((HEADS, KV_HEADS, KV_HEADS), dim=1)
        x = x + self.mix(attend(q, k, v).flatten(1))
        return x + self.inner(self.norms[1](x))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, WORDS)
        angle = torch.outer(torch.arange(LONGEST), 100.0 ** -torch.linspace(0, 1, DIM // 2))
        self.cos, self.sin = angle.cos(), angle.sin()

    def forward(self, tokens, attention):
        """Logits of packed tokens; attention(layer) gives the function of a layer's q, k and v."""
        x = self.words(tokens)
        for index, layer in enumerate(self.layers):
            x = layer(x, attention(index))
        return self.head(x)


class PagedCache:
    """Pools of pages for each layer, and which of them a request has."""

    def __init__(self, model, requests, page_size):
        self.model, self.page_size = model, page_size
        width = -(-LONGEST // page_size)
        pages = requests * width
        self.pools = [[torch.zeros(pages, page_size, KV_HEADS, DIM) for _ in range(2)] for _ in range(LAYERS)]
        self.free = torch.randperm(pages).tolist()  # as a pool looks that has been in use
        self.table = torch.full((requests, width), -1, dtype=torch.int32)
        self.used = torch.zeros(requests, dtype=torch.int32)

    def run(self, tokens, lengths):
        """Logits of each request's next tokens, packed, which are appended to the cache."""
        for request, count in enumerate((self.used + lengths).tolist()):
            for page in range(-(-count // self.page_size)):
                if self.table[request, page] < 0:
                    self.table[request, page] = self.free.pop()
        cu_seqlens = F.pad(lengths.cumsum(0), (1, 0)).int()

        def attention(layer):
            return lambda q, k, v: flash_attn_with_kvcache(
                q, *self.pools[layer], k, v, self.model.cos, self.model.sin, self.used, block_table=self.table, causal=True,
                cu_seqlens_q=cu_seqlens, cu_seqlens_k_new=cu_seqlens)

        logits = self.model(tokens, attention)
        self.used += lengths.int()
        return logits[cu_seqlens[1:].long() - 1]


def serve(model, prompts, steps, page_size):
    """Greedy tokens of each prompt: one prefill of all, then one token of each at a step."""
    cache = PagedCache(model, len(prompts), page_size)
    following = cache.run(torch.cat(prompts), torch.tensor([len(each) for each in prompts])).argmax(-1)
    generated = [following]
    for _ in range(steps - 1):
        following = cache.run(following, torch.ones(len(prompts), dtype=torch.int64)).argmax(-1)
        generated.append(following)
    print(f"{len(cache.free)} of {cache.table.numel()} pages of {page_size} keys are still free")
    return torch.stack(generated, dim=1)


def recompute(model, prompts, steps):
    """The same from the whole sequences at every step, packed, without a cache."""
    sequences = list(prompts)
    for _ in range(steps):
        lengths = torch.tensor([len(each) for each in sequences])
        cu_seqlens = F.pad(lengths.cumsum(0), (1, 0)).int()
        positions = torch.cat([torch.arange(int(n)) for n in lengths])

        def turn(rows):
            cos, sin = model.cos[positions][:, None], model.sin[positions][:, None]
            x, y = rows[..., ::2], rows[..., 1::2]
            return torch.stack((x * cos - y * sin, x * sin + y * cos), dim=-1).flatten(-2)

        longest = int(lengths.max())
        logits = model(torch.cat(sequences), lambda layer: lambda q, k, v: flash_attn_varlen_func(
            turn(q), turn(k), v, cu_seqlens, cu_seqlens, longest, longest, causal=True))
        following = logits[cu_seqlens[1:].long() - 1].argmax(-1)
        sequences = [torch.cat([each, following[i:i + 1]]) for i, each in enumerate(sequences)]
    return torch.stack([each[-steps:] for each in sequences])


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--page-size", type=int, default=16)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model = Model().eval()
    lengths = [3, 57, 1, 120, 18]
    prompts = [torch.randint(WORDS, (n,)) for n in lengths]
    print(f"prompts of {', '.join(map(str, lengths))} tokens, {arguments.steps} more of each")
    served = serve(model, prompts, arguments.steps, arguments.page_size)
    for length, row in zip(lengths, served.tolist()):
        print(f"  {length:4} tokens: {' '.join(map(str, row))}")
    same = torch.equal(served, recompute(model, prompts, arguments.steps))
    print("as recomputed" if same else "NOT as recomputed")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
