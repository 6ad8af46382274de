#!/usr/bin/env python3
"""crmpulse send and crmpulse tap against a real Kafka: what goes in comes out, keyed, counted, paced, refused where it must be."""
import gzip
import json
import subprocess
import time

import lib


def event(i, **more):
    return {"event_id": f"e{i}", "type": "deal_closed", "org_id": f"org{i % 3}", "occurred_at_ms": 1_700_000_000_000 + i,
            "deal_id": f"D{i % 50}", "outcome": "won", "amount_micros": 9_007_199_254_740_992 if i == 0 else i * 1_000_000,
            "currency": "USD", **more}


def write(path, events):
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "wt", encoding="utf-8") as f:
        f.writelines(json.dumps(e) + "\n" for e in events)
    return path


def send(*args, stdin=None, seconds=60):
    return lib.run([lib.BIN, "send", "--brokers", lib.BOOTSTRAP, *args], seconds, stdin)


def tap(topic, *args, seconds=60):
    return lib.run([lib.BIN, "tap", "--brokers", lib.BOOTSTRAP, "--topic", topic, *args], seconds)


def lines(data):
    return [json.loads(line) for line in data.decode().splitlines()]


def fresh(partitions=4):
    topic = lib.topic_name("send")
    lib.create_topics({topic: partitions})
    return topic


folder = lib.new_dir()
EVENTS = [event(i) for i in range(1000)] + [event(1000, reason='names with {}|\n<script> "quotes" \u20ac')]
ORIGINAL = sorted(EVENTS, key=lambda e: e["event_id"])


def round_trip(name, path, *options, stdin=None):
    topic = fresh()
    done = send(path, "--topic", topic, *options, stdin=stdin)
    lib.check_equal(f"{name}: send exits with 0", (done.returncode, done.stderr), (0, b""))
    lib.check(f"{name}: summary", b"sent 1001 records" in done.stdout and b"0 refused" in done.stdout, done.stdout)
    got = tap(topic, "--until-end")
    lib.check_equal(f"{name}: tap exits with 0", (got.returncode, got.stderr), (0, b""))
    lib.check_equal(f"{name}: what goes in comes out", sorted(lines(got.stdout), key=lambda e: e["event_id"]), ORIGINAL)
    return topic


plain = write(folder / "a.ndjson", EVENTS)
topic = round_trip("protobuf, plain file", plain)
messages = lib.consume(topic)
lib.check("default key is the org", all(m.key.decode().startswith("org") for m in messages))
lib.check("an org has one partition", all(len({m.partition for m in messages if m.key == k}) == 1 for k in {m.key for m in messages}))
lib.check("values are protobuf", not any(m.value.lstrip().startswith(b"{") for m in messages))

topic = round_trip("json, gzip, entity keys", write(folder / "a.ndjson.gz", EVENTS), "--format", "json", "--key", "entity")
messages = lib.consume(topic)
lib.check_equal("values are the events", sorted((json.loads(m.value) for m in messages), key=lambda e: e["event_id"]), ORIGINAL)
by_key = {}
for m in messages:
    by_key.setdefault(m.key, []).append(json.loads(m.value)["occurred_at_ms"])
lib.check("order within a key", all(times == sorted(times) for times in by_key.values()) and len(by_key) == 50)
lib.check("keys are the deals", all(json.loads(m.value)["deal_id"].encode() == m.key for m in messages))
round_trip("standard input, random keys", "-", "--key", "random", stdin=plain.read_bytes())

# ---- bounds of tap ----
head = tap(topic, "--limit", "10", "--offsets")
rows = lines(head.stdout)
lib.check_equal("tap --limit", len(rows), 10)
lib.check("tap --offsets", all({"partition", "offset", "timestamp_ms", "message"} == set(r) for r in rows))
end = subprocess.Popen([lib.BIN, "tap", "--brokers", lib.BOOTSTRAP, "--topic", topic, "--from", "end", "--limit", "1"],
                       stdout=subprocess.PIPE)
