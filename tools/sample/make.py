#!/usr/bin/env python3
"""Writes the sample that tools/quickstart runs, and what its result should be, computed in float64.

Four sequences of 17, 3, 25 and 1 tokens, 8 query heads on 2 kv heads, head_dim 64, causal. The inputs are multiples of
1/32 of magnitude up to 2, so float16 and bfloat16 hold them exactly and one expected result serves every dtype.
"""

import math
import random
import struct
from pathlib import Path

LENGTHS = [17, 3, 25, 1]
Q_HEADS, KV_HEADS, HEAD_DIM = 8, 2, 64
FOLDER = Path(__file__).resolve().parent


def write_npy(name, letter, shape, values):
    descr = {"f": "<f4", "d": "<f8", "i": "<i4"}[letter]
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    data = struct.pack(f"<{len(values)}{letter}", *values)
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    (FOLDER / f"{name}.npy").write_bytes(start + data)


def random_rows(generator, rows):
    return [[generator.randint(-64, 64) / 32 for _ in range(HEAD_DIM)] for _ in range(rows)]


def attend(query, keys, values):
    """One row of softmax(scale * q.k) v, over all the keys given."""
    scores = [math.fsum(a * b for a, b in zip(query, key)) / math.sqrt(HEAD_DIM) for key in keys]
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    total = math.fsum(weights)
    return [math.fsum(w * value[d] for w, value in zip(weights, values)) / total for d in range(HEAD_DIM)]


def flatten(rows):
    return [x for row in rows for x in row]


def main():
    generator = random.Random(2024)
    tokens = sum(LENGTHS)
    cu_seqlens = [sum(LENGTHS[:i]) for i in range(len(LENGTHS) + 1)]
    q = random_rows(generator, tokens * Q_HEADS)  # row t * Q_HEADS + h
    k = random_rows(generator, tokens * KV_HEADS)
    v = random_rows(generator, tokens * KV_HEADS)
    out = []
    for start, end in zip(cu_seqlens, cu_seqlens[1:]):
        for token in range(start, end):
            for head in range(Q_HEADS):
                kv_head = head // (Q_HEADS // KV_HEADS)
                seen = [t * KV_HEADS + kv_head for t in range(start, token + 1)]
                out.append(attend(q[token * Q_HEADS + head], [k[i] for i in seen], [v[i] for i in seen]))
    write_npy("q", "f", (tokens, Q_HEADS, HEAD_DIM), flatten(q))
    write_npy("k", "f", (tokens, KV_HEADS, HEAD_DIM), flatten(k))
    write_npy("v", "f", (tokens, KV_HEADS, HEAD_DIM), flatten(v))
    write_npy("cu_seqlens", "i", (len(cu_seqlens),), cu_seqlens)
    write_npy("expected", "d", (tokens, Q_HEADS, HEAD_DIM), flatten(out))


if __name__ == "__main__":
    main()
