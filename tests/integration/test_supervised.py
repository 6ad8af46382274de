#!/usr/bin/env python3
"""What systemd sees of a daemon: the datagrams on NOTIFY_SOCKET from the start to the end, the watchdog, priorities in the journal's stream; and the daemon at
work under the sandbox of systemd/crmpulse.service as far as tests/tools/under_unit.py can make it (it says what that leaves out)."""
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import lib
import pipeline

WATCHDOG_S = 2
UNIT = lib.REPO / "systemd/crmpulse.service"
UNDER = [str(lib.REPO / "tests/tools/under_unit.py"), str(UNIT)]


class Notified:
    """A socket as systemd has it; what came with the time it came at."""

    def __init__(self):
        self.path = lib.new_dir() / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.came = []

    def look(self):
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except BlockingIOError:
                return self.came
            self.came.append((time.monotonic(), text))

    def lines(self, name):
        return [line for _, text in self.look() for line in text.splitlines() if line.startswith(name + "=")]

    def wait(self, line, seconds=30, times=1):
        lib.wait_until(lambda: sum(line in text.splitlines() for _, text in self.look()) >= times, seconds,
                       lambda: f"{line} of {[text for _, text in self.came][-6:]}")


def fed(notified, seconds):
    """How often the watchdog was fed in the next seconds."""
    notified.look()
    before = len(notified.lines("WATCHDOG"))
    time.sleep(seconds)
    return len(notified.lines("WATCHDOG")) - before


pipe = pipeline.Installation(pipeline.EXAMPLES / "golden.yaml", 2)
notified = Notified()
environment = {"NOTIFY_SOCKET": str(notified.path), "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)}

# ---- from the start to the end
gone = pipe.redis()
daemon = pipe.start(env=environment)
notified.wait("READY=1")
said = [text for _, text in notified.came]
lib.check("ready is said once partitions are read and Redis answers", "event=assigned" in daemon.text() and "event=store_ready" in daemon.text())
lib.check_equal("the first datagram is the status", said[0], "STATUS=starting")
pipe.send(lib.REPO / "tests/golden/stream.ndjson")
count = lib.wait_until(lambda: pipe.total("read"), 30, "the stream is read")
lib.wait_until(lambda: any("at work: 2 partitions, 0 halted; Redis 1 of 1 shards" in s for s in notified.lines("STATUS")), 20, "a status")
lib.check("the watchdog is fed more often than asked for", fed(notified, 3 * WATCHDOG_S) >= 5, notified.lines("WATCHDOG"))
daemon.pause()
lib.check("but not while nothing turns", fed(notified, WATCHDOG_S) == 0)
daemon.resume()
notified.wait("WATCHDOG=1", 5, len(notified.lines("WATCHDOG")) + 1)

daemon.signal(signal.SIGHUP)
notified.wait("RELOADING=1", 10)
notified.wait("READY=1", 10, 2)
order = [line.split("=")[0] for _, text in notified.came for line in text.splitlines() if line.split("=")[0] in ("READY", "RELOADING", "MONOTONIC_USEC")]
lib.check_equal("a reload begins and ends", order, ["READY", "RELOADING", "MONOTONIC_USEC", "READY"])
began = time.monotonic()
lib.check_equal("it ends well", daemon.stop(), 0)
lib.check("within five seconds", time.monotonic() - began < 5)
lib.check("stopping is said", "STOPPING=1" in notified.lines("STOPPING"), notified.came[-4:])

# ---- the log
lib.check("without a journal there are no priorities", daemon.text().startswith("level=info "), daemon.text()[:80])
log = lib.new_dir() / "journal.log"
with open(log, "wb") as stream:
    at = os.fstat(stream.fileno())
    for name, said_by in (("ours", f"{at.st_dev}:{at.st_ino}"), ("of another", "1:2")):
        stream.seek(0)
        stream.truncate()
        child = subprocess.Popen([lib.BIN, "run", *pipe.options(), "--until-idle"], stdout=stream, stderr=stream,
                                 env={**os.environ, "JOURNAL_STREAM": said_by})
        child.wait(60)
        text = log.read_text()
        lib.check(f"priorities if the stream is {name}", all(line.startswith("<6>event=") == (name == "ours") for line in text.splitlines()), text[:300])

# ---- the journal itself, played by a socket where it listens
journal = Path("/run/systemd/journal/socket")
if journal.exists():
    print("# a journal runs here: what it gets is not looked at")
else:
    journal.parent.mkdir(parents=True)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening, open(log, "wb") as stream:
            listening.bind(str(journal))
            listening.settimeout(1)
            at = os.fstat(stream.fileno())
            subprocess.run([lib.BIN, "run", *pipe.options(), "--until-idle"], stdout=stream, stderr=stream, timeout=60, check=True,
                           env={**os.environ, "JOURNAL_STREAM": f"{at.st_dev}:{at.st_ino}"})
            entries = []
            while not entries or b"EVENT=stopped\n" not in entries[-1]:
                entries.append(listening.recv(65536))
        first = dict(line.split("=", 1) for line in entries[0].decode().splitlines())
        lib.check("each event has its fields", all(all(f"\n{name}=".encode() in b"\n" + e for name in ("PRIORITY", "EVENT", "MESSAGE_ID", "MESSAGE")) for e in entries), entries[:2])
        lib.check_equal("the first", (first["PRIORITY"], first["EVENT"], first["MESSAGE"].split()[0]), ("6", "starting", "event=starting"))
        lib.check_equal("whose id is that of every version", first["MESSAGE_ID"], "6a264b8e9ea946849409c88bc32995ea")
        lib.check_equal("and nothing goes to standard error as well", log.read_text(), "")
    finally:
        journal.unlink(missing_ok=True)
        journal.parent.rmdir()

# ---- under the sandbox of the unit
denied = lib.run([*UNDER, "/usr/bin/touch", "/var/tmp/crmpulse-touched"], 30)
lib.check("the sandbox is one: nothing can be written", denied.returncode != 0 and b"Read-only" in denied.stderr, denied.stderr)
denied = lib.run([*UNDER, "/bin/sh", "-c", "ulimit -n 100 && nice -n 5 true; exec chroot / true"], 30)
lib.check("nor may it change its root", denied.returncode != 0, denied)
pipe = pipeline.Installation(pipeline.EXAMPLES / "golden.yaml", 2)
second = Notified()
sandboxed = lib.Process([*UNDER, lib.BIN, "run", *pipe.options()], log=pipe.dir / "sandboxed.log",
                        env={"NOTIFY_SOCKET": str(second.path), "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)})
try:
    second.wait("READY=1")
except TimeoutError as error:
    lib.check("it gets ready under the sandbox", False, f"{error}\n{sandboxed.text()[-1500:]}")
    lib.finish()
pipe.send(lib.REPO / "tests/golden/stream.ndjson")
lib.wait_until(lambda: pipe.total("read") == count, 30, lambda: f"all is read\n{sandboxed.text()[-1500:]}")
sandboxed.signal(signal.SIGHUP)
second.wait("READY=1", 10, 2)
lib.check("it works under the sandbox", sandboxed.alive() and pipe.counters_add_up() == [], sandboxed.text()[-800:])
lib.check_equal("and ends well", sandboxed.stop(), 0)
lib.check("without a word of anything denied", "not permitted" not in sandboxed.text() and "level=error" not in sandboxed.text(), sandboxed.text()[-800:])
lib.finish()
