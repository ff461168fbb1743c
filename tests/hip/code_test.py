#!/usr/bin/env python3
"""What tools/hip_code.py reads from machine code: names, resources, loops, the path through them, and their cycles.

usage: code_test.py TOOLS     TOOLS: the directory of hip_code.py
"""

import argparse
import contextlib
import copy
import io
import os
import struct
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

import hip_code  # noqa: E402

NOTES = """
amdhsa.kernels:
  - .agpr_count:     16
    .args:
      - .name:           args
        .offset:         0
        .size:           8
        .value_kind:     by_value
    .max_flat_workgroup_size: 256
    .name:           _Z14forward_kernelI8bfloat16Li128ELi64ELb0EEv17forward_arguments
    .private_segment_fixed_size: 8
    .sgpr_count:     100
    .sgpr_spill_count: 3
    .vgpr_count:     144
    .vgpr_spill_count: 2
  - .args:           []
    .max_flat_workgroup_size: 64
    .name:           _Z11pack_kernel14pack_arguments
    .private_segment_fixed_size: 0
    .sgpr_count:     20
    .vgpr_count:     30
amdhsa.target:   amdgcn-amd-amdhsa--gfx942
"""

# One line per instruction; "name:" marks the next one, and a branch goes to such a name.
LOOP = """
    s_mov_b32 s0, 0
tile:
    s_cbranch_scc1 masked
    v_mfma_f32_16x16x16_f16 a[0:3], v[0:1], v[2:3], a[0:3]
    s_cbranch_vccnz masked
back:
    v_exp_f32_e32 v0, v1
    s_cbranch_execz close
    ds_read_b128 v[0:3], v4
    global_load_dword v0, v[2:3], off
close:
    s_cbranch_scc1 tile
    s_endpgm
masked:
    v_add_f32_e32 v0, v1, v2
    s_branch back
"""


