#!/usr/bin/env python3
"""Inspects the machine code in the HIP plugin: the resources of its kernels and the mix of their main loops.

The plugin holds one bundle of code objects per source file, one code object per architecture. Every kernel's resources
are read from the metadata of its code object. VGPRs are all vector registers of a thread, AGPRs those among them that
are accumulation registers; spilled SGPRs lie in lanes of vector registers, spilled VGPRs in accumulation registers or
scratch memory.

The instruction mix needs the disassembly. It is that of one pass through a loop that holds matrix instructions and
contains no smaller such loop. Of all the ways through this loop, from its header to a branch back, the one with the
most matrix cycles counts, among those the one with the most loads of 16 bytes and atomic sums in global memory, and
among these the one with the fewest other cycles: the steady state, in which the next tile is copied and sums are added
to, but masks, rescaling and pages are gone around. The column "left out" says how many cycles lie in all those blocks
together. A smaller loop without matrix instructions counts as one pass if it cannot be gone around. A kernel has one such loop per layout of its tiles; the one with the most matrix
cycles is its main loop and marked with a star.

Cycles are those in which one wave occupies the unit that executes an instruction, as if nothing overlapped: waiting for
memory is not in them, and where several waves share a SIMD, one's matrix instructions hide others'. The matrix share
therefore compares versions of a kernel and does not predict how fast it is.

A check that fails is named on standard error, and the exit status is 1. It is 77 if the compiler's LLVM lacks the tools
that read its code.
"""

import argparse
import collections
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

BUNDLE_MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"

# The exit status where a tool is missing, as ctest's SKIP_RETURN_CODE has it.
SKIPPED = 77

# What one instruction of a wave costs, in cycles of its SIMD.
Costs = collections.namedtuple("Costs", "valu quarter_rate memory scalar")

# CDNA: 64 threads on 16 lanes take four cycles ("AMD Instinct MI200/MI300 Instruction Set Architecture"). Quarter rate
# are the transcendental functions and 32-bit integer products (WriteTrans32 and WriteIntMul in LLVM's SISchedule.td).
# Double precision and packed single precision have the full rate.
CDNA = Costs(valu=4, quarter_rate=16, memory=4, scalar=4)

# RDNA 3: 32 threads on 32 lanes take one cycle ("RDNA3 Instruction Set Architecture"); both halves of a v_dual_* pair
# together take one as well.
RDNA3 = Costs(valu=1, quarter_rate=4, memory=1, scalar=1)

COSTS = {"gfx90a": CDNA, "gfx942": CDNA, "gfx1100": RDNA3}

# Cycles of the matrix instructions by M x N x K. CDNA: four cycles per pass, with the passes of the "Matrix Arithmetic
# Instructions" tables in the instruction set documents. RDNA 3: 512 operations per cycle and compute unit are 256 on
# either of its SIMDs, and 16 x 16 x 16 x 2 of them take 32 cycles.
MATRIX_CYCLES = {
    "gfx90a": {"16x16x16": 4 * 8, "32x32x8": 4 * 16, "16x16x4": 4 * 8, "32x32x2": 4 * 16},
    "gfx942": {"16x16x16": 4 * 4, "32x32x8": 4 * 8, "16x16x4": 4 * 8, "32x32x2": 4 * 16},
    "gfx1100": {"16x16x16": 32},
}

TRANSCENDENTAL = re.compile(r"v_(s_)?(exp|log|rcp|rsq|sqrt|sin|cos)_")
INTEGER_PRODUCT = re.compile(r"v_(mul_lo|mul_hi)_[ui]32|v_mad_[ui]64_[ui]32")

# These only make a wave wait, or guide the instruction fetch; they occupy no unit.
FREE = re.compile(r"s_(waitcnt|wait_|barrier|sched|delay_alu|clause|sleep|setprio|set_inst_prefetch|code_end|endpgm)")

GROUPS = ("matrix", "valu", "transcendental", "lds", "global", "scalar")

Instruction = collections.namedtuple("Instruction", "address mnemonic operands")


# ---- The plugin's code objects -------------------------------------------------------------------------------------

