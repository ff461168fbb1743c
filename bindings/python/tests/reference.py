"""Attention by the formulas of docs/semantics.md, one sequence at a time, in float64 and differentiable."""

import torch

from varlen._torch.weights import kept


def attend(q, k, v, *, scale=None, causal=False, window=(-1, -1), softcap=0.0, slopes=None, sinks=None, drop=None,
           position=None, visible=None):
    """out [queries, heads, value_dim] and lse [heads, queries] of one sequence; drop is what multiplies the weights, position
    where the first query stands.

    visible, bool [queries, keys], is what else lets a query see a key.
    """
    queries, heads, keys = q.shape[0], q.shape[1], k.shape[0]
    q, k, v = q.double(), k.double(), v.double()
    k, v = (each.repeat_interleave(heads // k.shape[1], dim=1) for each in (k, v))
    scores = torch.einsum("ihd,jhd->hij", q, k) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    first = keys - queries if position is None else position
    distance = torch.arange(keys, device=q.device) - (torch.arange(queries, device=q.device)[:, None] + first)
    if slopes is not None:
        scores = scores - slopes.double()[:, None, None] * distance.abs()
    left, right = window[0], 0 if causal else window[1]
    hidden = torch.zeros_like(distance, dtype=torch.bool)
    if left >= 0:
        hidden |= distance < -left
    if right >= 0:
        hidden |= distance > right
    if visible is not None:
        hidden |= ~visible
    scores = scores.masked_fill(hidden, -torch.inf)
    if sinks is not None:
        scores = torch.cat([scores, sinks.double()[:, None, None].expand(heads, queries, 1)], dim=-1)
    lse = torch.logsumexp(scores, dim=-1)
    weights = torch.where(torch.isinf(lse)[..., None], torch.zeros_like(scores), scores - lse[..., None]).exp()
    weights = torch.where(torch.isinf(scores) | torch.isinf(lse)[..., None], torch.zeros_like(scores), weights)[..., :keys]
    if drop is not None:
        weights = weights * drop
    return torch.einsum("hij,jhd->ihd", weights, v), lse


def attend_packed(q, k, v, starts_q, starts_k, *, slopes=None, problem=None, visible=None, **options):
    """The same for packed sequences; problem, a varlen problem, has the dropout."""
    out, lse = [], []
    for b in range(len(starts_q) - 1):
        rows, keys = slice(starts_q[b], starts_q[b + 1]), slice(starts_k[b], starts_k[b + 1])
        drop = None
        if problem is not None and problem.dropout_p:
            mask = kept(problem, b, q.shape[1], starts_q[b + 1] - starts_q[b], starts_k[b + 1] - starts_k[b])
            drop = mask / (1 - problem.dropout_p)
        each = attend(q[rows], k[keys], v[keys], slopes=slopes[b] if slopes is not None and slopes.dim() == 2 else slopes,
                      drop=drop, visible=None if visible is None else visible[b], **options)
        out.append(each[0])
        lse.append(each[1])
    return torch.cat(out), torch.cat(lse, dim=1)


# By how many roundings (eps) of its largest element, or of 1, the size of the inputs, a result may be off. These tests show
# that arguments arrive; how near the numbers are is the conformance table's to hold, row by row. In 16 bits:
# - a result is half a rounding off, and so are the weights of a kernel that multiplies them in 16 bits: together one of the
#   largest value, which a result of several keys falls short of by half;
# - a gradient also has those of the scores' gradients, and of out, from which their mean is taken: four halves, of terms that
#   cancel to about half their size.
# In float32 a weight is as many half roundings off as its score is large, up to 16 here, where biases are.
RESULT = {torch.float32: 8, torch.float16: 2, torch.bfloat16: 2}
GRADIENT = {torch.float32: 16, torch.float16: 4, torch.bfloat16: 4}


def assert_near(actual, expected, dtype=None, roundings=RESULT):
    """Equal but for some roundings of the largest element; infinities and NaN where they are expected."""
    dtype = dtype or actual.dtype
    assert actual.shape == expected.shape
    if not expected.numel():
        return
    expected = expected.detach().double()
    finite = torch.isfinite(expected)
    assert torch.equal(actual.detach().double()[~finite], expected[~finite])
    largest = max(float(torch.where(finite, expected.abs(), 0.0).max()), 1.0)
    error = torch.where(finite, actual.detach().double() - expected, 0.0).abs().max()
    rounding = torch.finfo(dtype).eps * largest
    assert error <= roundings[dtype] * rounding, f"off by {error / rounding:.1f} roundings of {largest}"


def assert_gradients_near(out, expected, inputs, dout):
    """Those of the inputs, by out and by what was expected of it, which is float64; returns the first."""
    gradients = torch.autograd.grad(out, inputs, dout)
    for gradient, reference in zip(gradients, torch.autograd.grad(expected, inputs, dout.double())):
        assert_near(gradient, reference, out.dtype, GRADIENT)
    return gradients
