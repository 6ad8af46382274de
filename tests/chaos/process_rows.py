"""P: what happens to the process itself."""
import os
import signal
import subprocess
import time
from pathlib import Path

from registry import row
from scenario import lib


@row("P1", "kill -9 of the daemon 20 times at random (1,000 times: scripts/kill-test --kills 1000)", "equal state; restart to first applied <= 2 s")
def killed(s):
    s.begin(rate=500, sets=["kafka.instance_id=one"])
    took = []
    for _ in range(20):
        time.sleep(s.chance.uniform(0.05, 1.0))
        s.daemon.kill()
        s.start()
        if s.chance.random() < 0.5 and s.sender.alive():
            took.append(s.progress(20, 60))
    lib.check("goes on within 2 s (median)", sorted(took)[len(took) // 2] <= 2, took)
    return f"{s.end()}; goes on after {sorted(took)[len(took) // 2]:.2f} s (median), {max(took):.2f} s (longest)"


@row("P2", "SIGTERM at any time, before the first assignment too", "exit status 0 within 5 s")
def terminated(s):
    s.begin(rate=500)
    longest = 0.0
    for _ in range(12):
        began = time.monotonic()
        status = s.daemon.stop(20)
        took = time.monotonic() - began
        longest = max(longest, took)
        lib.check("exit status 0 within 5 s", status == 0 and took <= 5, f"{status} after {took:.1f} s\n{s.daemon.text()[-800:]}")
        s.start()
        lib.wait_until(lambda: s.daemon.text() or not s.daemon.alive(), 30, "its first line", 0.01)
        time.sleep(s.chance.choice((0, 0.05, 0.2, 0.5, 1.5)))
    return f"{s.end()}; longest {longest:.2f} s"


def limited(s, words):
    """A daemon started through another program."""
    program, lib.BIN = lib.BIN, words
    try:
        s.pipe.started += 1
        return lib.Process([*words, program, "run", *s.pipe.options()], log=s.pipe.dir / f"run{s.pipe.started}.log")
    finally:
        lib.BIN = program


@row("P3", "little memory: the address space ends while it works", "ends or waits, nothing is corrupted; a new one goes on")
def little_memory(s):
    s.begin(rate=700)
    s.progress(500, 60)
    with open(f"/proc/{s.daemon.pid}/status", encoding="ascii") as f:
        size_kb = next(int(line.split()[1]) for line in f if line.startswith("VmSize"))
    lib.must(["prlimit", "--pid", s.daemon.pid, f"--as={(size_kb + 2000) * 1024}"])
    time.sleep(15)
    ended = not s.daemon.alive()
    if not ended:
        s.daemon.kill()
    s.start()
    s.progress(200, 60)
    return f"{s.end()}; under the limit it {'ended' if ended else 'stayed'}"


@row("P4a", "few file descriptors: 32, a soft limit of 32, and 65", "refused at the start with the reason; raised; works")
def few_descriptors(s):
    s.start_servers()
    s.install(4)
    refused = limited(s, ["prlimit", "--nofile=32"])
    lib.check_equal("32: it ends at once", refused.wait(10), 1)
    lib.check("and says why", "at most 32 files may be open" in refused.text(), refused.text())
    s.daemon = limited(s, ["prlimit", "--nofile=32:1024"])
    s.send(1000)
    s.progress(3000, 60, "a soft limit of 32")
    s.stop()
    s.daemon = limited(s, ["prlimit", "--nofile=65"])
    s.progress(500, 60, "65")
    return f"{s.end()}; refused at 32"


@row("P4b", "standard output and error are full (/dev/full), closed, or a pipe whose reader is gone", "works all the same")
def no_log(s):
    s.start_servers()
    s.install(4)
    s.send(1000)
    for redirect in (">/dev/full 2>&1", ">&- 2>&-", "2>&1 | head -1"):
        run = subprocess.Popen(["bash", "-c", 'exec 3>"$0"; shift 0; "$@" ' + redirect, "/dev/null", lib.BIN, "run", *map(str, s.pipe.options())],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            s.progress(1500, 60, f"with {redirect}")
            lib.check(f"works with {redirect}", run.poll() is None)
        finally:
            lib.run(["pkill", "-TERM", "--session", str(run.pid)])
            try:
                run.wait(15)
            except subprocess.TimeoutExpired:
                lib.run(["pkill", "-KILL", "--session", str(run.pid)])
                run.wait(5)
    return s.end()


@row("P4c", "SIGPIPE, SIGHUP while at work", "SIGPIPE is ignored; SIGHUP ends nothing")
def signals(s):
    s.begin(rate=1000)
    for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGPIPE):
        s.daemon.signal(number)
        s.progress(300, 30)
        s.alive(f"after {number.name}")
    return s.end()


def next_version():
    """The program as it will be after a change of what is in Redis: the same code, but its layout is the next one."""
    folder = Path(lib.BIN).resolve().parents[1] / "next-layout"
    env = {"CCACHE_BASEDIR": str(lib.REPO), "CCACHE_NOHASHDIR": "1"}
    for command in (["cmake", "--preset", "debug", "-B", folder, "-DBUILD_TESTING=OFF", "-DCMAKE_C_FLAGS=-DREDIS_LAYOUT='\"2\"'"],
                    ["cmake", "--build", folder, "--target", "crmpulse"]):
        done = subprocess.run([str(word) for word in command], cwd=lib.REPO, env={**os.environ, **env}, capture_output=True, timeout=600, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stdout.decode()[-2000:] + done.stderr.decode()[-2000:])
    return folder / "crmpulse"


@row("P5", "two versions in one group: a newer program meets older state, then an older one meets newer state, while running and at the start",
     "whoever does not know the layout is refused with the reason and writes nothing; the other goes on")
def two_versions(s):
    newer = next_version()
    s.begin(rate=500)
    second = s.pipe.start(program=newer)
    lib.check_equal("the newer one is refused on older state", second.wait(20), 1)
    lib.check("and says why", "has layout 1, this program writes 2" in second.text(), second.text())
    s.progress(500, 30, "the older one goes on")
    lib.check("undisturbed", "partition_halted" not in s.daemon.text() and "event=revoked" not in s.daemon.text(), s.daemon.text()[-1500:])
    # What a newer version that converts state would do, under a running older one.
    s.pipe.redis()("HSET", "cp:{0}:meta", "layout", "2")
    time.sleep(1)
    held = s.pipe.offsets()
    s.says("layout", 20)
    time.sleep(3)
    lib.check("the older one writes nothing more", s.pipe.offsets() == held)
    why = [line for line in s.daemon.text().splitlines() if "layout" in line]
    lib.check("and says why", any("has layout 2, this program writes 1" in line for line in why), why[:3])
    if s.daemon.alive():
        s.daemon.stop(10)
    s.start()
    lib.check_equal("at the start it is refused", s.daemon.wait(20), 1)
    lib.check("with the reason", "has layout 2, this program writes 1" in s.daemon.text(), s.daemon.text())
    s.start(program=newer)
    s.progress(500, 60, "the newer one goes on where the older stopped")
    s.all_sent()
    s.stop()
    program, lib.BIN = lib.BIN, str(newer)
    try:
        return s.end()
    finally:
        lib.BIN = program
