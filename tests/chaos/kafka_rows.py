"""K: what happens to brokers, topics and the group."""
import json
import shutil
import signal
import os
import time

from registry import row
from scenario import lib, note, pipeline, CONFIG, PATIENCE

BACK_S = 15


def halted(s, word, partition=None):
    where = f"{s.pipe.input}/{partition}" if partition is not None else s.pipe.input
    s.says("event=partition_halted", 30)
    lines = [line for line in s.daemon.text().splitlines() if "event=partition_halted" in line]
    lib.check(f"halted, and why: {word}", any(word in line and where in line for line in lines), lines[:3])
    return lines


@row("K1", "broker kill -9 five times under load", "no loss, no doubles; goes on < 15 s after the broker is back")
def broker_killed(s):
    s.begin(rate=600)
    longest = 0
    for _ in range(5):
        s.progress(500, 60)
        s.kafka.kill()
        time.sleep(s.chance.uniform(0.2, 2))
        s.kafka.start()
        longest = max(longest, s.progress(200, 60))
    lib.check(f"it goes on within {BACK_S} s", longest < BACK_S, longest)
    return f"{s.end()}; goes on after {longest:.1f} s at most"


@row("K2", "broker frozen for 20 s (longer than the session)", "no crash; a clean rejoin, same state")
def broker_frozen(s):
    s.begin(rate=800)
    s.progress(1000, 60)
    os.kill(s.kafka.pid, signal.SIGSTOP)
    time.sleep(20)
    s.alive("while the broker is frozen")
    os.kill(s.kafka.pid, signal.SIGCONT)
    took = s.progress(200, 60)
    return f"{s.end()}; goes on after {took:.1f} s"


@row("K6", "rebalance storm: one to three daemons come and go, by TERM and kill -9", "equal state; one writer a partition")
def rebalance_storm(s):
    s.begin(rate=400)
    others, began = [], time.monotonic()
    while time.monotonic() - began < 30:
        time.sleep(s.chance.uniform(0.5, 2))
        if len(others) < 2 and s.chance.random() < 0.6:
            others.append(s.pipe.start())
        elif others:
            gone = others.pop(s.chance.randrange(len(others)))
            if s.chance.random() < 0.5:
                gone.kill()
            else:
                gone.stop()
    for other in others:
        other.stop()
    s.alive("after the storm")
    return f"{s.end()}; {s.pipe.started - 2} daemons came and went"


@row("K7", "zombie: stopped beyond the session timeout with a batch in flight, another takes over, then it resumes",
     "its writes are refused, it rejoins, equal state")
def zombie(s):
    s.begin(rate=700)
    first = s.daemon
    s.progress(500, 60)
    second = s.pipe.start()
    first.pause()
    lib.wait_until(lambda: "4 partitions" in second.text(), 60, "the other takes all partitions")
    s.progress(1500, 60)
    first.resume()
    lib.wait_until(lambda: first.text().count("event=assigned") >= 2, 60, f"the sleeper rejoins\n{first.text()[-1500:]}")
    s.alive("after it was a zombie")
    s.all_sent()
    second.stop()
    return s.end()


@row("K8", "two daemons with one group.instance.id", "the older one is fenced, ends with an own exit status, writes nothing more")
def same_instance(s):
    s.begin(rate=600, sets=["kafka.instance_id=one"])
    first = s.daemon
    s.start()
    status = first.wait(60)
    lib.check("the older one ends and says that it is fenced", status not in (0, None) and "fenced" in first.text().lower(), f"{status} {first.text()[-800:]}")
    s.progress(500, 60)
    return f"{s.end()}; the older one ended with {status}"


def at_rest_in_the_middle(s):
    """A daemon that has read part of what is there (another part with every seed) and is stopped; returns its offsets."""
    s.begin(rate=2000)
    s.progress(s.chance.randrange(500, 8000), 60)
    lib.wait_until(lambda: all(int(part["next"]) > 0 for part in s.pipe.offsets().values()), 60, "something of every partition is read")
    s.stop()
    s.all_sent()
    return {p: int(part["next"]) for p, part in s.pipe.offsets().items()}


