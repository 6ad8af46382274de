#!/usr/bin/env python3
"""Two daemons in one group on a topic keyed at random, so that both touch the same entities; one is stopped past its session timeout and
continued. No update is lost, nothing foreign is written: rows, counters and ids are those of a single daemon. Conflicts are counted and
do not bring the two to a standstill."""
import json
import os
import time

import lib
import pipeline

SET = "crm_sales"
SESSION_S = 4
SETS = ["publish.snapshot_every=30d", "time.out_of_orderness=1d", f"kafka.session_timeout={SESSION_S}s", "run.lease=3s",
        "time.idle_timeout=60s"]
DAY_MS = 86_400_000


def read(pipe):
    return sum(int(row["read"]) for row in pipe.offsets().values())


def epochs(pipe):
    return {partition: int(row["epoch"]) for partition, row in pipe.offsets().items()}


def conflicts(*daemons):
    return sum(d.text().count("was changed by another") for d in daemons)


def stalled(daemons):
    """Both daemons touch the same records: what they do together, compared with one alone, in events a second."""
    return [d.text()[-1500:] for d in daemons]


events, _ = pipeline.data_set(SET)
stream = lib.load_ndjson(events)
config = pipeline.EXAMPLES / f"{SET}.yaml"
pipe = pipeline.Installation(config, 4, sets=SETS)
sending = ["--key", "random", "--shuffle-ms", str(DAY_MS), "--duplicate", "10000"]

# ---- both start, one is stopped in the middle and comes back ----
daemons = [pipe.start() for _ in range(2)]
lib.wait_until(lambda: all("event=assigned message=\"2 partitions\"" in d.text() for d in daemons), 30, "the group's balance")
sender = lib.Process([lib.BIN, "send", events, "--brokers", lib.BOOTSTRAP, "--topic", pipe.input, *sending, "--rate", "1000"],
                     log=pipe.dir / "send.log")
lib.wait_until(lambda: read(pipe) > 2000, 60, "2000 events read")
asleep, awake = daemons
held = epochs(pipe)
asleep.pause()
lib.wait_until(lambda: "4 partitions" in awake.text(), 60, f"the other takes all partitions\n{awake.text()[-1500:]}")
lib.wait_until(lambda: all(n > held[p] for p, n in epochs(pipe).items()), 20, f"it claims them: {held}, {epochs(pipe)}")
before = read(pipe)
lib.wait_until(lambda: read(pipe) > before + 2000 or read(pipe) >= len(stream), 60, "the other goes on")
asleep.resume()
lib.wait_until(lambda: asleep.text().count("2 partitions") >= 2, 60, f"the sleeper comes back\n{asleep.text()[-1500:]}")
lib.check_equal("all was sent", sender.wait(120), 0)
sent = sum(end for _, end in lib.offsets(pipe.input).values())
began = time.monotonic()
lib.wait_until(lambda: read(pipe) >= sent, 120, f"all {sent} read; {read(pipe)}\n{stalled(daemons)}")
print(f"# the rest was read in {time.monotonic() - began:.1f} s; {conflicts(*daemons)} conflicts")
lib.check("both are alive", all(d.alive() for d in daemons), stalled(daemons))
for d in daemons:
    began = time.monotonic()
    lib.check_equal("stops when told", d.stop(), 0)
    lib.check("within 5 s", time.monotonic() - began <= 5, time.monotonic() - began)
pipe.settle(120)

lib.check_equal("counters add up", pipe.counters_add_up(), [])
lib.check_equal("applied, late, dead", [pipe.total(c) for c in ("applied", "late", "dead")], [len(stream), 0, 0])
want = pipeline.replay(events, config, sets=SETS)
got = pipe.query()
lib.check("rows equal those of a replay, byte for byte", got == want, pipeline.first_difference(got, want))
transitions = {a["id"] for a in pipeline.rows(pipeline.replay(events, config, "--alerts", sets=SETS))}
ids = set(pipe.ids("alerts"))
lib.check(f"the {len(transitions)} alert ids are those of a replay", ids == transitions, f"{len(ids - transitions)} more, {len(transitions - ids)} fewer")

# ---- two daemons on a full topic from its beginning: a fresh start, and every batch may conflict ----
pipe = pipeline.Installation(config, 4, sets=SETS)
pipe.send(events, *sending)
sent = sum(end for _, end in lib.offsets(pipe.input).values())
began = time.monotonic()
daemons = [pipe.start() for _ in range(2)]
lib.wait_until(lambda: read(pipe) >= sent, 150, f"all {sent} read; {read(pipe)}\n{stalled(daemons)}")
both = time.monotonic() - began
found = conflicts(*daemons)
for d in daemons:
    lib.check_equal("fresh start: stops when told", d.stop(), 0)
pipe.settle(120)
print(f"# {sent} events in {both:.1f} s by two daemons on the same entities, {found} conflicts")
lib.check("conflicts happened and were resolved", found > 0, found)
lib.check_equal("fresh start: counters add up", pipe.counters_add_up(), [])
got = pipe.query()
lib.check("fresh start: rows equal those of a replay", got == want, pipeline.first_difference(got, want))
ids = set(pipe.ids("alerts"))
lib.check("fresh start: alert ids are those of a replay", ids == transitions, f"{len(ids - transitions)} more, {len(transitions - ids)} fewer")
lib.finish()
