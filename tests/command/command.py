"""Running the program: CRMPULSE_BIN names it. No Kafka, no Redis; every file goes into a directory of its own that goes away."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

REPO = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ["CRMPULSE_BIN"]
RUNTIME, TEST_FAILED, USAGE, CONFIG = 1, 2, 64, 78


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="crmpulse-")
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run_command(self, *args):
        """(exit code, standard output, standard error)."""
        done = subprocess.run([BIN, *map(str, args)], capture_output=True, timeout=120, cwd=self.dir, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def lines(self, *args):
        """JSON lines of a command that must succeed."""
        code, out, err = self.run_command(*args)
        self.assertEqual(code, 0, err)
        return [json.loads(line) for line in out.splitlines()]
