#!/usr/bin/env python3
"""scripts/start: the progress of each step in a pipe and on a terminal, the page and ranks that move, a port that is taken, no root,
packages that cannot be had; and that nothing remains, in whatever step Ctrl-C comes.

Nothing is installed: where packages are missing, the commands of Debian are small scripts of the test's own. The program is built for real.
"""
import http.client
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from http_client import Client
from lib import REPO, Process, check, check_equal, finish, free_port, new_dir, run, wait_until
from processes import children, running

START = REPO / "scripts/start"
LOGS = REPO / "build/start/log"
LINE = re.compile(r"^\[(\d)/(\d)\] (\w+)  (.*)  (\d+) s$")
BUILD_SECONDS = 900  # nothing compiled before, on a busy machine

tmp = new_dir()
env = {"TMPDIR": str(tmp), "CCACHE_BASEDIR": str(REPO), "CCACHE_NOHASHDIR": "1"}


def steps(text):
    return [LINE.match(line).groups() for line in text.splitlines() if LINE.match(line)]


def address(text):
    # On a busy machine nobody may have overtaken anybody within a minute; that ranks move is looked at on the stream.
    found = re.search(r"^The (?:leaderboard moves|page is there, though nobody has overtaken anybody yet): http://127\.0\.0\.1:(\d+)/   \(\d+ s; Ctrl-C ends it\)\r?$", text, re.M)
    return int(found[1]) if found else None


def nothing_left(name, pids):
    try:
        wait_until(lambda: not running(pids), 5, "everything gone")
    except TimeoutError:
        pass
    check_equal(f"{name}: no process remains", running(pids), [])
    check_equal(f"{name}: no file remains", [str(p) for p in tmp.iterdir() if p.name.startswith("crmpulse")] + [str(p) for p in [LOGS] if p.exists()], [])


def boards(port, seconds):
    """The orders of names on the board that the stream tells, until there are two different ones."""
    connection, found, deadline = http.client.HTTPConnection("127.0.0.1", port, timeout=20), [], time.monotonic() + seconds
    connection.request("GET", "/api/v1/stream?org=aurora&topics=board/sales")
    answer = connection.getresponse()
    while len(found) < 2 and time.monotonic() < deadline:
        line = answer.readline()
        if line.startswith(b"data: ") and b'"entries"' in line:
            names = [entry["subject"] for entry in json.loads(line[6:])["entries"]]
            if names and names not in found:
                found.append(names)
    connection.close()
    return found


def test_pipe():
    log = tmp / "pipe.txt"
    started = Process([START, "--seed", "7"], log=log, env=env)
    try:
        wait_until(lambda: address(started.text()) or not started.alive(), BUILD_SECONDS, "the address")
    except TimeoutError:
        pass
    text, port = started.text(), address(started.text())
    if not check("the address is told, in one line", port, text[-3000:]):
        started.stop(20)
        return
    told = steps(text)
    check_equal("every step is told, in order", list(dict.fromkeys((n, of, name) for n, of, name, _, _ in told)),
                [("1", "3", "configure"), ("2", "3", "compile"), ("3", "3", "start")])
    counts = [tuple(map(int, m.groups())) for m in (re.match(r"(\d+)/(\d+) files", what) for _, _, name, what, _ in told if name == "compile") if m]
    check("files are counted up to the last", counts == sorted(counts) and all(done <= of for done, of in counts) and (not counts or counts[-1][0] == counts[-1][1]), counts)
    seconds = [int(s) for _, _, name, _, s in told if name == "compile"]
    check("a line in five seconds at most, and one at the end", all(b - a >= 5 for a, b in zip(seconds[:-1], seconds[1:-1])), told)
    check("no control characters", "\r" not in text and "\x1b" not in text)
    check("the page is there", "<title>crmpulse</title>" in Client(port).text("/"))
    check_equal("ranks move on the stream", len(boards(port, 90)), 2)
    pids = list(children(started.pid))
    started.signal(signal.SIGINT)
    check_equal("Ctrl-C: exit status", started.wait(20), 0)
    nothing_left("Ctrl-C", pids)


