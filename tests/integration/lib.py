"""What the integration tests share: processes by pid, waiting with a deadline, Redis, Kafka, event files, and the lines
`ok NAME` / `not ok NAME` that scripts/test counts.

Standard library only; Kafka is reached through kcat and the helper program kafka_admin. Nothing here knows the product's keys
or messages. Everything that is started here ends with the test, also when the test dies.
"""
import atexit
import collections
import ctypes
import gzip
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(os.environ.get("REPO") or Path(__file__).resolve().parents[2])
BIN = os.environ.get("CRMPULSE_BIN") or str(REPO / "build/debug/crmpulse")
BOOTSTRAP = os.environ.get("KAFKA_BOOTSTRAP", "")
REDIS_SOCKET = os.environ.get("REDIS_SOCKET", "")
KAFKA_ADMIN = os.environ.get("KAFKA_ADMIN") or str(Path(BIN).parent / "tests/tools/kafka_admin")

# How much longer to wait for what must come: CHAOS_PATIENCE=4 on a busy machine.
PATIENCE = float(os.environ.get("CHAOS_PATIENCE", "1"))

# ---- checks -------------------------------------------------------------------------------------------------------------------

_failed = 0
_passed = 0


def check(name, condition, detail=""):
    """Prints one counted line; returns the condition. The test goes on after a failure."""
    global _failed, _passed
    if condition:
        _passed += 1
        print(f"ok {name}", flush=True)
    else:
        _failed += 1
        print(f"not ok {name}" + (f"\n    {detail}" if detail else ""), flush=True)
    return bool(condition)


def check_equal(name, got, want):
    return check(name, got == want, f"got {got!r}, want {want!r}")


def failures():
    """How many checks failed so far."""
    return _failed


def finish():
    """Ends the test: exit status 0 only if there was a check and none failed."""
    sys.exit(1 if _failed or not _passed else 0)


def wait_until(condition, seconds, what, interval=0.05):
    """Calls condition() until it returns something true, and returns that; raises TimeoutError after `seconds`. `what` may be a function: what it says then."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what() if callable(what) else what}: not within {seconds} s")
        time.sleep(interval)


# ---- processes and directories ------------------------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
_running = []


def _die_with_parent():
    PR_SET_PDEATHSIG = 1
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child with its output in a file (`log`), or in a pipe (`stdout`) if no log is named."""

    def __init__(self, argv, log=None, env=None, stdin=subprocess.DEVNULL):
        self.argv = [str(a) for a in argv]
        self.log = Path(log) if log else None
        out = open(self.log, "ab") if self.log else subprocess.PIPE
        self.child = subprocess.Popen(self.argv, stdin=stdin, stdout=out, stderr=subprocess.STDOUT if self.log else None,
                                      env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent)
        if self.log:
            out.close()
        self.pid = self.child.pid
        _running.append(self)

    def alive(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def wait(self, seconds):
        return self.child.wait(timeout=seconds)

    def stop(self, seconds=10):
        """TERM, then KILL after `seconds`; returns the exit status (negative: the signal)."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def text(self):
        return self.log.read_text(errors="replace") if self.log and self.log.exists() else ""


def run(argv, seconds=60, stdin=None, env=None):
    """Runs a command to its end; bytes in, CompletedProcess with bytes out."""
    return subprocess.run([str(a) for a in argv], input=stdin if stdin is not None else b"", capture_output=True,
                          timeout=seconds, env={**os.environ, **(env or {})}, check=False)


def must(argv, seconds=60, stdin=None):
    """run(), and an exception with the command's words unless it exits with 0. Returns its standard output."""
    done = run(argv, seconds, stdin)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} exited with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


_directories = []


def new_dir():
    """A directory that is removed at the end. The path is short: unix sockets go there."""
    path = Path(tempfile.mkdtemp(prefix="cp-"))
    _directories.append(path)
    return path


def _cleanup():
    for process in _running:
        process.resume()
        process.stop(3)
    for server in _servers:
        server.kill()
    for path in _directories:
        shutil.rmtree(path, ignore_errors=True)


atexit.register(_cleanup)
# A TERM from scripts/test must run the cleanup too.
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))

