#!/usr/bin/env python3
"""Zombies, again and again: of two daemons one is stopped with work in flight, the other takes its partitions over, then it resumes. Started by
scripts/zombies.

zombies.py [--takeovers N] [--seed N] [--each S]: half of the victims are stopped while Redis stands still, so that they wake up with an unanswered batch and
records that they have fetched already; who holds the lease is preferred. At the end the state must be that of a replay, and the append-only file of
Redis, which holds every write in order, must not contain a single one of somebody whose epoch was over (aof.py).
"""
import argparse
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
import lib  # noqa: E402
import pipeline  # noqa: E402
from aof import Writers, commands  # noqa: E402
from copies import Copies  # noqa: E402

SET = "crm_sales"
DAY_MS = 86_400_000
SESSION_S = 2
SETS = ["publish.snapshot_every=30d", "time.out_of_orderness=1d", f"kafka.session_timeout={SESSION_S}s", "run.lease=1500ms", "redis.backoff_max=500ms",
        "time.idle_timeout=60s"]
ASSIGNED = re.compile(r"event=assigned message=\"(\d+) partitions\"")
REFUSED = re.compile(r"the flush follows|shard \d+: .*\(1\); the evaluator")


def assignments(daemon):
    return ASSIGNED.findall(daemon.text())


def holder(pipe, daemons):
    """Who has the lease, by the process id in its name."""
    owner = pipe.redis()("HGET", "cp:{0}:lease", "owner") or b"//"
    return next((d for d in daemons if f"/{d.pid}/".encode() in owner), None)


def read(pipe):
    return sum(int(row["read"]) for row in pipe.offsets().values())


def put_to_sleep(pipe, redis, victim, chance, still):
    """SIGSTOP; `still`: while Redis does not answer."""
    time.sleep(chance.uniform(0, 0.3))
    if still:
        os.kill(redis.pid, signal.SIGSTOP)
        time.sleep(chance.uniform(0.05, 0.6))
    victim.pause()
    if still:
        os.kill(redis.pid, signal.SIGCONT)
    return {p: int(row["epoch"]) for p, row in pipe.offsets().items()}


def wait(pipe, condition, what, daemons):
    """Up to a minute (CHAOS_PATIENCE=4 for a busy machine: four); if it is not to be, the ends of both logs."""
    try:
        lib.wait_until(condition, 60 * lib.PATIENCE, what, 0.02)
    except TimeoutError:
        for d in daemons:
            print(f"# {d.pid}:\n{d.text()[-4000:]}")
        print(f"# lease: {pipe.redis().hash('cp:{0}:lease')}, offsets: {pipe.offsets()}")
        raise


def takeover(pipe, redis, daemons, chance, still, sender):
    """One zombie; returns how long the other took to own everything."""
    wait(pipe, lambda: all(assignments(d)[-1:] == ["2"] for d in daemons), "the group is balanced", daemons)
    holds = holder(pipe, daemons)
    victim = holds if holds and chance.random() < 0.7 else chance.choice(daemons)
    other = next(d for d in daemons if d is not victim)
    seen = len(assignments(victim))
    held = put_to_sleep(pipe, redis, victim, chance, still)
    began = time.monotonic()
    wait(pipe, lambda: all(int(row["epoch"]) > held[p] for p, row in pipe.offsets().items()), "the other claims all partitions", daemons)
    took = time.monotonic() - began
    before = read(pipe)
    wait(pipe, lambda: read(pipe) > before + 20 or not sender.alive(), "the other goes on", daemons)
    if victim is holds:
        wait(pipe, lambda: holder(pipe, daemons) is other, "the other judges", daemons)
    victim.resume()
    wait(pipe, lambda: len(assignments(victim)) > seen, "the sleeper comes back", daemons)
    if not all(d.alive() for d in daemons):
        raise RuntimeError("a daemon has ended: " + "\n".join(d.text()[-1500:] for d in daemons))
    return took


def compare(pipe, told):
    equal, both, transitions = pipe.compare_end(told.stream, lambda *words: pipeline.replay(told.events, told.config, *words, sets=SETS))
    return f"state {'equal' if equal else 'DIFFERS'}, {len(both)} of {len(transitions)} alert ids"


def look_back(redis):
    """All that Redis wrote."""
    seen = Writers()
    for command in commands(redis.dir):
        seen.see(command)
    lib.check("the file tells of flushes, claims, leases and commits", seen.flushes > 100 and seen.claims > 4 and seen.leases > 1 and seen.commits > 10,
              [seen.flushes, seen.claims, seen.leases, seen.commits])
    lib.check_equal("no foreign write", seen.foreign[:10], [])
    return seen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--takeovers", type=int, default=100)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--each", type=float, default=8, help="seconds that a takeover may take while events flow (they are paced by it)")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    told = Copies(SET, args.takeovers // 25 + 1)
    print(f"# {args.takeovers} takeovers, seed {args.seed}, {told.stream} events of {told.count} orgs", flush=True)
    lib.BOOTSTRAP = lib.Server("kafka").bootstrap
    redis = lib.Server("redis", "--aof", "everysec", "auto-aof-rewrite-percentage=0")
    pipe = pipeline.Installation(told.config, 4, redis.socket, SETS)
    daemons = [pipe.start() for _ in range(2)]
    sender = lib.Process([lib.BIN, "send", told.events, "--brokers", lib.BOOTSTRAP, "--topic", pipe.input, "--key", "event", "--shuffle-ms", str(DAY_MS),
                          "--duplicate", "10000", "--seed", str(args.seed), "--rate", str(int(told.stream / (args.takeovers * args.each)) + 1)],
                         log=pipe.dir / "send.log")
    took, still, late = [], 0, 0
    for n in range(args.takeovers):
        with_redis = chance.random() < 0.5
        late += not sender.alive()
        took.append(takeover(pipe, redis, daemons, chance, with_redis, sender))
        still += with_redis
        if (n + 1) % 10 == 0:
            print(f"# {n + 1} takeovers, {read(pipe)} records read", flush=True)
    refused = sum(len(REFUSED.findall(d.text())) for d in daemons)
    lib.check_equal("all was sent", sender.wait(600), 0)
    for daemon in daemons:
        lib.check_equal("stops when told", daemon.stop(), 0)
    pipe.settle(600)
    state = compare(pipe, told)
    seen = look_back(redis)
    took.sort()
    print(f"# {still} with Redis standing still; {late} after the last event; takeover after "
          f"{took[len(took) // 2]:.1f} s (median), {took[-1]:.1f} s (worst), session timeout {SESSION_S} s")
    print(f"zombies: {len(took)} takeovers; {refused} refusals told by the sleepers; {seen.flushes} partition writes, {seen.claims} claims, "
          f"{seen.leases} leases, {seen.commits} commits looked at: {len(seen.foreign)} foreign writes; {state}")
    lib.finish()


if __name__ == "__main__":
    main()
