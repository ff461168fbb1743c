"""The command line of tools/gpu_code, and what it prints."""

import argparse
import functools
import os
import sys
import tempfile

from gpu_code import checks, mix
from gpu_code.compare import Comparison
from gpu_code.kernel import LABELS, RESOURCE_HEADS
from gpu_code.plugin import Plugin
from text_table import print_table

DESCRIPTION = """\
Inspects the machine code in a GPU plugin, varlen-cuda.so or varlen-hip.so, or in an object file of one: the resources
of its kernels and the mix of their instructions."""

NOTES = """\
resources
  registers      of a thread; on AMD's GPUs the vector registers (VGPRs), of which AGPRs are accumulation registers
  scratch        bytes of a thread in memory: what was spilled there, and arrays that no register holds
  spilled        vector registers that were spilled, to accumulation registers or scratch memory; spilled SGPRs lie in
                 lanes of vector registers
  shared         bytes of a block, without those that a launch asks for
  threads        the most in a block
  code           bytes
A dash stands for what the compiler does not tell.

mix
One row for each innermost loop that holds matrix instructions, of one pass through it. Of all the ways through the
loop, from its header to a branch back, the one with the most matrix cycles counts, among those the one with the most
accesses of 16 bytes and atomic sums in global memory, and among these the one with the fewest other cycles: the steady
state, in which the next tile is copied and sums are added to, but masks, rescaling and pages are gone around. "left
out" says how many cycles lie in the other blocks. A smaller loop without matrix instructions counts as one pass if it
cannot be gone around. A kernel has one such loop per layout of its tiles; the one with the most matrix cycles is its
main loop and marked with a star. "global" includes copies from there to shared memory, "shared" shuffles, "scalar"
branches, barriers and the uniform unit.

On AMD's GPUs, cycles are those in which one wave occupies the unit that executes an instruction. On NVIDIA's they are
issue slots, one for each instruction. Both as if nothing overlapped: waiting for memory is not in them, and where
several waves share a unit, one's matrix instructions hide others'. The share of the matrix instructions therefore
compares versions of a kernel and does not predict how fast it is.

comparison
Kernels are matched by name, and those whose code differs are listed: what changed as OLD -> NEW, instructions counted
over the whole kernel. What is the same in all of them has no column.

tools
AMD's code is read by llvm-readelf and llvm-objdump of the compiler's own LLVM; NVIDIA's by cuobjdump beside nvcc or on
the path.

exit status: 0; 1 if a check fails, which is named on standard error, or a file cannot be read; 2 for wrong usage; 77 if
the tools that read the code are missing"""


def arguments(words):
    parser = argparse.ArgumentParser(prog="tools/gpu_code", description=DESCRIPTION, epilog=NOTES,
                                     formatter_class=functools.partial(argparse.RawDescriptionHelpFormatter, width=120))
    parser.add_argument("file", metavar="FILE", nargs="?", help="a plugin, or an object file with GPU code")
    parser.add_argument("--compare", metavar=("OLD", "NEW"), nargs=2, help="in place of FILE: what changed between two")
    parser.add_argument("--compiler", metavar="PROGRAM", help="the clang++, hipcc or nvcc that built the file; without "
                        "it, the first that a build would find")
    shown = parser.add_argument_group("what is printed")
    shown.add_argument("--architecture", metavar="NAME", action="append", help="only this architecture (repeatable)")
    shown.add_argument("--kernel", metavar="NAME", action="append",
                       help="only this kernel: forward, forward_small, group_forward, backward, ... (repeatable)")
    shown.add_argument("--head-dim", metavar="DIM", type=int, action="append", help="only this head_dim (repeatable)")
    shown.add_argument("--dtype", metavar="NAME", action="append", help="only this dtype: bfloat16, ... (repeatable)")
    kinds = shown.add_mutually_exclusive_group()
    kinds.add_argument("--plain", action="store_true", help="only kernels that leave out rare features")
    kinds.add_argument("--general", action="store_true", help="only kernels that know all features")
    shown.add_argument("--mix", action="store_true", help="the instruction mix of the loops with matrix instructions")
    shown.add_argument("--mnemonics", metavar="COUNT", type=int, nargs="?", const=15,
                       help="of every main loop, the COUNT mnemonics (15) with the most cycles")
    shown.add_argument("--quiet", action="store_true", help="no table of resources")
    tested = parser.add_argument_group(
        "checks, of all kernels whether printed or not",
        f"KERNELS is {checks.KERNELS}, each part a pattern, as in sm_*:forward:128:plain.\n"
        "Options may be given several times, or several values with commas between them.")
    tested.add_argument("--most-scratch", metavar="KERNELS=BYTES", type=checks.rules, action="extend", default=[],
                        help="the bytes of scratch memory that these kernels may use. The first that a kernel fits "
                        "counts, so that exceptions stand before the rule")
    tested.add_argument("--least-mix", metavar="KERNELS=PERCENT", type=checks.rules, action="extend", default=[],
                        help="the matrix share that the main loops of these kernels must have")
    options = parser.parse_args(words)
    if bool(options.file) == bool(options.compare):
        parser.error("give one FILE, or --compare OLD NEW")
    if options.compare and (options.mix or options.mnemonics or options.most_scratch or options.least_mix):
        parser.error("--compare goes with the filters alone")
    return options


