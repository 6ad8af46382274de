#!/usr/bin/env python3
"""Others can read it: protoc, a consumer of a few lines that knows the .proto files alone, and a person with redis-cli.

The worked stream of the domain specification (section 7) goes through Kafka and Redis; the values below are the specification's. A record that
is no event and one of 1970 come behind it, so that every output topic has something.
"""
import json
import re

import lib

PROTO = lib.REPO / "proto"
KINDS = {  # name of the topic: message, file, ce_type
    "kpis": ("KpiRow", "kpi", "crmpulse.kpi.v1"), "alerts": ("AlertTransition", "alert", "crmpulse.alert.v1"),
    "boards": ("BoardSnapshot", "board", "crmpulse.board.v1"), "scorecards": ("ScorecardSnapshot", "scorecard", "crmpulse.scorecard.v1"),
    "dead_letter": ("DeadLetter", "deadletter", "crmpulse.deadletter.v1"), "late": ("LateEvent", "deadletter", "crmpulse.late.v1")}
PROTOC_MAX = 40  # messages of a topic that go through protoc, spread evenly; the consumer reads all

topics = {name: lib.topic_name(name) for name in KINDS}
events = lib.topic_name("others")
lib.create_topics({events: 1, **{t: 2 for t in topics.values()}})
folder = lib.new_dir()
config = folder / "others.yaml"
config.write_text(f"""
include: [{lib.REPO}/config/examples/golden.yaml]
kafka:
  brokers: {lib.BOOTSTRAP}
  group: {events}
  topics: {{input: [{events}], {", ".join(f"{k}: {v}" for k, v in topics.items())}}}
redis: {{url: "unix://{lib.REDIS_SOCKET}"}}
time: {{idle_timeout: 1s, wall_clock: false}}
publish: {{snapshot_every: 1d}}
""")

lib.must([lib.BIN, "send", lib.REPO / "tests/golden/stream.ndjson", "--brokers", lib.BOOTSTRAP, "--topic", events])
old = {"event_id": "old", "type": "login", "org_id": "acme", "occurred_at_ms": 86_400_000, "user_id": "ann"}
lib.must(["kcat", "-b", lib.BOOTSTRAP, "-P", "-t", events], stdin=b"this is no event\n" + json.dumps(old).encode() + b"\n")
done = lib.run([lib.BIN, "run", "--config", config, "--until-idle"], 120)
lib.check_equal("the daemon ends well", done.returncode, 0) or print(done.stderr.decode(errors="replace")[-3000:])

# ---- headers, protoc, the small consumer ---------------------------------------------------------------------------------------------

