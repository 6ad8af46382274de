#!/usr/bin/env python3
"""Instructions per event, counted by cachegrind: the same on a busy machine and on a quiet one.

    tests/instructions/gate.py --build DIR [--write]

DIR holds a release build with bench/bench_core and crmpulse. Fails if a workload takes more than 2 % above what
tests/instructions/expected.json says; --write puts down what was counted. Figures are of one compiler: gcc 12, x86-64.
What starting costs is taken out: each workload runs with more and with fewer events. Exit code 1 if a figure is above, 2 if none
could be taken.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
EXPECTED = os.path.join(HERE, "expected.json")
ALLOWED = 1.02
SECONDS = 600


def count(*command):
    """Instructions of one run."""
    with tempfile.TemporaryDirectory() as work:
        done = subprocess.run(["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={work}/out", *command],
                              capture_output=True, text=True, timeout=SECONDS, check=False)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or not found:
        sys.stderr.write(done.stderr[-2000:])
        raise RuntimeError(f"{command[0]}: no count")
    return int(found.group(1).replace(",", ""))


def of_core(build):
    """Closed deals, as bench/core.c makes them: all that lies between Kafka and Redis."""
    program = os.path.join(build, "bench", "bench_core")
    few, many = 1000, 4000
    runs = [count(program, "--events", str(n), "--batch", "500") for n in (few, many)]
    return (runs[1] - runs[0]) / (many - few)


def of_replay(build):
    """The golden stream, through `crmpulse replay --alerts`."""
    program = os.path.join(build, "crmpulse")
    with open(os.path.join(REPO, "tests", "golden", "stream.ndjson"), encoding="utf-8") as f:
        lines = f.readlines()
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as first:
        first.writelines(lines[:1])
        first.flush()
        runs = [count(program, "replay", name, "--alerts", "--quiet", "--config", os.path.join(REPO, "config", "examples", "golden.yaml"))
                for name in (first.name, os.path.join(REPO, "tests", "golden", "stream.ndjson"))]
    return (runs[1] - runs[0]) / (len(lines) - 1)


WORKLOADS = {"core": of_core, "replay": of_replay}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    try:
        got = {name: round(take(args.build)) for name, take in WORKLOADS.items()}
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return 2
    if args.write:
        with open(EXPECTED, "w", encoding="utf-8") as f:
            json.dump(got, f, indent=2)
            f.write("\n")
    with open(EXPECTED, encoding="utf-8") as f:
        expected = json.load(f)
    above = 0
    for name, n in got.items():
        good = n <= expected[name] * ALLOWED
        above += not good
        print(f"{'ok' if good else 'not ok'} {name}: {n} instructions an event, {n / expected[name] - 1:+.2%} against {expected[name]}")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
