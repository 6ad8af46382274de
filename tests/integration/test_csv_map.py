#!/usr/bin/env python3
"""The shipped CSV mappings against the event files made by another program: same ids, same fields, same order.

Needs the data sets beside the repository (../shared/data, or CRMPULSE_DATA); without them it says so and checks the mappings'
mistakes only. No Kafka, no Redis.
"""
import collections
import gzip
import json
import os
from pathlib import Path

import lib

DATA = Path(os.environ.get("CRMPULSE_DATA") or lib.REPO.parent / "shared" / "data")

# One refund of ravenstack has three subscriptions of the same price to choose from; the event file took neither the newest nor the
# one that sorts last, as it did for all others.
KNOWN = {"crm_sales": set(), "ravenstack": {"C-8d3540-2-refund"}}


def convert(main, mapping, out, *options):
    return lib.run([lib.BIN, "send", "--csv", main, "--map", mapping, "--to-ndjson", out, *options])


def compare(name, main):
    folder = DATA / name
    out = lib.new_dir() / "events.ndjson"
    done = convert(folder / main, lib.REPO / "config" / "maps" / f"{name}.yaml", out)
    if not lib.check_equal(f"{name}: exit status", done.returncode, 0):
        print(done.stderr.decode(errors="replace")[-2000:])
        return
    got, want = lib.load_ndjson(out), lib.load_ndjson(folder / "events.ndjson.gz")
    lib.check_equal(f"{name}: number of events", len(got), len(want))
    lib.check_equal(f"{name}: no id twice", len({e["event_id"] for e in got}), len(got))
    by_id = {e["event_id"]: e for e in want}
    differing = {e["event_id"] for e in got if by_id.get(e["event_id"]) != e}
    lib.check_equal(f"{name}: ids", {e["event_id"] for e in got} ^ set(by_id), set())
    lib.check_equal(f"{name}: events that differ in a field", differing, KNOWN[name])
    lib.check(f"{name}: the known differences are in one field", all(
        len(set(by_id[e["event_id"]].items()) ^ set(e.items())) == 2 for e in got if e["event_id"] in differing))
    lib.check(f"{name}: in order of time and id",
              all((a["occurred_at_ms"], a["event_id"]) < (b["occurred_at_ms"], b["event_id"]) for a, b in zip(got, got[1:])))


def shuffled():
    """Within its bound, and the same for the same seed."""
    folder = lib.new_dir()
    hour = 3_600_000
    rows = "id,at\n" + "".join(f"{i},{1_700_000_000_000 + i * hour // 10}\n" for i in range(2000))
    (folder / "a.csv").write_text(rows)
    (folder / "m.yaml").write_text(
        'events:\n  - type: login\n    fields: { event_id: "e{id}", org_id: o, occurred_at_ms: "{at}", user_id: u }\n')
    files = [folder / f"out{i}" for i in range(3)]
    for out, seed in zip(files, (7, 7, 8)):
        lib.check_equal(f"shuffle, seed {seed}: exit status",
                        convert(folder / "a.csv", folder / "m.yaml", out, "--shuffle-ms", hour, "--seed", seed,
                                "--duplicate", 100000).returncode, 0)
    events = lib.load_ndjson(files[0])
    newest, worst, moved = 0, 0, 0
    for e in events:
        worst = max(worst, newest - e["occurred_at_ms"])
        moved += e["occurred_at_ms"] < newest
        newest = max(newest, e["occurred_at_ms"])
    lib.check("shuffle: no event is later than the bound", worst <= hour, f"{worst} ms")
    lib.check("shuffle: it does disorder", moved > 500, f"{moved} of {len(events)}")
    lib.check_equal("shuffle: nothing is lost", len({e["event_id"] for e in events}), 2000)
    # 10 % of 2000, four standard deviations of a binomial: 200 +- 54
    lib.check("duplicate: about one in ten", 146 <= len(events) - 2000 <= 254, f"{len(events) - 2000}")
    lib.check("duplicates are equal", all(n <= 2 for n in collections.Counter(map(json.dumps, events)).values()))
    lib.check_equal("same seed, same bytes", files[0].read_bytes(), files[1].read_bytes())
    lib.check("another seed, another order", files[0].read_bytes() != files[2].read_bytes())


def mistakes():
    folder = lib.new_dir()
    (folder / "a.csv").write_text("id,when\n1,2024-02-30\n2,2024-02-29\n")
    with gzip.open(folder / "a.csv.gz", "wt") as f:
        f.write((folder / "a.csv").read_text())
    head = "events:\n  - type: login\n    fields:\n      event_id: \"e{id}\"\n      org_id: o\n      user_id: u\n"
    cases = {
        "unknown field": (head + "      nonsense: x\n", 78, "m.yaml:7:7: error: no field"),
        "unknown type": (head.replace("login", "logon"), 78, "m.yaml:2:11: error: no such event type"),
        "unknown lookup": (head + "      device: \"{id|sizes}\"\n", 78, "m.yaml:7:15: error: there is no such lookup"),
        "open brace": (head + "      device: \"{id\"\n", 78, "m.yaml:7:15: error: a brace is never closed"),
        "unknown column": (head + "      occurred_at_ms: \"{day}\"\n", 78, "error: there is no such column"),
        "no YAML": ("events: [\n", 78, "m.yaml:"),
        "a date that does not exist": (head + "      occurred_at_ms: \"{when}\"\n", 1, "a.csv:2: occurred_at_ms"),
        "a required field is missing": (head, 1, "a.csv:2: missing_field occurred_at_ms"),
    }
    for name, (text, status, message) in cases.items():
        (folder / "m.yaml").write_text(text)
        for csv in ("a.csv", "a.csv.gz") if status == 1 else ("a.csv",):
            done = convert(folder / csv, folder / "m.yaml", "-")
            lib.check_equal(f"{name}: exit status", done.returncode, status)
            said = done.stderr.decode(errors="replace").replace("a.csv.gz", "a.csv")
            lib.check(f"{name}: message", message in said, said)
    # What can be read is written all the same.
    (folder / "m.yaml").write_text(head + "      occurred_at_ms: \"{when}\"\n")
    done = convert(folder / "a.csv", folder / "m.yaml", "-")
    lib.check_equal("the good row remains", done.stdout.decode(),
                    '{"event_id":"e2","type":"login","org_id":"o","occurred_at_ms":1709164800000,"user_id":"u"}\n')


if DATA.is_dir():
    compare("crm_sales", "sales_pipeline.csv")
    compare("ravenstack", "ravenstack_accounts.csv")
else:
    print(f"skipped: the data sets are not in {DATA}")
shuffled()
mistakes()
lib.finish()