class Terminal:
    """A command on a terminal of its own, of which it is the master: what is typed reaches it as signals."""

    def __init__(self, columns, *args, extra=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({**env, **(extra or {})})
            os.execv(START, [str(START), *args])
        subprocess.run(["stty", "cols", str(columns), "rows", "30"], stdin=self.fd, check=True)
        self.data = b""
        os.set_blocking(self.fd, False)

    def text(self):
        try:
            while more := os.read(self.fd, 65536):
                self.data += more
        except OSError:
            pass
        return self.data.decode(errors="replace")

    def wait(self, seconds):
        """The exit status, negative for a signal."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.text()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        return None


def test_terminal():
    columns, port = 40, free_port()
    terminal = Terminal(columns, "--seed", "7", "--port", str(port))
    try:
        wait_until(lambda: address(terminal.text()) or running([terminal.pid]) == [], BUILD_SECONDS, "the address")
    except TimeoutError:
        pass
    text = terminal.text()
    check_equal("terminal: the port that was asked for", address(text), port)
    drawn = [piece for piece in re.split(r"\r\x1b\[K", text.split("\r\n\r\n")[0]) if piece]
    check("terminal: one line is redrawn", len(drawn) > 4 and all(piece.rstrip("\r\n").count("\n") == 0 for piece in drawn), text)
    check("terminal: it fits", max(len(piece.rstrip("\r\n")) for piece in drawn) < columns, max(drawn, key=len))
    check_equal("terminal: as many lines as steps", text.split("\r\n\r\n")[0].count("\r\n") + 1, 3)
    pids = list(children(terminal.pid))
    os.write(terminal.fd, b"\x03")
    check_equal("terminal, Ctrl-C: exit status", terminal.wait(20), 0)
    nothing_left("terminal, Ctrl-C", pids)


def test_ports():
    held = [socket.socket() for _ in range(2)]
    for s in held:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held[0].bind(("127.0.0.1", 0))
    held[0].listen()
    port = str(held[0].getsockname()[1])
    done = run([START, "--port", port], BUILD_SECONDS, env=env)
    check("a port that is taken: said so", done.returncode == 1 and f"port {port} is taken" in done.stderr.decode(), (done.returncode, done.stderr[-500:]))
    try:
        held[1].bind(("127.0.0.1", 9464))
        held[1].listen()
    except OSError:
        pass  # somebody else's: as good
    started = Process([START, "--seconds", "40"], log=tmp / "port.txt", env=env)
    try:
        wait_until(lambda: address(started.text()) or not started.alive(), 120, "the address")
    except TimeoutError:
        pass
    check("the usual port is taken: the next one", (address(started.text()) or 0) > 9464, started.text()[-800:])
    pids = list(children(started.pid))
    started.signal(signal.SIGTERM)
    check_equal("TERM: exit status", started.wait(20), 0)
    nothing_left("TERM", pids)
    for s in held:
        s.close()


def fake(**scripts):
    """A directory of commands that come before all others."""
    directory = new_dir()
    for name, body in scripts.items():
        path = directory / name.replace("_", "-")
        path.write_text("#!/bin/sh\n" + body)
        path.chmod(0o755)
    return {"PATH": f"{directory}:{os.environ['PATH']}"}


# Twelve packages: fetched, unpacked, set up.
APT = r"""
case "$*" in
*" update") echo "Reading lists"; exit 0 ;;
*"-s install"*) for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "Inst lib$i (1.0)"; done; exit 0 ;;
esac
for i in 3 12; do echo "dlstatus:$i:9.0:Retrieving file $i of 12 (2s remaining)" >&3; sleep 1; done
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "pmstatus:lib$i:50.0:Unpacking lib$i (amd64)" >&3; done; sleep 1
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "pmstatus:lib$i:90.0:Installed lib$i (amd64)" >&3; done; sleep ${APT_SLEEP:-1}
"""
NOTHING = dict(dpkg_query="exit 0\n", id="echo 0\n", apt_get=APT, cmake="exit 0\n")
COMPILING = 'echo "[1/9] Building C object a.o"; echo $$ >"$TMPDIR/ninja.pid"; exec sleep 100\n'


def test_packages():
    done = run([START], 60, env={**env, **fake(**NOTHING, ninja='echo "[1/2] Building C object a.o"; echo "a.c:1: error: wrong"; exit 1\n'), "PROGRESS_EVERY": "0"})
    told = [(n, of, name, what) for n, of, name, what, _ in steps(done.stdout.decode())]
    for what in ("fetched 3/12", "fetched 12/12", "unpacked 12/12 lib12", "set up 12/12 lib12", "12/12 installed"):
        check(f"packages: {what}", ("1", "4", "packages", what) in told, told)
    check("a build that fails: files are counted", ("3", "4", "compile", "1/2 files") in told, told)
    error = done.stderr.decode()
    check("a build that fails: the end of the log and where it is", done.returncode == 1 and "a.c:1: error: wrong" in error and f"the log is {LOGS}/build.log" in error, error)
    check("and there it is", "error: wrong" in (LOGS / "build.log").read_text())
    broken = fake(**{**NOTHING, "apt_get": 'case "$*" in *-s*) echo "Inst a"; exit 0;; esac; echo "E: Unable to fetch" >&2; exit 100\n'})
    done = run([START], 60, env={**env, **broken})
    check("no packages to be had: apt's words and where they are", done.returncode == 1 and "Unable to fetch" in done.stderr.decode() and "packages.log" in done.stderr.decode(), done.stderr)
    done = run([START], 60, env={**env, **fake(**{**NOTHING, "id": "echo 1000\n", "sudo": "exit 1\n"})})
    error = done.stderr.decode()
    check("no root, no sudo: which packages", done.returncode == 1 and "apt-get install --no-install-recommends gcc libc6-dev cmake" in error, error)
    done = run([START], 60, env={**env, **fake(**{**NOTHING, "id": "echo 1000\n", "sudo": '[ "$1" = -n ] && exit 0; exec "$@"\n', "ninja": "exit 1\n"})})
    check("sudo where it lets us", "12/12 installed" in done.stdout.decode(), done.stdout)
    shutil.rmtree(LOGS, ignore_errors=True)


def test_interrupted():
    terminal = Terminal(80, extra=fake(cmake="exit 0\n", ninja=COMPILING))
    wait_until(lambda: (tmp / "ninja.pid").exists() and (tmp / "ninja.pid").read_text().strip() and "1/9 files" in terminal.text(), 20, "a build")
    pids = [int((tmp / "ninja.pid").read_text())]
    os.write(terminal.fd, b"\x03")
    check_equal("Ctrl-C while it compiles: exit status", terminal.wait(20), 130)
    nothing_left("Ctrl-C while it compiles", pids)
    terminal = Terminal(80, extra={**fake(**NOTHING), "APT_SLEEP": "2"})
    wait_until(lambda: "set up 12/12" in terminal.text(), 20, "packages")
    os.write(terminal.fd, b"\x03")
    check_equal("Ctrl-C while packages are set up: exit status", terminal.wait(20), 130)
    check("it says why it does not end at once, and lets them", "Packages are being set up" in terminal.text() and "configure" not in terminal.text(), terminal.text())
    nothing_left("Ctrl-C while packages are set up", [])


def test_usage():
    for args in (["--port"], ["--port", "0"], ["--port", "70000"], ["--nonsense"], ["surplus"]):
        check_equal(f"usage: {' '.join(args)}", run([START, *args], 10, env=env).returncode, 64)
    check("help", b"--port" in run([START, "--help"], 10, env=env).stdout)


test_usage()
test_packages()
test_interrupted()
test_pipe()
test_terminal()
test_ports()
finish()
