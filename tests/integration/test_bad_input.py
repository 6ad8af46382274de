#!/usr/bin/env python3
"""Bad input through a real Kafka and a real Redis: every record ends in exactly one place with its reason, the partition keeps moving, the
counters add up, no bad event moves the watermark, and hostile names stay inside the field they belong to.

After every bad record comes a good one (a deal of 1 CNY won in org acme), so what stops or swallows anything shows in the sum.
"""
import json
import subprocess

import lib
import wire

BASE_MS = 1_781_524_800_000  # 2026-06-15T12:00:00Z: in the past, inside the allowed lateness of 800 days
PARTITIONS = 4
INT64_MAX, INT64_MIN, EXACT = 2**63 - 1, -(2**63), 2**53
YEAR_2999 = 32_472_144_000_000
YEAR_9999_END = 253_402_300_799_999

EVENTS, OUT, DEAD, LATE = (lib.topic_name(n) for n in ("bad", "bad-kpis", "bad-dead", "bad-late"))
folder = lib.new_dir()


def deal(event_id, at=BASE_MS, org="acme", amount=1_000_000, currency="CNY", deal_id=None, outcome="won", extra=b"", **envelope):
    body = wire.message((1, deal_id if deal_id is not None else f"D-{event_id}"), (2, outcome), (3, amount))
    return wire.event(wire.DEAL_CLOSED, body, event_id=event_id, org_id=org, occurred_at_ms=at, currency=currency, **envelope) + extra


def login(event_id, user, org="acme", at=BASE_MS, **envelope):
    return wire.event(wire.LOGIN, wire.message((1, user)), event_id=event_id, org_id=org, occurred_at_ms=at, **envelope)


def as_json(**fields):
    return json.dumps({"event_id": "j", "type": "deal_closed", "org_id": "acme", "occurred_at_ms": BASE_MS, "deal_id": "DJ", "outcome": "won",
                       "amount_micros": 1_000_000, "currency": "CNY", **fields}).encode()


