#!/usr/bin/env python3
"""What tools/gpu_code makes of instructions: blocks, loops, the path through them, and its mix.

usage: gpu_code_loops_test.py LIBRARY     LIBRARY: tools/lib
"""

import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from amd_listing import LOOP, code, turns  # noqa: E402
from gpu_code import amd, mix  # noqa: E402
from gpu_code.control_flow import Graph  # noqa: E402


class Loops(unittest.TestCase):
    def test_blocks_and_loops(self):
        graph = Graph(code(LOOP))
        self.assertEqual({start - graph.entry: [target - graph.entry for target in targets]
                          for start, targets in graph.successors.items()},
                         {0: [4], 4: [40, 8], 8: [40, 16], 16: [32, 24], 24: [32], 32: [4, 36], 36: [], 40: [16]})
        (header, latches, body), = graph.loops()
        self.assertEqual(header, graph.entry + 4)
        self.assertEqual(latches, [graph.entry + 32])
        self.assertEqual({block - graph.entry for block in body}, {4, 8, 16, 24, 32, 40})

    def test_dominators(self):
        graph = Graph(code(LOOP))
        self.assertEqual({block - graph.entry: above - graph.entry for block, above in graph.dominators().items()},
                         {0: 0, 4: 0, 8: 4, 16: 4, 24: 16, 32: 16, 36: 32, 40: 4})

    def test_path_has_most_matrix_and_then_fewest_other_cycles(self):
        loop, = turns(LOOP)
        self.assertEqual([block - 0x1000 for block in loop.path], [4, 8, 16, 32])
        self.assertEqual(dict(loop.groups), {"matrix": 16, "transcendental": 16, "scalar": 16})
        self.assertEqual((loop.offset, loop.total, loop.left_out), (4, 48, 16))
        self.assertAlmostEqual(loop.share(), 100 / 3)
        self.assertEqual(dict(loop.mnemonics), {"v_exp_f32": [1, 16], "s_cbranch_scc1": [2, 8],
                                                "s_cbranch_vccnz": [1, 4], "s_cbranch_execz": [1, 4]})

    def test_matrix_instructions_draw_the_path_over_more_other_cycles(self):
        loop, = turns("""
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
        loop, = turns("""
        tile:
            v_mfma_f32_16x16x16_f16 a[0:3], v[0:1], v[2:3], a[0:3]
            s_cbranch_scc1 tile
            v_mfma_f32_16x16x16_f16 a[0:3], v[0:1], v[2:3], a[0:3]
            s_cbranch_scc1 tile
            s_endpgm
        """)
        self.assertEqual(dict(loop.groups), {"matrix": 32, "scalar": 8})

    def test_innermost_loops_with_matrix_instructions(self):
        main, other = turns("""
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
        self.assertEqual(dict(main.groups), {"matrix": 32, "shared": 4, "scalar": 8})
        self.assertEqual(dict(other.groups), {"matrix": 16, "scalar": 4})

    def test_no_matrix_instructions(self):
        self.assertEqual(turns("again:\nv_add_f32_e32 v0, v1, v2\ns_cbranch_scc1 again\ns_endpgm"), [])


class Counts(unittest.TestCase):
    def test_of_a_whole_kernel(self):
        self.assertEqual(dict(mix.counts(amd, code(LOOP))),
                         {"matrix": 1, "vector": 1, "transcendental": 1, "shared": 1, "global": 1, "scalar": 7})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
