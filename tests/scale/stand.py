"""One installation on several Redis servers: events of several orgs that flow, daemons that come and go, and the end, which must be that of
a replay.

The events are those of crm_sales, its deals dealt out to a number of orgs, so that all shards have work. They are shuffled within the
out-of-orderness bound and 1 % of them are sent twice. At the end every event is applied once, rows are those of a replay, and so are the
alert ids.
"""
import json
import os
import sys
import time
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
import lib  # noqa: E402
import pipeline  # noqa: E402

DAY_MS = 86_400_000
SETS = ["publish.snapshot_every=30d", "time.out_of_orderness=1d", "kafka.session_timeout=6s", "redis.backoff_max=500ms",
        "redis.connect_timeout=1s", "redis.command_timeout=3s", "run.lease=3s",
        # Not before all is sent: a producer at rest must not look like the end of the history.
        "time.idle_timeout=60s"]
RULE = '{kpi: win_rate, window: 30d, dims: [org, team, rep], fire: "< 0.45", clear: ">= 0.50", min_samples: 5, level: warning}'


def note(text):
    print(f"# {text}", flush=True)


def stream(folder, orgs, thin):
    """(file, number of events): the deals of crm_sales dealt out to orgs, one of `thin` deals, in order of time; everybody's users."""
    source, _ = pipeline.data_set("crm_sales")
    path, n = folder / "events.ndjson", 0
    with open(path, "w", encoding="utf-8") as out:
        for event in lib.load_ndjson(source):
            deal = event.get("deal_id")
            place = zlib.crc32(deal.encode()) % (orgs * thin) if deal else None
            for i in range(orgs) if deal is None else [place] if place < orgs else []:
                out.write(json.dumps({**event, "org_id": f"org{i}"}) + "\n")
                n += 1
    return path, n


def configuration(folder, orgs):
    path = folder / "scale.yaml"
    named = "\n".join(f"  org{i}: {{zone: UTC, currency: USD, cycle: quarter}}" for i in range(orgs))
    path.write_text(f"orgs:\n  \"*\": {{zone: UTC, cycle: month}}\n{named}\n"
                    "time: {retention: 800d, max_ahead: 1h, wall_clock: false}\n"
                    "publish: {snapshot_every: 1d, dims: [org, team]}\n"
                    f"rules:\n  win_rate_low: {RULE}\n", encoding="utf-8")
    return path


class Installation(pipeline.Installation):
    """Its state is on the servers of `store`."""

    def __init__(self, config, partitions, store, shards, sets):
        self.store, self.shards = store, shards
        super().__init__(config, partitions, "unused", [*sets, f"redis.shards={shards}"])

    def redis(self):
        return lambda *words: [node.ask(*words) for node in self.store.nodes if node.role() == "master"]

    def options(self, sets=()):
        plain = super().options(sets)
        at = plain.index("redis.url=unix://unused")
        words = [word for setting in self.store.settings() for word in ("--set", setting)]
        return plain[:at - 1] + words + plain[at + 1:]

    def offsets(self, shard=0):
        connection = self.store.of(shard)
        try:
            held = connection.hash(f"cp:{{{shard}}}:off")
        finally:
            connection.close()
        return {int(key.rsplit("/", 1)[1]): dict(pair.split("=", 1) for pair in value.split()) for key, value in held.items()}

    def read(self, shard=None):
        """Records the shards say were read; those that do not answer count as 0."""
        total = 0
        for s in range(self.shards) if shard is None else [shard]:
            try:
                total += sum(int(row["read"]) for row in self.offsets(s).values())
            except (OSError, LookupError, lib.RedisError):
                pass
        return total

    def counters_add_up(self):
        wrong, ends = [], lib.offsets(self.input)
        held = [self.offsets(s) for s in range(self.shards)]
        for partition, (_, end) in ends.items():
            rows = [h.get(partition, {}) for h in held]
            if any(int(row["read"]) != sum(int(row[c]) for c in pipeline.COUNTERS) or int(row["next"]) != end for row in rows if end or row):
                wrong.append((partition, end, rows))
            if sum(int(row.get("read", 0)) for row in rows) != end:
                wrong.append((partition, f"ends at {end}", rows))
        return wrong

    def total(self, name):
        return sum(int(row[name]) for s in range(self.shards) for row in self.offsets(s).values())