@row("K9", "retention passed the stored offset", "that partition is halted with the lost range; the others go on; nothing is skipped silently")
def retention(s):
    held = at_rest_in_the_middle(s)
    lost = s.chance.randrange(1, 600)
    lib.delete_records(s.pipe.input, 0, held[0] + lost)
    s.start()
    lines = halted(s, "retention", 0)
    lib.check("the lost range is told", any(str(held[0]) in line or str(held[0] - 1) in line for line in lines) and
              any(str(held[0] + lost) in line for line in lines), lines)
    rest = [p for p in held if p != 0]
    lib.wait_until(lambda: all(int(s.pipe.offsets()[p]["next"]) == lib.offsets(s.pipe.input)[p][1] for p in rest), 60 * PATIENCE, "the others are read")
    lib.check_equal("the halted one stays", int(s.pipe.offsets()[0]["next"]), held[0])
    s.stop()
    low = lib.offsets(s.pipe.input)[0][0]
    s.start("--accept-loss")
    lib.wait_until(lambda: s.pipe.offsets()[0]["next"] == str(lib.offsets(s.pipe.input)[0][1]), 60, "it is read to the end with --accept-loss")
    part = s.pipe.offsets()[0]
    lib.check_equal("counted once", int(part["read"]), held[0] + lib.offsets(s.pipe.input)[0][1] - low)
    s.stop()
    s.start()
    time.sleep(3)
    lib.check("and the next start is an ordinary one", "partition_halted" not in s.daemon.text(), s.daemon.text()[-800:])
    s.stop()
    return lines[0].split("message=")[-1]


@row("K9b", "retention took everything that was applied, and nothing else", "goes on; no false halt")
def retention_of_the_applied(s):
    s.begin(rate=2000)
    s.all_sent()
    s.progress(s.count, 90)
    s.stop()
    for partition, (_, end) in lib.offsets(s.pipe.input).items():
        lib.delete_records(s.pipe.input, partition, end)
    s.start()
    time.sleep(3)
    lib.check("nothing is halted", "partition_halted" not in s.daemon.text(), s.daemon.text()[-800:])
    s.stop()
    return s.end()


@row("K10", "log truncated: the stored offset is beyond the end", "halted (truncated), never a silent reset")
def truncated(s):
    s.begin(rate=1200)
    s.progress(s.chance.randrange(100, 4000), 60)
    s.sender.pause()  # what it has yet to send is what the truncation takes
    s.kafka.stop()
    copy = lib.new_dir() / "data"
    shutil.copytree(s.kafka.dir / "data", copy)
    s.kafka.start()
    s.sender.resume()
    s.all_sent()
    s.progress(s.count, 90)
    s.stop()
    held = {p: int(part["next"]) for p, part in s.pipe.offsets().items()}
    s.kafka.kill()
    shutil.rmtree(s.kafka.dir / "data")
    shutil.copytree(copy, s.kafka.dir / "data")
    s.kafka.start()
    shorter = [p for p, (_, end) in lib.offsets(s.pipe.input).items() if end < held[p]]
    lib.check("the log is shorter now", shorter)
    s.start()
    lines = halted(s, "truncated", shorter[0])
    time.sleep(3)
    lib.check_equal("nothing moved", {p: int(part["next"]) for p, part in s.pipe.offsets().items()}, held)
    s.stop()
    return f"{len(lines)} of {len(shorter)} partitions: {lines[0].split('message=')[-1]}"


def recreated(s, grown):
    """The topic is deleted and created again; `grown`: it has more records than were read before."""
    held = at_rest_in_the_middle(s)
    rows = s.pipe.query()
    lib.delete_topics(s.pipe.input)
    time.sleep(1)
    lib.create_topics({s.pipe.input: 4})
    lines = [json.dumps({"event_id": f"n{i}", "type": "lead_created", "org_id": "other", "occurred_at_ms": 1_500_000_000_000 + i, "lead_id": f"L{i}", "owner_id": "ann"})
             for i in range(int(s.chance.uniform(4.3, 8) * max(held.values())) + 500 if grown else s.chance.randrange(2 * min(held.values())))]
    path = s.pipe.dir / "other.ndjson"
    path.write_text("\n".join(lines) + "\n")
    if lines:
        s.pipe.send(path, "--key", "random")
    ends = lib.offsets(s.pipe.input)
    lib.check("the new log is as meant", all((ends[p][1] > held[p]) == grown for p in held), f"{ends} {held}")
    s.start()
    lib.wait_until(lambda: s.daemon.text().count("event=partition_halted") == 4, 40 * PATIENCE, "all are halted")
    found = halted(s, "re-created")
    lib.check_equal("nothing moved", {p: int(part["next"]) for p, part in s.pipe.offsets().items()}, held)
    lib.check("no figure changed", s.pipe.query() == rows)
    s.stop()
    return found[0].split("message=")[-1]


@row("K11a", "topic re-created under its name, ends lower", "halted, nothing written")
def recreated_lower(s):
    return recreated(s, False)