def free_port():
    """A port of loopback that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


_servers = []


class Server:
    """A Kafka or Redis of the test's own (scripts/kafka, scripts/redis), for tests that stop or kill it. The data stays
    between stop and start."""

    def __init__(self, kind, *options):
        self.script, self.options, self.dir = REPO / "scripts" / kind, options, new_dir()
        _servers.append(self)
        self.start()

    def start(self):
        must([self.script, "start", "--dir", self.dir, *self.options], 300)
        # Options are for the first start; the directory remembers them.
        self.options = ()

    def stop(self):
        must([self.script, "stop", "--dir", self.dir], 60)

    def kill(self):
        must([self.script, "stop", "--kill", "--dir", self.dir], 60)

    @property
    def pid(self):
        return int((self.dir / "pid").read_text())

    @property
    def socket(self):
        return str(self.dir / "redis.sock")

    @property
    def bootstrap(self):
        return (self.dir / "bootstrap").read_text().strip()


# ---- Redis --------------------------------------------------------------------------------------------------------------------


def mend_append_only(directory):
    """Takes a torn transaction off the end of a stopped server's append-only file. redis-server 7.0 itself leaves the open MULTI behind, and with
    its next start half a batch comes back (docs/FAULTS.md)."""
    manifest, = (Path(directory) / "appendonlydir").glob("*.manifest")
    must(["redis-check-aof", "--fix", manifest], 60, b"y\n")


class RedisError(Exception):
    pass


class Redis:
    """redis("HGETALL", key): one command over the unix socket. Answers are bytes, int, None or lists of them."""

    def __init__(self, path=None, seconds=10):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(seconds)
        self.sock.connect(str(path or REDIS_SOCKET))
        self.file = self.sock.makefile("rb")

    def __call__(self, *args):
        parts = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        self.sock.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        answer = self._read()
        if isinstance(answer, RedisError):
            raise answer
        return answer

    def _read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return RedisError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        n = int(rest)
        if n < 0:
            return None
        if kind == b"$":
            return self.file.read(n + 2)[:n]
        return [self._read() for _ in range(n)]

    def hash(self, key):
        """HGETALL as a dict of str."""
        flat = [v.decode(errors="replace") for v in self("HGETALL", key)]
        return dict(zip(flat[::2], flat[1::2]))

    def keys(self, pattern="*"):
        """All keys that match, sorted, by SCAN."""
        found, cursor = set(), b"0"
        while True:
            cursor, batch = self("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            found.update(k.decode(errors="replace") for k in batch)
            if cursor == b"0":
                return sorted(found)

    def close(self):
        self.file.close()
        self.sock.close()


# ---- Kafka --------------------------------------------------------------------------------------------------------------------

Message = collections.namedtuple("Message", "partition offset timestamp_ms key value headers")


def _admin(bootstrap, *args):
    return must([KAFKA_ADMIN, bootstrap or BOOTSTRAP, *args], 60).decode()


def create_topics(topics, bootstrap=None):
    """topics: {name: partitions} or {name: (partitions, {setting: value})}."""
    args = []
    for name, spec in topics.items():
        partitions, settings = spec if isinstance(spec, tuple) else (spec, {})
        args += [name, partitions, *(f"{k}={v}" for k, v in settings.items())]
    _admin(bootstrap, "create", *args)


def delete_topics(*names, bootstrap=None):
    _admin(bootstrap, "delete", *names)


def add_partitions(name, total, bootstrap=None):
    _admin(bootstrap, "add-partitions", name, total)


def delete_records(name, partition, before_offset, bootstrap=None):
    _admin(bootstrap, "delete-records", name, partition, before_offset)


def offsets(name, bootstrap=None):
    """{partition: (first offset, end offset)}"""
    rows = (map(int, line.split()) for line in _admin(bootstrap, "offsets", name).splitlines())
    return {partition: (low, high) for partition, low, high in rows}


def topic_name(stem):
    """A name that no other test of this run has."""
    return f"{stem}.{secrets.token_hex(4)}"


def produce(topic, messages, partition=None, headers=None, bootstrap=None, seconds=120):
    """Writes (key, value) pairs or bare values, all bytes, in order; key None means no key. Returns when the broker has them.
    The partition is the one that Java's default partitioner takes, unless named. A headers dict goes to each of them."""
    delimiter, separator = secrets.token_hex(12).encode(), secrets.token_hex(12).encode()  # kcat ends a delimiter at a zero byte
    keyed, bare = [], []
    for message in messages:
        key, value = message if isinstance(message, tuple) else (None, message)
        if key is None:
            bare.append(value)
        else:
            keyed.append(key + separator + value)
    if keyed and bare:
        raise ValueError("either all messages of a call have a key or none has")
    if b"" in bare:
        raise ValueError("kcat leaves out an empty message without a key")
    argv = ["kcat", "-b", bootstrap or BOOTSTRAP, "-P", "-t", topic, "-D", _escaped(delimiter),
            "-X", "partitioner=murmur2_random", "-X", "message.max.bytes=20000000", "-X", "linger.ms=5"]
    if partition is not None:
        argv += ["-p", str(partition)]
    for name, value in (headers or {}).items():
        argv += ["-H", f"{name}={value}"]
    if keyed:
        argv += ["-K", _escaped(separator)]
    must(argv, seconds, delimiter.join(keyed or bare) + delimiter)


def _escaped(data):
    return "".join(f"\\x{b:02x}" for b in data)


def consume(topic, bootstrap=None, seconds=120, committed=True):
    """All messages from the first to the present end, ordered by partition and offset."""
    argv = ["kcat", "-b", bootstrap or BOOTSTRAP, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f",
            "%p %o %T %K %S %h\\n%k%s", "-X", "fetch.message.max.bytes=20000000", "-X", "fetch.wait.max.ms=20",
            "-X", "isolation.level=" + ("read_committed" if committed else "read_uncommitted")]
    data, at, found = must(argv, seconds), 0, []
    while at < len(data):
        end = data.index(b"\n", at)
        p, o, t, key_len, value_len, headers = data[at:end].split(b" ", 5)
        key_len, value_len, at = int(key_len), int(value_len), end + 1
        key = data[at:at + max(key_len, 0)] if key_len >= 0 else None
        at += max(key_len, 0)
        value = data[at:at + max(value_len, 0)] if value_len >= 0 else None
        at += max(value_len, 0)
        pairs = dict(h.split("=", 1) for h in headers.decode(errors="replace").split(",") if "=" in h)
        found.append(Message(int(p), int(o), int(t), key, value, pairs))
    return sorted(found, key=lambda m: (m.partition, m.offset))


# ---- events -------------------------------------------------------------------------------------------------------------------


def load_ndjson(path):
    """The objects of an NDJSON file, plain or .gz."""
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]