LONG = "x" * 129
whole = deal("truncated")
# What must not be applied, with the reason the dead letter has to give.
REFUSED = [
    ("garbage", bytes(range(256)), "malformed"),
    ("one byte", b"\xff", "malformed"),
    ("text", b"hello, world", "malformed"),
    ("endless varint", b"\x08" + b"\xff" * 40, "malformed"),
    ("length beyond the end", b"\x0a\xff\xff\xff\xff\x07abc", "malformed"),
    ("truncated in a text", whole[:4], "malformed"),
    ("truncated in the body", whole[:-3], "malformed"),
    ("body is no message", wire.event(wire.DEAL_CLOSED, b"\xff\xff\xff", event_id="b1", org_id="acme", occurred_at_ms=BASE_MS), "malformed"),
    ("registry prefix cut off", b"\x00\x00\x00", "malformed"),
    ("empty value", b"", "malformed"),
    ("1 MB in one unknown field", deal("u1", extra=wire.field(5000, b"\x55" * 1_000_000)), "too_large"),
    ("1 MB in unknown fields of 4 bytes", deal("u2", extra=wire.field(5001, 7) * 260_000), "too_large"),
    ("2 MB of one text", deal("u3", source="s" * 2_000_000), "too_large"),
    ("invalid UTF-8 in an id", deal("v1", product_id=b"a\xff\xfeb"), "invalid_utf8"),
    ("overlong UTF-8", deal("v2", owner_id=b"\xc0\xaf"), "invalid_utf8"),
    ("a surrogate in UTF-8", deal("v3", owner_id=b"\xed\xa0\x80"), "invalid_utf8"),
    ("NUL in an id", deal("v4", owner_id=b"a\x00b"), "invalid_utf8"),
    ("no event id", wire.event(wire.LOGIN, wire.message((1, "u")), org_id="acme", occurred_at_ms=BASE_MS), "missing_field"),
    ("no org", wire.event(wire.LOGIN, wire.message((1, "u")), event_id="m1", occurred_at_ms=BASE_MS), "missing_field"),
    ("no time", wire.event(wire.LOGIN, wire.message((1, "u")), event_id="m2", org_id="acme"), "missing_field"),
    ("no deal id", wire.event(wire.DEAL_CLOSED, wire.message((2, "won"), (3, 5)), event_id="m3", org_id="acme", occurred_at_ms=BASE_MS,
                              currency="CNY"), "missing_field"),
    ("no body", wire.event(None, b"", event_id="m4", org_id="acme", occurred_at_ms=BASE_MS), "unknown_type"),
    ("a body of a later schema", wire.event(999, b"\x0a\x01x", event_id="m5", org_id="acme", occurred_at_ms=BASE_MS), "unknown_type"),
    ("empty event id", deal("", deal_id="D-empty"), "bad_id"),
    ("empty deal id", deal("i1", deal_id=""), "bad_id"),
    ("event id of 129 bytes", deal(LONG, deal_id="D-long"), "bad_id"),
    ("org of 129 bytes", deal("i2", org=LONG), "bad_id"),
    ("owner of 129 bytes", deal("i3", owner_id=LONG), "bad_id"),
    ("region of 65 bytes", deal("i4", region="r" * 65), "bad_id"),
    ("outcome unknown", deal("n1", outcome="perhaps"), "bad_enum"),
    ("amount INT64_MAX", deal("r1", amount=INT64_MAX), "out_of_range"),
    ("amount INT64_MIN", deal("r2", amount=INT64_MIN), "out_of_range"),
    ("amount 2^53 + 1", deal("r3", amount=EXACT + 1), "out_of_range"),
    ("time INT64_MAX", deal("t1", at=INT64_MAX), "out_of_range"),
    ("time INT64_MIN", deal("t2", at=INT64_MIN), "negative_time"),
    ("time -1 ms", deal("t3", at=-1), "negative_time"),
    ("year 2999", deal("t4", at=YEAR_2999), "future_time"),
    ("end of 9999", deal("t5", at=YEAR_9999_END), "future_time"),
    ("money without currency", wire.event(wire.DEAL_CLOSED, wire.message((1, "D-c1"), (2, "won"), (3, 5)), event_id="c1", org_id="acme",
                                          occurred_at_ms=BASE_MS), "money_without_currency"),
    ("currency in small letters", deal("c2", currency="cny"), "bad_currency"),
    ("currency of another org, no rate", deal("c3", currency="USD"), "no_rate"),
    ("JSON cut off", as_json()[:-9], "malformed"),
    ("JSON with junk behind", as_json() + b"}", "malformed"),
    ("JSON nested 100,000 deep", b'{"a":' * 100_000, "malformed"),
    ("JSON with a lone surrogate", as_json(deal_id="Q").replace(b'"Q"', b'"\\ud800"'), None),  # malformed or invalid_utf8: both say it
    ("JSON number beyond int64", as_json(amount_micros=0).replace(b'"amount_micros": 0', b'"amount_micros": 1e400'), None),
    ("JSON of an unknown type", as_json(type="deal_exploded"), "unknown_type"),
]

# Names that break out of what is not escaped. Each is an org's product; the first five are orgs as well.
NAMES = ["{}", "a|b", "line\nbreak", "<script>alert(1)</script>", "%s%n%d", "{0}:{1}", 'quo"te', "it's", "back\\slash", "a:b#c", "tab\there",
         " blank ", "\x1b[31mred", "café", "李雷", "\u202eevil", "*?[x]", "x" * 128, "$(id)", "%41", "\r\n", "-", "a&b"]
ORGS = NAMES[:5]

CONFIG = folder / "bad.yaml"
CONFIG.write_text(f"""
kafka:
  brokers: {lib.BOOTSTRAP}
  group: {EVENTS}
  message_max: 4MiB
  topics: {{input: [{EVENTS}], kpis: {OUT}, dead_letter: {DEAD}, late: {LATE}, alerts: "", boards: "", scorecards: ""}}
redis: {{url: "unix://{lib.REDIS_SOCKET}"}}
time: {{idle_timeout: 1s, wall_clock: false}}
publish: {{snapshot_every: 30d}}
orgs:
  acme: {{zone: UTC, currency: CNY, cycle: month}}
  names: {{zone: UTC, currency: CNY, cycle: month}}
  big: {{zone: UTC, currency: CNY, cycle: month}}
  first: {{zone: UTC, currency: CNY, cycle: month}}
""" + "".join(f"  {json.dumps(o)}: {{zone: UTC, currency: CNY, cycle: month}}\n" for o in ORGS))


