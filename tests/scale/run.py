#!/usr/bin/env python3
"""Runs rows of the scale-out suite, each in a process of its own, prints the table and a closing count. Started by scripts/scale.

run.py [ROWS] [--write FILE] [--list]: ROWS like S1,S3; default all. run.py --one ROW runs one here.
"""
import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

from rows import ROWS
import row_run  # after rows, which says where it is

LIMIT_S = 600


def run(name, logs):
    return {"row": name, **row_run.apart(name, [sys.executable, __file__, "--one", name], logs / f"{name}.log", LIMIT_S)}


def write(path, results):
    """Replaces the rows that ran in the table of a Markdown file."""
    text = path.read_text(encoding="utf-8")
    for r in results:
        line = f"| {r['row']} | {ROWS[r['row']].what} | {ROWS[r['row']].expected} | {r['seen']} |"
        text = re.sub(rf"^\| {r['row']} \|.*$", lambda _, new=line: new, text, flags=re.M)
    path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="?", default="")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--one")
    args = parser.parse_args()
    if args.one:
        row_run.here(args.one, ROWS[args.one].run)
    if args.list:
        print("\n".join(f"{name}  {entry.what}: {entry.expected}" for name, entry in ROWS.items()))
        return 0
    names = args.rows.split(",") if args.rows else list(ROWS)
    if unknown := [n for n in names if n not in ROWS]:
        sys.exit(f"scale: no row {', '.join(unknown)} (--list shows them)")
    logs = Path(os.environ.get("KEEP_LOGS") or tempfile.mkdtemp(prefix="scale-logs-"))
    logs.mkdir(parents=True, exist_ok=True)
    results = [run(name, logs) for name in names]
    if args.write:
        write(args.write, results)
    good = sum(r["passed"] for r in results)
    print(f"{sum(r['checks'] for r in results)} checks; logs in {logs}")
    print(f"{good} rows passed, {len(results) - good} failed")
    return 0 if good == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