def is_shown(kernel, options):
    wanted = ((options.architecture, kernel.architecture), (options.kernel, kernel.name),
              (options.head_dim, kernel.head_dim), (options.dtype, kernel.dtype))
    return (all(not names or value in names for names, value in wanted)
            and not (options.plain and kernel.general) and not (options.general and not kernel.general))


def dash(value):
    return "-" if value is None else value


def print_resources(kernels):
    print_table((*LABELS, *RESOURCE_HEADS), [[*kernel.labels(), *map(dash, kernel.resources)] for kernel in kernels])


def print_mix(kernels, turns):
    rows = []
    for kernel in kernels:
        for index, turn in enumerate(turns[kernel]):
            rows.append([*kernel.labels(), f"+{turn.offset:#x}", "" if index else "*",
                         *(turn.groups[group] for group in mix.GROUPS), turn.total, f"{turn.share():.1f}%",
                         turn.left_out])
    print_table((*LABELS, "loop", "main", *mix.GROUPS, "total", "matrix share", "left out"), rows)


def print_mnemonics(kernels, turns, most):
    for kernel in kernels:
        for turn in turns[kernel][:1]:
            others = turn.total - turn.groups["matrix"]
            print(f"{kernel.title()}: {others} cycles without the matrix instructions")
            entries = sorted(turn.mnemonics.items(), key=lambda entry: (-entry[1][1], entry[0]))
            print_table(("mnemonic", "count", "cycles", "share"),
                        [(name, count, cycles, f"{100 * cycles / others:.1f}%")
                         for name, (count, cycles) in entries[:most]])


def inspect(options, folder):
    """Prints what is asked for, and gives the checks that failed."""
    plugin = Plugin(options.file, options.compiler, os.path.join(folder, "code"))
    shown = [kernel for kernel in plugin.kernels if is_shown(kernel, options)]
    mixed = [kernel for kernel in shown if kernel.is_attention() and plugin.vendor.knows(kernel.architecture)]
    read = {kernel for rule in options.least_mix for kernel in checks.meant(rule, plugin.kernels)}
    if options.mix or options.mnemonics:
        read.update(mixed)
    turns = {kernel: mix.turns(plugin.vendor, kernel.architecture, plugin.reader.instructions(kernel))
             for kernel in read}
    if not options.quiet:
        print_resources(shown)
    if options.mix:
        print_mix(mixed, turns)
    if options.mnemonics:
        print_mnemonics(mixed, turns, options.mnemonics)
    return (checks.mix_failures(plugin.kernels, turns, options.least_mix)
            + checks.scratch_failures(plugin.kernels, options.most_scratch))


def compare(options, folder):
    old, new = (Plugin(path, options.compiler, os.path.join(folder, name))
                for path, name in zip(options.compare, ("old", "new")))
    if old.vendor is not new.vendor:
        sys.exit(f"{old.path} and {new.path} hold code of different vendors")
    comparison = Comparison(old, new, lambda kernel: is_shown(kernel, options))
    heads, rows = comparison.rows()
    if heads:
        print_table((*LABELS, *heads), [[*pair.kernel.labels(), *row] for pair, row in zip(comparison.pairs, rows)])
    print("\n".join(comparison.summary()))


def main(words=None):
    options = arguments(words)
    with tempfile.TemporaryDirectory() as folder:
        failures = compare(options, folder) if options.compare else inspect(options, folder)
    for failure in failures or []:
        print(failure, file=sys.stderr)
    return 1 if failures else 0
