#!/usr/bin/env python3
"""Kills the daemon at every named crash point (daemon/crash_points.def), singly and in pairs, and compares the end with a replay.
Started by scripts/crash-points, with a program built for it (preset `crash`).

crash_run.py [--pairs [--skip N]] [--seconds N] [--seed N] [--shard I/N] [POINT...]: with --pairs a case is point a in the first life and point b in the
second. One Kafka and one Redis serve all cases; each has topics for its output and a group of its own, reads the same input, and ends the same way:
every event counted once, rows byte for byte those of a replay, the alert ids those of a replay.
"""
import argparse
import json
import random
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
import lib  # noqa: E402
import pipeline  # noqa: E402

FIRST, REAL = 3000, 1200  # events of crm_sales, when deals are won and lost
PARTITIONS = 3
TWICE = 60  # of them come a second time
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
LIFE_S = 40 * lib.PATIENCE
POINTS = re.findall(r'^POINT\((\w+), "', (lib.REPO / "daemon/crash_points.def").read_text(), re.M)
REBALANCE = ("revoke_begun", "revoked")  # need a second daemon that comes
SHUTDOWN = ("stop_begun", "stop_quiet", "lease_left", "stop_committed", "stop_kafka_closed")  # told to stop in the middle of work
TIMED = ("offset_commit", "offset_committed", "lease_written", "lease_renewed")  # once a second: how often depends on the machine
RESTART = ("verified", "panes_loading")  # are passed by a daemon that goes on where another was: killed here first
BEFORE = "commit_done:2"  # there are few, how many depends on the machine
SETS = ["publish.snapshot_every=30d", "time.out_of_orderness=1d", "kafka.session_timeout=6s", "kafka.batch_messages=150",
        "redis.flush_interval=20ms", "redis.backoff_max=200ms", "run.lease=3s"]
IDLE = ["time.idle_timeout=300ms"]
CONFIG = """orgs:
  "*": {zone: UTC, cycle: month}
  crm_sales: {zone: UTC, currency: USD, cycle: quarter}
  acme: {zone: UTC, currency: USD, cycle: month}
time: {retention: 800d, max_ahead: 1h, wall_clock: false, orphan_wait: 7d, erase_final: 7d}
switches: {churn_after_days: 10}
publish: {snapshot_every: 1d, dims: [org, team]}
boards:
  sales_year: {kpi: sales_amount, window: y, dim: rep, ties: competition}
rules:
  win_rate_low: {kpi: win_rate, window: 7d, dims: [org, team, rep], fire: "< 0.60", clear: ">= 0.65", critical: "< 0.40", min_samples: 3, level: warning}
"""


def acme(first, last):
    """What the real data lack: corrections whose target never comes, people who are erased for good, customers who lapse by time alone."""
    def event(event_id, kind, at, **more):
        return {"event_id": event_id, "type": kind, "org_id": "acme", "occurred_at_ms": at, **more}
    days = (last - first) // DAY_MS
    for day in range(days):
        at = first + day * DAY_MS + HOUR_MS
        yield event(f"w{day}", "deal_closed", at, deal_id=f"A{day}", outcome="won" if day % 3 else "lost", amount_micros=1_000_000, currency="USD",
                    owner_id="bo", customer_id=f"K{day % 7}")
        if day % 5 == 0:
            yield event(f"c{day}", "customer_acquired", at, customer_id=f"C{day}", owner_id="bo")
            yield event(f"r{day}", "deal_reopened", at + HOUR_MS, deal_id=f"N{day}", owner_id="bo")
        if day % 20 == 0 and day + 15 < days:
            for n in range(6):
                yield event(f"in{day}-{n}", "login", at + n * HOUR_MS, user_id=f"gone{day}")
                yield event(f"by{day}-{n}", "deal_closed", at + n * HOUR_MS, deal_id=f"G{day}-{n}", outcome="won", amount_micros=2_000_000,
                            currency="USD", owner_id=f"gone{day}", customer_id="K0")
            yield event(f"del{day}", "entity_deleted", at + DAY_MS, entity_kind="user", entity_id=f"gone{day}", erase=True)


