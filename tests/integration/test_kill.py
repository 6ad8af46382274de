#!/usr/bin/env python3
"""SIGKILL of the daemon and of Redis at random moments while events flow: the end state is that of an unkilled replay and of the
oracle, the alert ids are the same, and the counters add up.

test_kill.py [--kills N] [--redis-kills N] [--seed N] [--copies N] [--pause S] [--minutes N]; scripts/kill-test runs it with 50 and 5. Redis writes an
append-only file; every second time it is killed that file also loses its tail, as after a power cut or a failover to a lagging replica:
state and offsets then go back together. With --copies the history is told once for each of N organisations (copies.py), so that events
flow until the last kill. The last line counts: kills, events lost and doubled, ids, recovery times.
"""
import argparse
import json
import os
import random
import time

import lib
import pipeline
from copies import Copies

SET = "crm_sales"
SETS = ["publish.snapshot_every=30d", "time.out_of_orderness=1d", "kafka.session_timeout=6s", "redis.backoff_max=500ms",
        # Not before all is sent: a producer at rest must not look like the end of the history.
        "time.idle_timeout=60s"]
PARTITIONS = 4
DAY_MS = 86_400_000


class Victims:
    """The daemon and its Redis, and when each was last brought back."""

    def __init__(self, redis, pipe):
        self.redis, self.pipe = redis, pipe
        self.daemon, self.recoveries, self.lost_bytes = None, {"daemon": [], "redis": []}, 0
        self.done = {"daemon": 0, "redis": 0}
        self.whole_bytes = None  # of the file when Redis knew all partitions
        self.start()

    def start(self):
        self.daemon = self.pipe.start(sets=["kafka.instance_id=one"])

    def read(self):
        try:
            return sum(int(row["read"]) for row in self.pipe.offsets().values())
        except (OSError, lib.RedisError):
            return None

    def wait_for_progress(self, kind, before, began, seconds=120):
        """Until more is applied than before; notes how long that took since `began`."""
        lib.wait_until(lambda: (self.read() or -1) > before, seconds,
                       lambda: f"progress after a kill of {kind}: {self.read()} of more than {before}\n{self.daemon.text()[-3000:]}", 0.02)
        self.recoveries[kind].append(time.monotonic() - began)

    def kill_daemon(self):
        if not self.daemon.alive():
            lib.check("the daemon lives until it is killed", False, self.daemon.text()[-2000:])
        self.daemon.kill()
        self.done["daemon"] += 1
        before = self.read()
        began = time.monotonic()
        self.start()
        return before, began

    def kill_redis(self, cut):
        self.redis.kill()
        self.done["redis"] += 1
        if cut:
            self.cut_tail()
        self.redis.start()
        return self.read(), time.monotonic()

    def append_only(self):
        folder = self.redis.dir / "appendonlydir"
        # While the file is being rewritten there are several; only the last may lack its end.
        names = [line.split()[1] for line in next(folder.glob("*.manifest")).read_text().splitlines() if line.endswith("type i")]
        return folder / names[-1]

    def note(self):
        """How long the file is once something of every partition is in it: a Redis that knows nothing of one that the group has read is an emptied one, and
        halts it, as it should."""
        try:
            rows = self.pipe.offsets().values()
        except (OSError, lib.RedisError):
            return
        if self.whole_bytes is None and len(rows) == PARTITIONS and all(int(row["next"]) > 0 for row in rows):
            self.whole_bytes = self.append_only().stat().st_size

    def cut_tail(self):
        if self.whole_bytes is None:
            return
        log = self.append_only()
        size = log.stat().st_size
        lost = min(size // 5, 300_000, max(0, size - self.whole_bytes))
        with open(log, "r+b") as f:
            f.truncate(size - lost)
        self.lost_bytes += lost
        lib.mend_append_only(self.redis.dir)


def torment(victims, sender, args, chance):
    """Kills spread over the whole time of sending, until the plan or the time is over; returns how many came when all was sent."""
    plan = ["daemon"] * args.kills + ["redis"] * args.redis_kills
    chance.shuffle(plan)
    cut, late, began = False, 0, time.monotonic()
    for n, kind in enumerate(plan):
        if args.minutes and time.monotonic() - began > 60 * args.minutes:
            break
        time.sleep(chance.uniform(0.05, args.pause))
        late += not sender.alive()
        victims.note()
        if kind == "daemon":
            before, since = victims.kill_daemon()
        else:
            before, since = victims.kill_redis(cut)
            cut = not cut
        # Half of the kills of the daemon hit one that has not recovered from the last yet.
        if (kind == "redis" or chance.random() < 0.5) and sender.alive():
            victims.wait_for_progress(kind, before, since)
        if (n + 1) % 50 == 0:
            print(f"# {n + 1} of {len(plan)} kills after {time.monotonic() - began:.0f} s, {victims.read()} records read", flush=True)
    return late


def summary(seconds):
    ordered = sorted(seconds)
    if not ordered:
        return "not measured"
    return (f"{len(ordered)} times, median {ordered[len(ordered) // 2]:.2f} s, p99 {ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]:.2f} s, "
            f"worst {ordered[-1]:.2f} s")


def compare_with_oracle(pipe, told):
    """The first org against the oracle, all others against the first."""
    got = pipe.query()
    lines = told.rows_of(got, told.org)
    different = [org for org in told.orgs() if told.rows_of(got, org) != lines]
    lib.check_equal(f"each of the {told.count} orgs has the rows of the first", different, [])
    found = pipe.dir / "rows.ndjson"
    # The oracle keeps everything; a row that says what it has lost gives no figure to compare (test_replay_oracle).
    kept = [line for line in lines if "incomplete" not in json.loads(line)["flags"].split(",")]
    found.write_bytes(b"\n".join(kept) + b"\n")
    done = lib.run(["python3", "-m", "oracle", "compare", pipeline.data_set(SET)[0], found, "--tz", "UTC", "--cycle", "q", "--at", str(told.newest)],
                   300, env={"PYTHONPATH": str(lib.REPO / "tests/model")})
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    tally = next((row for row in lines if "compared" in row), {})
    lib.check(f"the oracle agrees with all of {tally.get('compared')} rows", tally.get("different") == 0 and tally.get("compared", 0) > 5000,
              f"{tally} {[row for row in lines if 'kpi' in row][:3]} {done.stderr[-300:]}")


def lost_and_doubled(pipe, want):
    """By the counters of the partitions, and by the records of the event ids: one for every event that was ever applied."""
    applied, ids = pipe.total("applied"), len(pipe.redis().keys("cp:{0}:ent:evt:*"))
    lib.check_equal("a record for every event id", ids, want)
    return max(0, want - min(applied, ids)), max(0, max(applied, ids) - want)


def told_lines(pipe, output, ids):
    """How many, and the first of them, whole."""
    found = [m for m in pipe.messages(output) if m.get("id") in ids]
    return "\n    ".join([f"{len(ids)}"] + [json.dumps(m) for m in found[:4]])


def send(pipe, told, args, seconds):
    return lib.Process([lib.BIN, "send", told.events, "--brokers", lib.BOOTSTRAP, "--topic", pipe.input, "--key", "event",
                        "--shuffle-ms", str(DAY_MS), "--duplicate", "10000", "--seed", str(args.seed),
                        "--rate", str(max(40, int(told.stream / seconds)))], log=pipe.dir / "send.log")


def compare_with_calm(pipe, told):
    """Every message of a run that nobody killed, and no other; returns {output: (ids here, ids there)}."""
    outputs = pipe.outputs()
    calm = pipeline.Installation(told.config, 1, sets=SETS)
    calm.send(told.events)
    calm.settle(600)
    counts = {}
    for output, ids in calm.outputs().items():
        lib.check(f"every id on {output} is there", ids <= outputs[output], told_lines(calm, output, ids - outputs[output]))
        lib.check(f"no id on {output} that a run without kills has not", outputs[output] <= ids, told_lines(pipe, output, outputs[output] - ids))
        print(f"# {output}: {len(ids)} ids without kills, {len(outputs[output])} with them")
        counts[output] = len(outputs[output] & ids), len(ids | outputs[output])
    return counts


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=int(os.environ.get("CRMPULSE_KILLS", "10")))
    parser.add_argument("--redis-kills", type=int, default=int(os.environ.get("CRMPULSE_REDIS_KILLS", "2")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("CRMPULSE_SEED", "1")))
    parser.add_argument("--copies", type=int, default=int(os.environ.get("CRMPULSE_COPIES", "1")))
    parser.add_argument("--pause", type=float, default=float(os.environ.get("CRMPULSE_PAUSE", "2")), help="longest time between two kills, in seconds")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("CRMPULSE_MINUTES", "0")), help="no kill after these; 0: no such end")
    return parser.parse_args()


