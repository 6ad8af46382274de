#!/usr/bin/env bash
# The alert rules and the dashboard are well-formed and name only metrics that exist. monitoring.sh SOURCE_DIR
set -euo pipefail
cd "$1"
command -v promtool >/dev/null || { echo "promtool is missing: scripts/install-deps" >&2; exit 1; }
promtool check rules monitoring/alerts.yaml
python3 - <<'PY'
import json, re
names = set()
for line in open("daemon/http/metrics.def"):
    if row := re.match(r'(?:DAEMON|PART|SHARD|OWN)\((\w+), "(\w+)"', line):
        kind, name = row.groups()
        names |= {name} if kind == "HISTOGRAM" else set()
        names |= {"COUNTER": {name + "_total"}, "INFO": {name + "_info"}, "GAUGE": {name}, "HISTOGRAM": {name + "_bucket", name + "_sum", name + "_count"}}[kind]
text = open("monitoring/alerts.yaml").read() + json.dumps(json.load(open("monitoring/dashboard.json")))
used = set(re.findall(r"\bcrmpulse_\w+", text))
if not used or used - names:
    raise SystemExit(f"no such metrics: {sorted(used - names)}")
print(f"{len(used)} of {len(names)} metrics are used")
PY