def code_objects(data):
    """The (architecture, bytes) of all device code in the offload bundles within the data."""
    found = []
    start = data.find(BUNDLE_MAGIC)
    while start >= 0:
        position = start + len(BUNDLE_MAGIC)
        entries, = struct.unpack_from("<Q", data, position)
        position += 8
        for _ in range(entries):
            offset, size, length = struct.unpack_from("<QQQ", data, position)
            position += 24
            target = data[position:position + length].decode("ascii")
            position += length
            if size and not target.startswith("host"):
                architecture = target.split("--")[-1].split(":")[0]
                found.append((architecture, data[start + offset:start + offset + size]))
        start = data.find(BUNDLE_MAGIC, position)
    return found


def find_compiler(named):
    """The path of the compiler that is named, or of the first that cmake/VarlenHip.cmake would take."""
    names = [named] if named else ["amdclang++", *(f"clang++-{version}" for version in range(21, 16, -1)), "hipcc"]
    folders = os.pathsep.join([os.environ.get("PATH", ""), "/opt/rocm/bin", "/opt/rocm/llvm/bin"])
    for name in names:
        found = shutil.which(name, path=folders)
        if found:
            return found
    sys.exit(f"there is no {' and no '.join(names)}: name the plugin's compiler with --compiler")


def skip(reason):
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def llvm_tool(name, compiler):
    """The path of a tool in the compiler's own folder. Another LLVM's may not know what this one has made."""
    text = output(compiler, "--version")
    folder, version = re.search(r"InstalledDir: (.+)", text), re.search(r"clang version (\d+)", text)
    if not folder or not version:
        sys.exit(f"{compiler} --version names no folder and version of clang")
    path = os.path.join(folder[1], name)
    if not os.access(path, os.X_OK):
        skip(f"{compiler} is of LLVM {version[1]}, but {path} is missing (Debian: package llvm-{version[1]})")
    if not re.search(rf"LLVM version {version[1]}\b", output(path, "--version")):
        skip(f"{path} is not of LLVM {version[1]}, as {compiler} is")
    return path


def output(*command):
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))


# ---- Kernels and their resources -----------------------------------------------------------------------------------

class Kernel:
    """A kernel's symbol, taken apart, and its resources."""

    def __init__(self, architecture, code, metadata):
        self.architecture = architecture
        self.code = code
        self.symbol = metadata[".name"]
        self.name, types, numbers = demangled(self.symbol)
        self.dtype = ",".join(types)
        self.head_dim, self.value_dim, self.general = numbers if len(numbers) == 3 else (None, None, None)
        self.vgprs = int(metadata[".vgpr_count"])
        self.agprs = int(metadata.get(".agpr_count", 0))
        self.sgprs = int(metadata[".sgpr_count"])
        self.scratch = int(metadata[".private_segment_fixed_size"])
        self.spilled_vgprs = int(metadata.get(".vgpr_spill_count", 0))
        self.spilled_sgprs = int(metadata.get(".sgpr_spill_count", 0))
        self.threads = int(metadata[".max_flat_workgroup_size"])

    def order(self):
        return (self.architecture, self.name, self.dtype, self.head_dim or 0, self.value_dim or 0, bool(self.general))

    def is_attention(self):
        return self.name.startswith(("forward", "backward")) and self.head_dim is not None

    def title(self):
        general = {None: "", False: "", True: " general"}[self.general]
        dims = f" {self.head_dim}/{self.value_dim}" if self.head_dim else ""
        return f"{self.architecture} {self.name} {self.dtype}{dims}{general}"

    def labels(self):
        return [self.architecture, self.name, self.dtype or "-", self.head_dim or "-", self.value_dim or "-",
                {None: "-", False: "no", True: "yes"}[self.general]]


LABELS = ("architecture", "kernel", "dtype", "head_dim", "value_dim", "general")


TYPES = {"DF16_": "float16", "f": "float32", "h": "uint8", "t": "uint16", "j": "uint32", "m": "uint64"}