class Crashes:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.kafka, self.redis = lib.Server("kafka"), lib.Server("redis")
        lib.BOOTSTRAP = self.kafka.bootstrap
        self.dir = lib.new_dir()
        self.config, self.events, self.input = self.dir / "crash.yaml", self.dir / "events.ndjson", lib.topic_name("in")
        self.config.write_text(CONFIG)
        self.write_events()
        self.want = pipeline.replay(self.events, self.config, sets=SETS)
        self.alerts = {a["id"] for a in pipeline.rows(pipeline.replay(self.events, self.config, "--alerts", sets=SETS))}
        lib.check("there is something to compare", len(self.alerts) > 20 and len(self.want) > 10_000, f"{len(self.alerts)} alerts, {len(self.want)} B")
        self.late, self.reference = None, None

    def write_events(self):
        """The input topic, written once: events, some of them twice, and some that are refused or late."""
        events, _ = pipeline.data_set("crm_sales")
        every = lib.load_ndjson(events)
        real = every[FIRST:FIRST + REAL]
        first, last = real[0]["occurred_at_ms"], real[-1]["occurred_at_ms"]
        real = [e for e in every[:FIRST] if e["type"] == "user_enabled"] + real
        stream = sorted([*real, *acme(first, last)], key=lambda e: e["occurred_at_ms"])
        self.count = len(stream)
        self.events.write_text("".join(json.dumps(e) + "\n" for e in stream))
        self.bad = 12
        old = {**real[0], "event_id": "too-old", "occurred_at_ms": 1, "user_id": "nobody"}
        lib.create_topics({self.input: PARTITIONS})
        lines = [json.dumps(e).encode() for e in stream]
        for i in range(self.bad):
            lines.insert(50 + i * (len(lines) // self.bad), b"{not json %d" % i)
        for i in range(4):
            lines.insert(len(lines) - 1 - i * 100, json.dumps({**old, "event_id": f"too-old{i}"}).encode())
        lines += [json.dumps(e).encode() for e in real[-200:-200 + TWICE]]
        for partition in range(PARTITIONS):
            lib.produce(self.input, lines[partition::PARTITIONS], partition=partition)

    def installation(self):
        pipe = pipeline.Installation(self.config, 1, self.redis.socket, SETS)
        lib.delete_topics(pipe.input)
        pipe.input = self.input
        return pipe

    def life(self, pipe, crash=None, count=False):
        """A daemon that runs until it is idle, or dies at `crash` ("name:n"). (exit status, its log). One that a second daemon is to disturb waits for that."""
        pipe.started += 1
        name = crash.split(":")[0] if crash else ""
        env = {"CRASH_AT": crash} if crash else {"CRASH_COUNT": "1"} if count else {}
        until = [] if name in REBALANCE else ["--until-idle"]
        daemon = lib.Process([lib.BIN, "run", *pipe.options([*IDLE, "kafka.instance_id=one"]), *until], log=pipe.dir / f"run{pipe.started}.log", env=env)
        other = None
        try:
            if name in REBALANCE or name in SHUTDOWN or count:
                lib.wait_until(lambda: "event=judge_ready" in daemon.text() and "event=assigned" in daemon.text() or not daemon.alive(), LIFE_S, "it works")
            if name in REBALANCE:
                other = lib.Process([lib.BIN, "run", *pipe.options([*IDLE, "kafka.instance_id=two"])], log=pipe.dir / "other.log")
            if name in SHUTDOWN:
                daemon.signal(15)
            return daemon.wait(LIFE_S), daemon.text()
        except Exception as e:
            raise RuntimeError(f"{crash}: {e}\n{daemon.text()[-2000:]}") from None
        finally:
            if daemon.alive():
                daemon.kill()
            if other:
                other.stop(20)

    def compare(self, pipe):
        """What is wrong with the end, as lines."""
        wrong = [f"counters: {w}" for w in pipe.counters_add_up()]
        totals = {c: pipe.total(c) for c in pipeline.COUNTERS}
        want = {"applied": self.count, "duplicate": TWICE, "late": 4, "dead": self.bad}
        if totals != want:
            wrong.append(f"counts {totals}, want {want}")
        got = pipe.query()
        if got != self.want:
            wrong.append("rows: " + pipeline.first_difference(got, self.want))
        ids = {name: set(pipe.ids(name)) for name in ("alerts", "late", "dead_letter")}
        if ids["alerts"] != self.alerts:
            wrong.append(f"alert ids: {len(ids['alerts'] - self.alerts)} more, {len(self.alerts - ids['alerts'])} fewer")
        told = {name: ids[name] for name in ("late", "dead_letter")}
        if self.reference is None:
            self.reference = told
        for name, want_ids in self.reference.items():
            if told[name] != want_ids:
                wrong.append(f"{name} ids: {len(told[name] - want_ids)} more, {len(want_ids - told[name])} fewer")
        left = pipe.redis()("XLEN", "cp:{0}:outbox")
        if left:
            wrong.append(f"{left} entries are left in the outbox")
        return wrong

    def counts(self):
        """How often each point is passed by a run that is not killed."""
        pipe = self.installation()
        status, text = self.life(pipe, count=True)
        passed = {name: int(n) for name, n in re.findall(r"^crash_point (\w+) (\d+)$", text, re.M)}
        wrong = self.compare(pipe)
        lib.check("a run that is not killed ends as the replay", status == 0 and not wrong, f"{status} {wrong} {text[-1500:]}")
        left = [n for n in POINTS if not passed.get(n)]
        lib.check("it passes every point but those of a rebalance and of a restart", sorted(left) == sorted(REBALANCE + RESTART), left)
        return passed

    def case(self, crashes):
        """(points that were hit, what is wrong) of lives that end at each of `crashes`, and a last one that nobody kills."""
        pipe, hit = self.installation(), 0
        try:
            for crash in crashes:
                status, text = self.life(pipe, crash)
                if status == -9 and f"crashed at {crash}" in text:
                    hit += 1
                elif status != 0:
                    return hit, [f"{crash}: exit status {status}: {text[-1500:]}"]
            status, text = self.life(pipe)
            if status != 0:
                return hit, [f"the last life: exit status {status}: {text[-1500:]}"]
            return hit, self.compare(pipe)
        except (RuntimeError, TimeoutError) as e:
            return hit, [str(e)]
        finally:
            lib.delete_topics(*(pipe.topic(name) for name in pipeline.OUTPUTS))


def some_pass(passed, name, chance):
    """One of the passes of a run that is not killed; the first of those that are not passed then, or by the clock."""
    if name in TIMED:
        return f"{name}:1"
    return f"{name}:{chance.randint(1, max(1, passed.get(name, 1) * 3 // 4))}"


def singles(crashes, passed, points):
    """Each at its first passing and at one further on."""
    for name in points:
        for crash in dict.fromkeys((f"{name}:1", some_pass(passed, name, crashes.chance) if name not in SHUTDOWN else f"{name}:1")):
            began = time.monotonic()
            case = [BEFORE, crash] if name in RESTART else [crash]
            hit, wrong = crashes.case(case)
            lib.check(f"{' then '.join(case)} ({time.monotonic() - began:.1f} s)", hit == len(case) and not wrong, f"hit {hit}; " + "\n    ".join(wrong))


def pairs(crashes, passed, points, seconds, shard, skip):
    """All pairs in an order that a seed decides, as many as there is time for; the first `skip` are left out, as an earlier run has done them."""
    every = [(a, b) for a in points for b in POINTS]
    crashes.chance.shuffle(every)
    mine, began = every[skip:][shard[0]::shard[1]], time.monotonic()
    done = both = bad = 0
    for a, b in mine:
        if time.monotonic() - began > seconds:
            break
        case = [some_pass(passed, a, crashes.chance) if a not in SHUTDOWN else f"{a}:1", f"{b}:1"]
        hit, wrong = crashes.case(case)
        done, both, bad = done + 1, both + (hit == 2), bad + bool(wrong)
        if wrong:
            lib.check(" then ".join(case), False, "\n    ".join(wrong))
        if done % 25 == 0:
            print(f"# {done} pairs in {time.monotonic() - began:.0f} s, both points hit in {both}, {bad} wrong", flush=True)
    lib.check(f"{done} of {len(mine)} pairs in {time.monotonic() - began:.0f} s: both points hit in {both}, {bad} wrong", done and not bad)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("points", nargs="*")
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--skip", type=int, default=0, help="with --pairs: pairs of this seed's order that were done already")
    parser.add_argument("--shard", default="0/1")
    args = parser.parse_args()
    unknown = [p for p in args.points if p not in POINTS]
    if unknown:
        sys.exit(f"crash-points: no point {', '.join(unknown)} in daemon/crash_points.def")
    print(f"# {len(POINTS)} crash points, seed {args.seed}", flush=True)
    crashes = Crashes(args.seed)
    passed = crashes.counts()
    points = args.points or POINTS
    shard, shards = (int(n) for n in args.shard.split("/"))
    if args.pairs:
        pairs(crashes, passed, points, args.seconds, (shard, shards), args.skip)
    else:
        singles(crashes, passed, points[shard::shards])
    lib.finish()


if __name__ == "__main__":
    main()
