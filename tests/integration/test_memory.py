#!/usr/bin/env python3
"""Memory: valgrind finds nothing in a short replay and a short run, and the daemon's memory stays bounded while Redis hangs or is gone and
events keep coming; afterwards it catches up to the right numbers.
"""
import json
import time

import lib

STREAM, GOLDEN = lib.REPO / "tests/golden/stream.ndjson", lib.REPO / "config/examples/golden.yaml"
folder = lib.new_dir()

# ---- valgrind ----------------------------------------------------------------------------------------------------------------------------

ERROR = 99
# valgrind cannot run a program that has AddressSanitizer in it.
PLAIN = lib.REPO / "build/debug/crmpulse" if "asan" in str(lib.BIN) else lib.BIN
MEMCHECK = ["valgrind", f"--error-exitcode={ERROR}", "--leak-check=full", "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"]


def memcheck(name, *args, seconds=300):
    """Runs the program under memcheck; its standard output, and one check."""
    log = folder / f"{name}.valgrind"
    done = lib.run([*MEMCHECK, f"--log-file={log}", PLAIN, *args], seconds)
    text = log.read_text(errors="replace") if log.exists() else "no report"
    lib.check(f"valgrind: {name}", done.returncode == 0 and "ERROR SUMMARY: 0 errors" in text,
              f"exit {done.returncode}; {done.stderr.decode(errors='replace')[-500:]}\n{text[-3000:]}")
    return done.stdout.decode(errors="replace")


for what in ([], ["--boards"], ["--scorecards"], ["--alerts"]):
    out = memcheck(" ".join(["replay", *what]), "replay", STREAM, "--config", GOLDEN, "--json", "--quiet", *what)
    lib.check(f"valgrind: replay {' '.join(what)} printed its rows", out.count("\n") >= 1 and all(json.loads(x) for x in out.splitlines()))
memcheck("check", "check", GOLDEN)
bad = lib.run([*MEMCHECK, PLAIN, "check", lib.REPO / "tests/golden/bad/keys.yaml"], 60)
lib.check("valgrind: check of a bad configuration", bad.returncode == 78 and b"ERROR SUMMARY: 0 errors" in bad.stderr, bad.stderr[-1500:].decode())

events = lib.topic_name("memory")
outputs = {k: lib.topic_name(k) for k in ("kpis", "alerts", "boards", "scorecards", "dead_letter", "late")}
lib.create_topics({events: 2, **{t: 1 for t in outputs.values()}})
config = folder / "valgrind.yaml"
config.write_text(f"""
include: [{GOLDEN}]
kafka:
  brokers: {lib.BOOTSTRAP}
  group: {events}
  topics: {{input: [{events}], {", ".join(f"{k}: {v}" for k, v in outputs.items())}}}
redis: {{url: "unix://{lib.REDIS_SOCKET}"}}
time: {{idle_timeout: 1s, wall_clock: false}}
publish: {{snapshot_every: 30d}}
""")
lib.must([lib.BIN, "send", STREAM, "--brokers", lib.BOOTSTRAP, "--topic", events])
lib.must(["kcat", "-b", lib.BOOTSTRAP, "-P", "-t", events, "-p", "0"], stdin=b"no event\n{\"event_id\":1}\n")
memcheck("run", "run", "--config", config, "--until-idle")
off = lib.Redis().hash("cp:{0}:off")
lib.check("valgrind: run had read everything", sum(int(v.split("read=")[1].split()[0]) for v in off.values()) == 56, off)
rows = memcheck("query", "query", "--config", config, "--json", "--quiet", "--kpi", "win_rate", "--window", "m", "--dim", "org")
lib.check_equal("valgrind: query", [json.loads(x)["value"] for x in rows.splitlines()], [0.75])

# ---- memory while Redis hangs ---------------------------------------------------------------------------------------------------------------

# The consumer's read-ahead is bounded to 128 MiB and a fetch to 50 MiB; what comes meanwhile is far more, so that growth without a bound shows.
FIRST, HANGING, GONE = 5_000, 45_000, 5_000
PAD = "x" * 9000  # an unknown key: read, then skipped
BOUND_MB = 300
BASE_MS, STEP_MS = 1_781_524_800_000, 60_000  # from 2026-06-15T12:00:00Z on, 38 days
PARTITIONS = 4

server = lib.Server("redis", "--aof", "always")
topic = lib.topic_name("flood")
lib.create_topics({topic: PARTITIONS})
config = folder / "flood.yaml"
config.write_text(f"""
kafka:
  brokers: {lib.BOOTSTRAP}
  group: {topic}
  topics: {{input: [{topic}], kpis: "", alerts: "", boards: "", scorecards: "", dead_letter: "", late: ""}}
  batch_messages: 500
redis: {{url: "unix://{server.socket}", command_timeout: 3s, backoff_min: 50ms, backoff_max: 500ms, record_cache: 16MiB}}
time: {{idle_timeout: 1s, wall_clock: false}}
""")