def send(partition, values):
    """In order, a file each: no delimiter that a hostile value could hold. kcat takes an empty file for no message, so an empty value
    goes as a line with a key."""
    files = []
    for i, value in enumerate(values):
        if value:
            files.append(folder / f"{partition}-{i}")
            files[-1].write_bytes(value)
        if files and (not value or i == len(values) - 1):
            lib.must(["kcat", "-b", lib.BOOTSTRAP, "-P", "-t", EVENTS, "-p", str(partition), "-X", "message.max.bytes=5000000", *files])
            files = []
        if not value:
            lib.must(["kcat", "-b", lib.BOOTSTRAP, "-P", "-t", EVENTS, "-p", str(partition), "-K", "="], stdin=b"k=\n")


def send_tombstone(partition):
    """A record whose value is null: kcat -Z."""
    lib.must(["kcat", "-b", lib.BOOTSTRAP, "-P", "-t", EVENTS, "-p", str(partition), "-K", "=", "-Z"], stdin=b"k=\n")


class Expected:
    """What each partition must have counted."""

    def __init__(self):
        self.rows = [dict(read=0, applied=0, duplicate=0, late=0, dead=0) for _ in range(PARTITIONS)]
        self.max = [None] * PARTITIONS
        self.good = 0

    def add(self, partition, outcome, n=1, at=None):
        self.rows[partition]["read"] += n
        self.rows[partition][outcome] += n
        if at is not None and outcome in ("applied", "duplicate"):
            self.max[partition] = max(self.max[partition] or 0, at)


want = Expected()


def good(partition):
    """A good event for org acme, a second after the one before."""
    want.good += 1
    at = BASE_MS + want.good * 1000
    want.add(partition, "applied", at=at)
    return deal(f"good-{want.good}", at=at)


def run(*options, seconds=120):
    return lib.run([lib.BIN, "run", "--config", CONFIG, "--until-idle", *options], seconds)


def query(*options):
    done = lib.run([lib.BIN, "query", "--config", CONFIG, "--json", "--quiet", *options], 60)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


lib.create_topics({EVENTS: (PARTITIONS, {"max.message.bytes": 5_000_000}), OUT: 1, DEAD: 1, LATE: 1})

# ---- produce ------------------------------------------------------------------------------------------------------------------

refused_at = []  # (name, partition, offset, reason, value)
batch = [[], [], []]
for i, (name, value, reason) in enumerate(REFUSED):
    p = i % 3
    refused_at.append((name, p, len(batch[p]), reason, value))
    want.add(p, "dead")
    batch[p] += [value, good(p)]

# Unknown fields of moderate size are what a later schema looks like: skipped. The event is 66,560 bytes long or more; see the last run.
later_schema = dict(amount=0, deal_id="D" * 128, owner_id="o" * 128, product_id="p" * 128, campaign_id="c" * 128, actor_id="a" * 128,
                    source="s" * 64, region="r" * 64, segment="g" * 64, extra=wire.field(5000, b"x" * 65_500) + wire.field(15, "CNY") * 64)
want.add(0, "applied", at=BASE_MS)
batch[0].append(deal("later-schema", org="first", **later_schema))

conflict = [  # one partition: the first wins
    (deal("same", deal_id="D-same", amount=2_000_000), "applied", None),
    (deal("same", deal_id="D-same", amount=2_000_000), "duplicate", None),
    (deal("same", deal_id="D-same", amount=3_000_000), "dead", "id_conflict"),
    (login("same-login", "ann"), "applied", None),
    (login("same-login", "ann"), "duplicate", None),
    (login("same-login", "ann", at=BASE_MS + 1), "dead", "id_conflict"),
]
for value, outcome, reason in conflict:
    if reason:
        refused_at.append(("the same id with another payload", 0, len(batch[0]), reason, value))
    want.add(0, outcome, at=BASE_MS)
    batch[0].append(value)
batch[0].append(good(0))

for i, name in enumerate(NAMES):
    want.add(1, "applied", at=BASE_MS)
    batch[1].append(deal(f"name-{i}", org="names", product_id=name, owner_id=name, amount=(i + 1) * 1_000_000))
for i, name in enumerate(ORGS):
    want.add(1, "applied", at=BASE_MS)
    batch[1].append(deal(f"org-{i}", org=name, product_id=name, amount=(i + 1) * 1_000_000))
batch[1].append(good(1))

for i, seq in enumerate((INT64_MAX, INT64_MIN, 0)):
    want.add(2, "applied", at=BASE_MS)
    batch[2].append(deal(f"big-{i}", org="big", amount=EXACT if i < 2 else -EXACT, entity_seq=seq))
