"""What all rows share: a Kafka and a Redis of the row's own, events that flow, a daemon, and the end: the state must be that of a replay.

The events are those of crm_sales, shuffled within the out-of-orderness bound and 1 % of them sent twice; a seed decides how. Whatever
the fault was, at the end every event is applied once, rows are those of a replay byte for byte, each alert id of the replay is on its
topic and no other, and the counters of all partitions add up.
"""
import hashlib
import os
import random
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
import lib  # noqa: E402
import pipeline  # noqa: E402
from lib import PATIENCE  # noqa: E402

SET = "crm_sales"
CONFIG = pipeline.EXAMPLES / f"{SET}.yaml"
DAY_MS = 86_400_000
SETS = ["publish.snapshot_every=30d", "time.out_of_orderness=1d", "kafka.session_timeout=6s", "redis.backoff_max=500ms",
        # Not before all is sent: a producer at rest must not look like the end of the history.
        "time.idle_timeout=60s"]


def note(text):
    print(f"# {text}", flush=True)


class Scenario:
    """`kafka_options`, `redis_options`: words for scripts/kafka and scripts/redis."""

    def __init__(self, seed, kafka_version=None):
        self.seed, self.chance, self.version = seed, random.Random(seed), kafka_version
        self.kafka = self.redis = self.pipe = self.daemon = self.sender = None
        self.events, _ = pipeline.data_set(SET)
        self.count = len(lib.load_ndjson(self.events))

    # ---- parts ----

    def start_servers(self, kafka=(), redis=("--aof", "everysec")):
        self.kafka = lib.Server("kafka", *(["--version", self.version] if self.version else []), *kafka)
        lib.BOOTSTRAP = self.kafka.bootstrap
        self.redis = lib.Server("redis", *redis)

    def install(self, partitions=4, sets=(), outputs=None):
        """Topics and an emptied Redis."""
        self.pipe = pipeline.Installation(CONFIG, partitions, self.redis.socket, [*SETS, *sets])
        return self.pipe

    def begin(self, rate=1000, partitions=4, sets=(), kafka=(), redis=("--aof", "everysec")):
        """Servers, topics, a daemon that reads, and a sender; returns when the first events are applied."""
        self.start_servers(kafka, redis)
        self.install(partitions, sets)
        self.daemon = self.start()
        self.send(rate)
        self.progress(300, 60)

    def start(self, *words, sets=(), env=None, program=None):
        self.daemon = self.pipe.start(*words, sets=sets, env=env, program=program)
        return self.daemon

    def send(self, rate=1000, bootstrap=None):
        self.sender = lib.Process(
            [lib.BIN, "send", self.events, "--brokers", bootstrap or lib.BOOTSTRAP, "--topic", self.pipe.input, "--key", "event",
             "--shuffle-ms", str(DAY_MS), "--duplicate", "10000", "--seed", str(self.seed), "--rate", str(rate)],
            log=self.pipe.dir / "send.log")

    # ---- looking ----

    def read(self):
        """Records the store says were read; None while it does not answer."""
        try:
            return sum(int(part["read"]) for part in self.pipe.offsets().values())
        except (OSError, lib.RedisError):
            return None

    def progress(self, more, seconds, what="progress"):
        """Waits until `more` further records are applied, or everything is; returns how long it took."""
        seconds *= PATIENCE
        began = time.monotonic()
        first = lib.wait_until(lambda: self.read() is not None, seconds, "Redis answers", 0.02) and (self.read() or 0)
        lib.wait_until(lambda: (self.read() or 0) >= min(first + more, self.count), seconds,
                       lambda: f"{what}\n{self.daemon.text()[-1500:] if self.daemon else ''}", 0.02)
        return time.monotonic() - began

    def says(self, pattern, seconds, daemon=None):
        daemon = daemon or self.daemon
        seconds *= PATIENCE
        lib.wait_until(lambda: pattern in daemon.text(), seconds, lambda: f"the log says {pattern!r}\n{daemon.text()[-1500:]}")

    def alive(self, when):
        return lib.check(f"the daemon lives {when}", self.daemon.alive(), self.daemon.text()[-2000:])

    # ---- the end ----

    def all_sent(self):
        lib.check_equal("all was sent", self.sender.wait(300), 0)

    def stop(self):
        began = time.monotonic()
        status = self.daemon.stop(20)
        took = time.monotonic() - began
        lib.check("TERM: exit status 0 within 5 s", status == 0 and took <= 5, f"status {status} after {took:.1f} s")

    def end(self, more_sets=()):
        """Everything is sent, the daemon is stopped, a last one settles what is left; then the state is compared."""
        self.all_sent()
        if self.daemon and self.daemon.alive():
            self.stop()
        self.pipe.settle(300, sets=["time.idle_timeout=1s", *more_sets])
        return self.compare()

    def compare(self, gaps=False):
        """`gaps`: the log has offsets without a record, so the number of records is not that of offsets."""
        _, _, transitions = self.pipe.compare_end(self.count, self.replay, gaps)
        if lib.failures():
            note(self.unaccounted())
        note(f"{self.pipe.total('read')} read, {self.pipe.total('duplicate')} duplicates")
        return f"state equal, {len(transitions)} alert ids equal"

    def unaccounted(self):
        """For a message: which events are not in the topic (never sent), which ids the store does not know."""
        ids = {event["event_id"] for event in lib.load_ndjson(self.events)}
        sent = {m.key.decode() for m in lib.consume(self.pipe.input) if m.key}
        known = self.pipe.redis().keys("cp:{0}:ent:evt:*")
        unknown = [i for i in sorted(ids) if not any(key.endswith(i.replace(" ", "%20")) or key.endswith(i) for key in known)] if len(known) < len(ids) else []
        return f"not in the topic: {sorted(ids - sent)[:10]}; {len(known)} ids are known of {len(ids)}; unknown: {unknown[:10]}"

    def keep(self, directory):
        """What there is to look at after a failure: logs, Redis' files (with auto-aof-rewrite-percentage=0 all that was ever written), the broker's logs."""
        for name, part in (("pipe", self.pipe), ("redis", self.redis), ("kafka", self.kafka)):
            if part:
                shutil.copytree(part.dir, Path(directory) / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))

    def replay(self, *words):
        """Of this configuration, once a run of scripts/chaos."""
        keep = Path(os.environ.get("CHAOS_CACHE") or self.pipe.dir)
        name = hashlib.sha1(repr((self.pipe.sets, words)).encode()).hexdigest()[:16]
        path = keep / f"replay-{name}"
        if not path.exists():
            path.write_bytes(pipeline.replay(self.events, CONFIG, *words, sets=self.pipe.sets))
        return path.read_bytes()