def flood(first, n):
    """n events with a key each partition gets its share of; one deal in a hundred events, the rest are updates of nobody (logins)."""
    path = folder / f"flood-{first}"
    with path.open("w") as f:
        for i in range(first, first + n):
            event = {"event_id": f"e{i}", "org_id": "acme", "occurred_at_ms": BASE_MS + i * STEP_MS, "pad": PAD}
            if i % 100 == 0:
                event.update(type="deal_closed", deal_id=f"D{i}", outcome="won", amount_micros=i * 1_000_000, currency="CNY")
            else:
                event.update(type="feature_used", user_id=f"u{i % 500}", feature="f")
            f.write(f"{i % 64}\t{json.dumps(event)}\n")
    return lib.Process(["kcat", "-b", lib.BOOTSTRAP, "-P", "-t", topic, "-K", "\t", "-l", path, "-X", "linger.ms=5"], log=folder / "kcat.log")


def rss_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024


def read_count():
    redis = lib.Redis(server.socket)
    try:
        return sum(int(v.split("read=")[1].split()[0]) for v in redis.hash("cp:{0}:off").values())
    except lib.RedisError as error: # a machine that stood still for seconds: a script seems to run as long
        if not str(error).startswith("BUSY"):
            raise
        return -1
    finally:
        redis.close()


def settle(process, what, seconds=120):
    code = process.wait(seconds)
    if code != 0:
        raise RuntimeError(f"{what}: exit {code}: {process.text()}")


def watch(daemon, seconds, samples):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        samples.append(rss_mb(daemon.pid))
        time.sleep(0.1)


settle(flood(0, FIRST), "kcat")
daemon = lib.Process([lib.BIN, "run", "--config", config], log=folder / "daemon.log")
lib.wait_until(lambda: read_count() == FIRST, 120, "the first events")
base = rss_mb(daemon.pid)

redis_pid = server.pid
lib.must(["kill", "-STOP", redis_pid])
samples = []
producer = flood(FIRST, HANGING)
while producer.alive():
    watch(daemon, 0.2, samples)
settle(producer, "kcat")
sent_mb = (folder / f"flood-{FIRST}").stat().st_size / 1e6
# What the brokers still send fills the read-ahead first.
watch(daemon, 25, samples)
peak, tail = max(samples), samples[-50:]
lib.check("Redis hangs: the daemon lives", daemon.alive(), daemon.text()[-2000:])
lib.check(f"Redis hangs, {sent_mb:.0f} MB of events come: memory {base:.0f} -> at most {peak:.0f} MB, bound +{BOUND_MB} MB", peak < base + BOUND_MB < base + sent_mb)
lib.check(f"and is flat at the end: {min(tail):.0f} to {max(tail):.0f} MB in 5 s", max(tail) - min(tail) < 16)
lib.must(["kill", "-CONT", redis_pid])
lib.wait_until(lambda: read_count() == FIRST + HANGING, 240, "catching up after the hang", 0.5)
lib.check("it caught up after the hang", daemon.alive())

# ---- memory while Redis is gone ---------------------------------------------------------------------------------------------------------------

# What has been read since is state by now; the outage may add no more than the first one did.
before = rss_mb(daemon.pid)
server.kill()
samples = []
producer = flood(FIRST + HANGING, GONE)
while producer.alive():
    watch(daemon, 0.2, samples)
watch(daemon, 6, samples)
lib.check(f"Redis is gone: memory {before:.0f} -> at most {max(samples):.0f} MB", daemon.alive() and max(samples) < before + BOUND_MB)
server.start()
TOTAL = FIRST + HANGING + GONE
lib.wait_until(lambda: read_count() == TOTAL, 240, "catching up after the crash", 0.5)
after = rss_mb(daemon.pid)
lib.check(f"after it all memory is {after:.0f} MB", after < before + BOUND_MB)
lib.check_equal("the daemon ends well", daemon.stop(15), 0)

done = lib.run([lib.BIN, "run", "--config", config, "--until-idle"], 120)
lib.check_equal("a last run finds everything done", (done.returncode, read_count()), (0, TOTAL))
counters = lib.Redis(server.socket).hash("cp:{0}:off").values()
sums = {k: sum(int(v.split(f" {k}=")[1].split()[0]) for v in counters) for k in ("applied", "duplicate", "late", "dead")}
lib.check_equal("every event is applied once", sums, dict(applied=TOTAL, duplicate=0, late=0, dead=0))
rows = [json.loads(x) for x in lib.must([lib.BIN, "query", "--config", config, "--json", "--quiet", "--window", "90d", "--dim", "org", "--kpi", "deals_won",
                                         "--kpi", "sales_amount", "--at", str(BASE_MS + TOTAL * STEP_MS)], 120).decode().splitlines()]
value = {r["kpi"]: r["value"] for r in rows}
deals = range(0, TOTAL, 100)
lib.check_equal("deals won", value.get("deals_won"), len(deals))
lib.check_equal("sales", value.get("sales_amount"), sum(deals) * 1_000_000)
lib.finish()
