#!/usr/bin/env python3
"""The CPU backend in Python's worker processes: fork_test.py PROBLEM_LIBRARY"""
import ctypes
import multiprocessing
import sys
import unittest

THREADS, WORKERS, TASKS, SECONDS = 4, 2, 6, 120
PROBLEM_NORMAL = 0


def load(path):
    library = ctypes.CDLL(path)
    library.problem_open.restype = ctypes.c_void_p
    library.problem_open.argtypes = [ctypes.c_int32]
    library.problem_close.argtypes = [ctypes.c_void_p]
    library.problem_hash.restype = ctypes.c_uint64
    library.problem_hash.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.problem_hash_with.restype = ctypes.c_uint64
    library.problem_hash_with.argtypes = [ctypes.c_int32, ctypes.c_int]
    return library


problem = load(sys.argv.pop())
context = problem.problem_open(THREADS)


def old_context(_):
    return problem.problem_hash(context, PROBLEM_NORMAL)


def new_context(_):
    return problem.problem_hash_with(THREADS, PROBLEM_NORMAL)


class ForkTest(unittest.TestCase):
    def setUp(self):
        self.assertTrue(context)
        self.expected = problem.problem_hash_with(1, PROBLEM_NORMAL)
        self.assertNotEqual(self.expected, 0)
        self.assertEqual(old_context(None), self.expected)

    def results_of(self, work):
        with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
            return pool.map_async(work, range(TASKS)).get(timeout=SECONDS)

    def test_workers_use_the_context_of_their_parent(self):
        self.assertEqual(self.results_of(old_context), [self.expected] * TASKS)

    def test_workers_open_their_own(self):
        self.assertEqual(self.results_of(new_context), [self.expected] * TASKS)


if __name__ == "__main__":
    unittest.main()
