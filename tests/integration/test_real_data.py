#!/usr/bin/env python3
"""The real data sets through Kafka and Redis: every figure of expected.json by query, rows byte for byte those of replay; and the same
rows, alert ids, boards and scorecards whatever the partitions, the order within the bounds, and duplicates."""
import os

import lib
import pipeline

DAY_MS = 86_400_000
# Disorder of a day is within this bound, so judging must not notice it; disorder of 60 days is within the allowed lateness.
SETS = ["publish.snapshot_every=30d", "time.out_of_orderness=1d"]
WITHIN_BOUND = ["--shuffle-ms", str(DAY_MS), "--duplicate", "10000"]
WITHIN_LATENESS = ["--shuffle-ms", str(60 * DAY_MS), "--duplicate", "10000"]
# What disorder costs shows with more partitions; the larger set takes the two extremes.
PARTITIONS = {"crm_sales": (1, 4, 16), "ravenstack": (1, 16)}
if os.environ.get("CRMPULSE_FULL"):
    PARTITIONS["ravenstack"] = (1, 4, 16)
# A switch that decides what is booked needs an installation that ran with it: the late load is that one.
LATE_SETS = {"ravenstack": {"sales_basis": "orders"}}


def count_read(pipe, name, events):
    lib.check_equal(f"{name}: counters add up", pipe.counters_add_up(), [])
    lib.check_equal(f"{name}: applied, late, dead", [pipe.total(c) for c in ("applied", "late", "dead")], [events, 0, 0])


def load(name, events, partitions, options, sets=()):
    pipe = pipeline.Installation(pipeline.EXAMPLES / f"{name}.yaml", partitions, sets=[*SETS, *sets])
    pipe.send(events, *options)
    pipe.settle(200)
    return pipe


def booked(f):
    """The switches of a figure that must have been in force when the events were read."""
    return {name: value for name, value in f["switches"].items() if name == "sales_basis"}


def check_figures(name, pipe, figures, newest):
    """A gauge at a past instant needs the history of the deltas, which the store does not keep: replay tells it."""
    by_query = pipeline.Figures(lambda sets, *words: pipe.query(*words, sets=sets), {("sales_rank", "y", "rep", ""): "sales_year"})
    asked = 0
    for f in figures:
        if f["window"] == "g" and f["at"] < newest:
            print(f"# not known to query: {name}: {pipeline.figure_name(f)}")
            continue
        value = by_query.value(f)
        asked += 1
        lib.check(f"{name}: {pipeline.figure_name(f)}", pipeline.near(value, f), f"got {value}, want {f['expected']}")
    return asked


asked = 0
for name, partitions in PARTITIONS.items():
    events, figures = pipeline.data_set(name)
    stream = lib.load_ndjson(events)
    newest = max(e["occurred_at_ms"] for e in stream)
    config = pipeline.EXAMPLES / f"{name}.yaml"

    # ---- as it is ----
    pipe = load(name, events, 4, ["--key", "org"])
    count_read(pipe, f"{name} as it is", len(stream))
    rows, outputs = pipe.query(), pipe.outputs()
    want = pipeline.replay(events, config, sets=SETS)
    lib.check(f"{name}: query equals replay, byte for byte", rows == want, pipeline.first_difference(rows, want))
    transitions = {a["id"] for a in pipeline.rows(pipeline.replay(events, config, "--alerts", sets=SETS))}
    lib.check(f"{name}: alert ids are those of replay", outputs["alerts"] == transitions and len(transitions) > 10,
              f"{len(outputs['alerts'] - transitions)} more, {len(transitions - outputs['alerts'])} fewer than {len(transitions)}")
    lib.check(f"{name}: boards were published", len(outputs["boards"]) > 10, len(outputs["boards"]))
    asked += check_figures(name, pipe, [f for f in figures if not booked(f)], newest)

    # ---- disorder within the bound, duplicates, partitions ----
    for n in partitions:
        title = f"{name} over {n} partitions"
        pipe = load(name, events, n, ["--key", "event", "--seed", str(n), *WITHIN_BOUND])
        count_read(pipe, title, len(stream))
        lib.check(f"{title}: about 1 % duplicates", 0.005 < pipe.total("duplicate") / len(stream) < 0.015, pipe.total("duplicate"))
        got = pipe.query()
        lib.check(f"{title}: same rows", got == rows, pipeline.first_difference(got, rows))
        for output, ids in pipe.outputs().items():
            lib.check(f"{title}: same ids on {output}", ids == outputs[output],
                      f"{len(ids - outputs[output])} more, {len(outputs[output] - ids)} fewer than {len(outputs[output])}")

    # ---- disorder within the allowed lateness ----
    switches = LATE_SETS.get(name, {})
    sets = [f"switches.{key}={value}" for key, value in switches.items()]
    pipe = load(name, events, 4, ["--key", "event", *WITHIN_LATENESS], sets)
    count_read(pipe, f"{name} late", len(stream))
    got, want = pipe.query(), pipeline.replay(events, config, sets=[*SETS, *sets]) if sets else rows
    lib.check(f"{name} late: same final rows", got == want, pipeline.first_difference(got, want))
    asked += check_figures(f"{name} late", pipe, [f for f in figures if switches and booked(f) == switches], newest)

lib.check("at least 100 figures of 170 by query", asked >= 100, asked)
print(f"# {asked} figures by query")
lib.finish()