class Stand:
    def __init__(self, store, orgs=12, thin=1, shards=6, partitions=8, sets=()):
        self.dir, self.store, self.orgs = lib.new_dir(), store, orgs
        self.events, self.count = stream(self.dir, orgs, thin)
        self.pipe = Installation(configuration(self.dir, orgs), partitions, store, shards, [*SETS, *sets])
        self.daemons, self.sender = [], None

    def start(self, *words):
        daemon = self.pipe.start(*words)
        self.daemons.append(daemon)
        return daemon

    def send(self, rate, key="event"):
        self.sender = lib.Process(
            [lib.BIN, "send", self.events, "--brokers", lib.BOOTSTRAP, "--topic", self.pipe.input, "--key", key, "--shuffle-ms", str(DAY_MS),
             "--duplicate", "10000", "--seed", os.environ.get("CRMPULSE_SEED", "1"), "--rate", str(rate)], log=self.dir / "send.log")

    def texts(self):
        return "\n---\n".join(d.text()[-1200:] for d in self.daemons if d.alive())

    def reach(self, records, seconds):
        lib.wait_until(lambda: self.pipe.read() >= records, seconds, f"{records} records read; {self.pipe.read()}\n{self.texts()}")

    def progress(self, more, seconds, shard=None):
        """Waits for `more` further records of a shard, or of all; how long it took."""
        began, first = time.monotonic(), self.pipe.read(shard)
        lib.wait_until(lambda: self.pipe.read(shard) >= first + more or self.pipe.read() >= self.count, seconds,
                       f"progress of {shard}: {self.pipe.read(shard)} after {first}\n{self.texts()}", 0.02)
        return time.monotonic() - began

    def reads_of(self, shards):
        return sum(self.pipe.read(s) for s in shards)

    def after(self, fault, shards, others, seconds=60):
        """Does `fault` under load. (seconds until each of `shards` goes on, records that the `others` read meanwhile)"""
        before = {s: self.pipe.read(s) for s in shards}
        began, apart = time.monotonic(), self.reads_of(others)
        fault()
        for s in shards:
            lib.wait_until(lambda s=s: self.pipe.read(s) > before[s] + 10 or self.pipe.read() >= self.count, seconds,
                           f"shard {s} goes on after {before[s]}: {self.pipe.read(s)}\n{self.texts()}", 0.02)
        gap = time.monotonic() - began
        return gap, self.reads_of(others) - apart

    def all_alive(self, when):
        lib.check(f"all daemons live {when}", all(d.alive() for d in self.daemons), self.texts())

    def end(self):
        """Everything is sent and read, all daemons stop, a last one settles what is left; then the state is compared."""
        lib.check_equal("all was sent", self.sender.wait(300), 0)
        self.reach(sum(end for _, end in lib.offsets(self.pipe.input).values()), 180)
        self.stop(*self.daemons)
        self.pipe.settle(240, sets=["time.idle_timeout=1s"])
        return self.compare()

    def stop(self, *daemons):
        for daemon in daemons:
            began = time.monotonic()
            status = daemon.stop(20)
            took = time.monotonic() - began
            lib.check("TERM: exit status 0 within 5 s", status == 0 and took <= 5, f"status {status} after {took:.1f} s\n{daemon.text()[-800:]}")
            self.daemons.remove(daemon)

    def compare(self):
        _, _, transitions = self.pipe.compare_end(self.count, self.replay)
        return f"state equal, {len(transitions)} alert ids equal, {self.compare_with_oracle()} rows as the oracle's"

    def compare_with_oracle(self):
        """Rows of the servers against those of the independent oracle (tests/model), all orgs; how many it knows."""
        rows = self.dir / "rows.ndjson"
        # The oracle keeps everything; a row that says what it has lost gives no figure to compare (test_replay_oracle).
        kept = [line for line in self.pipe.query().splitlines() if "incomplete" not in json.loads(line)["flags"].split(",")]
        rows.write_bytes(b"\n".join(kept) + b"\n")
        newest = max(event["occurred_at_ms"] for event in lib.load_ndjson(self.events))
        done = lib.run([sys.executable, "-m", "oracle", "compare", self.events, rows, "--tz", "UTC", "--cycle", "q", "--at", str(newest)], 300 * lib.PATIENCE,
                       env={"PYTHONPATH": str(lib.REPO / "tests/model")})
        said = [json.loads(line) for line in done.stdout.splitlines()]
        tally = next((row for row in said if "compared" in row), {})
        lib.check("the oracle agrees", tally.get("different") == 0 and tally.get("compared", 0) > 5000 * self.orgs,
                  f"{tally} {[row for row in said if 'kpi' in row][:3]} {done.stderr[-300:]}")
        return tally.get("compared")

    def replay(self, *words):
        return pipeline.replay(self.events, self.pipe.config, *words, sets=self.pipe.sets)
