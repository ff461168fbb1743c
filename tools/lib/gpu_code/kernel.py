"""One kernel: its name in the project's words, its resources and its code."""

import collections
import re

from gpu_code import names

LABELS = ("architecture", "kernel", "dtype", "head_dim", "value_dim", "general")

# Of one thread, but `shared` (bytes of a block, without what is asked for at a launch), `threads` (the most in a block)
# and `code` (bytes). None = the compiler does not say.
Resources = collections.namedtuple("Resources", "registers accumulators scalars scratch spilled spilled_scalars shared "
                                                "threads code")

RESOURCE_HEADS = ("registers", "AGPRs", "SGPRs", "scratch", "spilled", "spilled SGPRs", "shared", "threads", "code")


def generality(name):
    """Whether the kernel knows all features: from a truth value among the template's numbers, or a type's name."""
    for word in name.types:
        match = re.match(r"(plain|general)(_|$)", word)
        if match:
            return match[1] == "general"
    return name.flags[0] if name.flags else None


class Kernel:
    def __init__(self, vendor, architecture, symbol, resources, source):
        self.vendor = vendor  # the module that reads it
        self.architecture = architecture
        self.symbol = symbol
        self.resources = resources
        self.source = source  # where the vendor's module finds the code
        name = names.demangled(symbol)
        self.name = name.kernel
        self.dtype = ",".join(word for word in name.types if not re.match(r"(plain|general)(_|$)", word))
        self.head_dim, self.value_dim = name.numbers[:2] if len(name.numbers) >= 2 else (None, None)
        self.general = generality(name)

    def order(self):
        return (self.architecture, self.name, self.dtype, self.head_dim or 0, self.value_dim or 0, bool(self.general),
                self.symbol)

    def is_attention(self):
        return self.name.startswith(("forward", "group_forward", "backward")) and self.head_dim is not None

    def labels(self):
        return [self.architecture, self.name, self.dtype or "-", self.head_dim or "-", self.value_dim or "-",
                {None: "-", False: "no", True: "yes"}[self.general]]

    def title(self):
        """"sm_90a forward bfloat16 128/128 plain"."""
        general = {None: "", False: " plain", True: " general"}[self.general]
        dims = f" {self.head_dim}/{self.value_dim}" if self.head_dim else ""
        return f"{self.architecture} {self.name}{' ' if self.dtype else ''}{self.dtype}{dims}{general}"
