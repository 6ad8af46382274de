"""One installation of the whole pipeline for a test: its topics, its Redis, daemons started and ended, what came out; and the
comparison of rows with an expected.json. Knows the product's options, topics and keys; lib.py knows none of them.
"""
import json
import os
import secrets
from collections import Counter
from pathlib import Path

import lib

DATA = Path(os.environ.get("CRMPULSE_DATA") or lib.REPO.parent / "shared/data")
EXAMPLES = lib.REPO / "config/examples"
OUTPUTS = ("alerts", "boards", "scorecards", "dead_letter", "late")
COUNTERS = ("applied", "duplicate", "late", "dead")


def data_set(name):
    """(events, figures) of a real data set; the test fails without it."""
    events = DATA / name / "events.ndjson.gz"
    if not events.exists():
        raise FileNotFoundError(f"{events}: the real data sets are needed (set CRMPULSE_DATA)")
    return events, json.loads((DATA / name / "expected.json").read_text())


class Installation:
    """Topics of its own and an emptied Redis. `sets` are settings (KEY=VALUE) of every command."""

    def __init__(self, config, partitions=1, socket=None, sets=()):
        self.config, self.socket, self.sets = config, str(socket or lib.REDIS_SOCKET), list(sets)
        self.tag = secrets.token_hex(4)
        self.input = f"in.{self.tag}"
        self.dir = lib.new_dir()
        self.started = 0
        lib.create_topics({self.input: partitions, **{self.topic(name): 1 for name in OUTPUTS}})
        self.redis()("FLUSHALL")

    def topic(self, name):
        return f"{name}.{self.tag}"

    def redis(self):
        return lib.Redis(self.socket)

    def options(self, sets=()):
        pairs = [f"redis.url=unix://{self.socket}", f"kafka.brokers={lib.BOOTSTRAP}", f"kafka.group={self.tag}",
                 f"kafka.topics.input=[{self.input}]", 'kafka.topics.kpis=""',
                 *(f"kafka.topics.{name}={self.topic(name)}" for name in OUTPUTS), *self.sets, *sets]
        return ["--config", self.config, *(word for pair in pairs for word in ("--set", pair))]

    def send(self, path, *options):
        return lib.must([lib.BIN, "send", path, "--brokers", lib.BOOTSTRAP, "--topic", self.input, *options], 600)

    def start(self, *words, sets=(), env=None, program=None):
        """A daemon, of another build if `program` names one; its log is in the installation's directory."""
        self.started += 1
        return lib.Process([program or lib.BIN, "run", *self.options(sets), *words], log=self.dir / f"run{self.started}.log", env=env)

    def settle(self, seconds=120, sets=("time.idle_timeout=1s",)):
        """Reads everything, judges it, publishes it, ends. Raises with the end of the log if that fails."""
        daemon = self.start("--until-idle", sets=sets)
        try:
            status = daemon.wait(seconds)
        except Exception:
            daemon.kill()
            raise RuntimeError(f"not idle within {seconds} s: {daemon.text()[-3000:]}") from None
        if status != 0:
            raise RuntimeError(f"crmpulse run exited with {status}: {daemon.text()[-3000:]}")
        return daemon

    def query(self, *words, sets=()):
        return lib.must([lib.BIN, "query", *self.options(sets), "--json", *words], 600)

    def offsets(self, shard=0):
        """{partition: {name: text}} as the shard holds them."""
        held = self.redis().hash(f"cp:{{{shard}}}:off")
        return {int(key.rsplit("/", 1)[1]): dict(pair.split("=", 1) for pair in value.split()) for key, value in held.items()}

    def counters_add_up(self):
        """I8, for every partition; and everything in the topic was read. Returns what is wrong."""
        wrong, ends = [], lib.offsets(self.input)
        held = self.offsets()
        for partition, (_, end) in ends.items():
            row = held.get(partition)
            if row is None:
                wrong.append((partition, "not known to the store"))
                continue
            if int(row["read"]) != sum(int(row[name]) for name in COUNTERS):
                wrong.append((partition, row))
            if int(row["read"]) != end or (end and int(row["next"]) != end):
                wrong.append((partition, f"ends at {end}", row))
        return wrong

    def total(self, name):
        return sum(int(row[name]) for row in self.offsets().values())

    def ids(self, output):
        """How often each id was published on a topic."""
        return Counter(m.headers.get("ce_id") for m in lib.consume(self.topic(output)))

    def messages(self, output):
        """What was published on a topic, decoded by the program."""
        out = lib.must([lib.BIN, "tap", "--brokers", lib.BOOTSTRAP, "--topic", self.topic(output), "--until-end"], 60)
        return [json.loads(line) for line in out.splitlines()]

    def outputs(self):
        """{output: set of ids} of what is judged."""
        return {name: set(self.ids(name)) for name in ("alerts", "boards", "scorecards")}

    def no_secret(self, mark, *texts):
        """Neither these texts nor any log of the installation hold it."""
        logs = [*texts, *(path.read_text(errors="replace") for path in self.dir.glob("*.log"))]
        lib.check("no secret in any log", logs and not any(mark in text for text in logs))

    def compare_end(self, count, replay, gaps=False):
        """The end of a run whose `count` events are all in: every one applied once, rows and alert ids those that `replay(*words)` prints. With `gaps`
        the log has offsets without a record. (whether the rows are equal, alert ids of both, alert ids of the replay)"""
        wrong = [w for w in self.counters_add_up() if not gaps or not str(w[1]).startswith("ends at")]
        lib.check_equal("counters add up", wrong, [])
        lib.check_equal("applied, late, dead", [self.total(c) for c in ("applied", "late", "dead")], [count, 0, 0])
        want, got = replay(), self.query()
        lib.check("rows equal those of a replay, byte for byte", len(want) > 1000 and got == want, first_difference(got, want))
        transitions, ids = {alert["id"] for alert in rows(replay("--alerts"))}, set(self.ids("alerts"))
        lib.check(f"the {len(transitions)} alert ids are those of a replay", transitions and ids == transitions,
                  f"{len(ids - transitions)} more, {len(transitions - ids)} fewer")
        return got == want, ids & transitions, transitions


