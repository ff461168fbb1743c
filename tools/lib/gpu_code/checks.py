"""What kernels must keep to: bytes of scratch memory, and the share of matrix instructions in main loops."""

import argparse
import collections
import fnmatch
import re

Rule = collections.namedtuple("Rule", "kernels number")

KERNELS = "ARCHITECTURE:KERNEL:HEAD_DIM:plain|general"


def rules(text):
    """Reads KERNELS=NUMBER, several with commas between them. Each of KERNELS' four parts may be a pattern."""
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"([^:=]+:[^:=]+:[^:=]+:[^:=]+)=(\d+(?:\.\d+)?)", part)
        if not match:
            raise argparse.ArgumentTypeError(f"{part!r} is not {KERNELS}=NUMBER")
        found.append(Rule(match[1], float(match[2])))
    return found


def is_meant(rule, kernel):
    """Kernels that have no head_dim have "-", and those that features do not concern are plain."""
    parts = (kernel.architecture, kernel.name, str(kernel.head_dim or "-"), "general" if kernel.general else "plain")
    return all(fnmatch.fnmatchcase(part, pattern) for part, pattern in zip(parts, rule.kernels.split(":")))


def meant(rule, kernels):
    return [kernel for kernel in kernels if is_meant(rule, kernel)]


def scratch_failures(kernels, most):
    """Of the rules, the first that a kernel is meant by is its own."""
    failures = []
    for kernel in kernels:
        rule = next((rule for rule in most if is_meant(rule, kernel)), None)
        if rule and kernel.resources.scratch > rule.number:
            spilled = "" if kernel.resources.spilled is None else f", {kernel.resources.spilled} spilled registers"
            failures.append(f"{kernel.title()}: {kernel.resources.scratch} bytes of scratch memory, more than "
                            f"{rule.number:g}{spilled}")
    if most and not any(is_meant(rule, kernel) for rule in most for kernel in kernels):
        failures.append("--most-scratch: the file has no such kernel")
    return failures


def mix_failures(kernels, turns, least):
    """`turns`: by kernel, of those that the rules mean."""
    failures = []
    for rule in least:
        found = meant(rule, kernels)
        if not found:
            failures.append(f"{rule.kernels}: the file has no such kernel")
        for kernel in found:
            if not turns[kernel]:
                failures.append(f"{kernel.title()}: no loop with matrix instructions")
            elif turns[kernel][0].share() < rule.number:
                failures.append(f"{kernel.title()}: matrix share {turns[kernel][0].share():.1f}%, "
                                f"less than {rule.number:g}%")
    return failures
