"""Every mutant still fits the source: a fault that cannot be put in proves nothing."""
import pathlib
import subprocess
import sys
import unittest

REPO = pathlib.Path(__file__).resolve().parents[2]


class Mutants(unittest.TestCase):
    def test_each_fits_the_source(self):
        done = subprocess.run([sys.executable, REPO / "tests/mutants/run.py", "--list"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)