@row("K11b", "topic re-created under its name, grown past the stored offset: Kafka tells no error at all", "CRC of the last record differs: halted")
def recreated_higher(s):
    return recreated(s, True)


@row("K12", "4 -> 8 partitions while running", "new ones are read from their beginning; sums equal although keys moved")
def more_partitions(s):
    s.begin(rate=600, sets=["kafka.properties.topic.metadata.refresh.interval.ms=1000", "kafka.properties.metadata.max.age.ms=1000"])
    s.progress(1000, 60)
    lib.add_partitions(s.pipe.input, 8)
    lib.wait_until(lambda: "8 partitions" in s.daemon.text(), 60, f"all are assigned\n{s.daemon.text()[-800:]}")
    seen = s.end()
    used = sum(1 for _, end in lib.offsets(s.pipe.input).values() if end)
    return f"{seen}; {used} partitions have records"


@row("K13", "transactions of others on the input: committed, aborted, left open until it times out", "the aborted is unseen; what lies behind an open one waits")
def transactions(s):
    s.begin(rate=600)
    lines = [json.dumps({"event_id": f"t{i}", "type": "lead_created", "org_id": "crm_sales", "occurred_at_ms": 1_488_326_400_000 + i, "lead_id": f"T{i}",
                         "owner_id": "ann"}) for i in range(400)]
    tool = [lib.KAFKA_ADMIN.replace("kafka_admin", "kafka_txn"), lib.BOOTSTRAP, s.pipe.input]
    for _ in range(3):
        lib.must([*tool, "abort"], 60, "\n".join(lines).encode())
        s.progress(300, 60)
    # Events that are known already: a transaction that is committed is read, and they are duplicates.
    known = [json.dumps(event) for event in lib.load_ndjson(s.events)[:100]]
    lib.must([*tool, "commit"], 60, "\n".join(known).encode())
    path = s.pipe.dir / "open.ndjson"
    path.write_text("\n".join(lines) + "\n")
    with open(path, "rb") as stdin:
        hanging = lib.Process([*tool, "open"], log=s.pipe.dir / "open.log", stdin=stdin)
    lib.wait_until(lambda: "open" in hanging.text(), 60, "the transaction is open")
    hanging.kill()
    time.sleep(2)
    stuck = s.read()
    time.sleep(2)
    lib.check_equal("what lies behind the open one waits", s.read(), stuck)
    took = 4 + s.progress(500, 90)
    # A daemon to which a partition that waits is idle after a second would judge without it.
    s.progress(s.count, 90)
    s.all_sent()
    s.stop()
    s.pipe.settle(300)
    seen = s.compare(gaps=True)
    there, unseen = len(lib.consume(s.pipe.input)), len(lib.consume(s.pipe.input, committed=False))
    lib.check_equal("the committed was read, the aborted not", [s.pipe.total("read"), unseen - there], [there, 4 * len(lines)])
    return f"{seen}; {unseen - there} records of transactions unseen; behind the open one (at {stuck}) it went on after {took:.0f} s"


