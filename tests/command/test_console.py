"""docs/CONCEPTS.md: its commands print what stands there."""
import os
import shutil
import sys
import unittest

from command import BIN, REPO, Case

sys.path.insert(0, str(REPO / "tests/tools"))
import console  # noqa: E402


class Pages(Case):
    maxDiff = None

    def test_concepts(self):
        (self.dir / "bin").mkdir()
        (self.dir / "bin/crmpulse").symlink_to(os.path.abspath(BIN))
        shutil.copytree(REPO / "docs/example", self.dir / "example")
        env = {**os.environ, "PATH": f"{self.dir}/bin:{os.environ['PATH']}"}
        steps = console.run((REPO / "docs/CONCEPTS.md").read_text(encoding="utf-8"), self.dir / "example", env, 120)
        self.assertGreater(len(steps), 8)
        for command, expected, printed, fits in steps:
            with self.subTest(command):
                if not fits:
                    self.assertEqual(printed, expected)
                    self.fail("a pattern that cannot fit")


class Reader(unittest.TestCase):
    def test_what_fits(self):
        page = "```console\n$ echo a; echo b\na\nb\n$ echo 12 ms\n12..min\n$ seq 5\n1\n..\n5\n$ echo x\ny\n$ cat <<E\n> h\n> E\nh\n```\n"
        steps = console.run(page, "/", dict(os.environ), 20)
        self.assertEqual([fits for *_, fits in steps], [True, False, True, False, True])
