#!/usr/bin/env python3
"""Writes the corpora of tests/fuzz: for each target the inputs that a fuzzer starts from. Inputs that once broke something are files named found-*
beside them; those are left alone. Event types and fields are read from the tables of include/crmpulse and from proto/, so that a new event type is a
new seed: run this again and commit what it writes. A test (tests/command) compares.

    tests/fuzz/seeds.py [DIRECTORY]     writes corpus/ and dict/ there; default: tests/fuzz
"""
import json
import re
import struct
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
NOW = 1741572000000  # fuzz.h: FUZZ_NOW_MS
HOUR = 3600000
TEXT_KINDS = ("ID", "CODE", "TEXT", "CURRENCY")


def rows(name, macro):
    text = (REPO / "include/crmpulse" / name).read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.findall(macro + r"\((\w+), \"(\w+)\", (\w+)(?:,\s*\"([^\"]*)\",\s*\"([^\"]*)\",\s*\"([^\"]*)\",\s*\"([^\"]*)\")?\)", text)


FIELDS = {wire: (number, kind) for number, (_, wire, kind, *_) in enumerate(rows("event_fields.def", "FIELD"))}
TYPES = {wire: (number, required.split(), optional.split(), any_of.split(), enums)
         for number, (_, wire, _, required, optional, any_of, enums) in enumerate(rows("event_types.def", "EVENT"))}


def sample(name, enums):
    """A value that the field's kind and the type's enum rules allow."""
    choices = dict(rule.split("=") for rule in enums.split())
    if name in choices:
        return choices[name].split("|")[0]
    kind = FIELDS[name][1]
    special = {"scale_min": 1, "scale_max": 5, "score_milli": 4000, "from_currency": "USD", "to_currency": "CNY", "kpi": "deals"}
    if name in special:
        return special[name]
    by_kind = {"CURRENCY": "CNY", "UNIX_MS": NOW - 2 * HOUR, "DURATION_MS": 5 * HOUR, "MICROS": 12_500_000, "COUNT": 3, "PPM": 250_000,
               "MILLI": 4000, "INT": 2, "BOOL": True, "PPM_LIST": [500_000, 500_000]}
    return by_kind.get(kind, name[0].upper() + "1")


def event(kind, full=True, **more):
    _, required, optional, any_of, enums = TYPES[kind]
    names = required + (optional if full else any_of[:1])
    ev = {"event_id": "e-" + kind, "type": kind, "org_id": "acme", "occurred_at_ms": NOW - HOUR, "owner_id": "ann"}
    ev.update({name: sample(name, enums) for name in names if name != "type"})
    if any("micros" in name for name in ev):
        ev["currency"] = "CNY"
    ev.update(more)
    return ev


# ---- protobuf --------------------------------------------------------------------------------------------------------------------------------------

def varint(v):
    out = bytearray()
    v &= (1 << 64) - 1
    while v >= 0x80:
        out.append(v & 0x7f | 0x80)
        v >>= 7
    out.append(v)
    return bytes(out)


def svarint(v):
    return varint((v << 1) ^ (v >> 63))


def text(s):
    raw = s.encode() if isinstance(s, str) else s
    return varint(len(raw)) + raw


def messages(name):
    """Message -> field -> (number, type), from a .proto file."""
    source = re.sub(r"//[^\n]*", "", (REPO / f"proto/crmpulse/v1/{name}.proto").read_text())
    return {m: {f: (int(number), t) for t, f, number in re.findall(r"(?:optional|repeated)?\s*(\w+) (\w+) = (\d+)", body)}
            for m, body in re.findall(r"message (\w+) \{(.*?)\n\}", source, flags=re.S)}


def pb_field(number, kind, value):
    if isinstance(value, list):
        return varint(number << 3 | 2) + text(b"".join(varint(v) for v in value))
    if kind in ("string", "bytes"):
        return varint(number << 3 | 2) + text(value)
    if kind == "double":
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return varint(number << 3) + varint(int(value))


def pb_event(ev):
    schema = messages("event")
    number, message = schema["Event"][ev["type"]]
    body, out = b"", b""
    for name, value in ev.items():
        if name in schema[message]:
            body += pb_field(*schema[message][name], value)
        elif name in schema["Event"] and name != "type":
            out += pb_field(*schema["Event"][name], value)
    return out + varint(number << 3 | 2) + text(body)