def demangled(symbol):
    """The name of a kernel without "_kernel", its template's types, and the template's numbers."""
    match = re.match(r"_ZL?(\d+)", symbol)
    if not match:
        return symbol, [], []
    end = match.end() + int(match[1])
    name, rest = symbol[match.end():end], symbol[end:]
    types, named, numbers = [], [], []
    position = 1
    while rest.startswith("I") and rest[position] != "E":
        token = re.compile(r"DF16_|[fhtjm]|S\d*_|L[ib](\d+)E|(\d+)").match(rest, position)
        if not token:
            sys.exit(f"cannot read the symbol {symbol}")
        position = token.end()
        if token[1]:
            numbers.append(bool(int(token[1])) if token[0][1] == "b" else int(token[1]))
        elif token[2]:
            position += int(token[2])
            named.append(rest[token.end():position])
            types.append(named[-1])
        elif token[0].startswith("S"):
            types.append(named[int(token[0][1:-1] or 0)])
        else:
            types.append(TYPES[token[0]])
    return re.sub(r"_kernel$", "", name), types, numbers


def kernel_metadata(notes):
    """The fields of every kernel in the output of llvm-readelf --notes, without those of the kernels' arguments."""
    kernels = []
    for line in notes.splitlines():
        match = re.match(r"(  - |    )(\.\w+): +(.*\S)", line)
        first = re.match(r"  - \.", line)
        if first:
            kernels.append({})
        if match and kernels:
            kernels[-1][match[2]] = match[3].strip("'")
    return [kernel for kernel in kernels if ".name" in kernel]


class Tools:
    """Runs LLVM's tools on code objects."""

    def __init__(self, compiler, scratch):
        self.paths = {name: llvm_tool(name, compiler) for name in ("llvm-readelf", "llvm-objdump")}
        self.path = os.path.join(scratch, "code.o")

    def run(self, name, code, *arguments):
        with open(self.path, "wb") as stream:
            stream.write(code)
        return output(self.paths[name], *arguments, self.path)

    def kernels(self, plugin):
        """All kernels of the plugin. One that several source files contain is there once."""
        found = {}
        for architecture, code in code_objects(plugin):
            for metadata in kernel_metadata(self.run("llvm-readelf", code, "--notes")):
                found.setdefault((architecture, metadata[".name"]), Kernel(architecture, code, metadata))
        return sorted(found.values(), key=Kernel.order)

    def loops(self, kernel):
        """The matrix loops of a kernel, with the main loop first."""
        text = self.run("llvm-objdump", kernel.code, "-d", f"--mcpu={kernel.architecture}",
                        f"--disassemble-symbols={kernel.symbol}")
        return matrix_loops(instructions(text), kernel.architecture)


# ---- Control flow --------------------------------------------------------------------------------------------------

def instructions(text):
    """The instructions in the output of llvm-objdump -d, whose comments begin with the address."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s+([a-z]\w+)\s*(.*?)\s*// ([0-9A-F]+):", line)
        if match:
            found.append(Instruction(int(match[3], 16), match[1], match[2]))
    return found


def branch_target(instruction):
    """A branch's operand is the signed distance, in words, from the next instruction."""
    words = int(instruction.operands.split()[0], 0)
    return instruction.address + 4 + 4 * (words - 0x10000 if words >= 0x8000 else words)


