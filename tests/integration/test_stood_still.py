#!/usr/bin/env python3
"""A daemon that stood still (SIGSTOP, a machine that was paused) for longer than time.idle_timeout has not looked at its partitions meanwhile: none of them is
idle, and nothing may be judged past what came in the meantime. Two partitions, one of them three hours ahead in event time: the alert that the event in between
fires is that of a replay, with its instant. Several rounds: which of a flush and a look at the log comes first when it wakes is chance."""
import json
import signal
import time

import lib
import pipeline

HOUR_MS = 3_600_000
BEGIN_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS
IDLE_S, ROUNDS = 4, 4


def sale(name, hour, amount):
    return json.dumps({"event_id": name, "type": "deal_closed", "org_id": "acme", "occurred_at_ms": BEGIN_MS + hour * HOUR_MS, "deal_id": name, "outcome": "won",
                       "amount_micros": amount, "currency": "USD", "owner_id": "ann"}).encode()


redis = lib.Server("redis")
directory = lib.new_dir()
config = directory / "one.yaml"
config.write_text("""orgs: {acme: {zone: UTC, currency: USD, cycle: month}}
time: {retention: 1830d, wall_clock: false, out_of_orderness: 0s}
rules: {big: {kpi: sales_amount, window: 1h, dims: [org], fire: "> 1000", clear: "<= 1000", level: info}}
""")
pipe = pipeline.Installation(config, 2, redis.socket, [f"time.idle_timeout={IDLE_S}s"])
daemon = pipe.start()
events = []
for n in range(ROUNDS):
    behind, between, ahead = sale(f"behind{n}", 10 * n, 10), sale(f"between{n}", 10 * n + 1, 5000), sale(f"ahead{n}", 10 * n + 3, 10)
    events += [behind, between, ahead]
    lib.produce(pipe.input, [behind], 0)
    lib.produce(pipe.input, [ahead], 1)
    lib.wait_until(lambda: pipe.total("read") == 3 * n + 2, 30, lambda: f"both events of round {n} are applied: {daemon.text()[-2500:]}", 0.02)
    daemon.signal(signal.SIGSTOP)
    lib.check("nothing was idle yet", all(row["idle"] == "0" for row in pipe.offsets().values()), pipe.offsets())
    lib.produce(pipe.input, [between], 0)
    time.sleep(IDLE_S + 1)
    daemon.signal(signal.SIGCONT)
    lib.wait_until(lambda: pipe.total("read") == 3 * n + 3, 30, lambda: f"the third event of round {n} is applied: {daemon.text()[-2500:]}")
daemon.signal(signal.SIGTERM)
lib.check_equal("exit status 0", daemon.wait(20), 0)
pipe.settle(60)
path = directory / "events.ndjson"
path.write_bytes(b"\n".join(events) + b"\n")
want = pipeline.rows(pipeline.replay(path, config, "--alerts", sets=pipe.sets))
lib.check_equal("a replay fires at each event in between", [a["occurred_at_ms"] for a in want if a["to"] == "firing"],
                [BEGIN_MS + (10 * n + 1) * HOUR_MS for n in range(ROUNDS)])
lib.check_equal("alerts, with their ids and instants", sorted((a["id"], a["tick_ms"], a["occurred_at_ms"]) for a in pipe.messages("alerts")),
                sorted((a["id"], a["tick_ms"], a["occurred_at_ms"]) for a in want))
lib.finish()
