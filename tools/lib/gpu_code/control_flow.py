"""The control flow of a kernel: blocks of instructions, the loops they form, and the ways through these."""

import collections

# `target` is the address that a branch may lead to, or None; `continues` is whether the next instruction may follow.
Instruction = collections.namedtuple("Instruction", "address mnemonic operands target continues")

Loop = collections.namedtuple("Loop", "header latches body")


class Graph:
    """The blocks of instructions and their successors, both by the address of the block."""

    def __init__(self, code):
        self.entry = code[0].address
        self.blocks = {}
        self.successors = {}
        starts = {self.entry}
        for instruction, following in zip(code, code[1:]):
            if instruction.target is not None or not instruction.continues:
                starts.update((following.address, instruction.target))
        current = None
        for instruction, following in zip(code, [*code[1:], None]):
            if instruction.address in starts:
                current = instruction.address
                self.blocks[current] = []
            self.blocks[current].append(instruction)
            if not following or following.address in starts:
                targets = [instruction.target, following.address if following and instruction.continues else None]
                self.successors[current] = list(dict.fromkeys(targets))
        # A branch out of the kernel, which only padding behind its end has, leads nowhere.
        for start, targets in self.successors.items():
            self.successors[start] = [target for target in targets if target in self.blocks]

    def reverse_postorder(self, entry, within=None):
        """The blocks that the entry leads to, each before its successors unless a branch leads back."""
        order = []
        seen = {entry}
        stack = [(entry, iter(self.successors[entry]))]
        while stack:
            block, rest = stack[-1]
            for target in rest:
                if target not in seen and (within is None or target in within):
                    seen.add(target)
                    stack.append((target, iter(self.successors[target])))
                    break
            else:
                order.append(block)
                stack.pop()
        return order[::-1]

    def dominators(self):
        """The immediate dominator of every block that can be reached (Cooper, Harvey and Kennedy)."""
        order = self.reverse_postorder(self.entry)
        number = {block: index for index, block in enumerate(order)}
        predecessors = self.predecessors(number)
        above = {self.entry: self.entry}

        def meeting(one, other):
            while one != other:
                if number[one] > number[other]:
                    one = above[one]
                else:
                    other = above[other]
            return one

        changed = True
        while changed:
            changed = False
            for block in order[1:]:
                common = None
                for other in predecessors[block]:
                    if other in above:
                        common = other if common is None else meeting(common, other)
                if above.get(block) != common:
                    above[block] = common
                    changed = True
        return above

    def predecessors(self, reached):
        found = collections.defaultdict(list)
        for block in reached:
            for target in self.successors[block]:
                found[target].append(block)
        return found

    def loops(self):
        """The natural loops. Those with the same header are one."""
        above = self.dominators()
        predecessors = self.predecessors(above)

        def dominates(header, block):
            while block != header and block != self.entry:
                block = above[block]
            return block == header

        found = {}
        for latch in above:
            for header in self.successors[latch]:
                if not dominates(header, latch):
                    continue
                loop = found.setdefault(header, Loop(header, [], {header}))
                loop.latches.append(latch)
                stack = [latch]
                while stack:
                    block = stack.pop()
                    if block not in loop.body:
                        loop.body.add(block)
                        stack.extend(predecessors[block])
        return list(found.values())

    def best_path(self, loop, cost):
        """The path from header to latch with the highest sum of cost(block), a tuple that is compared in order."""
        order = self.reverse_postorder(loop.header, loop.body)
        number = {block: index for index, block in enumerate(order)}
        best = {loop.header: (cost(loop.header), None)}
        for block in order:
            so_far = best[block][0]
            for target in self.successors[block]:
                if target not in number or number[target] <= number[block]:
                    continue
                total = tuple(a + b for a, b in zip(so_far, cost(target)))
                if target not in best or total > best[target][0]:
                    best[target] = (total, block)
        block = max(loop.latches, key=lambda latch: best[latch][0])
        path = []
        while block is not None:
            path.append(block)
            block = best[block][1]
        return path[::-1]
