#!/usr/bin/env python3
"""I5: what was applied must still stand in the log where it stood. A topic that was re-created and has grown past the stored offset, and one whose
retention has passed it, halt the partition with the reason; nothing is written. A topic that only grew is read on."""
import json

import lib
import pipeline

CONFIG = pipeline.EXAMPLES / "golden.yaml"
SETS = ["time.idle_timeout=1s"]
FIRST, MORE = 40, 30


def write(path, name, n):
    """n deals won, of the owner `name`."""
    with open(path, "w") as out:
        for i in range(n):
            out.write(json.dumps({"event_id": f"{name}{i}", "type": "deal_closed", "org_id": "acme", "occurred_at_ms": 1741568400000 + 1000 * i,
                                  "owner_id": name, "deal_id": f"{name}{i}", "outcome": "won", "amount_micros": 1_000_000, "currency": "CNY"}) + "\n")
    return path


def create_again(topic):
    """A deleted topic's name is free a moment later."""
    try:
        lib.create_topics({topic: 1})
        return True
    except Exception:  # noqa: BLE001 the admin tool says why; the wait has an end
        return False


def halts(what, pipe, reason):
    """The daemon halts the partition for that reason, stays alive, and has written nothing."""
    before, rows = pipe.offsets(), pipe.query()
    daemon = pipe.start(sets=SETS)
    try:
        lib.wait_until(lambda: "partition_halted" in daemon.text() or not daemon.alive(), 40, lambda: f"{what}: a halt\n{daemon.text()[-2000:]}")
        lib.check(f"{what}: the reason is told", reason in daemon.text(), daemon.text()[-2000:])
        lib.check(f"{what}: the daemon lives on", daemon.alive(), daemon.text()[-2000:])
    except TimeoutError as error:
        lib.check(f"{what}: halts", False, str(error))
    finally:
        daemon.stop()
    after = pipe.offsets()
    lib.check_equal(f"{what}: no offset moved", [row["next"] for row in after.values()], [row["next"] for row in before.values()])
    lib.check(f"{what}: no figure moved", pipe.query() == rows, "rows differ")


def fresh():
    pipe = pipeline.Installation(CONFIG, 1, sets=SETS)
    pipe.send(write(pipe.dir / "first.ndjson", "ann", FIRST))
    pipe.settle()
    lib.check_equal("all is applied", [pipe.total("applied"), int(pipe.offsets()[0]["next"])], [FIRST, FIRST])
    return pipe


pipe = fresh()
pipe.send(write(pipe.dir / "more.ndjson", "bo", MORE))
pipe.settle()
lib.check_equal("a topic that grew is read on", pipe.total("applied"), FIRST + MORE)

lib.delete_topics(pipe.input)
lib.wait_until(lambda: create_again(pipe.input), 30, "the topic is made anew", 0.5)
pipe.send(write(pipe.dir / "other.ndjson", "cy", FIRST + MORE + 20))
halts("a re-created topic that grew past", pipe, "lineage: the record at offset")

pipe = fresh()
pipe.send(write(pipe.dir / "more.ndjson", "bo", MORE))
lib.delete_records(pipe.input, 0, FIRST + 5)
halts("expired retention", pipe, f"retention: offsets {FIRST} to {FIRST + 4} expired unread")
lib.finish()
