#!/usr/bin/env python3
"""The commands of an operator over real Kafka and Redis: init, doctor (what is well, and each thing that it has to find), top (once, and on a terminal)."""
import os
import pty
import re
import select
import time

import lib
import pipeline

folder = lib.new_dir()
redis_server = lib.Server("redis", "--tcp", "--aof", "everysec")
redis = lib.Redis(redis_server.socket)
pipe = pipeline.Installation(pipeline.EXAMPLES / "golden.yaml", 2, redis_server.socket)


def doctor(*sets, config=None):
    """(exit code, lines) of the doctor."""
    words = ["--config", config, *(w for s in sets for w in ("--set", s))] if config else pipe.options(sets)
    done = lib.run([lib.BIN, "doctor", *words], 60)
    return done.returncode, (done.stdout + done.stderr).decode()


def finds(name, text, pattern):
    return lib.check(name, re.search(pattern, text, re.M), text)


# ---- init
start = folder / "start.yaml"
done = lib.run([lib.BIN, "init", start, "--org", "acme", "--zone", "Asia/Shanghai", "--currency", "EUR", "--brokers", lib.BOOTSTRAP,
                "--redis", f"unix://{redis_server.socket}"])
lib.check_equal("init writes a file", (done.returncode, start.exists()), (0, True))
text = start.read_text()
lib.check("with what was asked for", all(s in text for s in ('"acme": {zone: "Asia/Shanghai", currency: EUR', lib.BOOTSTRAP, redis_server.socket)) and "@" not in text, text[:900])
lib.check_equal("that passes check without a word", (lambda d: (d.returncode, d.stderr))(lib.run([lib.BIN, "check", "--quiet", start])), (0, b""))
again = lib.run([lib.BIN, "init", start])
lib.check("and does not overwrite", again.returncode == 1 and b"stays as it is" in again.stderr and start.read_text() == text, again)
for name, words in (("zone", ["--zone", "Mars/Olympus"]), ("currency", ["--currency", "EURO"])):
    bad = lib.run([lib.BIN, "init", folder / "never.yaml", *words])
    lib.check(f"a {name} that nobody knows is refused and nothing written", bad.returncode == 78 and not (folder / "never.yaml").exists(), bad)
lib.check_equal("nor what would break out of its place", lib.run([lib.BIN, "init", folder / "never.yaml", "--org", 'x": {']).returncode, 64)

# ---- doctor: all is well but for one replica
code, text = doctor()
lib.check_equal("all is well", code, 0)
finds("partitions of the input", text, rf"^ok +kafka input {pipe.input}: 2 partitions$")
finds("one replica is a warning", text, r"^warn +kafka input .*one replica")
finds("Redis, version and policy", text, r"^ok +redis shard 0: version 7\.")
finds("an append-only file", text, r"^ok +redis shard 0: appendonly is yes$")
finds("appendfsync", text, r"^ok +redis shard 0: appendfsync is everysec$")
finds("the clock", text, r"^ok +redis shard 0: its clock is \d+ ms")
finds("nothing was written by looking", text, r"^ok +redis shard 0: empty: the first daemon begins here$")
lib.check_equal("and nothing is there", redis.keys(), [])