@row("K14", "compacted input: gaps in the offsets and tombstones", "no stall; a tombstone is a dead letter, told with its place")
def compacted(s):
    s.start_servers()
    s.install(1)
    topic = s.pipe.input = f"compact.{s.pipe.tag}"
    lib.create_topics({topic: (1, {"cleanup.policy": "compact", "segment.bytes": "1048576", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01",
                                   "min.compaction.lag.ms": "0", "max.compaction.lag.ms": "500", "delete.retention.ms": "3600000"})})
    for _ in range(2):
        s.pipe.send(s.events, "--key", "event", "--shuffle-ms", "86400000")
    lib.must(["kcat", "-b", lib.BOOTSTRAP, "-P", "-t", topic, "-K", "=", "-Z"], stdin=b"".join(b"gone%d=\n" % i for i in range(50)))
    low, end = lib.offsets(topic)[0]

    def there():
        return len(lib.consume(topic))

    # The newest segment is never compacted, all before it is.
    lib.wait_until(lambda: there() < (end - low) * 3 // 4, 120, lambda: f"the broker compacts: {there()} of {end - low} offsets have a record", 1)
    lib.wait_until(lambda: [there(), time.sleep(3)][0] == there(), 60, "the broker is done")
    records = there()
    s.pipe.settle(300)
    part = s.pipe.offsets()[0]
    lib.check_equal("read to the end", int(part["next"]), end)
    lib.check_equal("applied, dead", [int(part["applied"]), int(part["dead"])], [s.count, sum(1 for m in lib.consume(topic) if not m.value)])
    want = s.replay()
    got = s.pipe.query()
    lib.check("rows equal those of a replay", got == want, pipeline.first_difference(got, want))
    return f"{records} records at {end - low} offsets; rows equal, {part['dead']} tombstones dead-lettered"


@row("K15", "records of 0 B to 10 MB, and one with 100,000 bytes of headers", "applied or dead-lettered by reference; the fetch is never stuck")
def sizes(s):
    s.start_servers()
    s.install(1)
    s.pipe.input = f"sizes.{s.pipe.tag}"
    lib.create_topics({s.pipe.input: (1, {"max.message.bytes": "20971520"})})
    bad = [b"x" * n for n in (1, 100, 10_000, 1_000_000, 5_000_000, 10_000_000)]
    folder = lib.new_dir()
    for i, value in enumerate(bad):
        path = folder / str(i)
        path.write_bytes(value)
        lib.must(["kcat", "-b", lib.BOOTSTRAP, "-P", "-t", s.pipe.input, "-X", "message.max.bytes=20000000", "-H", "h=" + "y" * 100_000, path])
    s.pipe.send(s.events, "--key", "event", "--shuffle-ms", "86400000")
    s.pipe.settle(300)
    lib.check_equal("applied, dead", [s.pipe.total("applied"), s.pipe.total("dead")], [s.count, len(bad)])
    letters = lib.consume(s.pipe.topic("dead_letter"))
    lib.check_equal("a dead letter each", len(letters), len(bad))
    want, got = s.replay(), s.pipe.query()
    lib.check("rows equal those of a replay", got == want, pipeline.first_difference(got, want))
    return f"rows equal; {len(letters)} dead letters, the largest {max(len(m.value) for m in letters)} B"


@row("K16", "an output topic is missing while alerts are due", "the outbox fills to its bound, the input waits, nothing is dropped; drains when the topic is there")
def output_missing(s):
    s.start_servers()
    bound = 100
    # Boards every day: they lie in the outbox behind the alerts, and there are enough of them.
    s.install(4, [f"redis.outbox_max={bound}", "publish.snapshot_every=1d"])
    lib.delete_topics(s.pipe.topic("alerts"))
    time.sleep(1)
    s.start()
    s.send(300)

    def waiting():
        return s.pipe.redis()("XLEN", "cp:{0}:outbox") or 0

    s.says("publish_failed", 120)  # the first alert is due: from then on nothing leaves the outbox
    lib.wait_until(lambda: waiting() >= bound, 120, lambda: f"the outbox fills, {waiting()} entries\n{s.daemon.text()[-1500:]}")
    # One commit may step over the bound; then nothing is judged, nothing flushed, nothing read.
    time.sleep(4)
    full, read = waiting(), s.read()
    time.sleep(6)
    lib.check_equal("the outbox does not grow over its bound", waiting(), full)
    lib.check("the input waits", s.read() == read < s.count, f"{read} then {s.read()} of {s.count}")
    s.alive("while the topic is missing")
    lib.create_topics({s.pipe.topic("alerts"): 1})
    s.progress(500, 60, "it goes on when the topic is there")
    return f"{s.end()}; {full} entries waited, reading stopped at {read} of {s.count}"


@row("K17", "the broker's disk is full", "goes on when there is room again")
def disk_full(s):
    s.start_servers()
    s.kafka.stop()
    data = s.kafka.dir / "data"
    keep = s.kafka.dir / "keep"
    data.rename(keep)
    data.mkdir()
    lib.must(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", data])
    try:
        shutil.copytree(keep, data, dirs_exist_ok=True)
        s.kafka.start()
        s.install(4)
        s.start()
        s.send(700)
        s.progress(2000, 60)
        with open(data / "filler", "wb") as filler:
            try:
                while True:
                    filler.write(b"x" * 65536)
                    filler.flush()
            except OSError:
                pass
        time.sleep(10)
        s.alive("while the disk is full")
        (data / "filler").unlink()
        try:
            s.kafka.stop()
        except RuntimeError:
            note("the broker had ended by itself")
        s.kafka.start()
        took = s.progress(200, 60)
        seen = s.end()
        s.kafka.stop()
        return f"{seen}; goes on {took:.1f} s after the broker"
    finally:
        s.kafka.kill()
        lib.run(["umount", "-l", data])


@row("K18", "broker 4.1.0 instead of 3.9.1", "both pass the whole matrix: `scripts/chaos --kafka 4.1.0`; here one run under load")
def newer_broker(s):
    s.version = "4.1.0"
    s.begin(rate=2000)
    return f"{s.end()} on {(s.kafka.dir / 'version').read_text().strip()}, {CONFIG.stem}"
