#!/usr/bin/env python3
"""Every row that replay prints against the independent oracle, and the order of arrival against itself.

For the golden stream and two data sets (skipped with a check of their own where the data is not there): all KPIs in
all their windows and dimensions at several instants. Then the same file shuffled within the out-of-orderness bound,
shuffled freely, and with 1 % of its events twice: the same rows, byte for byte. Within the bound the alerts are the
same too, ids included.
"""
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lib import BIN, REPO, check, check_equal, finish  # noqa: E402

DATA = REPO.parent / "shared" / "data"
ORACLE = dict(os.environ, PYTHONPATH=str(REPO / "tests" / "model"))
BOUND_MS = 10_000

SETS = (
    ("golden", REPO / "tests/golden/stream.ndjson", ["--tz", "Asia/Shanghai", "--currency", "CNY"],
     ["2025-02-28T15:59:59.999Z", "1741921200000", "2025-03-27T02:00:00Z", "1743436799999"]),
    ("crm_sales", DATA / "crm_sales/events.ndjson.gz", ["--tz", "UTC", "--cycle", "q"],
     ["2017-03-31T23:59:59.999Z", "2017-06-15T12:30:00Z", "2017-12-31T23:59:59.999Z"]),
    ("ravenstack", DATA / "ravenstack/events.ndjson.gz", ["--tz", "UTC", "--switch", "churn_after_days=0"],
     ["2023-07-31T23:59:59.999Z", "2024-02-29T23:59:59.999Z"]),
    ("northwind", DATA / "northwind/events.ndjson.gz", ["--tz", "UTC", "--switch", "sales_basis=orders"],
     ["1997-04-30T23:59:59.999Z", "1998-05-31T23:59:59.999Z"]),
)
# Instants of data with users or tasks lie at the end of a month: rows rest on the final facts, so inside a running month they
# already know whose task will have been missed in it; the oracle asks the calendar.
# Targets are set by month: over a quarter or a year crmpulse adds them up, the oracle knows only targets of that cycle.
DESIGN = {("sales_quota", "q"), ("sales_quota", "y"), ("quota_attainment", "q"), ("quota_attainment", "y")}


def replay(name, events, *options):
    command = [BIN, "replay", str(events), "--config", str(REPO / f"config/examples/{name}.yaml"), "--quiet", "--json"]
    return subprocess.run(command + list(options), capture_output=True, text=True, check=True).stdout


def at_options(instants):
    return [word for instant in instants for word in ("--at", instant)]


def compare(name, events, zone, rows):
    """Rows that differ from the oracle's. It keeps everything: what the program says it has lost is not compared, only that it gives no figure."""
    kept = []
    for line in rows:
        row = json.loads(line)
        if "incomplete" not in row["flags"].split(","):
            kept.append(line)
        elif row["value"] is not None:
            check(f"{name}: an incomplete row has no value", False, line)
    rows = kept
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in rows)
        file.flush()
        command = [sys.executable, "-m", "oracle", "compare", str(events), file.name]
        done = subprocess.run(command + zone, capture_output=True, text=True, check=False, env=ORACLE)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    if not records or "compared" not in records[-1]:
        check(f"{name}: the oracle answers", False, done.stderr[-500:])
        return
    differ = [r for r in records[:-1] if (r["kpi"], r["window"]) not in DESIGN]
    check(f"{name}: {records[-1]['compared']} rows as the oracle's", not differ and records[-1]["compared"] > 1000,
          "\n    ".join(json.dumps(r) for r in differ[:10]))


def shuffled_within(events, bound_ms, rng):
    """No event arrives more than the bound after a newer one."""
    return [e for _, e in sorted((time_of(e) + rng.uniform(0, bound_ms * 0.999), e) for e in events)]


def time_of(line):
    return json.loads(line)["occurred_at_ms"]


def read(events):
    opener = gzip.open if str(events).endswith(".gz") else open
    with opener(events, "rt", encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file if line.strip()]


def orders(lines, rng):
    """(name, lines, whether alerts are promised to be the same)"""
    ordered = sorted(lines, key=time_of)
    doubled = [copy for line in ordered for copy in ([line] * (2 if rng.random() < 0.01 else 1))]
    free = list(lines)
    rng.shuffle(free)
    return (("shuffled within the bound", shuffled_within(ordered, BOUND_MS, rng), True),
            ("1 % twice", shuffled_within(doubled, BOUND_MS, rng), True),
            ("shuffled freely", free, False))


def arrival(name, events, instants):
    rng = random.Random(7)
    lines = read(events)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ordered.ndjson"
        path.write_text("".join(line + "\n" for line in sorted(lines, key=time_of)), encoding="utf-8")
        rows = replay(name, path, *at_options(instants))
        alerts = replay(name, path, "--alerts")
        check(f"{name}: there are rows", rows.count("\n") > 1000)
        for how, order, same_alerts in orders(lines, rng):
            path.write_text("".join(line + "\n" for line in order), encoding="utf-8")
            check(f"{name}, {how}: the same rows", replay(name, path, *at_options(instants)) == rows)
            if same_alerts:
                check_equal(f"{name}, {how}: the same alerts", replay(name, path, "--alerts"), alerts)


def main():
    for name, events, zone, instants in SETS:
        if not events.exists():
            check(f"{name}: skipped, its data is not beside the repository", True)
            continue
        rows = replay(name, events, *at_options(instants)).splitlines()
        compare(name, events, zone, rows)
        arrival(name, events, instants)
    finish()


main()