time.sleep(2)
send(write(folder / "one.ndjson", [event(5000)]), "--topic", topic)
out, _ = end.communicate(timeout=30)
lib.check_equal("tap --from end sees only what is new", [e["event_id"] for e in lines(out)], ["e5000"])

# ---- an empty topic, a missing one ----
lib.check_equal("tap of an empty topic", (lambda d: (d.returncode, d.stdout))(tap(fresh(), "--until-end")), (0, b""))
missing = tap("no-such-topic", "--until-end")
lib.check("tap of a missing topic", missing.returncode == 1 and b"no-such-topic" in missing.stderr, missing.stderr)
missing = send(plain, "--topic", "no-such-topic")
lib.check("send to a missing topic", missing.returncode == 1 and b"not delivered" in missing.stderr, missing.stderr)

# ---- bad lines ----
bad = folder / "bad.ndjson"
bad.write_text("\n".join([json.dumps(event(1)), "{not json", json.dumps({**event(2), "outcome": "maybe"}),
                          json.dumps({**event(3), "type": "deal_exploded"}), json.dumps(event(4))]) + "\n")
topic = fresh(1)
done = send(bad, "--topic", topic)
lib.check_equal("bad lines: exit status", done.returncode, 1)
said = done.stderr.decode()
for line, reason in ((2, "malformed"), (3, "bad_enum outcome"), (4, "unknown_type")):
    lib.check(f"bad lines: line {line} is {reason}", f"{bad}:{line}: {reason}" in said, said)
lib.check_equal("bad lines: the others are sent", [e["event_id"] for e in lines(tap(topic, "--until-end").stdout)], ["e1", "e4"])
topic = fresh(1)
done = send(bad, "--topic", topic, "--lenient")
lib.check_equal("lenient: exit status", done.returncode, 0)
lib.check_equal("lenient: what is well-formed is sent", [e["event_id"] for e in lines(tap(topic, "--until-end").stdout)],
                ["e1", "e2", "e4"])
lib.produce(topic, [b"\xff\xff\xff"])
done = tap(topic, "--until-end")
lib.check("tap: garbage is told and passed over", done.returncode == 1 and b"@3: malformed" in done.stderr and len(lines(done.stdout)) == 3,
          done.stderr)

# ---- outputs by their header ----
topic = fresh(1)
# KpiRow: field 1 (id) "x", field 2 (org) "o"
lib.produce(topic, [b"\x0a\x01x\x12\x01o"], headers={"ce_type": "crmpulse.kpi.v1", "ce_id": "x"})
rows = lines(tap(topic, "--until-end").stdout)
lib.check("tap: an output message by its ce_type", len(rows) == 1 and rows[0].get("id") == "x", rows)

# ---- pace, duplicates ----
topic = fresh(1)
begin = time.monotonic()
done = send(write(folder / "few.ndjson", EVENTS[:100]), "--topic", topic, "--rate", "50", "--duplicate", "1000000")
lib.check("rate: 200 records at 50 a second take 4 s", 3.5 <= time.monotonic() - begin <= 12, time.monotonic() - begin)
lib.check_equal("duplicate: each one twice", [m.value for m in lib.consume(topic)][0::2], [m.value for m in lib.consume(topic)][1::2])

# ---- usage ----
for argv in ([], ["a", "b"], ["--csv", "x"], ["a", "--key", "colour"], ["a", "--rate", "fast"], ["a", "--nonsense"]):
    lib.check_equal(f"usage: send {argv}", lib.run([lib.BIN, "send", *argv]).returncode, 64)
for argv in ([], ["--topic", "x"], ["--topic", "x", "--brokers", "y", "--limit", "0"]):
    lib.check_equal(f"usage: tap {argv}", lib.run([lib.BIN, "tap", *argv]).returncode, 64)
lib.check_equal("help is no mistake", lib.run([lib.BIN, "send", "--help"]).returncode, 0)
lib.check_equal("no such file", send("no-such-file", "--topic", topic).returncode, 1)
lib.finish()