want.add(2, "applied", at=BASE_MS)
batch[2].append(deal("big-3", org="big", amount=EXACT))
# 1970 behind newer events: valid, but far behind the allowed lateness.
for i, at in enumerate((0, 1, 86_400_000)):
    want.add(2, "late")
    batch[2] += [deal(f"old-{i}", at=at), good(2)]

for p in range(3):
    send(p, batch[p])
send_tombstone(0)
refused_at.append(("a tombstone", 0, len(batch[0]), "malformed", b""))
want.add(0, "dead")
send(0, [good(0)])
# 1970 as a partition's first event is in order: applied, and what follows too.
want.add(3, "applied", at=0)
send(3, [deal("first-old", at=0, org="first"), good(3)])

# ---- run ----------------------------------------------------------------------------------------------------------------------

done = run()
lib.check_equal("the daemon reads all of it and ends well", done.returncode, 0) or print(done.stderr.decode(errors="replace")[-3000:])
lib.check("it halts no partition", b"halted" not in done.stderr, done.stderr.decode(errors="replace")[-1500:])
redis = lib.Redis()
off = redis.hash("cp:{0}:off")
for p in range(PARTITIONS):
    line = off.get(f"{EVENTS}/{p}", "")
    held = dict(pair.split("=", 1) for pair in line.split())
    got = {k: int(held.get(k, -1)) for k in want.rows[p]}
    lib.check_equal(f"partition {p}: the counters are the expected ones", got, want.rows[p])
    lib.check(f"partition {p}: read = applied + duplicate + late + dead",
              got["read"] == got["applied"] + got["duplicate"] + got["late"] + got["dead"] > 0, line)
    lib.check_equal(f"partition {p}: all is read", int(held.get("next", -1)), lib.offsets(EVENTS)[p][1])
    lib.check_equal(f"partition {p}: only good events move the watermark", held.get("max"), str(want.max[p]))

letters = [(m, wire.named(m.value, wire.DEAD_LETTER)) for m in lib.consume(DEAD)]
lib.check_equal("as many dead letters as refused records", len(letters), len(refused_at))
by_place = {(row["partition"], row["offset"]): (m, row) for m, row in letters}
for name, partition, offset, reason, value in refused_at:
    m, row = by_place.get((partition, offset), (None, {}))
    want_reason = reason or ("malformed", "invalid_utf8", "out_of_range")
    lib.check(f"dead letter: {name}", row.get("reason") == reason or not reason and row.get("reason") in want_reason,
              f"got {row.get('reason')!r} ({row.get('detail')!r}), want {want_reason!r}")
    lib.check(f"dead letter: {name}: place, payload and length", row.get("topic") == EVENTS and row.get("payload") == value[:65_536]
              and row.get("payload_bytes") == len(value), {k: v for k, v in row.items() if k != "payload"})
lib.check("dead letters name a field where one is at fault",
          by_place[next((p, o) for n, p, o, _, _ in refused_at if n == "amount INT64_MAX")][1]["detail"] == "amount_micros")
lib.check("dead letters carry headers, their ids are all different",
          len({m.headers.get("ce_id") for m, _ in letters}) == len(letters) and all(m.headers.get("ce_type") for m, _ in letters))
late = [wire.named(m.value, wire.LATE_EVENT) for m in lib.consume(LATE)]
lib.check_equal("events of 1970 behind newer ones are late", [(r["event_id"], r["occurred_at_ms"], r["type"]) for r in late],
                [("old-0", 0, "deal_closed"), ("old-1", 1, "deal_closed"), ("old-2", 86_400_000, "deal_closed")])

# ---- the numbers --------------------------------------------------------------------------------------------------------------

AT = ["--at", str(BASE_MS + 86_400_000), "--window", "7d"]


def value(rows, **where):
    found = [r["value"] for r in rows if all(r[k] == v for k, v in where.items())]
    return found[0] if len(found) == 1 else found


rows = query(*AT, "--kpi", "deals_won", "--kpi", "sales_amount")
# The good ones, and the first event of the conflict.
lib.check_equal("every good event is counted", value(rows, org="acme", dim="org", kpi="deals_won"), want.good + 1)
lib.check_equal("and adds its amount", value(rows, org="acme", dim="org", kpi="sales_amount"), (want.good + 2) * 1_000_000)
lib.check_equal("2^53 + 2^53 - 2^53 + 2^53 is exact", value(rows, org="big", dim="org", kpi="sales_amount"), 2 * EXACT)
for i, name in enumerate(NAMES):
    lib.check_equal(f"query gives the name back: {name!r}",
                    [value(rows, org="names", dim=d, kpi="sales_amount", subject=name) for d in ("product", "rep")], [(i + 1) * 1_000_000] * 2)