def replay(events, config, *words, sets=()):
    return lib.must([lib.BIN, "replay", events, "--config", config, "--quiet", "--json",
                     *(word for pair in sets for word in ("--set", pair)), *words], 900)


def catalogue(config):
    """The ids of all KPIs that the program knows."""
    return {line.split()[0] for line in lib.must([lib.BIN, "kpis", "--config", config]).decode().splitlines() if line.strip()}


def rows(data):
    return [json.loads(line) for line in data.splitlines()]


def first_difference(got, want):
    """For a message: the first lines that differ, of two outputs in bytes."""
    a, b = got.splitlines(), want.splitlines()
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return f"line {i + 1} of {len(a)}/{len(b)}: got {x.decode()}\n    want {y.decode()}"
    return f"{len(a)} lines, want {len(b)}"


# ---- figures of an expected.json ------------------------------------------------------------------------------------------------


def window_word(window):
    return window if isinstance(window, str) else f"{window['start']}..{window['end']}"


def near(got, figure):
    want = figure["expected"]
    if got is None or want is None:
        return got is want
    return abs(got - want) <= max(figure["tolerance"] * abs(want), figure.get("tolerance_abs", 0))


class Figures:
    """Values of figures by `ask(sets, *words)`: JSON lines of crmpulse query or replay. One question serves all subjects."""

    def __init__(self, ask, board_names):
        self.ask, self.board_names, self.asked = ask, board_names, {}

    def lines(self, switches, *words):
        key = (json.dumps(switches, sort_keys=True), words)
        if key not in self.asked:
            sets = tuple(f"switches.{name}={value}" for name, value in switches.items())
            try:
                self.asked[key] = rows(self.ask(sets, *words))
            except RuntimeError as refused:
                print(f"# {refused}")
                self.asked[key] = []
        return self.asked[key]

    def row(self, f):
        words = ("--at", str(f["at"]), "--kpi", f["kpi"], "--window", window_word(f["window"]), "--dim", f["dim"])
        found = [r for r in self.lines(f["switches"], *words) if r["subject"] == f["subject"]]
        return found[0] if found else {}

    def board(self, f):
        name = self.board_names[f["kpi"], f["window"], f["dim"], f["switches"].get("ties", "")]
        for board in self.lines({}, "--boards", "--at", str(f["at"])):
            if board["board"] == name:
                entries = {e["subject"]: e for e in board["entries"]}
                field = {"previous": "previous_rank", "reached_ms": "reached_at_ms"}.get(f["kind"], f["kind"])
                return entries.get(f["subject"], {}).get(field)
        return None

    def scorecard(self, f):
        small = "min_samples_csat" in f["switches"]
        cards = self.lines({}, "--scorecards", "--at", str(f["at"]))
        card = next((c for c in cards if c["scorecard"] == ("golden_min_samples" if small else "golden")), None)
        if card is None:
            return None
        if f["kpi"].startswith("score:"):
            return next((k["score"] for p in card["perspectives"] for k in p["kpis"] if k["kpi"] == f["kpi"][6:]), None)
        return card["coverage" if f["kpi"].endswith(":coverage") else "score"]

    def value(self, f):
        if f["kpi"] == "sales_rank" or f["kpi"].startswith("board:"):
            return self.board(f)
        if f["kpi"].startswith("score"):
            return self.scorecard(f)
        return self.row(f).get(f.get("stat") or f["kind"])


def figure_name(f):
    switches = "".join(f" {k}={v}" for k, v in f["switches"].items())
    return f"{f['kpi']} {window_word(f['window'])} {f['dim']}:{f['subject']} {f['kind']}{' ' + f['stat'] if f.get('stat') else ''} at {f['at']}{switches}"
