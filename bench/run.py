"""Rounds of the benchmark: every contestant once a round, in random order (seeded), on one topic that is filled and understood by the oracle
before. Called by scripts/bench, which starts Kafka and Redis. Writes results.ndjson; bench/report.py makes the tables of it."""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

import redis
from confluent_kafka.admin import AdminClient

import contestants
import oracle
import oracle_w2
import procs
import report

# What differs from workload to workload, unless it is said. W2 has wide windows, so its event time moves on faster.
DEFAULTS = {"w1": {"step": 1000, "contestants": list(contestants.ALL)}, "w2": {"step": 100000, "contestants": ["drain", "crmpulse", "flink", "streams"]}}
ONLY_W1 = {"python"}
DRAIN_WARM_UP = 2  # the broker's compiler warms up on drains that do not count


def window_ms(text):
    found = re.fullmatch(r"([1-9][0-9]*)([smh])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text}: such as 10s, 1m")
    return int(found[1]) * {"s": 1000, "m": 60000, "h": 3600000}[found[2]]


class Rig:
    """What a contestant needs to know of this run."""

    def __init__(self, options):
        self.build, self.out, self.work = options.build, options.out, options.work
        self.brokers, self.topic = options.brokers, "crm.events"
        self.socket = str(options.redis / "redis.sock")
        self.redis = redis.Redis(unix_socket_path=self.socket)
        self.redis_pid = int((options.redis / "pid").read_text())
        self.broker_pid = int((options.kafka / "pid").read_text())
        self.workload, self.window, self.window_ms = options.workload, options.window, window_ms(options.window)
        self.events, self.limit_s = options.events, options.seconds
        self.settings = [part for setting in options.set for part in ("--set", setting)]
        self.env = dict(os.environ)
        self.nonce = f"{time.time_ns() // 1000000:x}"
        self.round = 0
        self.oracle = None
        self.want = None  # W2: what the oracle answers
        # W1 is measured up to Redis; in W2 alerts, boards and rows leave, too.
        self.outputs = {name: f"crm.{name}" for name in contestants.OUTPUTS} if options.workload == "w2" else {}

    def meter(self):
        return procs.Meter(self.redis_pid, self.broker_pid)

    def fresh_dir(self, name):
        path = self.work / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return path

    def drop_topics(self, prefix):
        admin = AdminClient({"bootstrap.servers": self.brokers})
        names = [name for name in admin.list_topics(timeout=20).topics if name.startswith(prefix)]
        for future in (admin.delete_topics(names) if names else {}).values():
            future.result(timeout=20)

    def fill(self, options):
        admin = self.build / "tests" / "tools" / "kafka_admin"
        for topic, partitions in ((self.topic, options.partitions), *((topic, 1) for topic in self.outputs.values())):
            subprocess.run([admin, self.brokers, "create", topic, str(partitions)], check=True)
        command = [self.build / "bench" / "bench_fill", "--brokers", self.brokers, "--topic", self.topic, "--events", self.events, "--seed",
                   options.seed, "--codec", options.codec, "--step", options.step, *(["--rich"] if options.workload == "w2" else [])]
        done = subprocess.run([str(part) for part in command], capture_output=True, check=True)
        return json.loads(done.stdout)


def say(text):
    print(text, flush=True)


def one(rig, name, results):
    try:
        row = contestants.ALL[name](rig)
    except (contestants.Failed, subprocess.TimeoutExpired) as error:
        say(f"round {rig.round}: {name} has no result: {error}")
        return False
    results.write(json.dumps(row) + "\n")
    results.flush()
    say(f"round {rig.round}: {name:9} {row['events_per_s']:>9,} events/s  {row['cpu_us_per_event']:8.2f} CPU-us/event  "
        f"steal {row['steal']:.1%} others {row['foreign']:.1%}  answers: {row['answers'] or '-'}")
    return row["answers"] in (None, "equal")


def rounds(rig, options, results):
    order = random.Random(options.seed)
    good = True
    for rig.round in range(1, options.rounds + 1):
        names = list(options.contestants)
        order.shuffle(names)
        for name in names:
            good &= one(rig, name, results)
    return good


def parse():
    parser = argparse.ArgumentParser()
    for name in ("build", "out", "work", "redis", "kafka"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--workload", choices=list(DEFAULTS), default="w1")
    parser.add_argument("--window", default="10s")
    parser.add_argument("--codec", default="lz4")
    parser.add_argument("--with", dest="contestants", type=lambda text: text.split(","))
    for name, default in (("events", 1000000), ("partitions", 8), ("rounds", 3), ("seed", 42), ("seconds", 300), ("step", None)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    for name, value in DEFAULTS[options.workload].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    unknown = set(options.contestants) - contestants.ALL.keys()
    if unknown:
        parser.error(f"--with: unknown: {', '.join(sorted(unknown))}; there are {', '.join(contestants.ALL)}")
    if options.workload == "w2" and ONLY_W1 & set(options.contestants):
        parser.error(f"{', '.join(sorted(ONLY_W1))}: only in w1")
    return options


def main():
    options = parse()
    rig = Rig(options)
    filled = rig.fill(options)
    say(json.dumps(filled))
    began_s = time.monotonic()
    if rig.workload == "w1":
        rig.oracle = oracle.read_all(rig.brokers, rig.topic, oracle.Oracle(rig.window_ms))
        rig.want = rig.oracle.cells
    else:
        rig.oracle = oracle.read_all(rig.brokers, rig.topic, oracle_w2.Kpis())
        rig.want = rig.oracle.answers()
    say(f"oracle: {rig.oracle.messages} messages, {len(rig.oracle.seen)} events, {len(rig.want)} answers, {time.monotonic() - began_s:.1f} s")
    for _ in range(DRAIN_WARM_UP):
        contestants.drain(rig)
    path = options.out / "results.ndjson"
    with open(path, "w", encoding="utf-8") as results:
        setup = report.setup(options, filled, len(rig.want))
        results.write(json.dumps({"setup": setup}) + "\n")
        good = rounds(rig, options, results)
    say(report.tables(*report.read(path)))
    return 0 if good else 1


sys.exit(main())
