#!/usr/bin/env python3
"""The two other real data sets through Kafka and Redis: northwind (orders) and uci_incident (tickets, 73,860 events). Every figure of
expected.json by query, rows byte for byte those of replay. Disorder, partitions and duplicates: test_real_data.py."""
import lib
import pipeline

SETS = ["publish.snapshot_every=30d", "time.out_of_orderness=1d"]


def booked(f):
    """The switches of a figure that must have been in force when the events were read."""
    return tuple(sorted((k, v) for k, v in f["switches"].items() if k in ("sales_basis", "resolution_mode")))


def load(name, events, n, sets):
    pipe = pipeline.Installation(pipeline.EXAMPLES / f"{name}.yaml", 4, sets=sets)
    pipe.send(events, "--key", "org")
    pipe.settle(500)
    lib.check_equal(f"{name}: counters add up", pipe.counters_add_up(), [])
    lib.check_equal(f"{name}: applied, late, dead", [pipe.total(c) for c in ("applied", "late", "dead")], [n, 0, 0])
    return pipe


def check_figures(name, pipe, figures, newest):
    """A gauge at a past instant needs the history of the deltas, which the store does not keep: replay tells it."""
    by_query = pipeline.Figures(lambda sets, *words: pipe.query(*words, sets=sets), {})
    for f in figures:
        if f["window"] == "g" and f["at"] < newest:
            print(f"# not known to query: {name}: {pipeline.figure_name(f)}")
            continue
        value = by_query.row(f).get("value") if f["kpi"] == "sales_rank" else by_query.value(f)
        lib.check(f"{name}: {pipeline.figure_name(f)}", pipeline.near(value, f), f"got {value}, want {f['expected']}")
    return len(figures)


asked = total = 0
for name in ("northwind", "uci_incident"):
    events, figures = pipeline.data_set(name)
    stream = lib.load_ndjson(events)
    newest = max(e["occurred_at_ms"] for e in stream)
    total += len(figures)
    for switches in sorted({booked(f) for f in figures}):
        sets = [*SETS, *[f"switches.{k}={v}" for k, v in switches]]
        pipe = load(name, events, len(stream), sets)
        got, want = pipe.query(), pipeline.replay(events, pipeline.EXAMPLES / f"{name}.yaml", sets=sets)
        lib.check(f"{name} {dict(switches)}: query equals replay, byte for byte", got == want, pipeline.first_difference(got, want))
        asked += check_figures(name, pipe, [f for f in figures if booked(f) == switches], newest)
print(f"# {asked} of {total} figures by query")
lib.finish()
