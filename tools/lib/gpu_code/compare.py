"""The kernels of two files side by side."""

import collections

from gpu_code.kernel import RESOURCE_HEADS
from gpu_code.mix import GROUPS, counts

# What a kernel has in one file and the other: the values of HEADS, or None where it is not there.
Pair = collections.namedtuple("Pair", "kernel old new")

HEADS = (*RESOURCE_HEADS, "instructions", *GROUPS)


def by_name(kernels):
    """Kernels by their title, as argument types that were renamed change symbols only; by symbol too where that is not
    enough."""
    titles = collections.Counter(kernel.title() for kernel in kernels)
    return {kernel.title() if titles[kernel.title()] == 1 else f"{kernel.title()} {kernel.symbol}": kernel
            for kernel in kernels}


def values(plugin, kernel):
    found = counts(plugin.vendor, plugin.reader.instructions(kernel))
    return [*kernel.resources, sum(found.values()), *(found[group] for group in GROUPS)]


class Comparison:
    """`is_shown` says which kernels are looked at. Only those whose code differs are disassembled."""

    def __init__(self, old, new, is_shown):
        before = by_name([kernel for kernel in old.kernels if is_shown(kernel)])
        after = by_name([kernel for kernel in new.kernels if is_shown(kernel)])
        self.gone = [kernel for name, kernel in before.items() if name not in after]
        self.added = [kernel for name, kernel in after.items() if name not in before]
        self.same = 0
        self.pairs = []
        for name in (name for name in after if name in before):
            one, other = before[name], after[name]
            if old.reader.code(one) == new.reader.code(other) and one.resources == other.resources:
                self.same += 1
            else:
                self.pairs.append(Pair(other, values(old, one), values(new, other)))

    def rows(self):
        """A row for each pair, and the heads of the columns in which one changed."""
        changed = [index for index in range(len(HEADS)) if any(pair.old[index] != pair.new[index]
                                                               for pair in self.pairs)]

        def cell(old, new):
            old, new = ("-" if value is None else value for value in (old, new))
            return f"{old}" if old == new else f"{old} -> {new}"

        return [HEADS[index] for index in changed], [[cell(pair.old[index], pair.new[index]) for index in changed]
                                                     for pair in self.pairs]

    def summary(self):
        count = len(self.pairs)
        moved = sum(pair.old == pair.new for pair in self.pairs)
        lines = [f"kernels with the same code: {self.same}, with other code: {count}"
                 + (f", of which {moved} have the same figures" if moved else "")]
        lines += [f"only in the old file: {kernel.title()}" for kernel in self.gone]
        lines += [f"only in the new file: {kernel.title()}" for kernel in self.added]
        if self.pairs:
            old, new = (sum(side[HEADS.index("code")] for side in sides)
                        for sides in ([pair.old for pair in self.pairs], [pair.new for pair in self.pairs]))
            lines.append(f"code of these: {old} -> {new} bytes ({100 * (new / old - 1):+.2f} %)")
        return lines