class Graph:
    """The control flow graph: blocks of instructions and their successors, both by the address of the block."""

    def __init__(self, code):
        branches = {}
        starts = {code[0].address}
        for instruction, following in zip(code, code[1:] + [None]):
            ends = instruction.mnemonic in ("s_endpgm", "s_setpc_b64")
            conditional = instruction.mnemonic.startswith("s_cbranch_")
            if not (ends or conditional or instruction.mnemonic == "s_branch"):
                continue
            targets = [] if ends else [branch_target(instruction)]
            if conditional and following:
                targets.append(following.address)
            branches[instruction.address] = targets
            starts.update(targets)
            if following:
                starts.add(following.address)
        self.entry = code[0].address
        self.blocks = {}
        self.successors = {}
        for instruction in code:
            if instruction.address in starts:
                if self.blocks and current not in self.successors:
                    self.successors[current] = [instruction.address]
                current = instruction.address
                self.blocks[current] = []
            self.blocks[current].append(instruction)
            if instruction.address in branches:
                self.successors[current] = branches[instruction.address]
        self.successors.setdefault(current, [])
        # A branch out of the kernel, which only padding behind its end has, leads nowhere.
        for start, targets in self.successors.items():
            self.successors[start] = [target for target in dict.fromkeys(targets) if target in self.blocks]

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
        changed = True
        while changed:
            changed = False
            for block in order[1:]:
                common = None
                for other in predecessors[block]:
                    if other not in above:
                        continue
                    if common is None:
                        common = other
                    while common != other:
                        if number[common] > number[other]:
                            common = above[common]
                        else:
                            other = above[other]
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
        """The natural loops: (latches, blocks) by header. Those with the same header are one."""
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
                latches, body = found.setdefault(header, ([], {header}))
                latches.append(latch)
                stack = [latch]
                while stack:
                    block = stack.pop()
                    if block not in body:
                        body.add(block)
                        stack.extend(predecessors[block])
        return found

    def best_path(self, header, latches, body, cost):
        """The path from header to latch with the highest sum of cost(block), a tuple that is compared in order."""
        order = self.reverse_postorder(header, body)
        number = {block: index for index, block in enumerate(order)}
        best = {header: (cost(header), None)}
        for block in order:
            so_far = best[block][0]
            for target in self.successors[block]:
                if target not in number or number[target] <= number[block]:
                    continue
                total = tuple(a + b for a, b in zip(so_far, cost(target)))
                if target not in best or total > best[target][0]:
                    best[target] = (total, block)
        block = max(latches, key=lambda latch: best[latch][0])
        path = []
        while block is not None:
            path.append(block)
            block = best[block][1]
        return path[::-1]


# ---- Cycles --------------------------------------------------------------------------------------------------------

def instruction_cycles(instruction, architecture):
    """The (group, cycles) of an instruction."""
    costs = COSTS[architecture]
    mnemonic = instruction.mnemonic
    if re.match(r"v_(mfma|wmma)_", mnemonic):
        shape = re.search(r"\d+x\d+x\d+", mnemonic)
        cycles = MATRIX_CYCLES[architecture].get(shape and shape[0])
        if not cycles:
            sys.exit(f"the cycles of {mnemonic} on {architecture} are not known")
        return "matrix", cycles
    if TRANSCENDENTAL.match(mnemonic):
        return "transcendental", costs.quarter_rate
    if mnemonic.startswith("v_"):
        return "valu", costs.quarter_rate if INTEGER_PRODUCT.match(mnemonic) else costs.valu
    if mnemonic.startswith("ds_"):
        return "lds", costs.memory
    if mnemonic.startswith(("global_", "flat_", "buffer_", "scratch_")):
        return "global", costs.memory
    if mnemonic == "s_nop":
        return "scalar", costs.scalar * (int(instruction.operands, 0) + 1)
    return "scalar", 0 if FREE.match(mnemonic) else costs.scalar


def short_mnemonic(instruction):
    """The mnemonic without its encoding; both of a v_dual_* pair."""
    second = re.search(r":: (\w+)", instruction.operands)
    name = re.sub(r"_e(32|64)$", "", instruction.mnemonic)
    return f"{name} :: {second[1]}" if second else name


