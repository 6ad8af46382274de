#!/usr/bin/env python3
"""Corrections without their target (domain.md C9, trap T21) through Kafka and Redis, with a daemon that is killed: each is told once on the late topic,
with the place of the record it came in, what was given up has no effect, and the figures are those of replay.

A deal is reopened every day. The close of the even ones comes three days later: in time. That of every fourth comes ten days later, behind orphan_wait
(7 d): it stands. The others never come.
"""
import json
import random
import time

import lib
import pipeline

DAY_MS, HOUR_MS, DAYS = 86_400_000, 3_600_000, 60
START = 1_740_787_200_000  # 2025-03-01T00:00Z
chance = random.Random(21)


def event(event_id, kind, at, deal, **more):
    return {"event_id": event_id, "type": kind, "org_id": "acme", "occurred_at_ms": at, "deal_id": deal, "owner_id": "ann", **more}


def close(event_id, at, deal, outcome):
    return event(event_id, "deal_closed", at, deal, outcome=outcome, amount_micros=1_000_000, currency="CNY")


def history():
    for day in range(DAYS):
        now = START + day * DAY_MS
        for back, wanted in ((3, lambda d: d % 2 == 0), (10, lambda d: d % 4 == 1)):
            if day >= back and wanted(day - back):
                yield close(f"c{day - back}", now - back * DAY_MS + HOUR_MS, f"D{day - back}", "lost")
        yield event(f"r{day}", "deal_reopened", now + 2 * HOUR_MS, f"D{day}")
        yield close(f"w{day}", now + 3 * HOUR_MS, f"W{day}", "won")


folder = lib.new_dir()
stream, config = folder / "events.ndjson", folder / "orphans.yaml"
stream.write_text("".join(json.dumps(e) + "\n" for e in history()))
offsets = {e["event_id"]: i for i, e in enumerate(history())}
config.write_text("orgs: {acme: {zone: UTC, currency: CNY, cycle: month}}\ntime: {orphan_wait: 7d, wall_clock: false, lateness: 60d}\n")
newest = START + (DAYS - 1) * DAY_MS + 3 * HOUR_MS
# By hand: odd days up to the 51st are due before the newest event; every fourth of them from day 1 to 49 has a close that stands.
given_up = {f"r{day}" for day in range(1, 52, 2)}

pipe = pipeline.Installation(config, 1)
lines = stream.read_text().splitlines(keepends=True)
daemon = pipe.start(sets=["time.idle_timeout=300ms", "kafka.session_timeout=6s", "run.lease=1s"])
for at in range(0, len(lines), 12):
    part = folder / "part.ndjson"
    part.write_text("".join(lines[at:at + 12]))
    pipe.send(part)
    time.sleep(chance.uniform(0.0, 0.6))
    if at // 12 % 3 == 2:
        daemon.kill()
        daemon = pipe.start(sets=["time.idle_timeout=300ms", "kafka.session_timeout=6s", "run.lease=1s"])
daemon.stop()
pipe.settle()

late = pipe.messages("late")
ids = pipe.ids("late")
lib.check_equal("what was given up", sorted(m["event_id"] for m in {m["event_id"]: m for m in late}.values()), sorted(given_up))
lib.check_equal("an id each, the same however often it is told", len(ids), len(given_up))
lib.check_equal("the reason", {m["reason"] for m in late}, {"orphan"})
lib.check_equal("the place of the record", {m["event_id"]: int(m["offset"]) for m in late}, {i: offsets[i] for i in given_up})
meta = pipe.redis().hash("cp:{0}:meta")
waiting = {f"r{day}" for day in range(0, DAYS) if day % 2 and day > 51 or day % 2 == 0 and day + 3 >= DAYS}
long = {i for i in waiting if newest - (START + int(i[1:]) * DAY_MS + 2 * HOUR_MS) > DAY_MS}
lib.check_equal("counted where people see it", {k: v for k, v in meta.items() if k.startswith("orphans")},
                {"orphans_late": str(len(given_up)), "orphans_waiting": str(len(waiting)), "orphans_waiting_24h": str(len(long))})
lib.check_equal("I8", pipe.counters_add_up(), [])
lib.check_equal("no record of one that waits no longer", len(pipe.redis()("KEYS", "cp:{0}:ent:orphan:*")), len(waiting))
got, want = pipe.query("--at", str(newest)), pipeline.replay(stream, config, "--at", str(newest))
lib.check("the figures of replay", got == want, pipeline.first_difference(got, want) if got != want else "")
rows = pipeline.rows(pipe.query("--at", str(newest), "--kpi", "win_rate", "--window", f"{START}..{newest + HOUR_MS}", "--dim", "org"))
lib.check_equal("60 won, 13 lost whose reopening came to nothing", [(r["numerator"], r["denominator"]) for r in rows], [(60, 73)])
lib.finish()
