#!/usr/bin/env python3
"""SIGHUP: another configuration is taken over while the daemon is at work, whole or not at all.

Under load: rules, boards, an org, a switch that only reads and settings change several times; in the end cells, rows and boards are those of a replay with the
last configuration, the alerts of a rule that never changed are those of that replay with the same ids, and every record was counted once. Refused, with the
reason: a file with an error, keys that need a restart, what would book other cells. A daemon that is killed while it reloads goes on exactly."""
import json
import random
import re
import signal
import threading
import time
import urllib.error
import urllib.request

import lib
import pipeline

DAY_MS = 86_400_000
START_MS = 1_740_787_200_000  # 2025-03-01T00:00Z
REPS = 12
LISTEN = f"127.0.0.1:{lib.free_port()}"

BASE = {
    "orgs": {"acme": {"zone": "UTC", "currency": "CNY", "cycle": "month"}},
    "boards": {"sales": {"kpi": "sales_amount", "window": "m", "dim": "rep", "top": 5}},
    "rules": {
        "steady": {"kpi": "deals_won", "window": "d", "dims": ["rep"], "fire": "value >= 40", "clear": "value < 40"},
        "moving": {"kpi": "deals_won", "window": "m", "dims": ["org"], "fire": "value >= 1000000", "clear": "value < 1000000"},
    },
    "http": {"listen": LISTEN},  # the thread that serves it stands still during an exchange
    "time": {"idle_timeout": "1s", "wall_clock": False},
    "kafka": {"instance_id": "one"},  # back in the group at once after a kill
}


def config(**changes):
    new = json.loads(json.dumps(BASE))
    for path, value in changes.items():
        *above, last = path.split("__")
        at = new
        for name in above:
            at = at.setdefault(name, {})
        at[last] = value
    return new


def events(first, n, org="acme"):
    """Sales, one every 20 minutes, in turns of uneven length among the reps."""
    for i in range(first, first + n):
        yield {"event_id": f"{org}-s{i}", "type": "deal_closed", "org_id": org, "deal_id": f"D{i}", "outcome": "won", "currency": "CNY",
               "occurred_at_ms": START_MS + i * 60_000, "owner_id": f"rep{i * i % REPS}", "amount_micros": (i % 97 + 1) * 1_000_000}


class Reloads:
    """A running daemon, its file, and what the log said of each reload."""

    def __init__(self):
        self.folder = lib.new_dir()
        self.file = self.folder / "c.yaml"
        self.write(BASE)
        self.pipe = pipeline.Installation(self.file, 2)
        self.start()

    def start(self):
        self.daemon = self.pipe.start()
        self.seen = 0
        lib.wait_until(lambda: "event=assigned" in self.daemon.text(), 30, lambda: f"a start\n{self.daemon.text()[-1500:]}")

    def write(self, content):
        temporary = self.file.with_suffix(".new")
        temporary.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        temporary.rename(self.file)

    def ended(self):
        return re.findall(r'event=(reload_failed message=".*"|reload message="(?:another configuration|nothing changed).*")', self.daemon.text())

    def reload(self, content=None):
        """The line that says how it ended."""
        if content is not None:
            self.write(content)
        self.daemon.signal(signal.SIGHUP)
        lib.wait_until(lambda: len(self.ended()) > self.seen, 30, lambda: f"a reload\n{self.daemon.text()[-1500:]}")
        self.seen += 1
        return self.ended()[self.seen - 1]

    def send(self, some):
        path = self.folder / "events.ndjson"
        with open(path, "a", encoding="utf-8") as all_events, open(self.folder / "part.ndjson", "w", encoding="utf-8") as part:
            for event in some:
                line = json.dumps(event) + "\n"
                part.write(line)
                all_events.write(line)
        self.pipe.send(self.folder / "part.ndjson")

    def read(self):
        return sum(int(row.get("read", 0)) for row in self.pipe.offsets().values())


