"""AMD's code: code objects in offload bundles, resources from their metadata, disassembly by LLVM's tools.

A plugin holds one bundle for each source file, and in it one code object for each architecture.
"""

import collections
import os
import re
import shutil
import struct
import sys

from gpu_code import elf, programs
from gpu_code.control_flow import Instruction
from gpu_code.kernel import Kernel, Resources

BUNDLE_MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"


# ---- The file's code objects ---------------------------------------------------------------------------------------

def holds_code(data):
    return BUNDLE_MAGIC in data or elf.machine(data) == elf.MACHINE_AMDGPU


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
                found.append((architecture_of(target), data[start + offset:start + offset + size]))
        start = data.find(BUNDLE_MAGIC, position)
    return found


def architecture_of(target):
    return target.split("--")[-1].split(":")[0]


# ---- The tools of the compiler's LLVM ------------------------------------------------------------------------------

def find_compiler(named):
    """The path of the compiler that is named, or of the first that cmake/VarlenHip.cmake would take."""
    names = [named] if named else ["amdclang++", *(f"clang++-{version}" for version in range(21, 16, -1)), "hipcc"]
    folders = os.pathsep.join([os.environ.get("PATH", ""), "/opt/rocm/bin", "/opt/rocm/llvm/bin"])
    for name in names:
        found = shutil.which(name, path=folders)
        if found:
            return found
    sys.exit(f"there is no {' and no '.join(names)}: name the plugin's compiler with --compiler")


def llvm_tool(name, compiler):
    """The path of a tool in the compiler's own folder. Another LLVM's may not know what this one has made."""
    text = programs.output(compiler, "--version")
    folder, version = re.search(r"InstalledDir: (.+)", text), re.search(r"clang version (\d+)", text)
    if not folder or not version:
        sys.exit(f"{compiler} --version names no folder and version of clang")
    path = os.path.join(folder[1], name)
    if not programs.is_program(path):
        programs.skip(f"{compiler} is of LLVM {version[1]}, but {path} is missing "
                      f"(Debian: package llvm-{version[1]})")
    if not re.search(rf"LLVM version {version[1]}\b", programs.output(path, "--version")):
        programs.skip(f"{path} is not of LLVM {version[1]}, as {compiler} is")
    return path


# ---- Kernels and their resources -----------------------------------------------------------------------------------

def kernel_metadata(notes):
    """The fields of every kernel in the output of llvm-readelf --notes, without those of the kernels' arguments."""
    kernels = []
    for line in notes.splitlines():
        match = re.match(r"(  - |    )(\.\w+): +(.*\S)", line)
        if re.match(r"  - \.", line):
            kernels.append({})
        if match and kernels:
            kernels[-1][match[2]] = match[3].strip("'")
    return [kernel for kernel in kernels if ".name" in kernel]


def resources(metadata, code):
    return Resources(registers=int(metadata[".vgpr_count"]), accumulators=int(metadata.get(".agpr_count", 0)),
                     scalars=int(metadata[".sgpr_count"]), scratch=int(metadata[".private_segment_fixed_size"]),
                     spilled=int(metadata.get(".vgpr_spill_count", 0)),
                     spilled_scalars=int(metadata.get(".sgpr_spill_count", 0)),
                     shared=int(metadata.get(".group_segment_fixed_size", 0)),
                     threads=int(metadata[".max_flat_workgroup_size"]), code=len(code))


class Reader:
    """Reads the kernels of a file and their instructions. `folder` is a scratch folder."""

    def __init__(self, compiler, folder):
        compiler = find_compiler(compiler)
        self.tools = {name: llvm_tool(name, compiler) for name in ("llvm-readelf", "llvm-objdump")}
        self.path = os.path.join(folder, "code.o")

    def run(self, name, code, *arguments):
        with open(self.path, "wb") as stream:
            stream.write(code)
        return programs.output(self.tools[name], *arguments, self.path)

    def kernels(self, data, _path):
        """All kernels of a file. One that several source files contain is there once."""
        found = {}
        objects = code_objects(data) if BUNDLE_MAGIC in data else [(None, data)]
        for architecture, code in objects:
            notes = self.run("llvm-readelf", code, "--notes")
            functions = elf.functions(code)
            if not architecture:
                architecture = architecture_of(re.search(r"amdhsa\.target: +(\S+)", notes)[1])
            for metadata in kernel_metadata(notes):
                symbol = metadata[".name"]
                own = functions.get(symbol, b"")
                found.setdefault((architecture, symbol), Kernel(sys.modules[__name__], architecture, symbol,
                                                                resources(metadata, own), (code, own)))
        return list(found.values())

    def code(self, kernel):
        return kernel.source[1]

    def instructions(self, kernel):
        return instructions(self.run("llvm-objdump", kernel.source[0], "-d", f"--mcpu={kernel.architecture}",
                                     f"--disassemble-symbols={kernel.symbol}"))


