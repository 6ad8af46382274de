"""scripts/sim refuses a number that it cannot use before it builds anything: exit status 64 and what it takes."""
import pathlib
import subprocess
import unittest

SIM = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "sim"


class Usage(unittest.TestCase):
    def test_bad_numbers(self):
        for args in (["--minutes"], ["--minutes", "1.5"], ["--minutes", "0"], ["--minutes", "-1"], ["--minutes", "08x"], ["--hours", ""],
                     ["--hours", "1", "2"], ["--hours", "9999999"]):
            with self.subTest(args=args):
                done = subprocess.run([SIM, *args], capture_output=True, text=True, timeout=10)
                self.assertEqual(done.returncode, 64, done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertIn(f"{args[0]} needs a whole number", done.stderr)
                self.assertIn("--minutes N | --hours N", done.stderr)
                self.assertNotIn("unbound", done.stderr)


if __name__ == "__main__":
    unittest.main()
