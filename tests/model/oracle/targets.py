"""Targets: what holds for a subject in a cycle, and how much of it is due at an instant.

The newest target_set of a subject stands for the whole cycle; by target_change=effective_date each stands from its own
civil day on. A subject without one has the sum of what its teams and reps have.
"""
from collections import defaultdict
from datetime import timedelta
from fractions import Fraction

_MONTHS = {"m": 1, "q": 3, "h": 6, "y": 12}


def _split(total, weights):
    """Whole units by weight, the remainder to the first parts."""
    parts = [total * w // sum(weights) for w in weights]
    for i in range(total - sum(parts)):
        parts[i] += 1
    return parts


def _parts(q, event, cycle, unit):
    """[(start, end, value)]: how a target's value lies over its cycle."""
    weights = event.get("distribution_ppm") or [1]
    if event.get("proration", "distribution") != "distribution":
        weights = [1]
    n, cal = len(weights), q.cal
    first, after = cal.unit_dates(unit, cal.local_date(cycle.start))
    if _MONTHS.get(unit, 0) and _MONTHS[unit] % n == 0:
        index = first.year * 12 + first.month - 1
        step = _MONTHS[unit] // n
        dates = [first.replace(year=(index + k * step) // 12, month=(index + k * step) % 12 + 1) for k in range(n + 1)]
    else:
        dates = [first + timedelta(days=(after - first).days * k // n) for k in range(n + 1)]
    bounds = [cal.date_ms(d) for d in dates]
    return list(zip(bounds, bounds[1:], _split(event["value"], weights)))


def _due(q, event, part, piece, at):
    """(value, due at `at`) of one part as far as it lies in `piece`."""
    start, end, value = part
    first, last = max(start, piece[0]), min(end, piece[1])
    if last <= first:
        return 0, Fraction(0)
    if last - first < end - start:
        value = round(Fraction(value * (last - first), end - start))
    proration = event.get("proration") or q.sw["target_proration"]
    if event.get("distribution_ppm") and event.get("proration", "distribution") == "distribution":
        proration = "linear"
    if proration == "none" or at >= last:
        return value, Fraction(value if proration == "none" or at >= last else 0)
    if at <= first:
        return value, Fraction(0)
    share = q.cal.business_share(first, last, at) if proration == "business_days" \
        else Fraction(at - first, last - first)
    return value, value * share


def _pieces(q, events, cycle):
    """[(event, (start, end))] in force."""
    if q.sw["target_change"] == "whole_cycle" or len(events) == 1:
        return [(events[-1], (cycle.start, cycle.end))]
    result, since = [], cycle.start
    for event, following in zip(events, events[1:] + [None]):
        until = cycle.end
        if following:
            until = min(q.cal.civil("d", following["occurred_at_ms"]).start, cycle.end)
        if until > since:
            result.append((event, (since, until)))
            since = until
    return result


def _own(q, table, kpi, subject, cycle, unit):
    """(value, due), None without one."""
    events = table.get((kpi, subject, q.cal.label(unit, cycle.start)))
    if not events:
        return None
    rows = [_due(q, e, part, piece, q.at)
            for e, piece in _pieces(q, events, cycle) for part in _parts(q, e, cycle, unit)]
    return sum(v for v, _ in rows), sum((d for _, d in rows), Fraction(0))


def _table(f):
    if "target_table" not in f.cache:
        rows = defaultdict(list)
        for e in f.loose.get("target_set", ()):
            rows[(e["kpi_id"], e["subject"], e["cycle"])].append(e)
        for events in rows.values():
            by_seq = all("entity_seq" in e for e in events)
            events.sort(key=lambda e: (e["entity_seq"] if by_seq else e["occurred_at_ms"],
                                       e["event_id"] if by_seq else "", e["event_id"]))
        f.cache["target_table"] = dict(rows)
    return f.cache["target_table"]


def target(q, kpi):
    """(value, due now) for the query's subject, None where nothing is set."""
    table = _table(q.f)
    unit = q.cal.cycle if q.window.name in ("td", "cy", "g") else q.window.name
    at = q.window.start if q.window.name == "cy" else q.at
    cycle = q.cal.civil(unit, at)
    label = q.cal.label(unit, at)
    own = _own(q, table, kpi, "%s:%s" % (q.dim, q.subject), cycle, unit)
    if own or q.dim not in ("team", "org"):
        return own
    named = [key[1] for key in table if key[0] == kpi and key[2] == label]
    teams = {s[5:] for s in named if s.startswith("team:")}
    reps = [s[4:] for s in named if s.startswith("rep:")]
    if q.dim == "team":
        names = ["rep:" + r for r in reps if q.f.team_of(r, cycle.end - 1) == q.subject]
    else:
        names = ["team:" + t for t in sorted(teams)]
        names += ["rep:" + r for r in reps if q.f.team_of(r, cycle.end - 1) not in teams]
    rows = [_own(q, table, kpi, name, cycle, unit) for name in names]
    return (sum(r[0] for r in rows), sum((r[1] for r in rows), Fraction(0))) if rows else None
