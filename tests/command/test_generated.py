"""Man pages and completions as packaging/generate.py makes them of the program: complete, without a warning, and working."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BIN = os.environ["CRMPULSE_BIN"]


class Generated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.out = Path(cls.folder.name)
        subprocess.run([sys.executable, REPO / "packaging/generate.py", BIN, "1.2.3", cls.out], check=True)
        cls.commands = re.findall(r"^  (\w+) ", subprocess.run([BIN, "help"], capture_output=True, text=True, check=True).stdout, re.M)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_every_command_has_a_section(self):
        page = (self.out / "crmpulse.1").read_text()
        self.assertEqual(re.findall(r"^\.SS (\w+)$", page, re.M), self.commands)

    def test_every_key_has_an_entry(self):
        page = (self.out / "crmpulse.yaml.5").read_text().replace("\\-", "-")
        keys = re.findall(r'^KEY\("([^"]+)"', (REPO / "daemon/config/keys.def").read_text(), re.M)
        self.assertEqual(sorted(re.findall(r"^\\fB([a-z_.]+)\\fR$", page, re.M)), sorted(keys))

    def test_pages_have_no_warnings(self):
        if not shutil.which("man"):
            self.skipTest("man is not installed")
        for page in ("crmpulse.1", "crmpulse.yaml.5"):
            done = subprocess.run(["man", "--warnings", "-l", self.out / page], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def complete(self, *words):
        script = f'. "{self.out}/crmpulse.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _crmpulse; printf "%s\\n" "${{COMPREPLY[@]}}"'
        return subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=True).stdout.split()

    def test_bash_completion(self):
        self.assertEqual(sorted(set(self.complete("crmpulse", "")) - {"help", "--help", "--version"}), sorted(self.commands))
        self.assertEqual(self.complete("crmpulse", "doc"), ["doctor"])
        self.assertEqual(self.complete("crmpulse", "top", "--o"), ["--once"])
        self.assertEqual(sorted(self.complete("crmpulse", "check", str(self.out / "crmpulse.y"))), [str(self.out / "crmpulse.yaml"), str(self.out / "crmpulse.yaml.5")])

    def test_zsh_completion_names_every_command(self):
        text = (self.out / "_crmpulse").read_text()
        for name in self.commands:
            self.assertIn(f"        '{name}:", text)
            self.assertIn(f"        {name}) offered=(", text)

    def test_the_configuration_is_a_beginning(self):
        done = subprocess.run([BIN, "check", "--quiet", self.out / "crmpulse.yaml"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
