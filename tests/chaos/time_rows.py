"""T: clocks and times of events."""
import json
import struct
import time
from pathlib import Path

from registry import row
from scenario import lib, pipeline

HOUR_S, DAY_S = 3600, 86_400


@row("T1", "the wall clock is a day off at the start and jumps while running: +1 h, -1 h, +1 d, -1 d, back",
     "no pause, no halt, no lost lease; windows unchanged: timers are monotonic, figures follow event time")
def clock_jumps(s):
    library = Path(lib.KAFKA_ADMIN).with_name("libwall_clock.so")
    lib.check("the clock that can be set is there (tests/tools)", library.exists())
    s.start_servers()
    s.install(4)
    shift = s.pipe.dir / "shift"
    shift.write_bytes(bytes(8))

    def clock(seconds):
        with open(shift, "r+b") as f:
            f.write(struct.pack("q", seconds))

    clock(-DAY_S)
    s.start(env={"LD_PRELOAD": str(library), "WALL_CLOCK_SHIFT": str(shift)})
    s.send(400)
    s.progress(300, 60)
    longest, steps = 0.0, (0, HOUR_S, -HOUR_S, DAY_S, -DAY_S, 0, -HOUR_S, 0)
    for seconds in steps:
        clock(seconds)
        time.sleep(1)
        longest = max(longest, s.progress(400, 30, f"with the clock at {seconds:+d} s"))
        s.alive(f"with the clock at {seconds:+d} s")
    told = s.daemon.text()
    lib.check("nothing is halted, nothing read again, the lease is never lost",
              not [word for word in ("partition_halted", "event=rewind", "lease_lost", "store_down") if word in told], told[-2000:])
    # Each message carries the time it was sent at: they show that the daemon saw the jumps.
    stamps = [m.timestamp_ms / 1000 for name in ("boards", "alerts") for m in lib.consume(s.pipe.topic(name))]
    lib.check("the daemon saw the other days", stamps and max(stamps) - min(stamps) > DAY_S, [min(stamps, default=0), max(stamps, default=0)])
    return f"{s.end()}; {len(steps)} jumps, 400 events after each within {longest:.1f} s"



@row("T2", "events dated 2999, 1970, -1 and INT64_MAX among the others", "dead letters or late; the watermark does not move: no later event is late")
def wild_dates(s):
    s.start_servers()
    s.install(4)
    dates = [32_503_680_000_000, 0, -1, 9_223_372_036_854_775_807]
    path = s.pipe.dir / "wild.ndjson"
    values = [json.dumps({"event_id": f"wild{i}", "type": "lead_created", "org_id": "crm_sales", "occurred_at_ms": at, "lead_id": f"W{i}"}).encode()
              for i, at in enumerate(dates)]
    path.write_bytes(b"\n".join(values) + b"\n")
    s.start()
    s.send(1500)
    s.progress(3000, 60)
    for partition in range(4):
        lib.must(["kcat", "-b", lib.BOOTSTRAP, "-P", "-t", s.pipe.input, "-p", partition, "-l", path])
    s.all_sent()
    s.stop()
    s.pipe.settle(300)
    total = {name: s.pipe.total(name) for name in ("applied", "late", "dead")}
    lib.check_equal("the wild ones are told, the others applied", [total["applied"], total["late"] + total["dead"]], [s.count, 4 * len(dates)])
    want, got = s.replay(), s.pipe.query()
    lib.check("rows equal those of a replay", got == want, pipeline.first_difference(got, want))
    transitions = {alert["id"] for alert in pipeline.rows(s.replay("--alerts"))}
    lib.check("alert ids are those of a replay", set(s.pipe.ids("alerts")) == transitions)
    return f"rows and alert ids equal; {total['dead']} dead letters, {total['late']} late"


@row("T3", "10 % out of order within the bound; then some beyond the bound within the lateness", "the same result in every order within the lateness")
def out_of_order(s):
    s.start_servers()
    s.install(4)
    s.start()
    s.sender = lib.Process([lib.BIN, "send", s.events, "--brokers", lib.BOOTSTRAP, "--topic", s.pipe.input, "--key", "random", "--shuffle-ms",
                            str(40 * 86_400_000), "--seed", str(s.seed), "--rate", "2000"], log=s.pipe.dir / "send.log")
    s.all_sent()
    s.progress(s.count, 90)
    s.stop()
    s.pipe.settle(300)
    lib.check_equal("counters add up", s.pipe.counters_add_up(), [])
    lib.check_equal("applied, late, dead", [s.pipe.total(c) for c in ("applied", "late", "dead")], [s.count, 0, 0])
    want, got = s.replay(), s.pipe.query()
    lib.check("rows equal those of a replay", got == want, pipeline.first_difference(got, want))
    return "rows equal although shuffled within 40 days"