# ---- Instructions --------------------------------------------------------------------------------------------------

def instructions(text):
    """The instructions in the output of llvm-objdump -d, whose comments begin with the address."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s+([a-z]\w+)\s*(.*?)\s*// ([0-9A-F]+):", line)
        if match:
            address, mnemonic, operands = int(match[3], 16), match[1], match[2]
            jumps = mnemonic == "s_branch" or mnemonic.startswith("s_cbranch_")
            found.append(Instruction(address, mnemonic, operands, branch_target(address, operands) if jumps else None,
                                     mnemonic not in ("s_branch", "s_endpgm", "s_setpc_b64")))
    return found


def branch_target(address, operands):
    """A branch's operand is the signed distance, in words, from the next instruction."""
    words = int(operands.split()[0], 0)
    return address + 4 + 4 * (words - 0x10000 if words >= 0x8000 else words)


def short_mnemonic(instruction):
    """The mnemonic without its encoding; both of a v_dual_* pair."""
    second = re.search(r":: (\w+)", instruction.operands)
    name = re.sub(r"_e(32|64)$", "", instruction.mnemonic)
    return f"{name} :: {second[1]}" if second else name


# What one instruction of a wave costs, in cycles of its SIMD.
Costs = collections.namedtuple("Costs", "vector quarter_rate memory scalar")

# CDNA: 64 threads on 16 lanes take four cycles ("AMD Instinct MI200/MI300 Instruction Set Architecture"). Quarter rate
# are the transcendental functions and 32-bit integer products (WriteTrans32 and WriteIntMul in LLVM's SISchedule.td).
# Double precision and packed single precision have the full rate.
CDNA = Costs(vector=4, quarter_rate=16, memory=4, scalar=4)

# RDNA 3: 32 threads on 32 lanes take one cycle ("RDNA3 Instruction Set Architecture"); both halves of a v_dual_* pair
# together take one as well.
RDNA3 = Costs(vector=1, quarter_rate=4, memory=1, scalar=1)

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

# Loads of 16 bytes and atomic sums.
LARGE_ACCESS = re.compile(r"global_(load_(dwordx4|b128)|atomic)")

# The kernels address global memory by global_ and flat_ instructions; buffers are how gfx90a reaches scratch memory.
# The other buffer_ instructions write back and empty caches.
GROUPS = ((re.compile(r"v_(mfma|wmma)_"), "matrix"), (TRANSCENDENTAL, "transcendental"), (re.compile("v_"), "vector"),
          (re.compile("ds_"), "shared"), (re.compile("(scratch|buffer_load|buffer_store)_"), "scratch"),
          (re.compile("(global|flat|buffer)_"), "global"))


def group(instruction):
    for pattern, name in GROUPS:
        if pattern.match(instruction.mnemonic):
            return name
    return "scalar"


def knows(architecture):
    """Whether cycles of this architecture are known."""
    return architecture in COSTS


def cycles(instruction, architecture):
    costs = COSTS[architecture]
    mnemonic = instruction.mnemonic
    kind = group(instruction)
    if kind == "matrix":
        shape = re.search(r"\d+x\d+x\d+", mnemonic)
        count = MATRIX_CYCLES[architecture].get(shape and shape[0])
        if not count:
            sys.exit(f"the cycles of {mnemonic} on {architecture} are not known")
        return count
    if kind == "transcendental" or INTEGER_PRODUCT.match(mnemonic):
        return costs.quarter_rate
    if kind == "vector":
        return costs.vector
    if kind != "scalar":
        return costs.memory
    if mnemonic == "s_nop":
        return costs.scalar * (int(instruction.operands, 0) + 1)
    return 0 if FREE.match(mnemonic) else costs.scalar
