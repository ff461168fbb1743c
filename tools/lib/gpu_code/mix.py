"""Instructions by class: of a whole kernel, and of one turn of its main loop."""

import collections

from gpu_code.control_flow import Graph

GROUPS = ("matrix", "vector", "transcendental", "shared", "global", "scratch", "scalar")


def counts(vendor, code):
    """How many instructions of each group there are."""
    return collections.Counter(vendor.group(instruction) for instruction in code)


class Turn:
    """The steady state of a loop: cycles by group, and (count, cycles) by mnemonic without the matrix instructions."""

    def __init__(self, vendor, architecture, graph, loop):
        def cycles(block):
            found = collections.Counter()
            for instruction in graph.blocks[block]:
                found[vendor.group(instruction)] += vendor.cycles(instruction, architecture)
            return found

        def accesses(block):
            return sum(bool(vendor.LARGE_ACCESS.match(instruction.mnemonic)) for instruction in graph.blocks[block])

        blocks = {block: cycles(block) for block in loop.body}
        costs = {block: (found["matrix"], accesses(block), found["matrix"] - sum(found.values()))
                 for block, found in blocks.items()}
        self.path = graph.best_path(loop, costs.get)
        self.offset = loop.header - graph.entry
        self.groups = sum((blocks[block] for block in self.path), collections.Counter())
        self.total = sum(self.groups.values())
        self.left_out = sum(sum(found.values()) for found in blocks.values()) - self.total
        self.mnemonics = collections.defaultdict(lambda: [0, 0])
        for instruction in (instruction for block in self.path for instruction in graph.blocks[block]):
            if vendor.group(instruction) != "matrix":
                entry = self.mnemonics[vendor.short_mnemonic(instruction)]
                entry[0] += 1
                entry[1] += vendor.cycles(instruction, architecture)

    def share(self):
        """Of the matrix instructions, in percent."""
        return 100 * self.groups["matrix"] / self.total


def turns(vendor, architecture, code):
    """Of the innermost loops that hold matrix instructions, with the main loop first."""
    graph = Graph(code)
    loops = graph.loops()
    matrix = {block for block, inside in graph.blocks.items()
              if any(vendor.group(instruction) == "matrix" for instruction in inside)}
    headers = {loop.header for loop in loops if matrix & loop.body}
    innermost = [loop for loop in loops if loop.header in headers and len(headers & loop.body) == 1]
    found = [Turn(vendor, architecture, graph, loop) for loop in innermost]
    return sorted(found, key=lambda turn: (-turn.groups["matrix"], turn.offset))
