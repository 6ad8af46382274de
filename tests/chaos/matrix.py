#!/usr/bin/env python3
"""Runs rows of the fault matrix, each in a process of its own, and prints the table. Started by scripts/chaos.

matrix.py [ROWS] [--seed N | --seeds A..B] [--kafka VERSION] [--write FILE] [--list]: ROWS like K7,R2 or K,P; default all.
"""
import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

import one_row
from registry import ROWS, order
import row_run  # after one_row, which says where it is

HERE = Path(__file__).resolve().parent
LIMIT_S = 1800


def chosen(words):
    names = sorted(ROWS, key=order)
    if not words:
        return names
    found = []
    for word in words.split(","):
        # K1 is that row alone, K all of them.
        hits = [n for n in names if n == word] or [n for n in names if re.fullmatch(re.escape(word) + r"\d+[a-z]?", n)]
        if not hits:
            sys.exit(f"chaos: no row {word} (--list shows them)")
        found += [n for n in hits if n not in found]
    return found


def run(name, seed, args, cache, logs):
    command = [sys.executable, HERE / "one_row.py", name, str(seed), *([args.kafka] if args.kafka else [])]
    log = logs / (f"{name}.{seed}.log" if args.seeds else f"{name}.log")
    return {"row": name, "seed": seed, **row_run.apart(f"{name} seed {seed}", command, log, LIMIT_S, {"CHAOS_CACHE": str(cache)})}


def table(results):
    lines = ["| row | fault | seed | expected | seen |", "|---|---|---|---|---|"]
    for r in results:
        entry = ROWS[r["row"]]
        lines.append(f"| {r['row']} | {entry.fault} | {r['seed']} | {entry.expected} | {r['seen']} |")
    return "\n".join(lines) + "\n"


def write(path, results):
    """Replaces the rows that ran in the table of a Markdown file; other rows and all text around stay."""
    known = {}
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("| row |")
    body, _, tail = rest.partition("\n\n")
    for line in body.splitlines():
        cell = line.split("|")[1].strip() if line.startswith("|") else ""
        if cell in ROWS:
            known[cell] = line
    known.update({line.split("|")[1].strip(): line for line in table(results).splitlines()[2:]})
    kept = [known[name] for name in sorted(known, key=order)]
    path.write_text("\n".join([head + "| row | fault | seed | expected | seen |", "|---|---|---|---|---|", *kept]) + "\n\n" + tail.lstrip("\n"),
                    encoding="utf-8")


def seeds(args):
    if not args.seeds:
        return [args.seed]
    first, last = map(int, args.seeds.split(".."))
    return range(first, last + 1)


def tries(results):
    """With --seeds: how often each row came out as expected."""
    for name in sorted({r["row"] for r in results}, key=order):
        these = [r["passed"] for r in results if r["row"] == name]
        print(f"{name}: {sum(these)} of {len(these)} tries as expected")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="?", default="")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--seeds", help="A..B: each row with each of these seeds")
    parser.add_argument("--kafka")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    if args.list:
        for name in sorted(ROWS, key=order):
            print(f"{name:5} {ROWS[name].fault}: {ROWS[name].expected}")
        return 0
    logs = Path(os.environ.get("KEEP_LOGS") or tempfile.mkdtemp(prefix="chaos-logs-"))
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as cache:
        results = [run(name, seed, args, cache, logs) for seed in seeds(args) for name in chosen(args.rows)]
    print("\n" + table(results))
    if args.write:
        write(args.write, results)
    if args.seeds:
        tries(results)
    good = sum(r["passed"] for r in results)
    print(f"{sum(r['checks'] for r in results)} checks; logs in {logs}")
    print(f"{good} rows passed, {len(results) - good} failed")
    return 0 if good == len(results) else 1


if __name__ == "__main__":
    assert one_row
    sys.exit(main())
