"""The corpora that are committed are those that tests/fuzz/seeds.py makes of the event tables: a new event type has a seed."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

FUZZ = pathlib.Path(__file__).resolve().parents[1] / "fuzz"


class Seeds(unittest.TestCase):
    def test_committed_seeds_are_what_the_tables_give(self):
        with tempfile.TemporaryDirectory() as made:
            subprocess.run([sys.executable, FUZZ / "seeds.py", made], check=True, timeout=60)
            for path in pathlib.Path(made).rglob("*"):
                if path.is_file():
                    have = FUZZ / path.relative_to(made)
                    self.assertTrue(have.is_file() and have.read_bytes() == path.read_bytes(), f"{have}: run tests/fuzz/seeds.py")

    def test_every_target_has_a_corpus(self):
        for source in FUZZ.glob("fuzz_*.c"):
            self.assertTrue(any((FUZZ / "corpus" / source.stem.removeprefix("fuzz_")).iterdir()), source.name)