def out_messages():
    """One message of each kind with every scalar field set; nested ones are left out, a fuzzer finds them by their numbers."""
    order = [("kpi", "KpiRow"), ("alert", "AlertTransition"), ("board", "BoardSnapshot"), ("scorecard", "ScorecardSnapshot"),
             ("dead_letter", "DeadLetter"), ("late_event", "LateEvent")]
    protos = {}
    for path in sorted((REPO / "proto/crmpulse/v1").glob("*.proto")):
        protos.update(messages(path.stem))
    for which, (_, name) in enumerate(order):
        out = b""
        for field, (number, kind) in protos.get(name, {}).items():
            value = {"string": "a\u00e9\"", "bytes": b"\0\xff", "double": 0.5, "bool": True}.get(kind, 7)
            if kind in ("string", "bytes", "double", "bool", "int32", "int64", "uint32", "uint64"):
                out += pb_field(number, kind, value)
        yield name, bytes([which]) + out


# ---- records and feed ------------------------------------------------------------------------------------------------------------------------------

SKIPPED = {"event_id", "type", "org_id", "occurred_at_ms", "entity_seq", "source", "schema_version", "note", "comment", "session_id", "device"}


def entry(ev):
    seq = ev.get("entity_seq")
    body = bytes([TYPES[ev["type"]][0], 1 if seq is not None else 0]) + svarint(ev["occurred_at_ms"])
    body += svarint(seq) if seq is not None else b""
    body += text(ev["event_id"]) + struct.pack("<Q", 0x1234)
    for name in sorted((n for n in ev if n in FIELDS and n not in SKIPPED), key=lambda n: FIELDS[n][0]):
        number, kind = FIELDS[name]
        value = ev[name]
        packed = text(b"".join(varint(v) for v in value)) if isinstance(value, list) else \
            text(value) if kind in TEXT_KINDS else svarint(int(value))
        body += bytes([number]) + packed
    return struct.pack("<H", len(body)) + body


def record(*events, deps=()):
    return b"\x01" + varint(len(deps)) + b"".join(text(d) for d in deps) + b"".join(entry(e) for e in events)


def ledger(*items):
    out = b"\x01"
    for kind, t_ms, cause_ms, value, n, texts in items:
        out += bytes([kind]) + svarint(t_ms) + svarint(cause_ms - t_ms) + svarint(value) + svarint(n) + b"".join(text(x) for x in texts)
    return out


