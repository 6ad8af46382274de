"""Random histories: what `crmpulse replay` says of one, and whether the independent oracle (tests/model) says the same of every row."""
import json
import os
import subprocess
import sys

from lib import BIN, REPO, check, check_equal

ORACLE = dict(os.environ, PYTHONPATH=str(REPO / "tests" / "model"))


def replay(events, config, folder, kpis, instants):
    """(file of the events, rows as NDJSON text) of these KPIs at these instants."""
    path = folder / "events.ndjson"
    path.write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    command = [BIN, "replay", str(path), "--config", str(config), "--quiet", "--json"]
    for kpi in kpis:
        command += ["--kpi", kpi]
    for at in instants:
        command += ["--at", str(at)]
    return path, subprocess.run(command, capture_output=True, text=True, check=True).stdout


def compare(name, path, text, folder, least, *options, switches=()):
    """Checks: more than `least` rows were compared and none differs; the oracle knows every KPI. `options` are the oracle's."""
    rows_path = folder / "rows.ndjson"
    rows_path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "oracle", "compare", str(path), str(rows_path), "--tz", "Asia/Shanghai", *options]
    for switch in switches:
        command += ["--switch", switch]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ORACLE)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    if not records or "compared" not in records[-1]:
        check(f"{name}: the oracle answers", False, done.stderr[-800:])
        return
    check(f"{name}: {records[-1]['compared']} rows as the oracle's", records[-1]["different"] == 0 and records[-1]["compared"] > least,
          "\n    ".join(json.dumps(r) for r in records[:6]))
    check_equal(f"{name}: no KPI that the oracle lacks", records[-1]["unknown"], {})