def listing(text):
    """The text as llvm-objdump -d prints it, four bytes per instruction."""
    lines = [line.strip() for line in text.strip().splitlines()]
    addresses, address = {}, 0x1000
    for line in lines:
        if line.endswith(":"):
            addresses[line[:-1]] = address
        else:
            address += 4
    found, address = ["Disassembly of section .text:", "", "0000000000001000 <kernel>:"], 0x1000
    for line in lines:
        if line.endswith(":"):
            continue
        mnemonic, _, operands = line.partition(" ")
        if operands in addresses:
            operands = str((addresses[operands] - address - 4) // 4 & 0xffff)
        found.append(f"\t{mnemonic} {operands}".ljust(60) + f"// {address:012X}: BF800000")
        address += 4
    return "\n".join(found)


def code(text):
    return hip_code.instructions(listing(text))


def loops(text, architecture="gfx942"):
    return hip_code.matrix_loops(code(text), architecture)


def cycles(text, architecture):
    instruction, = code(text)
    return hip_code.instruction_cycles(instruction, architecture)


class Bundles(unittest.TestCase):
    def test_device_code_of_all_bundles(self):
        def bundle(entries):
            head = hip_code.BUNDLE_MAGIC + struct.pack("<Q", len(entries))
            body, offset = b"", 4096
            for target, content in entries:
                head += struct.pack("<QQQ", offset, len(content), len(target)) + target
                body += content
                offset += len(content)
            return head.ljust(4096, b"\0") + body.ljust(4096, b"\0")

        data = b"x" * 4096
        data += bundle([(b"host-x86_64-unknown-linux--", b""), (b"hipv4-amdgcn-amd-amdhsa--gfx942", b"first")])
        data += bundle([(b"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-", b"second"),
                        (b"hipv4-amdgcn-amd-amdhsa--gfx1100", b"third")])
        self.assertEqual(hip_code.code_objects(data), [("gfx942", b"first"), ("gfx90a", b"second"),
                                                       ("gfx1100", b"third")])
        self.assertEqual(hip_code.code_objects(b"nothing"), [])


class Tools(unittest.TestCase):
    """The tools are those beside the compiler, of its version, whatever is on the path."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = os.path.join(scratch.name, "llvm-19", "bin")
        self.elsewhere = os.path.join(scratch.name, "elsewhere")
        os.makedirs(self.folder)
        os.makedirs(self.elsewhere)
        self.compiler = os.path.join(self.elsewhere, "clang++-19")
        self.program(self.compiler, f"Debian clang version 19.1.7 (3)\nTarget: x86_64\nInstalledDir: {self.folder}")
        self.program(os.path.join(self.elsewhere, "llvm-objdump"), "LLVM version 19.1.7")
        self.addCleanup(os.environ.__setitem__, "PATH", os.environ["PATH"])
        os.environ["PATH"] = self.elsewhere + os.pathsep + os.environ["PATH"]

    def program(self, path, words):
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(f"#!/bin/sh\ncat <<'END'\n{words}\nEND\n")
        os.chmod(path, 0o755)

    def skipped(self):
        words = io.StringIO()
        with contextlib.redirect_stderr(words), self.assertRaises(SystemExit) as ended:
            hip_code.llvm_tool("llvm-objdump", self.compiler)
        self.assertEqual(ended.exception.code, 77)
        return words.getvalue()

    def test_beside_the_compiler(self):
        tool = os.path.join(self.folder, "llvm-objdump")
        self.program(tool, "Debian LLVM version 19.1.7\n  Optimized build.")
        self.assertEqual(hip_code.llvm_tool("llvm-objdump", self.compiler), tool)

    def test_a_missing_tool_is_named_and_no_other_is_taken(self):
        self.assertEqual(self.skipped(), f"skipped: {self.compiler} is of LLVM 19, but {self.folder}/llvm-objdump is "
                                         "missing (Debian: package llvm-19)\n")

    def test_a_tool_of_another_version_is_not_taken(self):
        self.program(os.path.join(self.folder, "llvm-objdump"), "LLVM version 14.0.6")
        self.assertIn("is not of LLVM 19", self.skipped())

    def test_the_compiler_is_found_by_name(self):
        self.assertEqual(hip_code.find_compiler("clang++-19"), self.compiler)
        with self.assertRaisesRegex(SystemExit, "there is no clang[+][+]-nowhere"):
            hip_code.find_compiler("clang++-nowhere")


class Kernels(unittest.TestCase):
    def test_names(self):
        for symbol, expected in (
                ("_Z14forward_kernelI8bfloat16Li128ELi64ELb1EEv17forward_arguments",
                 ("forward", ["bfloat16"], [128, 64, True])),
                ("_Z21backward_small_kernelIDF16_Li64ELi64ELb0EEv18backward_arguments",
                 ("backward_small", ["float16"], [64, 64, False])),
                ("_Z12merge_kernelI8bfloat16S0_Ev15merge_arguments", ("merge", ["bfloat16", "bfloat16"], [])),
                ("_Z16kv_append_kernelIfEv16append_arguments", ("kv_append", ["float32"], [])),
                ("_Z11pack_kernelIhEv14pack_arguments", ("pack", ["uint8"], [])),
                ("_Z13unpack_kernelI8words_16Ev14pack_arguments", ("unpack", ["words_16"], [])),
                ("_ZL12empty_kernelv", ("empty", [], []))):
            with self.subTest(symbol):
                self.assertEqual(hip_code.demangled(symbol), expected)

    def test_resources(self):
        forward, pack = (hip_code.Kernel("gfx942", b"", fields) for fields in hip_code.kernel_metadata(NOTES))
        self.assertEqual(forward.labels(), ["gfx942", "forward", "bfloat16", 128, 64, "no"])
        self.assertEqual((forward.vgprs, forward.agprs, forward.sgprs, forward.scratch, forward.spilled_vgprs,
                          forward.spilled_sgprs, forward.threads), (144, 16, 100, 8, 2, 3, 256))
        self.assertEqual(pack.labels(), ["gfx942", "pack", "-", "-", "-", "-"])
        self.assertEqual((pack.vgprs, pack.agprs, pack.scratch, pack.threads), (30, 0, 0, 64))


class Cycles(unittest.TestCase):
    def test_by_architecture(self):
        for text, architecture, expected in (
                ("v_mfma_f32_16x16x16_bf16 a[0:3], v[0:1], v[2:3], a[0:3]", "gfx942", ("matrix", 16)),
                ("v_mfma_f32_32x32x8_f16 a[0:15], v[0:1], v[2:3], a[0:15]", "gfx942", ("matrix", 32)),
                ("v_mfma_f32_16x16x16bf16_1k a[0:3], v[0:1], v[2:3], a[0:3]", "gfx90a", ("matrix", 32)),
                ("v_mfma_f32_32x32x8f16 a[0:15], v[0:1], v[2:3], a[0:15]", "gfx90a", ("matrix", 64)),
                ("v_wmma_f32_16x16x16_f16 v[0:7], v[8:15], v[16:23], v[0:7]", "gfx1100", ("matrix", 32)),
                ("v_pk_fma_f32 v[0:1], v[2:3], v[4:5], v[6:7]", "gfx942", ("valu", 4)),
                ("v_fma_f64 v[0:1], v[2:3], v[4:5], v[6:7]", "gfx90a", ("valu", 4)),
                ("v_mul_lo_u32 v0, v1, v2", "gfx942", ("valu", 16)),
                ("v_exp_f32_e32 v0, v1", "gfx942", ("transcendental", 16)),
                ("v_exp_f32_e32 v0, v1", "gfx1100", ("transcendental", 4)),
                ("v_dual_mul_f32 v0, v1, v2 :: v_dual_mov_b32 v3, v4", "gfx1100", ("valu", 1)),
                ("ds_read_b128 v[0:3], v4", "gfx90a", ("lds", 4)),
                ("ds_load_b128 v[0:3], v4", "gfx1100", ("lds", 1)),
                ("global_load_dwordx4 v[0:3], v[4:5], off", "gfx942", ("global", 4)),
                ("scratch_load_b32 v0, off, off", "gfx1100", ("global", 1)),
                ("s_add_i32 s0, s0, 1", "gfx942", ("scalar", 4)),
                ("s_nop 2", "gfx942", ("scalar", 12)),
                ("s_waitcnt lgkmcnt(0)", "gfx942", ("scalar", 0)),
                ("s_delay_alu instid0(VALU_DEP_1)", "gfx1100", ("scalar", 0))):
            with self.subTest(text, architecture=architecture):
                self.assertEqual(cycles(text, architecture), expected)

    def test_an_unknown_matrix_instruction_is_no_guess(self):
        with self.assertRaisesRegex(SystemExit, "v_mfma_f32_4x4x4_16b_f16 on gfx942 are not known"):
            cycles("v_mfma_f32_4x4x4_16b_f16 a[0:3], v[0:1], v[2:3], a[0:3]", "gfx942")

    def test_mnemonics(self):
        pair, plain = code("v_dual_mul_f32 v0, v1, v2 :: v_dual_mov_b32 v3, v4\nv_add_f32_e64 v0, v1, v2")
        self.assertEqual(hip_code.short_mnemonic(pair), "v_dual_mul_f32 :: v_dual_mov_b32")
        self.assertEqual(hip_code.short_mnemonic(plain), "v_add_f32")


class ControlFlow(unittest.TestCase):
    def test_targets_ahead_and_behind(self):
        ahead, behind = hip_code.Instruction(0x1000, "s_branch", "3"), hip_code.Instruction(0x1000, "s_branch", "65535")
        self.assertEqual(hip_code.branch_target(ahead), 0x1010)
        self.assertEqual(hip_code.branch_target(behind), 0x1000)

    def test_blocks_and_loops(self):
        graph = hip_code.Graph(code(LOOP))
        self.assertEqual({start - graph.entry: [target - graph.entry for target in targets]
                          for start, targets in graph.successors.items()},
                         {0: [4], 4: [40, 8], 8: [40, 16], 16: [32, 24], 24: [32], 32: [4, 36], 36: [], 40: [16]})
        (header, (latches, body)), = graph.loops().items()
        self.assertEqual(header, graph.entry + 4)
        self.assertEqual(latches, [graph.entry + 32])
        self.assertEqual({block - graph.entry for block in body}, {4, 8, 16, 24, 32, 40})

    def test_dominators(self):
        graph = hip_code.Graph(code(LOOP))
        self.assertEqual({block - graph.entry: above - graph.entry for block, above in graph.dominators().items()},
                         {0: 0, 4: 0, 8: 4, 16: 4, 24: 16, 32: 16, 36: 32, 40: 4})

    def test_path_has_most_matrix_and_then_fewest_other_cycles(self):
        loop, = loops(LOOP)
        self.assertEqual([block - 0x1000 for block in loop.path], [4, 8, 16, 32])
        self.assertEqual(dict(loop.groups), {"matrix": 16, "transcendental": 16, "scalar": 16})
        self.assertEqual((loop.offset, loop.total, loop.left_out), (4, 48, 16))
        self.assertAlmostEqual(loop.share(), 100 / 3)
        self.assertEqual(dict(loop.mnemonics), {"v_exp_f32": [1, 16], "s_cbranch_scc1": [2, 8],
                                                "s_cbranch_vccnz": [1, 4], "s_cbranch_execz": [1, 4]})

    def test_matrix_instructions_draw_the_path_over_more_other_cycles(self):
        loop, = loops("""
        tile:
            s_cbranch_scc1 close
            v_exp_f32_e32 v0, v1
            v_wmma_f32_16x16x16_f16 v[0:7], v[8:15], v[16:23], v[0:7]
        close:
            s_cbranch_scc1 tile
            s_endpgm
        """, "gfx1100")
        self.assertEqual(dict(loop.groups), {"matrix": 32, "transcendental": 4, "scalar": 2})

    def test_several_branches_back_are_one_loop(self):
        loop, = loops("""
        tile:
            v_mfma_f32_16x16x16_f16 a[0:3], v[0:1], v[2:3], a[0:3]
            s_cbranch_scc1 tile
            v_mfma_f32_16x16x16_f16 a[0:3], v[0:1], v[2:3], a[0:3]
            s_cbranch_scc1 tile
            s_endpgm
        """)
        self.assertEqual(dict(loop.groups), {"matrix": 32, "scalar": 8})

    def test_innermost_loops_with_matrix_instructions(self):
        main, other = loops("""
        outer:
            v_mfma_f32_16x16x16_f16 a[0:3], v[0:1], v[2:3], a[0:3]
        first:
            v_mfma_f32_16x16x16_f16 a[0:3], v[0:1], v[2:3], a[0:3]
            s_cbranch_scc1 first
        second:
            v_mfma_f32_32x32x8_f16 a[0:15], v[0:1], v[2:3], a[0:15]
        copy:
            ds_read_b128 v[0:3], v4
            s_cbranch_scc1 copy
            s_cbranch_scc1 second
            s_cbranch_scc1 outer
            s_endpgm
        """)
        self.assertEqual(dict(main.groups), {"matrix": 32, "lds": 4, "scalar": 8})
        self.assertEqual(dict(other.groups), {"matrix": 16, "scalar": 4})

    def test_no_matrix_instructions(self):
        self.assertEqual(loops("again:\nv_add_f32_e32 v0, v1, v2\ns_cbranch_scc1 again\ns_endpgm"), [])


class Checks(unittest.TestCase):
    def setUp(self):
        self.kernels = [hip_code.Kernel("gfx942", b"", fields) for fields in hip_code.kernel_metadata(NOTES)]
        self.loops = {self.kernels[0]: loops(LOOP)}

    def mix(self, text):
        return hip_code.mix_failures(self.kernels, self.loops, hip_code.requirements(text))

    def test_scratch_memory(self):
        self.assertEqual(hip_code.scratch_failures(self.kernels, 64), [])
        self.assertEqual(hip_code.scratch_failures(self.kernels, 128),
                         ["gfx942 forward bfloat16 128/64: 8 bytes of scratch memory, 2 spilled VGPRs"])
        forward = copy.copy(next(kernel for kernel in self.kernels if kernel.name == "forward" and kernel.scratch))
        forward.scratch = 0  # spilled to accumulation registers
        self.assertEqual(hip_code.scratch_failures([forward], 128), [])

    def test_least_mix(self):
        self.assertEqual(self.mix("gfx942:forward:128=33.3"), [])
        self.assertEqual(self.mix("gfx942:forward:128=20,gfx942:forward:128=34"),
                         ["gfx942 forward bfloat16 128/64: matrix share 33.3%, less than 34%"])

    def test_a_kernel_that_is_not_there_fails(self):
        self.assertEqual(self.mix("gfx90a:forward:128=1"), ["gfx90a:forward:128: the plugin has no such kernel"])
        self.loops[self.kernels[0]] = []
        self.assertEqual(self.mix("gfx942:forward:128=1"),
                         ["gfx942 forward bfloat16 128/64: no loop with matrix instructions"])

    def test_requirements_that_cannot_be_read(self):
        for text in ("gfx942:forward=50", "gfx942:forward:128", "gfx942:forward:128=", "gfx000:forward:128=5", ""):
            with self.subTest(text), self.assertRaises(argparse.ArgumentTypeError):
                hip_code.requirements(text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
