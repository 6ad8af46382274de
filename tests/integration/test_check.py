#!/usr/bin/env python3
"""What is refused before any event is read, and how it is said: configurations, command lines, a Redis that would lose numbers or belongs to
another layout; and what is not refused: a Redis or a broker that is not there yet.
"""
import json
import re
import signal
import socket
import time

import lib

USAGE, CONFIG, RUNTIME = 64, 78, 1
folder = lib.new_dir()


def crmpulse(*args, seconds=30):
    done = lib.run([lib.BIN, *args], seconds)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def write(name, text):
    path = folder / name
    path.write_text(text)
    return path


# ---- check: every error at once, with its place --------------------------------------------------------------------------------------

BAD = write("bad.yaml", """\
kafka:
  brokres: one:9092
  session_timeout: 45
redis: {shards: 0}
tiem:
  tick: 1m
orgs:
  acme: {zone: Asia/Shangai, currency: yuan, week_start: mondy}
boards:
  top: {kpi: sale_amount, window: 31x, dim: rep}
rules:
  low: {kpi: csat, window: 30d, fire: "<< 0.8"}
""")
# line, column, what the message must say: the place of the wrong word, and the right one where there is one near
WANT = [(2, 3, "brokers"), (3, 20, "45"), (4, 17, "0"), (5, 1, "time"), (8, 16, "Asia/Shangai"), (8, 40, "yuan"), (8, 58, "monday"),
        (10, 14, "sales_amount"), (10, 35, "31x"), (12, 39, "<<")]
code, out, err = crmpulse("check", BAD)
lines = err.splitlines()
lib.check_equal("check of a bad file exits with 78", code, CONFIG)
lib.check("every line is file:line:col: message", lines and all(re.match(rf"{re.escape(str(BAD))}:\d+:\d+: \S", x) for x in lines), err)
for line, column, word in WANT:
    lib.check(f"error at {line}:{column} with '{word}'",
              any(x.startswith(f"{BAD}:{line}:") and word in x for x in lines) and
              (word == "<<" or any(x.startswith(f"{BAD}:{line}:{column}:") and word in x for x in lines)), err)
lib.check_equal("one line each, and no other", len(lines), len(WANT))
lib.check("nothing is said to be well", "ok" not in out, out)
for word in ("brokers", "time", "monday", "sales_amount"):
    lib.check(f"it suggests '{word}'", f"did you mean '{word}'?" in err, err)


def golden(path):
    """(line, column) of what the comments of tests/golden/bad say; see its README."""
    found, above = [], 0
    for number, text in enumerate(path.read_text().splitlines(), 1):
        explicit = re.match(r"#! (\d+):(\d+) ", text)
        if re.match(r"# *\^", text):
            found.append((above, text.index("^") + 1))
        elif explicit:
            found.append((int(explicit[1]), int(explicit[2])))
        else:
            above = number
    return sorted(found)


for path in sorted((lib.REPO / "tests/golden/bad").glob("*.yaml")):
    if "include" in path.read_text():
        continue
    code, out, err = crmpulse("check", path)
    places = sorted((int(m[1]), int(m[2])) for m in re.finditer(rf"(?m)^{re.escape(str(path))}:(\d+):(\d+): ", err))
    lib.check_equal(f"check {path.name}: every error at its place", (code, places), (CONFIG, golden(path)))

included = write("outer.yaml", "include: [inner.yaml]\nredis: {shards: x}\n")
write("inner.yaml", "# first line\nredis:\n  flush_intervall: 1s\n")
code, out, err = crmpulse("check", included)
lib.check("an error in an included file names that file", code == CONFIG and f"{folder}/inner.yaml:3:3: " in err and f"{included}:2:17: " in err, err)

for path in [lib.REPO / "config/crmpulse.yaml", *sorted((lib.REPO / "config/examples").glob("*.yaml"))]:
    code, out, err = crmpulse("check", "--config", path)
    lib.check(f"the shipped {path.name} is well", code == 0 and out.startswith("ok: ") and not err, err or out)
(folder / "told.yaml").write_text("notify: {receivers: {am: {kind: alertmanager, url: 'http://127.0.0.1:9093'}, team: {kind: slack, url_file: 'credential:slack'}}}\n")
lib.check("the receivers of alerts are counted", crmpulse("check", folder / "told.yaml")[1].endswith(", 2 receivers\n") and
          json.loads(crmpulse("check", folder / "told.yaml", "--json")[1])["receivers"] == 2)
(folder / "told.yaml").write_text("notify:\n  receivers:\n    am: {kind: webhook}\n    team: {kind: slack, ulr: x, url_file: /f}\n")
code, out, err = crmpulse("check", folder / "told.yaml")
lib.check("one without an address, and an unknown key, each at its place", code == CONFIG and f"{folder}/told.yaml:3:5: error: receiver 'am' needs url" in err and
          f"{folder}/told.yaml:4:25: error: unknown key 'ulr'" in err, err)