# ---- doctor: everything that it has to find
code, text = doctor("kafka.topics.input=[nowhere]", "kafka.topics.alerts=nowhere-either")
lib.check_equal("topics that are missing fail", code, 1)
finds("the input", text, r"^fail +kafka input nowhere: there is no such topic.*create it")
finds("the output", text, r"^fail +kafka output nowhere-either: .*kafka\.topics\.alerts")
odd = f"odd.{pipe.tag}"
lib.create_topics({odd: (1, {"cleanup.policy": "compact", "retention.ms": "3600000", "max.message.bytes": "9000000", "min.insync.replicas": "2"})})
code, text = doctor(f"kafka.topics.input=[{odd}]", f"kafka.topics.boards={odd}")
lib.check_equal("a compacted input fails", code, 1)
finds("compaction", text, rf"^fail +kafka input {odd}: cleanup\.policy is compact: ")
finds("more replicas asked for than there are", text, rf"^fail +kafka input {odd}: min\.insync\.replicas is 2, but there are 1 replicas")
finds("a short retention", text, rf"^warn +kafka input {odd}: retention\.ms is 0 d; a week")
finds("records larger than are read", text, rf"^warn +kafka input {odd}: takes records of 9000000 bytes")
finds("a compacted output", text, rf"^warn +kafka output {odd}: cleanup\.policy is compact")
code, text = doctor("redis.url=redis://127.0.0.1:1", "kafka.brokers=127.0.0.1:1")
finds("no broker", text, r"^fail +kafka: .*check kafka\.brokers")
finds("no Redis", text, r"^fail +redis shard 0: .*refused.*check redis\.url")
code, text = doctor(f"http.token_file={folder}/nothing", "http.orgs={acme: /nowhere/token}")
lib.check_equal("tokens that cannot be read fail", code, 1)
finds("that of all", text, r"^fail +http: http\.token_file: .*nothing")
finds("that of an org", text, r"^fail +http: http\.orgs\.acme: .*/nowhere/token")
redis("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
code, text = doctor()
lib.check_equal("an evicting policy fails", code, 1)
finds("with the reason", text, r"^fail +redis shard 0: maxmemory-policy is 'allkeys-lru', must be noeviction")
redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
redis("CONFIG", "SET", "appendfsync", "no")
finds("appendfsync no", doctor()[1], r"^warn +redis shard 0: appendfsync is no: ")
redis("CONFIG", "SET", "appendonly", "no")
finds("appendonly no", doctor()[1], r"^warn +redis shard 0: appendonly is no: .*--rebuild")
rights = next(line for line in (lib.REPO / "config/redis-users.acl").read_text().splitlines() if line.startswith("user crmpulse ")).split()[2:]
password = folder / "password"
password.write_text("secret\n")
password.chmod(0o600)
user = ("redis.user=op", f"redis.password_file={password}")
redis("ACL", "SETUSER", "op", ">secret", *rights)
code, text = doctor(*user)
lib.check_equal("the shipped rights are enough", code, 0)
finds("the user is named", text, r"^ok +redis shard 0: user op may send every command")
redis("ACL", "SETUSER", "op", "-xadd", "-evalsha", "-scan")
code, text = doctor(*user)
finds("missing rights are named", text, r"^fail +redis shard 0: user op may not: XADD SCAN EVALSHA; config/redis-users\.acl")
lib.check_equal("and fail", code, 1)
redis("ACL", "SETUSER", "op", "resetkeys", "~other:*", *[r for r in rights if r.startswith("+")])
finds("keys that the user may not touch", doctor(*user)[1], r"^fail +redis shard 0: user op may not: DEL SET ")
lib.check_equal("a configuration that is refused", lib.run([lib.BIN, "doctor", "--set", "redis.shards=x"]).returncode, 78)

# ---- top
daemon = pipe.start()
pipe.send(lib.REPO / "tests/golden/stream.ndjson")
sent = sum(end for _, end in lib.offsets(pipe.input).values())
lib.wait_until(lambda: pipe.total("read") == sent, 30, "all is read")
lib.wait_until(lambda: redis("HGET", "cp:{0}:state", "/tick"), 30, "something is judged")
lib.wait_until(lambda: redis("EXISTS", "cp:{0}:alert:acme"), 30, "an alert is known")
lib.wait_until(lambda: redis("XLEN", "cp:{0}:outbox") == 0, 30, "all is published")
once = lib.run([lib.BIN, "top", *pipe.options(), "--once"], 30)
text = once.stdout.decode()
lib.check_equal("top once", once.returncode, 0)
finds("lag and sums", text, rf"^crmpulse top   group {pipe.tag}   lag 0   0/s   read {sent}$")
finds("the counters", text, rf"^applied {pipe.total('applied')}   duplicate {pipe.total('duplicate')}   late {pipe.total('late')}   dead letters {pipe.total('dead')}$")
finds("the shard", text, r"^shard 0   judged until \d{4}-\d\d-\d\dT.* by \S+   to be published 0 ")
lib.check_equal("each partition", len(re.findall(rf"^{re.escape(pipe.input)}/[01] +(?:\d+|-) +0 ", text, re.M)), 2)
firing = [k for k, v in redis.hash("cp:{0}:alert:acme").items() if not v.startswith("ok")]
lib.check_equal("each alert that is not ok", len(re.findall(r"^(?:critical|warning) .*csat_low org:acme", text, re.M)), len(firing))
lib.check_equal("and nothing else", len(re.findall(r"^\S+ +\S+ +csat_low ", text, re.M)), len(firing))
daemon.stop()
pipe.send(lib.REPO / "tests/golden/stream.ndjson")
text = lib.run([lib.BIN, "top", *pipe.options()], 30).stdout.decode()
finds("without a daemon the lag grows, and nobody judges", text, rf"lag {sent}   0/s(.|\n)*by nobody")

# On a terminal: it draws, and q ends it with the terminal as it was.
parent, child = pty.fork()
if parent == 0:
    os.execv(lib.BIN, [lib.BIN, "top", *map(str, pipe.options()), "--interval", "0.3"])
seen, asked, deadline = b"", False, time.monotonic() + 20
while time.monotonic() < deadline:
    if select.select([child], [], [], 0.2)[0]:
        try:
            seen += os.read(child, 65536)
        except OSError:
            break
    if seen.count(b"crmpulse top") >= 2 and not asked:
        asked = True
        os.write(child, b"q")
status = os.waitpid(parent, 0)[1]
lib.check_equal("q ends it", (asked, os.waitstatus_to_exitcode(status)), (True, 0))
lib.check("the terminal is as it was", seen.rstrip().endswith(b"\x1b[?25h\x1b[?1049l"), seen[-80:])

redis_server.stop()
down = lib.run([lib.BIN, "top", *pipe.options(), "--once"], 30)
lib.check("without Redis it says so", down.returncode == 1 and b"Redis: " in down.stdout, down)
lib.finish()
