"""The units in systemd/: what systemd-analyze says of their sandbox, that both are the same but for the file, and that what they run exists."""
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BIN = os.environ["CRMPULSE_BIN"]
UNITS = ("crmpulse.service", "crmpulse@.service", "crmpulse-notify.service")
THRESHOLD = 15  # tenths


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False, cwd=REPO / "systemd")


def settings(name):
    """The lines that say something, in order, without comments."""
    text = (REPO / "systemd" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


class Units(unittest.TestCase):
    def test_systemd_analyze_is_there(self):
        self.assertTrue(shutil.which("systemd-analyze"), "the package systemd has it; scripts/install-deps installs it")

    def test_exposure(self):
        for unit in UNITS:
            with self.subTest(unit):
                done = analyze("security", "--offline=true", f"--threshold={THRESHOLD}", f"./{unit}")
                self.assertEqual(done.returncode, 0, done.stdout[-600:] + done.stderr)
                self.assertIn("OK", done.stdout.splitlines()[-1])

    def test_the_gate_can_fail(self):
        opened = REPO / "build"
        opened.mkdir(exist_ok=True)
        path = opened / "opened.service"
        path.write_text("\n".join(line for line in settings("crmpulse.service") if not line.startswith(("SystemCallFilter", "User", "Protect"))))
        try:
            self.assertNotEqual(analyze("security", "--offline=true", f"--threshold={THRESHOLD}", str(path)).returncode, 0)
        finally:
            path.unlink()

    def test_units_load(self):
        """systemd-analyze verify; it may only miss the installed program."""
        for unit in UNITS:
            with self.subTest(unit):
                done = analyze("verify", "--man=no", f"./{unit}")
                words = [line for line in done.stderr.splitlines()
                         if "crmpulse" in line and "/usr/bin/crmpulse is not executable" not in line]
                self.assertEqual(words, [])

    def test_both_are_the_same(self):
        one, many = (settings(name) for name in UNITS[:2])
        self.assertEqual([line for line in one if not line.startswith("Description")],
                         [line.replace("%i", "crmpulse") for line in many if not line.startswith("Description")])

    def test_the_sandbox_of_notify_is_the_same(self):
        """But for what is run, and its secrets."""
        own = ("Description", "Exec", "LoadCredential=http", "LoadCredential=notify")
        one, notify = ([line for line in settings(name) if not line.startswith(own)] for name in ("crmpulse.service", "crmpulse-notify.service"))
        self.assertEqual(one, notify)

    def test_what_is_run_exists(self):
        """Commands and options of the units are those of the program."""
        for line in settings("crmpulse.service") + settings("crmpulse-notify.service"):
            found = re.match(r"Exec\w+=/usr/bin/crmpulse (\w+) (.*)", line)
            if not found:
                continue
            usage = subprocess.run([BIN, found[1], "--help"], capture_output=True, text=True, check=True).stdout
            for option in re.findall(r"--[a-z-]+", found[2]):
                self.assertIn(option, usage, line)

    def test_exit_codes(self):
        """A configuration that is refused is not tried again."""
        text = "\n".join(settings("crmpulse.service"))
        self.assertIn("RestartPreventExitStatus=64 78", text)
        done = subprocess.run([BIN, "run", "--set", "redis.shards=x"], capture_output=True, check=False)
        self.assertEqual(done.returncode, 78)
        self.assertEqual(subprocess.run([BIN, "run", "--nonsense"], capture_output=True, check=False).returncode, 64)

    def test_sysusers(self):
        done = subprocess.run(["systemd-sysusers", "--dry-run", str(REPO / "systemd/crmpulse.sysusers")], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("crmpulse", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