code, out, err = crmpulse("check", "--set", "redis.shards=0", "--set", "kafka.brokrs=x", "--set", "novalue")
lib.check("each --set is checked", code == CONFIG and len(err.splitlines()) == 3 and "brokers" in err and "novalue" in err, err)
code, out, err = crmpulse("check", folder / "none.yaml")
lib.check("a file that is not there", code == CONFIG and "none.yaml:1:1: " in err and "No such file" in err, err)
code, out, err = crmpulse("check", folder)
lib.check("a directory is no file", code == CONFIG and str(folder) in err, err)
code, out, err = crmpulse("check", write("binary.yaml", "kafka: \x01\x02\n"))
lib.check("control characters are no YAML", code == CONFIG and "binary.yaml:1:" in err and "\x01" not in err, repr(err))
code, out, err = crmpulse("check", write("bomb.yaml", "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join('*' + chr(97 + i) for _ in range(9))}]\n" for i in range(8))), seconds=10)
lib.check("aliases that multiply are refused at once", code == CONFIG and err, err[:500])
code, out, err = crmpulse("check", write("deep.yaml", "kafka: " + "[" * 20_000 + "\n"), seconds=10)
lib.check("lists nested 20,000 deep are refused", code == CONFIG and err, err[:500])

# ---- usage, version, kpis --------------------------------------------------------------------------------------------------------------

for args in ([], ["nonsense"], ["run", "--nonsense"], ["run", "extra"], ["check", "--nonsense"], ["check", "a", "b"], ["run", "--config"],
             ["replay"], ["query", "--window", "30x"], ["query", "--kpi", "no_such_kpi"], ["query", "extra"], ["send", "--nonsense"],
             ["tap", "--nonsense"], ["kpis", "a", "b"]):
    code, out, err = crmpulse(*args)
    lib.check(f"usage error: crmpulse {' '.join(args)}", code == USAGE and err and not out, f"exit {code}, {out[:200]!r}, {err[:300]!r}")
for args in (["--help"], ["run", "--help"], ["check", "--help"], ["query", "--help"], ["kpis", "--help"]):
    code, out, err = crmpulse(*args)
    lib.check(f"help goes to standard output: crmpulse {' '.join(args)}", code == 0 and "usage: crmpulse" in out and not err, err or out)

code, out, err = crmpulse("version")
versions = dict(line.rsplit(" ", 1) for line in out.splitlines())
lib.check("version says ours and the libraries'", code == 0 and list(versions)[0] == "crmpulse" and
          {"librdkafka", "hiredis", "protobuf-c", "libuv", "icu"} <= set(versions) and all(re.match(r"\d+\.\d+", v) for v in versions.values()), out)

code, out, err = crmpulse("kpis", "--json")
kpis = {row["id"]: row for row in map(json.loads, out.splitlines())}
lib.check("kpis --json: an object a line, ids unique", code == 0 and len(kpis) == len(out.splitlines()) > 50)
for id_, unit, direction in (("win_rate", "ratio", "up"), ("churn_rate", "ratio", "down"), ("sales_amount", "micros", "up"),
                             ("first_response_time", "ms", "down"), ("csat", "ratio", "up")):
    row = kpis.get(id_, {})
    lib.check_equal(f"kpis: {id_}", (row.get("unit"), row.get("direction")), (unit, direction))
ON_REQUEST = {"purchase_ratio", "churn_risk"}  # by customer, for whoever asks for it (publish.by_customer)
lib.check("every KPI has a title, windows and dims",
          all(r["title"] and r["title_zh"] and r["windows"] and (r["dims"] or r["id"] in ON_REQUEST) for r in kpis.values()))
code, out, err = crmpulse("kpis")
lib.check_equal("kpis as text lists the same", sorted(line.split()[0] for line in out.splitlines()), sorted(kpis))

# ---- run: what it refuses ---------------------------------------------------------------------------------------------------------------

topic = lib.topic_name("check")
lib.create_topics({topic: 1})
WHEN = 1_781_524_800_000  # 2026-06-15T12:00:00Z


def config(name, socket_path, brokers=None):
    return write(name, f"""
kafka:
  brokers: {brokers or lib.BOOTSTRAP}
  group: {topic}-{name}
  topics: {{input: [{topic}], kpis: "", alerts: "", boards: "", scorecards: "", dead_letter: "", late: ""}}
redis: {{url: "unix://{socket_path}", backoff_min: 50ms, backoff_max: 500ms}}
time: {{idle_timeout: 1s, wall_clock: false}}
""")


events = write("events.ndjson", "".join(json.dumps({
    "event_id": f"e{i}", "type": "deal_closed", "org_id": "acme", "occurred_at_ms": WHEN + i, "deal_id": f"D{i}", "outcome": "won",
    "amount_micros": 1_000_000, "currency": "CNY"}) + "\n" for i in range(10)))