def distinct(*changes):
    out, second = b"\x00", 0
    for pane_ms, cause_ms, n in changes:
        out += svarint(pane_ms // 1000 - second) + svarint(cause_ms - pane_ms) + svarint(n)
        second = pane_ms // 1000
    return out


def bare(log):
    return b"\x01\x00" + log


def under(ev, *records):
    return json.dumps(ev).encode() + b"\n" + b"".join(struct.pack("<H", len(r)) + r for r in records)


def feed(*deltas):
    out, strings, pane, cause = b"\x01", {}, 0, 0

    def string(s):
        if s in strings:
            return varint(strings[s])
        strings[s] = len(strings) + 1
        return varint(0) + text(s)

    for org, field, grain, pane_ms, cause_ms, value, *ahead in deltas:
        out += string(org) + string(field) + bytes([ord(grain) | (0x80 if ahead else 0)])
        out += svarint(pane_ms - pane) + svarint(cause_ms - cause) + svarint(value)
        pane, cause = pane_ms, cause_ms
    return out


# ---- the targets -----------------------------------------------------------------------------------------------------------------------------------

def seeds_event_pb():
    for kind in TYPES:
        yield kind, pb_event(event(kind, entity_seq=3) if kind == "lead_created" else event(kind))
    yield "framed", b"\0\0\0\0\7\0" + pb_event(event("deal_closed"))
    yield "unknown-field", pb_event(event("deal_closed")) + varint(900 << 3 | 2) + text("later")
    yield "type-unknown", pb_field(1, "string", "e") + varint(900 << 3 | 2) + text("")


def seeds_event_json():
    for kind in TYPES:
        yield kind, json.dumps(event(kind), ensure_ascii=False).encode()
    closed = event("deal_closed", amount_micros=str(2 ** 53), note="\u00e9\u4e2d\"\\\n")
    yield "strings", json.dumps(closed).encode()
    yield "envelope", json.dumps({"specversion": "1.0", "id": "ce", "type": "x", "source": "s", "data": closed}).encode()
    yield "nulls", json.dumps({**closed, "reason": None, "unheard": [1, {"a": []}]}).encode()
    yield "framed", b"\0\0\0\0\7" + json.dumps(closed).encode()


def seeds_framing():
    pb = pb_event(event("deal_closed", full=False))
    yield "pb", pb
    yield "json", json.dumps(event("lead_created", full=False)).encode()
    yield "blank-json", b"\n" + json.dumps(event("lead_created", full=False)).encode()
    yield "prefix-short", b"\0\0\0\0\7\0" + pb
    yield "prefix-path", b"\0\0\0\0\7\x02\0" + pb
    yield "prefix-second", b"\0\0\0\0\7\x02\x02" + pb
    yield "prefix-nested", b"\0\0\0\0\7\x04\0\x02" + pb
    yield "cut", b"\0\0\0"
    yield "path-cut", b"\0\0\0\0\7\x10"


def seeds_csv():
    yield "plain", b"a,b,c\n1,2,3\n4,5,6\n"
    yield "quoted", b'a,"b ""x""","c\nd"\r\n"",",",x\r\n'
    yield "bom", b"\xef\xbb\xbfid,name\n1,\xc3\xa9\n\n\n2,z"
    yield "open", b'a,b\n1,"2'
    yield "ragged", b"a,b\n1\n"
    yield "after-quote", b'a,b\n"1"x,2\n'
    yield "inside", b'a,b\n1"2,3\n'


MAP = """lookups:
  outcome: { Won: won, Lost: lost }
tables:
  team: { file: teams.csv, key: agent, of: "{agent}", where: ["{team.since} <= {day}"], best: [since] }
every: { org_id: acme, currency: CNY }
events:
  - type: deal_closed
    when: ["{stage} = Won|Lost", "{day} present"]
    fields:
      event_id: "{id}-{row:5}"
      deal_id: "{id}"
      occurred_at_ms: { text: "{day}", at: "12:00", plus: "{delay}", unit: min }
      outcome: "{stage|outcome}"
      amount_micros: "{value}"
      owner_id: "{agent}"
      team_id: "{team.name}"
"""


def seeds_map():
    main = "id,agent,stage,day,value,delay\nD1,ann,Won,2025-03-01,12.5,90\nD2,bo,Lost,2025-03-02,7,\nD3,bo,Open,,,\n"
    teams = "agent,name,since\nann,north,2025-01-01\nann,south,2025-02-01\nbo,north,2025-01-01\n"
    yield "deals", f"{MAP}\n----\n{main}\n----\n{teams}".encode()
    dates = "events:\n  - type: login\n    fields:\n      event_id: \"{id}\"\n      user_id: \"{{{id}\"\n" \
            "      occurred_at_ms: { middle_of: [\"{a}\", \"{b}\"], date: \"%d/%m/%Y %H:%M\" }\n"
    yield "dates", f"every: {{org_id: o}}\n{dates}\n----\nid,a,b\n1,01/03/2025 10:00,03/03/2025 12:30\n".encode()
    conditions = "events:\n  - type: login\n    when: [\"{n} < 10\", \"{s} != x|y\", \"{n} absent\", \"{n} >= 2\"]\n" \
                 "    fields: { event_id: \"{n|nothing}\" }\n"
    yield "conditions", f"{conditions}\n----\nn,s\n1,x\n2,y\n".encode()
    fields = "event_id: \"{id}\", org_id: o, occurred_at_ms: \"2025-03-01T00:00:00Z\", response_id: r, kind: csat, score_milli: \"{s}\", " \
             "scale_min: 1, scale_max: \"5\""
    yield "scores", f"events:\n  - type: survey_answered\n    fields: {{ {fields} }}\n\n----\nid,s\n1,3.5\n2,five\n".encode()


CONFIG = {
    "runtime": "kafka: {brokers: \"a:1,b:2\", topics: {input: [crm.events], alerts: \"\"}, properties: {linger.ms: \"5\"}}\n"
               "redis: {url: \"redis://h:1/2\", shards: 4, flush_interval: 250ms, record_cache: 64MiB}\n"
               "time: {retention: 400d, lateness: 30d, tick: 1m}\nlog: {level: debug, json: true}\n",
    "orgs": "orgs:\n  acme: {zone: Asia/Shanghai, currency: CNY, cycle: month, week_start: monday, fiscal_shift: 3, stages: [new, demo]}\n"
            "  beta: {zone: America/New_York, currency: USD, business_hours: {mon: \"09:00-17:00\"}, holidays: [2025-01-01]}\n",
    "kpis": "measures:\n  won: {fact: deal_close, where: \"outcome == 'won'\", agg: count}\n  all: {fact: deal_close, agg: count}\n"
            "  both: {derive: \"won + all\"}\n"
            "kpis:\n  rate: {title: rate, title_zh: r, perspective: F, unit: ratio, direction: up, empty: null, numerator: won, denominator: all,\n"
            "         windows: [30d, m, q], dims: [O, T, R]}\n",
    "rules": "measures: {won: {fact: deal_close, agg: count}}\n"
             "kpis: {n: {title: n, title_zh: n, perspective: F, unit: count, direction: up, empty: 0, value: won, windows: [30d, 7d], dims: [O]}}\n"
             "rules:\n  low: {kpi: n, window: 7d, dims: [org], fire: \"value < 0.8 * month and n >= 2\", clear: \"value >= month\",\n"
             "        with: {month: {window: 30d}}, min_samples: 2, for: 1d, level: warning}\n"
             "boards:\n  b: {kpi: n, window: 30d, dim: org, ties: dense, top: 3, changes: 5m}\n",
    "card": "measures: {won: {fact: deal_close, agg: count}}\n"
            "kpis: {n: {title: n, title_zh: n, perspective: F, unit: count, direction: up, empty: 0, value: won, windows: [m], dims: [R]}}\n"
            "scorecards:\n  sales:\n    version: \"1\"\n    effective_from: 2025-01-01\n    dim: rep\n    missing: exclude\n    min_coverage: 0.6\n"
            "    bands: {A: {from: 90, pay: 1.2}, B: {from: 0, pay: 1}}\n    rewards: [{name: r, when: \"n >= 2\", points: 2}]\n"
            "    perspectives: {sales: {weight: 10000, kpis: {n: {weight: 10000, window: m, curve: linear, floor: 0, goal: 5, cap: 1.2, objective: o}}}}\n",
    "measures": "measures:\n  d: {fact: deal_close, agg: duration, value: cycle_ms}\n  m: {fact: deal_close, agg: max, value: amount}\n"
                "  b: {fact: txn, agg: distinct, at_least: 2}\n  l: {fact: deal_open, agg: count}\n"
                "kpis:\n  t: {title: t, title_zh: t, perspective: I, form: duration, unit: ms, direction: down, empty: null, of: d, windows: [30d], dims: [O]}\n",
    "wrong": "kafka: {brokres: 1}\nredis: {shards: many}\nkpis: {x: {windows: [99x], dims: [Z]}}\nrules: {r: {kpi: none, fire: \"< <\"}}\nunheard: 1\n",
    "styles": "redis:\n  url: >-\n    unix:///tmp/\n    x\n  user: 'it''s'\n  password_file: \"a\\tb\\u00e9\"\nlog: {level: |\n  debug\n  }\n",
    "switches": "#full\nswitches: {conversion_basis: period, csat_mode: mean, sales_basis: orders}\ntargets: [cac, roi]\norgs: {acme: {zone: UTC}}\n",
}


def seeds_config():
    for name, body in CONFIG.items():
        yield name, body.encode()


EXPRESSIONS = ["won / (won + lost)", "if(a == null, 0, a * 1.5)", "coalesce(a, b, 0) + min(1, c, -d)", "in(x, 'a', \"b\", 3)",
               "over('30d', won) - aged(3, won)", "rate_bp(1000, x) and not (y or z)", "abs(floor(-1.5e3)) <= 9223372036854775807",
               "a.b.c != 'x' and 0.1 + 0.2 == 0.3", "((((((1))))))", "not not - - 1", "max(true, false, null)", "switch.x == 'y'", "1 < 2 < 3", "'open"]


def seeds_expr():
    for i, body in enumerate(EXPRESSIONS):
        yield f"{i:02}", body.encode()


def seeds_out_pb():
    yield from out_messages()
    yield "Event", b"\x06" + pb_event(event("deal_closed"))


DELTAS = [("acme", "rep:ann|won", "h", NOW - HOUR, NOW - HOUR, 1), ("acme", "rep:ann|won_amount", "h", NOW - HOUR, NOW - HOUR, 12_500_000),
          ("acme", "org:acme|open", "g", 0, NOW - HOUR, -1), ("acme", "rep:ann|won@e-1", "e", NOW - HOUR, NOW - HOUR, 1),
          ("acme", "rep:ann|cycle#12", "h", NOW - HOUR, NOW - HOUR, 1), ("acme", "org:acme|buyers.d", "h", NOW - 20 * HOUR, NOW - HOUR, 1),
          ("acme", "org:acme|open", "g", 0, NOW + HOUR, 1, True)]


def seeds_feed():
    yield "deltas", feed(*DELTAS)
    yield "orgs", feed(*[(org, "org:x%7C|won", "m", NOW, NOW, 2) for org in ("a", "b", "a")])
    yield "extremes", feed(("o", "org:o|won", "h", -2 ** 63, 2 ** 63 - 1, -2 ** 63), ("o", "org:o|won", "h", 2 ** 63 - 1, -2 ** 63, 2 ** 63 - 1))
    yield "parked-field", f"{NOW}|h|{NOW - HOUR}|org:acme|open".encode()
    yield "empty", b"\x01"


def seeds_record():
    opened = event("deal_opened", deal_id="D1", customer_id="C1", event_id="e-1", occurred_at_ms=NOW - 5 * HOUR)
    closed = event("deal_closed", deal_id="D1", customer_id="C1", event_id="e-2")
    deal = record(opened, deps=("ent:customer:acme:C1",))
    sold = ledger((0, NOW - 9 * HOUR, NOW - 9 * HOUR, 5_000_000, 1, ("ann", "", "P1", "")), (2, NOW - 8 * HOUR, NOW - 8 * HOUR, 0, 1, ("", "", "", "")))
    counted = distinct((NOW // HOUR * HOUR - 9 * HOUR, NOW - 9 * HOUR, 1), (NOW // HOUR * HOUR - 2 * HOUR, NOW - 2 * HOUR, 2))
    yield "first", under(closed)
    yield "deal", under(closed, b"", deal, b"", b"")
    yield "all-deal", under(closed, *[deal] * 12)
    yield "all-ledger", under(closed, *[b""] * 3, *[bare(sold)] * 12)
    yield "all-distinct", under(closed, *[b""] * 8, *[bare(counted)] * 8)
    for i in range(10):
        for name, body in (("ledger", bare(sold)), ("distinct", bare(counted)), ("deal", deal)):
            yield f"{name}-at-{i}", under(closed, *[b""] * i, body)
    yield "duplicate", under(closed, record(deps=("ent:deal:acme:D1", struct.pack("<Q", 7).decode("latin-1"))))
    yield "retracted", under(event("event_retracted", target_event_id="e-2"), b"", record(deps=("ent:deal:acme:D1", "12345678")), record(opened, closed))
    yield "merge", under(event("entity_merged", entity_kind="customer"), *[b""] * 2, record(event("customer_acquired", customer_id="C1")))
    yield "sequence", under({**closed, "entity_seq": 5}, b"", record({**opened, "entity_seq": 2}, {**opened, "event_id": "e-0", "entity_seq": 1}))
    yield "order", under(event("order_placed", customer_id="C1", order_id="O1"), b"", record(event("order_placed", event_id="x")), *[bare(counted)] * 10)
    yield "ticket", under(event("ticket_resolved"), b"", record(event("ticket_opened", event_id="x", occurred_at_ms=NOW - 3 * HOUR)))


def hexes(raw):
    return "x" + raw.hex()


def reply(*lines):
    return "\n".join(lines) + "\n"


def seeds_redis():
    hour = NOW // HOUR * HOUR - HOUR
    state = reply("state", "[", '"/tick', f'"{NOW - 2 * HOUR}', '"/fed', '"7', '"acme/alert|rate_low|rep|ann', '"firing 1 1741560000000 0000000000000000',
                  '"acme/chg|rep|ann', '"-', '"acme/chg|org|acme', '"1,0,', '"acme/snc|rep|ann', '"1740758400000 -5', '"acme/rev|deals|m|rep|ann|1740758400000', '"2', '"acme/board|sellers', '"12345',
                  '"acme/pos|sellers|rep|ann', '"1 abc', '"acme/crd|rep|ann', '"1f,', '"/plan', '"0123456789abcdef', '"acme/evi|won|rep|ann',
                  f'"-9223372036854775808 {NOW - 3 * HOUR},1,3:e-1', '"acme/rvd|0', f'"won|0:d|rep|{NOW}|ann', "]")
    keys = reply("keys", "[", f'"pane:acme:h:{hour}', '"pane:acme:g:0', f'"pane:acme:m:{hour}', f'"pane:acme:f:{hour + 2 * HOUR}', "]")
    pane = ["[", '"rep:ann|won', '"3', '"rep:ann|won_amount', '"37500000', '"rep:ann|won!', '"1', '"org:acme|lost', ":2", '"org:acme|buyers.d', '"2',
            '"rep:bo|cycle.n', '"1', '"rep:bo|cycle.sum', '"7200000', '"rep:bo|cycle#75', '"1', '"rep:bo|dearest#12500000', '"1', "]"]
    panes = reply("panes", "[", ":0", '"', ":7", *pane, "[", '"org:acme|open', '"4', "]", "[", "]", "[", f'"{hour + 2 * HOUR}|g|0|org:acme|open', '"1', "]", "]")
    entries = reply("feed", "[", "[", '"8-0', "[", '"d', hexes(feed(*DELTAS)), "]", "]", "]")
    yield "start", (state + keys + panes + entries).encode()
    yield "first-start", (keys + panes + entries).encode()
    yield "feed-only", entries.encode()
    line = f"next=120 epoch=3 last=119 crc=1a2b3c4d max={NOW} idle=0 read=120 applied=118 duplicate=1 late=0 dead=1"
    yield "offsets", reply("offsets", "[", ":0", '"', '"crm.events/0', '"' + line, '"a/b/17', '"next=-1 epoch=1 max=none later=x', "]").encode()
    stored = b"\0\0\0\0\0\0\0\5" + record(event("deal_opened"))
    yield "records", reply("records", "[", hexes(stored), "0", "]").encode()
    yield "outbox", reply("outbox", "[", "[", '"3-0', "[", '"topic', '"alerts', '"key', '"acme', '"id', '"i', '"type', '"t', '"payload', "x00ff", "]", "]", "]").encode()
    yield "lease", reply("lease", "[", ":0", '"', ":4", ":1", ":3000", ":9", "]").encode()
    yield "flush", (reply("flush", "[", ":0", '"', ":0", "]") + reply("flush", "[", ":1", '"stale', "]") + reply("flush", "-OOM command not allowed")).encode()
    yield "lost", b"state\n"
    nodes = ["[", "[", ":0", ":9999", "[", '"10.0.0.1', ":7000", '"id', "]", "[", '"10.0.0.4', ":7003", '"id', "]", "]",
             "[", ":10000", ":16383", "[", '"10.0.0.2', ":7001", '"id', "]", "]", "]"]
    yield "where", (reply("slots", *nodes) + reply("moved", "-MOVED 13907 10.0.0.3:7002") + reply("moved", "-MOVED 13907 :7002")
                    + reply("master", "[", '"10.0.0.9', '"6379', "]") + reply("slots", "[", "]")).encode()


CASE_HEAD = "config:\n  catalogue: none\n  measures: {won: {fact: deal_close, where: \"outcome == 'won'\", agg: count}, all: {fact: deal_close, agg: count}, " \
            "sum: {fact: deal_close, agg: sum, value: amount}}\n" \
            "  kpis:\n    rate: {title: r, title_zh: r, perspective: F, unit: ratio, direction: up, empty: null, numerator: won, denominator: all, windows: [m, 7d], dims: [O, R]}\n" \
            "    amount: {title: a, title_zh: a, perspective: F, unit: micros, direction: up, empty: 0, value: sum, windows: [m], dims: [O, R]}\n"


def seeds_test_case():
    events = "defaults: {currency: CNY, owner_id: ann}\nevents:\n" \
             "  - {at: 2025-03-01T02:00Z, type: deal_opened, deal_id: D1, amount_micros: 60_000_000, stage: s}\n" \
             "  - {at: 2025-03-05T02:00Z, type: deal_closed, deal_id: D1, outcome: won, amount_micros: 60_000_000}\n" \
             "  - {at: 2025-03-06T02:00Z, type: deal_closed, deal_id: D2, outcome: lost, amount_micros: 1}\n"
    expect = "expect:\n  - {kpi: rate, at: 2025-03-31T23:59:59.999+08:00, window: m, dim: org, subject: acme, value: 0.5, numerator: 1, denominator: 2}\n"
    yield "rate", (CASE_HEAD + events + expect).encode()
    yield "shuffled", (CASE_HEAD + events + "  - {at: 2025-03-07T02:00Z, type: event_retracted, target_event_id: e2}\norders: shuffled\n" + expect).encode()
    more = "  boards: {b: {kpi: amount, window: m, dim: rep}}\n" \
           "  rules: {low: {kpi: rate, window: 7d, dims: [org], fire: \"< 0.9\", clear: \">= 0.9\", min_samples: 1, level: warning}}\n"
    yield "judged", (CASE_HEAD + more + events + "judge: arrival\nuntil: 2025-03-20T00:00Z\nnow: 2025-03-20T00:00Z\nalerts:\n"
                     "  - {rule: low, subject: acme}\nboards:\n  - {board: b, at: 2025-03-31T00:00Z, entries: []}\nlate: 0\ndead_letter: {bad_enum: 1}\nduplicates: 0\n").encode()
    yield "refused", b"config: {catalogue: none, redis: {shards: x}}\nrefused: [shards]\nevents: []\n"
    yield "wrong", b"config: {\n  catalogue: none}\nevents: [{at: never}]\nunheard: 1\norders: sideways\n"


def seeds_text():
    line = f"next=120 epoch=3 last=119 crc=1a2b3c4d max={NOW} idle=1 read=120 applied=118 duplicate=1 late=0 dead=1"
    for i, body in enumerate(["2025-03-27T02:00:00.123Z", "2025-03-27T02:00+08:00", "2025-03-27", "1741572000000", "r30", "48h", "7cd", "td", "live", "5y",
                              "2025-03-01T00:00Z..2025-04-01T00:00Z", "60m", "-12.5", "0.000001", "29/02/2024 03:04\n%d/%m/%Y %H:%M", "2024-02-29\n%Y-%m-%d",
                              "redis://host:6379/2", "redis://[::1]:7/0", "unix:///run/redis.sock", "crm.events/3\n" + line, "t/0\nnext=-1 max=none"]):
        yield f"{i:02}", body.encode()


def seeds_http():
    openmetrics = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    for i, lines in enumerate([
            ["/metrics", "127.0.0.1:9464", openmetrics, "Bearer secret", ""],
            ["/api/v1/rows?org=acme&kpi=conversion_rate&subject=%E5%BC%A0+ann%2Fbob&top=10", "board.example:443", "*/*", "bearer  secret ", 'W/"0123456789abcdef", "x"'],
            ["/-/ready?", "[::1]:80", "text/*;q=0.3, text/plain;version=\"0.0.4\";q=0.25", "Basic c2VjcmV0", "*"],
            ["/a/../b?a=%3d&a=%zz&&=1", "localhost", "text/html", "Bearer", '"'],
            ["//evil", "evil.example", "application/openmetrics-text;q=1.0;version=1.0.0", "Bearer secretsecret", ""],
            ["/", "unix:/run/crmpulse.sock", "", "", ""],
            ["/x?y=<script>", "[::]:9464", ",;=q", "Bearer a b", ""]]):
        yield f"{i:02}", "\n".join(lines).encode()
    for i, shown in enumerate(["0.75 (3/4)", "12 (n=3 sum=36 p50=11.5 p90=20)", "40 {new=3,returning=null}", "null", "rep:a%7Cb|win_rate", "csat_low|org:acme",
                               "firing level=warning value=0.66 n=6 since=1 id=x", "rank=1 previous=2 movement=+1 value=3 gap=0"]):
        yield f"shown{i}", shown.encode()


# ---- dictionaries: words a fuzzer would take long to find ---------------------------------------------------------------------------------------

YAML_WORDS = """catalogue: none|include:|orgs:|measures:|kpis:|rules:|boards:|scorecards:|switches:|targets:|zone:|currency:|cycle: month|fact:|where:|agg:|value:|derive:|
title:|perspective:|form: duration|unit: ratio|direction: up|empty: null|numerator:|denominator:|windows:|dims:|of:|fire:|clear:|critical:|min_samples:|for: 1h|level: warning|
milestones:|with:|ago: 30d|mean: 7d|mature:|lag:|after: 20%|on_change: keep|ties: dense|top:|changes: 5m|version:|effective_from:|weight:|curve: linear|floor:|goal:|cap:|
missing: zero|min_coverage:|bands:|rewards:|versions:|holidays:|hours:|stages:|retention:|lateness:|tick:|: {|: [|- {|}|]|\\n  |: |>-|\\x22|#"""

WORDS = {
    "expr": " and | or |not |==|!=|<=|>=|if(|min(|max(|abs(|floor(|coalesce(|in(|over('30d', |aged(3, |rate_bp(1000, |null|true|false|'x'|1e22|0.5|9223372036854775807",
    "csv": "\\x22|\\x22\\x22|\\x0d\\x0a|\\xef\\xbb\\xbf|,",
    "config": YAML_WORDS,
    "map": YAML_WORDS + "|lookups:|tables:|every:|events:|type: login|rows:|when:|fields:|file:|key:|best:|text:|date:|plus:|at: \\x2212:00\\x22|unit: h|middle_of:|present|absent|{row:5}|{a.b|c}|"
                        "\\n----\\n|%d/%m/%Y|%H:%M:%S",
    "test_case": YAML_WORDS + "|config:|defaults:|events:|expect:|alerts:|published:|late:|dead_letter:|duplicates:|orders: shuffled|judge: arrival|now:|until:|refused:|at: 2025-03-01T02:00Z",
    "redis": "\\nstate\\n|\\nkeys\\n|\\npanes\\n|\\nfeed\\n|\\noutbox\\n|\\noffsets\\n|\\nrecords\\n|\\nlease\\n|\\nflush\\n|\\nslots\\n|\\nmaster\\n|\\nmoved\\n|-MOVED 13907 |\\n[\\n|\\n]\\n|\\n:0\\n|\\n\\x22|\\nx01|\\n0\\n|\\n-OOM|"
             "pane:acme:|:h:|:g:|:m:|:f:|rep:ann|org:acme||won|open|buyers.d|cycle.n|cycle.sum|cycle#|dearest#|alert|pos|prt|evi|rvd|rev|chg|crd|snc|board|plan|tick|fed|firing|pending|d\\n",
    "http": "/metrics|/-/ready|/api/v1/|?a=|%2F|%3D|localhost|[::1]:|127.0.0.1|board.example|unix:/|Bearer secret|*/*|text/plain|application/openmetrics-text|;version=|;q=0.|,|W/\\x22|"
            "\\xe2\\x80\\xa8",
    "text": "redis://|rediss://|unix:///|..|T00:00Z|+08:00|%Y|%m|%d|%H|%M|%S|next=|epoch=|crc=|max=none|idle=1| ",
}


def words_of_events():
    return "|".join([f'\\x22{name}\\x22:' for name in FIELDS] + [f'\\x22{name}\\x22' for name in TYPES] +
                    ['\\x22specversion\\x22:\\x221.0\\x22', '\\x22data\\x22:', '\\x22\\\\u00e9\\x22', "null", "true", "[1,2]"])


def write_words(root):
    root.mkdir(parents=True, exist_ok=True)
    for name, words in {**WORDS, "event_json": words_of_events(), "record": words_of_events()}.items():
        lines = [f'"{word}"' for word in dict.fromkeys(words.replace("\n", "").replace("\\n", "\\x0a").split("|")) if word]
        (root / f"{name}.dict").write_text("# Made by tests/fuzz/seeds.py.\n" + "\n".join(lines) + "\n")


def write(root):
    for name, make in sorted(globals().items()):
        if not name.startswith("seeds_"):
            continue
        folder = root / name.removeprefix("seeds_")
        folder.mkdir(parents=True, exist_ok=True)
        for seed, body in make():
            (folder / seed).write_bytes(body)


if __name__ == "__main__":
    to = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    write(to / "corpus")
    write_words(to / "dict")