def main():
    args = arguments()
    chance = random.Random(args.seed)
    told = Copies(SET, args.copies)
    print(f"# {args.kills} kills of the daemon, {args.redis_kills} of Redis, seed {args.seed}, {told.stream} events of {told.count} orgs", flush=True)

    redis = lib.Server("redis", "--aof", "everysec")
    pipe = pipeline.Installation(told.config, PARTITIONS, redis.socket, SETS)
    victims = Victims(redis, pipe)
    seconds = min((args.kills + args.redis_kills) * (args.pause / 2 + 1), 60 * args.minutes or 1e9)
    sender = send(pipe, told, args, seconds)
    late = torment(victims, sender, args, chance)
    lib.check_equal("all was sent", sender.wait(int(seconds * 3) + 60), 0)
    # A slow build may not have judged anything yet; the last kill comes when it has.
    lib.wait_until(lambda: pipe.ids("alerts"), 900, "an alert", 1)
    victims.kill_daemon()
    judged = len(set(pipe.ids("alerts")))
    lib.check("alerts were judged and published between the kills", judged > 0, judged)
    print(f"# {judged} alerts published before the final run; {late} kills came after the last event")
    # Whoever is told to stop before its main() has begun dies of the signal.
    lib.wait_until(lambda: victims.daemon.text() or not victims.daemon.alive(), 60, "its first line")
    lib.check("the daemon is alive after the last kill", victims.daemon.alive(), victims.daemon.text()[-2000:])
    began = time.monotonic()
    lib.check_equal("it stops when told", victims.daemon.stop(), 0)
    lib.check("within 5 s", time.monotonic() - began <= 5, time.monotonic() - began)
    pipe.settle(600, sets=["time.idle_timeout=1s", "kafka.instance_id=one"])
    print(f"# bytes cut off Redis' log: {victims.lost_bytes}", flush=True)

    equal, _, _ = pipe.compare_end(told.stream, lambda *words: pipeline.replay(told.events, told.config, *words, sets=SETS))
    lost, doubled = lost_and_doubled(pipe, told.stream)
    print(f"# alerts published more than once (same id): {sum(1 for n in pipe.ids('alerts').values() if n > 1)}")
    lib.check_equal("no dead letters, no late events", [len(pipe.ids(name)) for name in ("dead_letter", "late")], [0, 0])
    compare_with_oracle(pipe, told)
    counts = compare_with_calm(pipe, told)
    print(f"# recovery after a kill of the daemon: {summary(victims.recoveries['daemon'])}")
    print(f"# recovery after a kill of Redis: {summary(victims.recoveries['redis'])}")
    print(f"kills: {victims.done['daemon']} of the daemon, {victims.done['redis']} of Redis; {told.stream} events: {lost} lost, {doubled} doubled; "
          f"rows {'equal' if equal else 'DIFFER'}; ids equal: "
          + ", ".join(f"{n} of {of} {output}" for output, (n, of) in counts.items()))
    lib.finish()


if __name__ == "__main__":
    main()