lib.must(["kcat", "-b", lib.BOOTSTRAP, "-P", "-t", topic, "-p", "0", "-l", events])

code, out, err = crmpulse("run", "--config", BAD)
lib.check("run with a bad configuration exits with 78 and says why", code == CONFIG and "did you mean 'brokers'?" in err, err)


def snapshot(redis):
    return {k: redis("DUMP", k) for k in redis.keys()}


def refused(name, redis, path, words, *options):
    before = snapshot(redis)
    began = time.monotonic()
    code, out, err = crmpulse("run", "--config", path, "--until-idle", *options)
    lib.check(f"{name}: run refuses with a clear message", code == RUNTIME and all(w in err for w in words), f"exit {code}: {err[-800:]}")
    lib.check(f"{name}: at once", time.monotonic() - began < 6, f"{time.monotonic() - began:.1f} s")
    lib.check(f"{name}: and nothing is written", snapshot(redis) == before)


own = lib.Server("redis")
redis = lib.Redis(own.socket)
path = config("own.yaml", own.socket)
for policy in ("allkeys-lru", "volatile-ttl"):
    redis("CONFIG", "SET", "maxmemory-policy", policy)
    refused(f"policy {policy}", redis, path, ["maxmemory-policy", policy, "noeviction"])
redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
for name, command, words in (
        ("foreign layout", ["HSET", "cp:{0}:meta", "layout", "999", "shards", "1", "feed_seq", "0", "outbox_seq", "0"], ["layout", "999"]),
        ("laid out for 4 shards", None, ["4 shards", "1"]),
        ("meta of another type", ["SET", "cp:{0}:meta", "mine"], ["cp:{0}:meta", "string"]),
        ("offsets without a signature", ["HSET", "cp:{0}:off", "topic/0", "next=5"], ["cp:{0}:meta", "cp:{0}:off"])):
    redis("FLUSHALL")
    if command:
        redis(*command)
    else:
        lib.must([lib.BIN, "run", "--config", path, "--until-idle", "--set", "redis.shards=4", "--set", f"kafka.group={topic}-4"])
    refused(name, redis, path, words)
redis("FLUSHALL")
own.stop()

# ---- run: what it waits for ----------------------------------------------------------------------------------------------------------------


def won(path):
    rows = [json.loads(x) for x in lib.must([lib.BIN, "query", "--config", path, "--json", "--quiet", "--kpi", "deals_won", "--window", "30d",
                                             "--dim", "org"]).decode().splitlines()]
    return [r["value"] for r in rows if r["org"] == "acme"]


daemon = lib.Process([lib.BIN, "run", "--config", path, "--until-idle"], log=folder / "wait-redis.log")
lib.wait_until(lambda: "store_down" in daemon.text(), 10, "a word about the missing Redis")
time.sleep(2)
lib.check("Redis is down at the start: it keeps trying", daemon.alive(), daemon.text())
lib.check("and does not fill the log", len(daemon.text().splitlines()) < 60, daemon.text()[-500:])
own.start()
try:
    code = daemon.wait(30)
except Exception as e:  # the check below tells
    code = e
lib.check_equal("once Redis is up it works and ends well", code, 0) or print(daemon.text()[-2000:])
lib.check_equal("and has counted everything", won(path), [10])

own.stop()
daemon = lib.Process([lib.BIN, "run", "--config", path], log=folder / "term.log")
lib.wait_until(lambda: "store_down" in daemon.text(), 10, "a word about the missing Redis")
began = time.monotonic()
code = daemon.stop(15)
lib.check(f"TERM while it waits for Redis ends it within 6 s ({time.monotonic() - began:.1f} s)", code == 0 and time.monotonic() - began < 6, code)
own.start()

with socket.socket() as closed:  # bound, not listening: connections are refused
    closed.bind(("127.0.0.1", 0))
    nowhere = config("nowhere.yaml", own.socket, f"127.0.0.1:{closed.getsockname()[1]}")
    daemon = lib.Process([lib.BIN, "run", "--config", nowhere], log=folder / "no-kafka.log")
    lib.wait_until(lambda: "event=kafka" in daemon.text(), 20, "a word about the missing brokers")
    lib.check("no broker: it says so and stays", daemon.alive(), daemon.text())
    began = time.monotonic()
    code = daemon.stop(15)
    lib.check(f"TERM while it waits for brokers ends it within 6 s ({time.monotonic() - began:.1f} s)", code == 0 and time.monotonic() - began < 6, code)

# INT is what Ctrl-C sends.
daemon = lib.Process([lib.BIN, "run", "--config", path], log=folder / "int.log")
lib.wait_until(lambda: "assigned" in daemon.text(), 30, "partitions")
daemon.signal(signal.SIGINT)
lib.check_equal("INT ends a running daemon well", daemon.wait(10), 0)
lib.finish()