for i, name in enumerate(ORGS):
    lib.check_equal(f"query gives the org back: {name!r}", value(rows, org=name, dim="org", kpi="sales_amount"), (i + 1) * 1_000_000)
old = query("--at", "86400000", "--window", "7d", "--kpi", "deals_won", "--dim", "org")
lib.check("1970 as the first event is applied, and its panes are too old to be kept", value(old, org="first") in (1, 0, []), old)

# ---- raw Redis ----------------------------------------------------------------------------------------------------------------

keys = redis.keys("cp:{0}:*")
def hostile(text):
    """Holds a character that no name may bring into a key or a field as it is."""
    return any(c in "{}<>\"'|&" or c <= " " or c == "\x7f" for c in text)


behind_tag = [k[len("cp:{0}:"):] for k in keys]
lib.check("no key of a pane, view or record holds a brace, bar, bracket, quote, blank or control character of a name",
          behind_tag and not any(map(hostile, behind_tag)), [k for k in behind_tag if hostile(k)][:5])
views = [k for k in keys if k.startswith("cp:{0}:view:names:")]
lib.check("there are views of the org", bool(views), keys[:20])
fields = [f for k in views for f in redis.hash(k)]
lib.check("every field of a view has one colon and one bar", fields and all(f.count(":") == 1 and f.count("|") == 1 for f in fields),
          [f for f in fields if f.count(":") != 1 or f.count("|") != 1][:5])
lib.check("no field holds markup, quotes or control characters", not [f for f in fields if hostile(f.replace("|", ""))],
          [f for f in fields if hostile(f.replace("|", ""))][:5])
week = redis.hash("cp:{0}:view:names:7d")
for raw, escaped, amount in (("{}", "%7B%7D", 1), ("a|b", "a%7Cb", 2), ("line\nbreak", "line%0Abreak", 3),
                             ("<script>alert(1)</script>", "%3Cscript%3Ealert(1)%3C/script%3E", 4), ("%s%n%d", "%25s%25n%25d", 5),
                             ('quo"te', "quo%22te", 7), ("李雷", "李雷", 15)):
    lib.check(f"HGETALL shows {raw!r} as {escaped}", week.get(f"product:{escaped}|sales_amount", "").split(" ")[0] == str(amount * 1_000_000),
              sorted(f for f in week if f.endswith("sales_amount"))[:30])
shown = subprocess.run(["redis-cli", "-s", lib.REDIS_SOCKET, "--raw", "HGETALL", "cp:{0}:view:names:7d"], capture_output=True, check=True).stdout
lib.check("what redis-cli prints holds no escape sequence and no tag", b"\x1b" not in shown and b"<script" not in shown)

# ---- a second run finds nothing to do --------------------------------------------------------------------------------------------

before, dead_before = redis.hash("cp:{0}:off"), len(letters)
again = run()
after = redis.hash("cp:{0}:off")


def counters(rows):
    return {k: {a: b for a, b in (pair.split("=", 1) for pair in v.split()) if a not in ("epoch", "idle")} for k, v in rows.items()}


lib.check_equal("a second run ends well", again.returncode, 0)
lib.check_equal("and changes no counter", counters(after), counters(before))
lib.check_equal("and writes no dead letter again", len(lib.consume(DEAD)), dead_before)

# ---- the limit on a record's size is the configured one ------------------------------------------------------------------------------

large = deal("later-schema-2", org="first", **later_schema)
send(0, [large])
small = run("--set", "kafka.message_max=65KiB")
rows = [wire.named(m.value, wire.DEAD_LETTER) for m in lib.consume(DEAD)]
lib.check("the record is longer than the limit, its unknown fields alone are not", len(large) > 65 * 1024 > 65_500 + 4)
# It runs right after another one ended: the lease must be free, or nothing is published before the daemon ends.
lib.check_equal("over kafka.message_max: dead letter", (small.returncode, [(r["reason"], r["payload_bytes"]) for r in rows[dead_before:]]),
                (0, [("too_large", len(large))]))
lib.finish()
