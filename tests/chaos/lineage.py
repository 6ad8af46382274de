#!/usr/bin/env python3
"""Is a log that is not the one that was read recognised, every time? Many small tries on one Kafka. Started by scripts/lineage.

lineage.py [--tries N] [--seed N]: of each kind N tries, each with an installation of its own and other numbers: read a part, stop the daemon,
do the damage, start the daemon. Recognised means: every partition that is damaged is halted, with the reason in its words, and nothing of it
is read or applied. The rows K9, K10, K11 of the matrix do each once, and look at what comes after.

retention   records expired that were not read yet            truncated   the log ends before the stored offset
lower       the topic was created anew and ends before it     equal       .. ends just there        grown   .. has grown past it
"""
import argparse
import json
import random
import shutil
import sys
import time

from scenario import CONFIG, PATIENCE, SETS, lib, pipeline

SMALL = [pair for pair in SETS if not pair.startswith("time.idle")] + ["time.idle_timeout=1s"]
WORDS = {"retention": "retention", "truncated": "truncated", "lower": "re-created", "equal": "re-created", "grown": "re-created"}


class Try:
    """An installation that has read the first part of a history. `redis`: of its own, for those that wait for others meanwhile."""

    def __init__(self, chance, lines, redis):
        self.chance, self.redis = chance, redis
        self.pipe = pipeline.Installation(CONFIG, chance.randrange(1, 5), redis.socket, SMALL)
        cut = chance.randrange(150, 900)
        self.first, self.rest = lines[:cut], lines[cut:cut + chance.randrange(100, 900)]
        self.send(self.first)

    def send(self, lines):
        path = self.pipe.dir / "part.ndjson"
        path.write_text("".join(lines), encoding="utf-8")
        self.pipe.send(path, "--key", "random", "--seed", str(self.chance.randrange(1 << 30)))

    def read(self):
        self.pipe.settle(120 * PATIENCE)
        self.held = {p: int(part["next"]) for p, part in self.pipe.offsets().items() if int(part["next"]) > 0}
        self.fed = self.pipe.redis()("HGET", "cp:{0}:meta", "feed_seq")

    def recognised(self, damaged, word):
        """Starts a daemon: "" if all is as it must be, else what is not."""
        daemon = self.pipe.start()
        try:
            lib.wait_until(lambda: self.halted(daemon, word) >= set(damaged), 30 * PATIENCE, "halted", 0.1)
        except TimeoutError:
            return f"halted {sorted(self.halted(daemon, word))} of {sorted(damaged)}: {daemon.text()[-600:]}"
        finally:
            time.sleep(0.3)
            daemon.stop()
        now = {p: int(part["next"]) for p, part in self.pipe.offsets().items()}
        moved = [p for p in damaged if now[p] != self.held[p]]
        if moved:
            return f"{moved} moved: {self.held} {now}"
        sound = set(self.held) - set(damaged)
        if not sound and self.pipe.redis()("HGET", "cp:{0}:meta", "feed_seq") != self.fed:
            return "something was applied"
        return ""

    def halted(self, daemon, word):
        lines = [line for line in daemon.text().splitlines() if "event=partition_halted" in line and word in line]
        return {p for p in self.held if any(f"{self.pipe.input}/{p} " in line for line in lines)}


def retention(t):
    t.read()
    t.send(t.rest)
    ends = {p: end for p, (_, end) in lib.offsets(t.pipe.input).items()}
    hit = [p for p in t.held if ends[p] > t.held[p] and t.chance.random() < 0.7] or [max(t.held, key=lambda p: ends[p] - t.held[p])]
    for p in hit:
        lib.delete_records(t.pipe.input, p, t.chance.randrange(t.held[p] + 1, ends[p] + 1))
    return hit


def again(t, length):
    """Another topic under the same name: partition p has length(records of it that were read) records."""
    t.read()
    count = len(lib.offsets(t.pipe.input))
    lib.delete_topics(t.pipe.input)
    lib.wait_until(lambda: created(t.pipe.input, count), 30 * PATIENCE, "the topic is there again", 0.2)
    for p, held in t.held.items():
        records = [json.dumps({"event_id": f"n{p}-{i}", "type": "lead_created", "org_id": "other", "occurred_at_ms": 1_500_000_000_000 + i,
                               "lead_id": f"L{i}"}).encode() for i in range(length(held))]
        if records:
            lib.produce(t.pipe.input, records, partition=p)
    return list(t.held)


def created(name, count):
    try:
        lib.create_topics({name: count})
    except RuntimeError:  # its deletion is still under way
        return False
    return True


def one_by_one(kind, tries, damage, chance, lines):
    redis = lib.Server("redis")
    good = 0
    for n in range(tries):
        t = Try(chance, lines, redis)
        good += told(kind, n, t.recognised(damage(t), WORDS[kind]))
    return good


def ends(t):
    """Of its partitions; None while the broker that has just started does not know them yet."""
    try:
        return lib.offsets(t.pipe.input)
    except RuntimeError:
        return None


def truncations(tries, chance, lines, kafka):
    """The broker's files of a moment come back for all topics at once."""
    all_of = [Try(chance, lines, lib.Server("redis")) for _ in range(tries)]
    kafka.stop()
    copy = lib.new_dir() / "data"
    shutil.copytree(kafka.dir / "data", copy)
    kafka.start()
    before = {t: lib.wait_until(lambda t=t: ends(t), 60 * PATIENCE, "the broker leads all partitions", 0.5) for t in all_of}
    for t in all_of:
        t.send(t.rest)
        t.read()
    kafka.kill()
    shutil.rmtree(kafka.dir / "data")
    shutil.copytree(copy, kafka.dir / "data")
    kafka.start()
    good = 0
    for n, t in enumerate(all_of):
        lib.wait_until(lambda t=t: ends(t), 60 * PATIENCE, "the broker leads all partitions", 0.5)
        shorter = [p for p, held in t.held.items() if before[t][p][1] < held]
        good += told("truncated", n, t.recognised(shorter, WORDS["truncated"]) if shorter else "the log is not shorter")
    return good


def told(kind, n, fault):
    lib.check(f"{kind} {n + 1}", not fault, fault)
    return not fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    lines = [json.dumps(event) + "\n" for event in lib.load_ndjson(pipeline.data_set("crm_sales")[0])[:2000]]
    kafka = lib.Server("kafka")
    lib.BOOTSTRAP = kafka.bootstrap
    kinds = {"retention": retention,
             "lower": lambda t: again(t, t.chance.randrange),
             "equal": lambda t: again(t, lambda held: held),
             "grown": lambda t: again(t, lambda held: held + t.chance.randrange(1, 600))}
    good = {"truncated": truncations(args.tries, chance, lines, kafka)}
    good.update((kind, one_by_one(kind, args.tries, damage, chance, lines)) for kind, damage in kinds.items())
    print("lineage: recognised " + ", ".join(f"{kind} {n} of {args.tries}" for kind, n in good.items()))
    lib.finish()


if __name__ == "__main__":
    sys.exit(main())