def metrics():
    """What /metrics says of reloads; it is taken once a second."""
    time.sleep(2.5)
    with urllib.request.urlopen(f"http://{LISTEN}/metrics", timeout=10) as answer:
        lines = [line.split() for line in answer.read().decode().splitlines() if line.startswith("crmpulse_reload")]
    return {name: int(float(value)) for name, value in lines if "timestamp" not in name}


class Reader(threading.Thread):
    """Reads pages while configurations come and go: each answer is whole, and none is an error of the server."""

    PATHS = ("/metrics", "/api/v1/boards", "/api/v1/kpis", "/api/v1/rows?org=acme&window=m&dim=rep", "/api/v1/board?org=acme&board=sales",
             "/api/v1/board?org=acme&board=count", "/api/v1/alerts?org=acme")

    def __init__(self):
        super().__init__(daemon=True)
        self.over, self.answers, self.wrong = threading.Event(), 0, []
        self.start()

    def run(self):
        while not self.over.is_set():
            for path in self.PATHS:
                try:
                    with urllib.request.urlopen(f"http://{LISTEN}{path}", timeout=10) as answer:
                        answer.read()
                except urllib.error.HTTPError as error:
                    if error.code not in (404, 503):
                        self.wrong.append((path, error.code))
                except OSError as error:
                    self.wrong.append((path, repr(error)))
                self.answers += 1

    def end(self):
        self.over.set()
        self.join(30)


r = Reloads()
reader = Reader()

# ---- under load
r.send(events(0, 6000))
lib.wait_until(lambda: r.read() > 300, 60, "the first are read")
lib.check("a reload without a change", "nothing changed" in r.reload())
answers, at = [], 6000
for turn, change in enumerate((
        {"rules__moving__fire": "value >= 500", "rules__moving__clear": "value < 500"},
        {"boards__count": {"kpi": "deals_won", "window": "w", "dim": "rep"}, "log__level": "debug"},
        {"rules__moving": None, "publish__snapshot_every": "30m"},
        {"orgs__beta": {"zone": "Asia/Shanghai", "currency": "CNY", "cycle": "month"}, "switches__csat_mode": "mean", "redis__flush_interval": "20ms"})):
    wanted = config(**change)
    wanted["rules"] = {name: rule for name, rule in wanted["rules"].items() if rule}
    before = r.read()
    answers.append(r.reload(wanted))
    r.send(events(at, 2500))
    at += 2500
    if turn == 1:
        lib.wait_until(lambda: "level=debug" in r.daemon.text() or r.read() > before, 30, "it goes on")
lib.check("all were taken over", all("another configuration is in force" in a for a in answers), answers)
lib.check("it is said what becomes of the rules", "2 rules (0 new, 1 changed, 0 gone)" in answers[0] and "1 rules (0 new, 0 changed, 1 gone)" in answers[2], answers)
took = [int(re.search(r"after (\d+) ms", a).group(1)) for a in answers]
print(f"# from the signal to the new configuration: {took} ms")
lib.check("each within ten seconds", max(took) < 10000, took)

# ---- refused: the last configuration stays
last = config(**{"rules__moving__fire": "value >= 3000", "rules__moving__clear": "value < 3000", "boards__count": {"kpi": "deals_won", "window": "w", "dim": "rep"},
                 "orgs__beta": {"zone": "Asia/Shanghai", "currency": "CNY", "cycle": "month"}, "publish__windows": ["d"]})
