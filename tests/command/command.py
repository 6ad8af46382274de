"""Running the program: CRMPULSE_BIN names it. No Kafka; every file goes into a directory of its own that goes away."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
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


class RedisCase(Case):
    """With a Redis of its own, on a socket in the directory."""

    def setUp(self):
        super().setUp()
        self.assertTrue(shutil.which("redis-server"), "redis-server is needed")
        self.path = self.dir / "r.sock"
        server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", str(self.path), "--dir", str(self.dir), "--save", "",
                                   "--maxmemory-policy", "noeviction"], stdout=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        for _ in range(200):
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(str(self.path))
                return
            except OSError:
                time.sleep(0.05)
        self.fail("redis-server does not answer")

    def redis(self, *words):
        subprocess.run(["redis-cli", "-s", str(self.path), *map(str, words)], check=True, stdout=subprocess.DEVNULL, timeout=30)

    def cell(self, hour_ms, field, value):
        """Adds to an hour pane of acme as a flush would."""
        key = f"pane:acme:h:{hour_ms}"
        self.redis("HINCRBY", f"cp:{{0}}:{key}", field, value)
        self.redis("ZADD", "cp:{0}:panes", 4102444800000, key)

    def newest_event(self, unix_ms):
        self.redis("HSET", "cp:{0}:off", "crm.events/0",
                   f"next=54 epoch=1 last=53 crc=00000001 max={unix_ms} idle=0 read=54 applied=53 duplicate=1 late=0 dead=0")