class Loop:
    """The steady state of a loop: cycles by group, and (count, cycles) by mnemonic without the matrix instructions."""

    def __init__(self, graph, header, latches, body, architecture):
        def cycles(block):
            found = collections.Counter()
            for instruction in graph.blocks[block]:
                group, count = instruction_cycles(instruction, architecture)
                found[group] += count
            return found

        blocks = {block: cycles(block) for block in body}
        def accesses(block):
            return sum(bool(re.match(r"global_(load_(dwordx4|b128)|atomic)", instruction.mnemonic))
                       for instruction in graph.blocks[block])

        costs = {block: (found["matrix"], accesses(block), found["matrix"] - sum(found.values()))
                 for block, found in blocks.items()}
        self.path = graph.best_path(header, latches, body, costs.get)
        self.offset = header - graph.entry
        self.groups = sum((blocks[block] for block in self.path), collections.Counter())
        self.total = sum(self.groups.values())
        self.left_out = sum(sum(found.values()) for found in blocks.values()) - self.total
        self.mnemonics = collections.defaultdict(lambda: [0, 0])
        for instruction in (instruction for block in self.path for instruction in graph.blocks[block]):
            group, count = instruction_cycles(instruction, architecture)
            if group != "matrix":
                entry = self.mnemonics[short_mnemonic(instruction)]
                entry[0] += 1
                entry[1] += count

    def share(self):
        return 100 * self.groups["matrix"] / self.total


def matrix_loops(code, architecture):
    """The innermost loops that hold matrix instructions, with the main loop first."""
    graph = Graph(code)
    loops = graph.loops()

    def holds_matrix(body):
        return any(instruction_cycles(instruction, architecture)[0] == "matrix"
                   for block in body for instruction in graph.blocks[block])

    headers = {header for header, (_, body) in loops.items() if holds_matrix(body)}
    innermost = [header for header in headers if len(headers & loops[header][1]) == 1]
    found = [Loop(graph, header, *loops[header], architecture) for header in innermost]
    return sorted(found, key=lambda loop: (-loop.groups["matrix"], loop.offset))


# ---- Tables --------------------------------------------------------------------------------------------------------

def print_table(head, rows):
    """Numbers are aligned to the right, words to the left."""
    table = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*table)]
    right = [all(re.fullmatch(r"-|\+?\d[\d.x]*[a-f\d]*%?", cell) for cell in column[1:]) for column in zip(*table)]
    for row in table:
        cells = [cell.rjust(width) if number else cell.ljust(width) for cell, width, number in zip(row, widths, right)]
        print("  ".join(cells).rstrip())
    print()


def print_resources(kernels):
    head = (*LABELS, "VGPRs", "AGPRs", "SGPRs", "scratch", "spilled VGPRs", "spilled SGPRs", "threads")
    print_table(head, [[*kernel.labels(), kernel.vgprs, kernel.agprs, kernel.sgprs, kernel.scratch,
                        kernel.spilled_vgprs, kernel.spilled_sgprs, kernel.threads] for kernel in kernels])


def print_mix(kernels, loops):
    rows = []
    for kernel in kernels:
        for index, loop in enumerate(loops[kernel]):
            rows.append([*kernel.labels(), f"+{loop.offset:#x}", "" if index else "*",
                         *(loop.groups[group] for group in GROUPS), loop.total, f"{loop.share():.1f}%", loop.left_out])
    print_table((*LABELS, "loop", "main", *GROUPS, "total", "matrix share", "left out"), rows)


def print_mnemonics(kernels, loops, most):
    for kernel in kernels:
        for loop in loops[kernel][:1]:
            others = loop.total - loop.groups["matrix"]
            print(f"{kernel.title()}: {others} cycles without the matrix instructions")
            entries = sorted(loop.mnemonics.items(), key=lambda entry: (-entry[1][1], entry[0]))
            print_table(("mnemonic", "count", "cycles", "share"),
                        [(name, count, cycles, f"{100 * cycles / others:.1f}%")
                         for name, (count, cycles) in entries[:most]])


# ---- Checks --------------------------------------------------------------------------------------------------------

Requirement = collections.namedtuple("Requirement", "architecture kernel head_dim percent")


def requirements(text):
    """Reads ARCHITECTURE:KERNEL:HEAD_DIM=PERCENT, several with commas between them."""
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"(\w+):(\w+):(\d+)=(\d+(?:\.\d+)?)", part)
        if not match:
            raise argparse.ArgumentTypeError(f"{part!r} is not ARCHITECTURE:KERNEL:HEAD_DIM=PERCENT")
        if match[1] not in COSTS:
            raise argparse.ArgumentTypeError(f"{match[1]} is none of {', '.join(COSTS)}")
        found.append(Requirement(match[1], match[2], int(match[3]), float(match[4])))
    return found


