"""Compares KPI rows printed by another program with the oracle's own values.

Integers must be equal, doubles to 1e-9 relative, quantiles within the stated
error. A row of a KPI that the oracle does not know is counted, not judged.
"""
from .calendar import parse_instant
from .kpis import TABLE, evaluate
from .measures import switches

EXACT = ("numerator", "denominator", "count", "sum", "window_start_ms", "window_end_ms")
DOUBLES = ("value", "mean")
QUANTILES = ("p50", "p90", "p95", "p99")


class Tally:
    def __init__(self):
        self.compared, self.different, self.unknown = 0, 0, {}


def _near(one, other, relative):
    if one is None or other is None:
        return one is None and other is None
    return abs(one - other) <= relative * max(abs(one), abs(other))


def _fields(row, mine, quantile_error):
    """Names of the fields that differ. A side that publishes no such field is not judged."""
    wrong = []
    for name in EXACT:
        one, other = row.get(name), mine.get(name)
        if one is not None and other is not None and not _near(one, other, 1e-12
                                                               if isinstance(other, float) else 0):
            wrong.append(name)
    for name in DOUBLES:
        if name in row and name in mine and not _near(row[name], mine[name], 1e-9):
            wrong.append(name)
    for name in QUANTILES:
        if row.get(name) is not None and name in mine \
                and not _near(row[name], mine[name], quantile_error):
            wrong.append(name)
    return wrong


def differences(facts_by_org, rows, at, given, quantile_error, tally):
    """One record per differing row; `tally` counts."""
    for row in rows:
        facts = facts_by_org.get(row["org"])
        if row["kpi"] not in TABLE or facts is None:
            tally.unknown[row["kpi"]] = tally.unknown.get(row["kpi"], 0) + 1
            continue
        moment = row.get("at", row.get("at_ms", at))
        if moment is None:
            moment = max(e["occurred_at_ms"] for e in facts.events)
        sw = switches({**dict(given), **(row.get("switches") or {})})
        mine = evaluate(facts, row["kpi"], row["window"], parse_instant(moment), row["dim"],
                        row["subject"], sw)
        tally.compared += 1
        wrong = _fields(row, mine, quantile_error)
        if wrong:
            tally.different += 1
            yield {"kpi": row["kpi"], "window": row["window"], "dim": row["dim"],
                   "subject": row["subject"], "differs": wrong,
                   "theirs": {k: row.get(k) for k in wrong},
                   "oracle": {k: mine.get(k) for k in wrong}}