lib.check("the last one is taken over", "is in force" in r.reload(last))
for name, content, said in (
        ("a file that is no YAML", "orgs: {acme: {zone: UTC\n", r"c\.yaml:\d+:\d+: error: "),
        ("an unknown KPI", {**last, "rules": {"x": {"kpi": "deals_wno", "window": "d", "fire": "> 1", "clear": "< 1"}}}, r"c\.yaml:1:\d+: error: .*deals_wno"),
        ("another group", {**last, "kafka": {**BASE["kafka"], "client_id": "other"}}, "kafka.client_id changed, which needs a restart"),
        ("more shards", {**last, "redis": {"shards": 2}}, "redis.shards changed, which needs a restart"),
        ("another tick", {**last, "time": {**BASE["time"], "tick": "5m"}}, "time.tick changed, which needs a restart"),
        ("another currency", {**last, "orgs": {"acme": {"zone": "UTC", "currency": "USD", "cycle": "month"}}}, "amounts in two currencies .*acme"),
        ("another zone", {**last, "orgs": {"acme": {"zone": "Asia/Tokyo", "currency": "CNY", "cycle": "month"}}}, "other cells would be booked: org acme"),
        ("a switch that books", {**last, "switches": {"segment_by": "rfm"}}, "other cells would be booked: switch segment_by")):
    answer = r.reload(content)
    lib.check(f"{name} is refused with the reason", re.search("reload_failed.*" + said + ".*stays", answer), answer)
lib.check("the daemon lives", r.daemon.alive())

lib.check("the metrics know it", metrics() == {"crmpulse_reload_failed": 1, "crmpulse_reloads_total": 6, "crmpulse_reload_failures_total": 8}, metrics())

reader.end()
lib.check(f"whoever read meanwhile got {reader.answers} answers", reader.answers > 50 and not reader.wrong, reader.wrong[:5])

# ---- killed on the way: what is found is a restart with one configuration or the other
chance = random.Random(7)
for i in range(8):
    r.send(events(at, 500))
    at += 500
    r.write(config(**{"rules__moving__fire": f"value >= {3000 + i}", "rules__moving__clear": f"value < {3000 + i}",
                      f"orgs__gamma{i}": {"zone": "Asia/Tokyo", "currency": "JPY", "cycle": "month"}}))
    r.daemon.signal(signal.SIGHUP)
    time.sleep(chance.uniform(0, 0.6))
    r.daemon.kill()
    r.start()

# ---- a burst of signals, while events flow
r.reload(last)
r.send(events(at, 2500))
at += 2500
for _ in range(20):
    r.daemon.signal(signal.SIGHUP)
    time.sleep(0.02)
r.send(events(at, 1500, "beta"))
lib.wait_until(lambda: r.read() == at + 1500, 90, lambda: f"all is read, not {r.read()} of {at + 1500}\n{r.daemon.text()[-1500:]}")
lib.check_equal("the daemon ends well", r.daemon.stop(), 0)
r.pipe.settle(120)

# ---- the end is that of a replay with the last configuration
lib.check_equal("every record was counted once", r.pipe.counters_add_up(), [])
lib.check_equal("all were applied", r.pipe.total("applied"), at + 1500)
instant = "2025-04-02"
got, want = (sorted(out.splitlines()) for out in (r.pipe.query("--at", instant),
                                                  pipeline.replay(r.folder / "events.ndjson", r.file, "--at", instant)))
lib.check("rows are those of a replay with the last configuration", got == want and len(got) > 100,
          pipeline.first_difference(b"\n".join(got), b"\n".join(want)))
alerts = [json.loads(line) for line in pipeline.replay(r.folder / "events.ndjson", r.file, "--alerts").splitlines()]
steady = {a["id"] for a in alerts if a["rule"] == "steady"}
published = {m["id"]: m for m in r.pipe.messages("alerts")}
told = {i for i, m in published.items() if m["rule"] == "steady"}
lib.check("the rule that never changed told what a replay tells", steady and told == steady,
          f"{len(told - steady)} more, {len(steady - told)} fewer, of {len(steady)}")
moving = [m for m in published.values() if m["rule"] == "moving"]
lib.check("the rule that changed fired by its new threshold", any(m["to_state"] == "firing" for m in moving), moving)
state = [json.loads(v) if v.startswith("{") else v for k, v in r.pipe.redis().hash("cp:{0}:alert:acme").items() if "moving" in k]
lib.check("and its alert stands in Redis", state, r.pipe.redis().hash("cp:{0}:alert:acme"))
lib.finish()