def meant(requirement, kernels):
    return [kernel for kernel in kernels if kernel.is_attention() and not kernel.general
            and (kernel.architecture, kernel.name, kernel.head_dim) == requirement[:3]]


def scratch_failures(kernels, head_dim):
    return [f"{kernel.title()}: {kernel.scratch} bytes of scratch memory, {kernel.spilled_vgprs} spilled VGPRs"
            for kernel in kernels
            if kernel.is_attention() and kernel.head_dim <= head_dim and kernel.scratch]


def mix_failures(kernels, loops, required):
    failures = []
    for requirement in required:
        found = meant(requirement, kernels)
        if not found:
            failures.append(f"{':'.join(map(str, requirement[:3]))}: the plugin has no such kernel")
        for kernel in found:
            if not loops[kernel]:
                failures.append(f"{kernel.title()}: no loop with matrix instructions")
            elif loops[kernel][0].share() < requirement.percent:
                failures.append(f"{kernel.title()}: matrix share {loops[kernel][0].share():.1f}%, "
                                f"less than {requirement.percent:g}%")
    return failures


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plugin", metavar="PLUGIN", help="the plugin, varlen-hip.so")
    parser.add_argument("--compiler", metavar="CLANG", help="the compiler that built the plugin, whose llvm-readelf "
                        "and llvm-objdump are taken; without it, the first that a build would find")
    shown = parser.add_argument_group("what is printed")
    shown.add_argument("--architecture", metavar="NAME", action="append", help="only this architecture (repeatable)")
    shown.add_argument("--kernel", metavar="NAME", action="append",
                       help="only this kernel: forward, forward_small, backward, finish, ... (repeatable)")
    shown.add_argument("--head-dim", metavar="DIM", type=int, action="append", help="only this head_dim (repeatable)")
    shown.add_argument("--mix", action="store_true", help="the instruction mix of the loops with matrix instructions")
    shown.add_argument("--mnemonics", metavar="COUNT", type=int, nargs="?", const=15,
                       help="of every main loop, the COUNT mnemonics (15) with the most cycles")
    checks = parser.add_argument_group("checks, of all kernels whether printed or not")
    checks.add_argument("--no-scratch-up-to", metavar="DIM", type=int, help="no forward or backward kernel with a "
                        "head_dim of at most DIM may use scratch memory")
    checks.add_argument("--least-mix", metavar="ARCHITECTURE:KERNEL:HEAD_DIM=PERCENT", type=requirements,
                        action="extend", default=[], help="the main loops of these kernels, as far as they are not "
                        "general, must have this matrix share or more, as in gfx942:forward:128=50 (repeatable, or "
                        "several with commas between them)")
    return parser.parse_args()


def main():
    options = arguments()
    try:
        with open(options.plugin, "rb") as stream:
            plugin = stream.read()
    except OSError as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory() as scratch:
        tools = Tools(find_compiler(options.compiler), scratch)
        kernels = tools.kernels(plugin)
        if not kernels:
            sys.exit(f"{options.plugin} contains no kernels")
        shown = [kernel for kernel in kernels
                 if (not options.architecture or kernel.architecture in options.architecture)
                 and (not options.kernel or kernel.name in options.kernel)
                 and (not options.head_dim or kernel.head_dim in options.head_dim)]
        mixed = [kernel for kernel in shown if kernel.is_attention() and kernel.architecture in COSTS]
        read = {kernel for requirement in options.least_mix for kernel in meant(requirement, kernels)}
        if options.mix or options.mnemonics:
            read.update(mixed)
        loops = {kernel: tools.loops(kernel) for kernel in read}
    print_resources(shown)
    if options.mix:
        print_mix(mixed, loops)
    if options.mnemonics:
        print_mnemonics(mixed, loops, options.mnemonics)
    failures = mix_failures(kernels, loops, options.least_mix)
    if options.no_scratch_up_to:
        failures += scratch_failures(kernels, options.no_scratch_up_to)
    for failure in failures:
        print(failure, file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
