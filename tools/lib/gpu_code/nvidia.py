"""NVIDIA's code: cubins in fat binaries, compressed or not, by the toolkit's cuobjdump.

Cycles are issue slots: a scheduler issues one instruction of a warp in a cycle, whatever it is.
"""

import os
import re
import shutil
import struct
import sys

from gpu_code import elf, programs
from gpu_code.control_flow import Instruction
from gpu_code.kernel import Kernel, Resources


def holds_code(data):
    return elf.machine(data) == elf.MACHINE_CUDA or b"\0.nv_fatbin\0" in data


def find_cuobjdump(compiler):
    """The tool beside the compiler, nvcc, or on the path: toolkits are also packaged without it."""
    nvcc = shutil.which(compiler or "nvcc", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/cuda/bin"]))
    if compiler and not nvcc:
        sys.exit(f"there is no {compiler}")
    beside = os.path.join(os.path.dirname(os.path.realpath(nvcc)), "cuobjdump") if nvcc else ""
    if programs.is_program(beside):
        return beside
    found = shutil.which("cuobjdump")
    if not found:
        programs.skip(f"there is no cuobjdump beside {nvcc or 'an nvcc'} or on the path "
                      "(of the CUDA Toolkit; PyPI: nvidia-cuda-cuobjdump, nvidia-cuda-nvdisasm)")
    return found


# ---- Kernels and their resources -----------------------------------------------------------------------------------

def resource_usage(text):
    """What cuobjdump -res-usage prints: {(architecture, symbol): {"REG": 255, "STACK": 8, ...}}. Of a cubin, it prints
    no architecture: None."""
    found = {}
    architecture = symbol = None
    for line in text.splitlines():
        match = re.match(r"arch = (\S+)", line)
        if match:
            architecture = match[1]
        match = re.match(r"\s*Function (\S+):$", line)
        if match:
            symbol = match[1]
        elif symbol and re.match(r"\s*REG:", line):
            found[architecture, symbol] = {name: int(value) for name, value in re.findall(r"([A-Z]+):(\d+)", line)}
            symbol = None
    return found


# Attributes of a kernel in the section .nv.info.SYMBOL: one of this format is followed by its size and that many bytes,
# any other by two bytes.
SIZED, MOST_THREADS = 4, 5


def most_threads(info):
    """The threads of a block that __launch_bounds__ allows, or None."""
    position = 0
    while position + 4 <= len(info):
        kind, attribute, value = struct.unpack_from("<BBH", info, position)
        position += 4
        if kind != SIZED:
            continue
        if attribute == MOST_THREADS and value >= 12:
            x, y, z = struct.unpack_from("<III", info, position)
            return x * y * z
        position += value
    return None


class Reader:
    """Reads the kernels of a file and their instructions. `folder` is a scratch folder."""

    def __init__(self, compiler, folder):
        self.cuobjdump = find_cuobjdump(compiler)
        self.folder = folder

    def cubins(self, data, path):
        """The (architecture, path) of the file's cubins; (None, path) of a cubin itself."""
        if elf.machine(data) == elf.MACHINE_CUDA:
            return [(None, path)]
        programs.output(self.cuobjdump, "-all", "-xelf", "all", path, folder=self.folder)
        return [(name.split(".")[-2], os.path.join(self.folder, name)) for name in sorted(os.listdir(self.folder))]

    def architecture_of(self, cubin, symbol):
        return re.search(r"code for (\S+)", self.disassembly(cubin, symbol))[1]

    def kernels(self, data, path):
        """All kernels of a file. One that several source files contain is there once."""
        path = os.path.abspath(path)
        usage = resource_usage(programs.output(self.cuobjdump, "-all", "-res-usage", path))
        found = {}
        for architecture, cubin in self.cubins(data, path):
            with open(cubin, "rb") as stream:
                content = stream.read()
            sections = {section.name: section.data for section in elf.sections(content)}
            for symbol, code in elf.functions(content).items():
                values = usage.get((architecture, symbol))
                if not values or (architecture, symbol) in found:
                    continue
                limits = Resources(registers=values["REG"], accumulators=None, scalars=None, scratch=values["STACK"],
                                   spilled=None, spilled_scalars=None, shared=values["SHARED"],
                                   threads=most_threads(sections.get(f".nv.info.{symbol}", b"")), code=len(code))
                found[architecture, symbol] = Kernel(sys.modules[__name__],
                                                     architecture or self.architecture_of(cubin, symbol), symbol,
                                                     limits, (cubin, code))
        return list(found.values())

    def code(self, kernel):
        return kernel.source[1]

    def disassembly(self, cubin, symbol):
        return programs.output(self.cuobjdump, "-sass", "-fun", symbol, cubin)

    def instructions(self, kernel):
        return instructions(self.disassembly(kernel.source[0], kernel.symbol))


# ---- Instructions --------------------------------------------------------------------------------------------------

# A line of cuobjdump -sass: /*0070*/   @!P0 BRA 0xd10 ;   /* its encoding */
LINE = re.compile(r"\s+/\*([0-9a-f]{4,})\*/\s+(?:@(!?U?P\w+)\s+)?([A-Z][\w.]*)\s*(.*?)\s*;")

ENDS = re.compile(r"(EXIT|RET|BRX|JMX|JMP|KILL)\b")


def instructions(text):
    """The instructions in the output of cuobjdump -sass."""
    found = []
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        address, predicate, mnemonic, operands = int(match[1], 16), match[2], match[3], match[4]
        jumps = mnemonic.split(".")[0] == "BRA"
        target = int(re.findall(r"0x[0-9a-f]+", operands)[-1], 16) if jumps else None
        # BRA.DIV, BRA.U and their like have their condition among the operands.
        conditional = predicate or (jumps and "," in operands) or (mnemonic.startswith("BRA.") and " " in operands)
        found.append(Instruction(address, mnemonic, operands, target,
                                 bool(conditional) or not (jumps or ENDS.match(mnemonic))))
    return found


def short_mnemonic(instruction):
    return instruction.mnemonic


# Loads and copies of 16 bytes, and atomic sums.
LARGE_ACCESS = re.compile(r"(LDG|LDGSTS)\b.*\.128|(RED|REDG|ATOMG|UTMALDG|UTMAREDG|UBLKCP|UBLKRED)\b")

# Copies from global to shared memory count as global, shuffles as shared: they go the same way as its loads.
GROUPS = ((re.compile(r"(UTC)?[HIBDQ]G?MMA\b"), "matrix"), (re.compile(r"MUFU\b"), "transcendental"),
          (re.compile(r"(LDS|STS|LDSM|STSM|ATOMS|SHFL)\b"), "shared"), (re.compile(r"(LDL|STL)\b"), "scratch"),
          (re.compile(r"(LDG|LDGSTS|STG|LD|ST|REDG?|ATOMG?|CCTL|UTMA\w+|UBLK\w+)\b"), "global"),
          (re.compile(r"(LDCU?|U[A-Z]\w*|S2U?R|CS2R|R2UR|BRA|BRX|BRXU|BSSY|BSYNC|BREAK|EXIT|CALL|RET|BAR|WARPSYNC|"
                      r"YIELD|NOP|NANOSLEEP|DEPBAR|LDGDEPBAR|MEMBAR|ERRBAR|CGAERRBAR|FENCE|SYNCS|WARPGROUP|"
                      r"ENDCOLLECTIVE|ACQBULK|PREEXIT|ELECT|KILL|BMOV)\b"), "scalar"))


def group(instruction):
    for pattern, name in GROUPS:
        if pattern.match(instruction.mnemonic):
            return name
    return "vector"


def knows(_architecture):
    return True


def cycles(_instruction, _architecture):
    return 1
