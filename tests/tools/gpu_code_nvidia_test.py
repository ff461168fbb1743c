#!/usr/bin/env python3
"""What tools/gpu_code reads of NVIDIA's code, from recorded words of cuobjdump: resources, instructions, loops.

usage: gpu_code_nvidia_test.py LIBRARY     LIBRARY: tools/lib
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

from cubin import CUBIN_USAGE, FORWARD, SASS, USAGE, cubin, write_cuobjdump, write_program  # noqa: E402
from gpu_code import elf, mix, nvidia  # noqa: E402


def instruction(text):
    found, = nvidia.instructions(f"        /*0070*/              {text} ;     /* 0x0000000c00248947 */")
    return found


class Files(unittest.TestCase):
    def test_functions_of_a_cubin(self):
        self.assertEqual(elf.functions(cubin(b"sixteen bytes...")), {FORWARD: b"sixteen bytes..."})

    def test_who_made_it(self):
        self.assertTrue(nvidia.holds_code(cubin(b"code")))
        self.assertTrue(nvidia.holds_code(b"\x7fELF ... \0.nvFatBinSegment\0.nv_fatbin\0"))
        self.assertFalse(nvidia.holds_code(b"nothing"))

    def test_threads(self):
        other = struct.pack("<BBH", 4, 18, 8) + bytes(8) + struct.pack("<BBH", 2, 5, 7)
        self.assertEqual(nvidia.most_threads(other + struct.pack("<BBHIII", 4, 5, 12, 32, 4, 2)), 256)
        self.assertIsNone(nvidia.most_threads(other))


class Tools(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.nvcc = os.path.join(self.folder, "nvcc")
        write_program(self.nvcc, "#!/bin/sh\n")
        self.addCleanup(os.environ.__setitem__, "PATH", os.environ["PATH"])
        os.environ["PATH"] = "/nowhere"

    def test_beside_the_compiler(self):
        tool = os.path.join(self.folder, "cuobjdump")
        write_cuobjdump(tool)
        self.assertEqual(nvidia.find_cuobjdump(self.nvcc), tool)

    def test_on_the_path(self):
        tool = os.path.join(self.folder, "elsewhere", "cuobjdump")
        os.mkdir(os.path.dirname(tool))
        write_cuobjdump(tool)
        os.environ["PATH"] = os.path.dirname(tool)
        self.assertEqual(nvidia.find_cuobjdump(self.nvcc), tool)

    def test_a_missing_tool_is_named(self):
        words = io.StringIO()
        with contextlib.redirect_stderr(words), self.assertRaises(SystemExit) as ended:
            nvidia.find_cuobjdump(self.nvcc)
        self.assertEqual(ended.exception.code, 77)
        self.assertIn(f"skipped: there is no cuobjdump beside {self.nvcc} or on the path", words.getvalue())


class Resources(unittest.TestCase):
    def test_by_architecture(self):
        usage = nvidia.resource_usage(USAGE)
        self.assertEqual(sorted(usage), [("sm_80", FORWARD), ("sm_90a", FORWARD)])
        self.assertEqual([usage["sm_90a", FORWARD][name] for name in ("REG", "STACK", "SHARED")], [255, 8, 1024])
        self.assertEqual([usage["sm_80", FORWARD][name] for name in ("REG", "STACK", "SHARED")], [230, 0, 0])
        self.assertEqual(list(nvidia.resource_usage(CUBIN_USAGE)), [(None, FORWARD)])


class Instructions(unittest.TestCase):
    def test_groups(self):
        for text, expected in (("HMMA.16816.F32 R4, R8, R12, R4", "matrix"),
                               ("HGMMA.64x128x16.F32.BF16 R24, gdesc[UR4], R24", "matrix"),
                               ("MUFU.EX2 R4, R4", "transcendental"),
                               ("LDSM.16.M88.4 R4, [R3]", "shared"), ("SHFL.BFLY PT, R4, R4, 0x1, 0x1f", "shared"),
                               ("LDG.E.64 R48, desc[UR8][R2.64]", "global"), ("REDG.E.ADD.F32 [R2], R3", "global"),
                               ("LDGSTS.E.128 [R3], [R6.64]", "global"), ("UTMALDG.2D [UR8], [UR4]", "global"),
                               ("STL [R1], R4", "scratch"), ("LDL.64 R2, [R1+0x8]", "scratch"),
                               ("ULDC.64 UR8, c[0x0][0x208]", "scalar"), ("BAR.SYNC.DEFER_BLOCKING 0x0", "scalar"),
                               ("LDGDEPBAR", "scalar"), ("UIADD3 UR4, UR4, 0x1, URZ", "scalar"),
                               ("@P2 FFMA R4, R5, R6, R7", "vector"), ("IMAD.MOV.U32 R45, RZ, RZ, RZ", "vector"),
                               ("LEA R3, R4, R5, 0x2", "vector")):
            with self.subTest(text):
                self.assertEqual(nvidia.group(instruction(text)), expected)

    def test_what_may_follow(self):
        for text, target, continues in (("BRA 0xd10", 0xd10, False), ("@!P0 BRA 0xd10", 0xd10, True),
                                        ("BRA.U UP0, 0xd10", 0xd10, True), ("BRA.DIV UR4, 0xd10", 0xd10, True),
                                        ("BRA P1, 0xd10", 0xd10, True),
                                        ("EXIT", None, False), ("@P0 EXIT", None, True),
                                        ("RET.REL.NODEC R2 0x0", None, False), ("BRX R2 -0xd10", None, False),
                                        ("CALL.REL.NOINC 0xd10", None, True), ("BSYNC B0", None, True)):
            with self.subTest(text):
                found = instruction(text)
                self.assertEqual((found.address, found.target, found.continues), (0x70, target, continues))

    def test_a_turn_of_the_loop(self):
        turn, = mix.turns(nvidia, "sm_90a", nvidia.instructions(SASS))
        self.assertEqual(dict(turn.groups), {"matrix": 1, "global": 1, "transcendental": 1, "scalar": 1})
        self.assertEqual((turn.offset, turn.total, turn.left_out, turn.share()), (0x20, 4, 0, 25))
        self.assertEqual(len(nvidia.instructions(SASS)), 10)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
