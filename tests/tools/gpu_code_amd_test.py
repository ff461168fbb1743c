#!/usr/bin/env python3
"""What tools/gpu_code reads of AMD's code: bundles, resources, instructions and their cycles; and with which tools.

usage: gpu_code_amd_test.py LIBRARY     LIBRARY: tools/lib
"""

import contextlib
import io
import os
import struct
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from amd_listing import code  # noqa: E402
from gpu_code import amd  # noqa: E402
from gpu_code.kernel import Kernel  # noqa: E402

NOTES = """
amdhsa.kernels:
  - .agpr_count:     16
    .args:
      - .name:           args
        .offset:         0
        .size:           8
        .value_kind:     by_value
    .group_segment_fixed_size: 512
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


def cycles(text, architecture):
    instruction, = code(text)
    return amd.group(instruction), amd.cycles(instruction, architecture)


class Bundles(unittest.TestCase):
    def test_device_code_of_all_bundles(self):
        def bundle(entries):
            head = amd.BUNDLE_MAGIC + struct.pack("<Q", len(entries))
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
        self.assertTrue(amd.holds_code(data))
        self.assertEqual(amd.code_objects(data), [("gfx942", b"first"), ("gfx90a", b"second"), ("gfx1100", b"third")])
        self.assertFalse(amd.holds_code(b"nothing"))


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
            amd.llvm_tool("llvm-objdump", self.compiler)
        self.assertEqual(ended.exception.code, 77)
        return words.getvalue()

    def test_beside_the_compiler(self):
        tool = os.path.join(self.folder, "llvm-objdump")
        self.program(tool, "Debian LLVM version 19.1.7\n  Optimized build.")
        self.assertEqual(amd.llvm_tool("llvm-objdump", self.compiler), tool)

    def test_a_missing_tool_is_named_and_no_other_is_taken(self):
        self.assertEqual(self.skipped(), f"skipped: {self.compiler} is of LLVM 19, but {self.folder}/llvm-objdump is "
                                         "missing (Debian: package llvm-19)\n")

    def test_a_tool_of_another_version_is_not_taken(self):
        self.program(os.path.join(self.folder, "llvm-objdump"), "LLVM version 14.0.6")
        self.assertIn("is not of LLVM 19", self.skipped())

    def test_the_compiler_is_found_by_name(self):
        self.assertEqual(amd.find_compiler("clang++-19"), self.compiler)
        with self.assertRaisesRegex(SystemExit, "there is no clang[+][+]-nowhere"):
            amd.find_compiler("clang++-nowhere")


class Resources(unittest.TestCase):
    def test_of_the_notes(self):
        forward, pack = (Kernel(amd, "gfx942", fields[".name"], amd.resources(fields, b"12345678"), None)
                         for fields in amd.kernel_metadata(NOTES))
        self.assertEqual(forward.labels(), ["gfx942", "forward", "bfloat16", 128, 64, "no"])
        self.assertEqual(forward.resources._asdict(),
                         {"registers": 144, "accumulators": 16, "scalars": 100, "scratch": 8, "spilled": 2,
                          "spilled_scalars": 3, "shared": 512, "threads": 256, "code": 8})
        self.assertEqual(pack.labels(), ["gfx942", "pack", "-", "-", "-", "-"])
        self.assertEqual((pack.resources.registers, pack.resources.accumulators, pack.resources.scratch,
                          pack.resources.shared, pack.resources.threads), (30, 0, 0, 0, 64))


class Instructions(unittest.TestCase):
    def test_cycles_by_architecture(self):
        for text, architecture, expected in (
                ("v_mfma_f32_16x16x16_bf16 a[0:3], v[0:1], v[2:3], a[0:3]", "gfx942", ("matrix", 16)),
                ("v_mfma_f32_32x32x8_f16 a[0:15], v[0:1], v[2:3], a[0:15]", "gfx942", ("matrix", 32)),
                ("v_mfma_f32_16x16x16bf16_1k a[0:3], v[0:1], v[2:3], a[0:3]", "gfx90a", ("matrix", 32)),
                ("v_mfma_f32_32x32x8f16 a[0:15], v[0:1], v[2:3], a[0:15]", "gfx90a", ("matrix", 64)),
                ("v_wmma_f32_16x16x16_f16 v[0:7], v[8:15], v[16:23], v[0:7]", "gfx1100", ("matrix", 32)),
                ("v_pk_fma_f32 v[0:1], v[2:3], v[4:5], v[6:7]", "gfx942", ("vector", 4)),
                ("v_fma_f64 v[0:1], v[2:3], v[4:5], v[6:7]", "gfx90a", ("vector", 4)),
                ("v_mul_lo_u32 v0, v1, v2", "gfx942", ("vector", 16)),
                ("v_exp_f32_e32 v0, v1", "gfx942", ("transcendental", 16)),
                ("v_exp_f32_e32 v0, v1", "gfx1100", ("transcendental", 4)),
                ("v_dual_mul_f32 v0, v1, v2 :: v_dual_mov_b32 v3, v4", "gfx1100", ("vector", 1)),
                ("ds_read_b128 v[0:3], v4", "gfx90a", ("shared", 4)),
                ("ds_load_b128 v[0:3], v4", "gfx1100", ("shared", 1)),
                ("global_load_dwordx4 v[0:3], v[4:5], off", "gfx942", ("global", 4)),
                ("buffer_inv sc1", "gfx942", ("global", 4)),
                ("scratch_load_b32 v0, off, off", "gfx1100", ("scratch", 1)),
                ("buffer_store_dword v0, off, s[0:3], 0", "gfx90a", ("scratch", 4)),
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
        self.assertEqual(amd.short_mnemonic(pair), "v_dual_mul_f32 :: v_dual_mov_b32")
        self.assertEqual(amd.short_mnemonic(plain), "v_add_f32")

    def test_targets_ahead_and_behind(self):
        self.assertEqual(amd.branch_target(0x1000, "3"), 0x1010)
        self.assertEqual(amd.branch_target(0x1000, "65535"), 0x1000)

    def test_what_may_follow(self):
        found = code("again:\nv_add_f32_e32 v0, v1, v2\ns_cbranch_scc1 again\ns_branch again\ns_endpgm")
        flow = [(instruction.target, instruction.continues) for instruction in found]
        self.assertEqual(flow, [(None, True), (0x1000, True), (0x1000, False), (None, False)])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