rows = {}
for name, (message, file, ce_type) in KINDS.items():
    records = lib.consume(topics[name])
    lib.check(f"{name}: something is there", bool(records))
    lib.check_equal(f"{name}: ce_type and content-type", {(m.headers.get("ce_type"), m.headers.get("content-type")) for m in records},
                    {(ce_type, "application/protobuf")})
    ids = [m.headers.get("ce_id") for m in records]
    lib.check(f"{name}: ce_id is there and told apart", all(ids) and len(set(ids)) == len(ids), f"{len(ids)} records, {len(set(ids))} ids")
    lib.check(f"{name}: the other required CloudEvents headers", all(m.headers.get("ce_specversion") == "1.0" and m.headers.get("ce_source")
                                                                     for m in records))
    sample = records[:: max(1, len(records) // PROTOC_MAX)]
    bad = []
    for m in sample:
        text = lib.run(["protoc", f"-I{PROTO}", f"--decode=crmpulse.v1.{message}", f"crmpulse/v1/{file}.proto"], stdin=m.value)
        # A field that the schema does not have is shown by its number.
        if text.returncode or not text.stdout or re.search(rb"(?m)^\s*\d+[:{ ]", text.stdout):
            bad.append((m.offset, text.stderr[-200:], text.stdout[:300]))
    lib.check(f"{name}: protoc --decode reads {len(sample)} of {len(records)}", sample and not bad, bad[:2])
    read = lib.must([lib.REPO / "tests/integration/read_topic.py", lib.BOOTSTRAP, topics[name], PROTO / f"crmpulse/v1/{file}.proto", message], 120)
    rows[name] = [json.loads(line) for line in read.decode().splitlines()]
    lib.check_equal(f"{name}: the small consumer reads all", len(rows[name]), len(records))
    if name not in ("dead_letter", "late"):
        lib.check_equal(f"{name}: ce_id is the message's id", {r["id"] for r in rows[name]}, set(ids))
code = [line for line in (lib.REPO / "tests/integration/read_topic.py").read_text().splitlines() if line and not line.startswith(("#", '"""'))]
lib.check("the consumer is a few lines", len(code) <= 28, len(code))


# ---- what they say is what the specification says ----------------------------------------------------------------------------------------

def only(name, **where):
    found = [r for r in rows[name] if all(r.get(k) == v for k, v in where.items())]
    return found[0] if len(found) == 1 else {"found": len(found)}


alert = only("alerts", rule="csat_low")
lib.check_equal("the alert of 7.5", {k: alert.get(k) for k in ("org", "dim", "subject", "from_state", "to_state", "level", "occurred_at_ms", "kpi", "window",
                                                               "window_start_ms", "window_end_ms", "numerator", "denominator", "samples")},
                dict(org="acme", dim="org", subject="acme", from_state="ok", to_state="firing", level="critical", occurred_at_ms=1743040800000, kpi="csat",
                     window="30d", window_start_ms=1740452400000, window_end_ms=1743044400000, numerator=4, denominator=6, samples=6))
# 10 March in Shanghai: D1 was won for 60 000. The day ends at 16:00 UTC, the tick at midnight UTC has it whole.
day = [r for r in rows["kpis"] if (r["kpi"], r["window"], r["dim"], r["window_start_ms"]) == ("sales_amount", "d", "org", 1741536000000)]
lib.check("a KPI row: sales of 10 March are 60 000 CNY", day and {r.get("value") for r in day} == {60e9} and
          {r["window_end_ms"] - r["window_start_ms"] for r in day} == {86_400_000} and {r["unit"] for r in day} == {"micros"}, day[:2])
lib.check("KPI rows are flat", rows["kpis"] and not [v for r in rows["kpis"] for v in r.values() if isinstance(v, (dict, list))])
board = max((r for r in rows["boards"] if r["board"] == "sales"), key=lambda r: r["tick_ms"], default={})
lib.check_equal("the board of 7.4, as published last",
                {e["subject"]: (e["rank"], e.get("previous_rank", 0), e.get("movement", 0), e["value"], e.get("gap", 0.0)) for e in board.get("entries", [])},
                {"ann": (1, 1, 0, 54e9, 0.0), "bo": (2, 2, 0, 50e9, 4e9), "cy": (2, 3, 1, 50e9, 4e9)})
card = max((r for r in rows["scorecards"] if r["scorecard"] == "golden"), key=lambda r: r["tick_ms"], default={})
lib.check_equal("a scorecard: its four perspectives and weights", {p["name"]: p["weight_bp"] for p in card.get("perspectives", [])},
                dict(financial=4000, customer=3000, internal=2000, learning=1000))
# At the last tick e30 is not in yet: csat 4/5 = 0.8 gives (0.8 - 0.5) / 0.35 = 85.714286; the other three are as in 7.3.
want = 0.4 * 28.333333333 + 0.3 * 85.714285714 + 0.2 * 90 + 0.1 * 33.333333333
lib.check("a scorecard: the score of 7.3 with csat before e30", abs(card.get("score", 0) - want) < 1e-6 and card.get("band") == "E", f"{card.get('score')}, want {want}")
letter = rows["dead_letter"][0] if rows["dead_letter"] else {}
lib.check("the dead letter says what and why", letter.get("reason") == "malformed" and bytes.fromhex(letter.get("payload", "")) == b"this is no event"
          and letter.get("topic") == events, letter)
late = rows["late"][0] if rows["late"] else {}
lib.check("the late event says which", (late.get("event_id"), late.get("type"), late.get("occurred_at_ms")) == ("old", "login", 86_400_000), late)


# ---- a person with redis-cli ---------------------------------------------------------------------------------------------------------------

def redis_cli(*args):
    return lib.must(["redis-cli", "-s", lib.REDIS_SOCKET, "--no-raw", *args]).decode()


def pairs(text):
    values = re.findall(r'\d+\) "(.*)"', text)
    return dict(zip(values[::2], values[1::2]))


month = pairs(redis_cli("HGETALL", "cp:{0}:view:acme:m"))
for field, want in (("org:acme|win_rate", "0.75 (3/4)"), ("org:acme|leads_created", "4"), ("org:acme|sales_amount", "154000000000"),
                    ("org:acme|refund_rate", "0.0375 (6000000000/160000000000)"), ("rep:ann|win_rate", "0.5 (1/2)"), ("team:west|csat", "0.5 (1/2)"),
                    ("channel:web|sales_amount", "104000000000"), ("rep:bo|quota_attainment", "0.625 (50000000000/80000000000)")):
    lib.check_equal(f"HGETALL of the month's view: {field}", month.get(field, "").split(" {")[0], want)
lib.check("every field of the view reads dim:subject|kpi", month and all(re.fullmatch(r"[a-z]+:[^:|]+\|[a-z0-9_]+", f) for f in month),
          [f for f in month if not re.fullmatch(r"[a-z]+:[^:|]+\|[a-z0-9_]+", f)][:5])
value = re.compile(r"(null|-?[0-9.e+-]+)( \((-?\d+/-?\d+|n=.*)\))?( \{[a-z0-9_]+=(null|-?[0-9.e+-]+)(,[a-z0-9_]+=(null|-?[0-9.e+-]+))*\})?")
lib.check("and every value is a number or null, with its parts and further figures", all(value.fullmatch(v) for v in month.values()),
          [v for v in month.values() if not value.fullmatch(v)][:5])
lib.check_equal("a further figure: bo misses 80,000 - 50,000 of his plan", month.get("rep:bo|quota_attainment", "").split(" {")[-1], "gap=30000000000}")
lib.check_equal("ZRANGE of the board", pairs(redis_cli("ZREVRANGE", "cp:{0}:board:acme:sales", "0", "-1", "WITHSCORES")),
                {"ann": "54000000000", "cy": "50000000000", "bo": "50000000000"})
board = pairs(redis_cli("HGETALL", "cp:{0}:board:acme:sales:rows"))
lib.check("HGETALL of the board's rows", board.get("ann", "").startswith("rank=1 previous=1 movement=+0 value=54000000000") and
          board.get("cy", "").startswith("rank=2 previous=3 movement=+1 value=50000000000 gap=4000000000"), board)
alerts = pairs(redis_cli("HGETALL", "cp:{0}:alert:acme"))
lib.check("HGETALL of the alerts", list(alerts) == ["csat_low|org:acme"] and
          alerts["csat_low|org:acme"].startswith("firing level=critical value=0.6666666667 n=6 since=1743040800000"), alerts)
cards = pairs(redis_cli("HGETALL", "cp:{0}:scorecard:acme"))
lib.check("HGETALL of the scorecards", set(cards) == {"org:acme|golden", "org:acme|golden_min_samples"} and
          all(re.match(r"\d+\.\d+ coverage=[0-9.]+ band=[A-E]", v) for v in cards.values()), cards)
position = pairs(redis_cli("HGETALL", "cp:{0}:off"))
lib.check("HGETALL of the offsets", position.get(f"{events}/0", "").startswith("next=56 epoch=1 last=55 ") and
          position[f"{events}/0"].endswith("read=56 applied=53 duplicate=1 late=1 dead=1"), position)
redis = lib.Redis()
panes = [k for k in redis.keys("cp:{0}:pane:acme:*") if not k.startswith("cp:{0}:pane:acme:g:")]  # gauges do not age
panes = [k for k in panes if ":f:" not in k]  # parked ones stay until their hour was judged
lib.check("what ages has a TTL", panes and all(redis("PTTL", k) > 0 for k in panes), [k for k in panes if redis("PTTL", k) <= 0][:5])
lib.finish()
