"""KPIs of data quality, processes, platform and learning, and follow-ups (domain specification 3.5 and 3.6).

Naive: every value is worked out from the events of the org. A state "at the window's end" is that before the window's end or before the end of the
hour of `at`, whichever is earlier. Teams come from the org chart at the time of the contribution.
"""
from collections import defaultdict

from .calendar import DAY_MS
from .query import duration, number, ratio

_NEVER = 1 << 60


class _Con:
    def __init__(self, v):
        self.v = v


def _cut(q):
    hour_end = q.cal.pane(q.at)[1]
    return hour_end if q.window.gauge else min(q.window.end, hour_end)


def _newest(events, field):
    """The newest message of each id."""
    return {e[field]: e for e in events}


def _keys(q, owner, t, kind=None):
    keys = {"org": q.f.org, "kind": kind}
    if owner:
        keys.update(rep=owner, team=q.f.team_of(owner, t))
    return keys


def _mine(q, keys):
    return keys.get(q.dim) == q.subject


def _inside(q, t):
    return q.window.start <= t < q.window.end


# -- processes

def _runs(q):
    for e in _newest(q.f.loose.get("process_finished", ()), "run_id").values():
        t = e["occurred_at_ms"]
        if _inside(q, t) and _mine(q, _keys(q, e.get("owner_id"), t, e["process"])):
            yield e


def _ms(e):
    return max(0, e["occurred_at_ms"] - e["started_at_ms"])


def process_efficiency(q):
    runs = [e for e in _runs(q) if "std_ms" in e]
    return ratio(sum(e["std_ms"] for e in runs), sum(map(_ms, runs)))


def process_consistency(q):
    runs = list(_runs(q))
    return ratio(sum(1 for e in runs if e["conformant"]), len(runs))


def rework_rate(q):
    runs = list(_runs(q))
    return ratio(sum(1 for e in runs if e.get("rework", 0) > 0), len(runs))


def quality_index(q):
    runs = list(_runs(q))
    result = ratio(sum(1 for e in runs if e["conformant"] and not e.get("rework", 0)), len(runs))
    if result["value"] is not None:
        result["value"] *= 100
    return result


# -- platform

def _syncs(q):
    for e in _newest(q.f.loose.get("sync_run", ()), "run_id").values():
        if _inside(q, e["occurred_at_ms"]) and _mine(q, _keys(q, None, 0, e["integration_id"])):
            yield e


def integration_stability(q):
    runs = list(_syncs(q))
    return ratio(sum(1 for e in runs if e["ok"]), len(runs))


def sync_consistency(q):
    runs = [e for e in _syncs(q) if "records" in e]
    records = sum(e["records"] for e in runs)
    return ratio(records - sum(e.get("mismatches", 0) for e in runs), records)


def _incidents(q):
    """(detected, resolved or None) of each incident."""
    told = defaultdict(list)
    for e in q.f.loose.get("security_incident", ()):
        told[e["incident_id"]].append(e)
    for messages in told.values():
        if not _mine(q, _keys(q, None, 0, str(messages[-1]["severity"]))):
            continue
        known = [e["detected_at_ms"] for e in messages if "detected_at_ms" in e]
        yield (known[-1] if known else messages[0]["occurred_at_ms"]), messages[-1].get("resolved_at_ms")


def security_incidents(q):
    return number(sum(1 for detected, _ in _incidents(q) if _inside(q, detected)))


def incident_handling_time(q):
    return duration([_Con(max(0, resolved - detected)) for detected, resolved in _incidents(q)
                     if resolved is not None and _inside(q, resolved)])


def uptime(q):
    until = min(q.window.end, q.at + 1)
    outages = [e for e in _newest(q.f.loose.get("outage", ()), "outage_id").values()
               if q.dim == "org" or e["component"] == q.subject]
    spans = sorted((e["started_at_ms"], e.get("ended_at_ms", _NEVER)) for e in outages)
    spans = [(a, b) for a, b in spans if b > a]
    down, reached = 0, q.window.start
    for start, end in spans:
        start, end = max(start, reached), min(end, until)
        if end > start:
            down += end - start
            reached = end
    if not any(a < _cut(q) for a, _ in spans):
        return {"numerator": None, "denominator": None, "value": None, "n": None}
    return ratio(until - q.window.start - down, until - q.window.start)


# -- records

def _record_states(q, events):
    """[(t, touched, owner, kind, filled, required, conformant, checked)] in order."""
    owner, state, result = None, [0, 0, 0, 0], []
    kind = next((e["kind"] for e in reversed(events) if "kind" in e), None)
    for e in events:
        if e["type"] == "owner_changed":
            owner = e["to_owner"]
        elif owner is None:
            owner = e.get("owner_id")
        touched = e["type"] in ("record_created", "record_updated")
        if touched:
            state = [e.get(name, old) for name, old in zip(("filled", "required", "conformant", "checked"), state)]
        if touched or (e["type"] == "owner_changed" and result):
            result.append((e["occurred_at_ms"], touched, e.get("owner_id") or owner, kind, *state))
    return result


def _all_records(q):
    return [_record_states(q, events) for events in q.f.streams.get("record", {}).values()]


def _record_keys(q, s):
    return _keys(q, s[2], s[0], s[3])


def _present(q):
    """The state of each live record at the cut."""
    for states in _all_records(q):
        known = [s for s in states if s[0] < _cut(q)]
        if known and _mine(q, _record_keys(q, known[-1])):
            yield known[-1]


def _touched(q):
    """The last touch of each record in the window; in rolling windows the newest of all up to `at`, if it lies in the window."""
    end = q.window.end if q.window.name == "m" else min(q.window.end, q.at + 1)
    for states in _all_records(q):
        known = [s for s in states if s[1] and s[0] < end]
        if known and known[-1][0] >= q.window.start and _mine(q, _record_keys(q, known[-1])):
            yield known[-1]


def record_completeness(q):
    records = list(_present(q) if q.window.gauge else _touched(q))
    return ratio(sum(s[4] for s in records), sum(s[5] for s in records))


def input_conformance(q):
    records = list(_touched(q))
    return ratio(sum(s[6] for s in records), sum(s[7] for s in records))


def data_update_rate(q):
    end = min(q.window.end, q.at + 1) if q.window.rolling else q.window.end
    touched = sum(1 for states in _all_records(q)
                  if any(s[1] and q.window.start <= s[0] < end and _mine(q, _record_keys(q, s)) for s in states))
    return ratio(touched, len(list(_present(q))))


def _checks(q):
    for events in q.f.streams.get("record", {}).values():
        checks = [i for i, e in enumerate(events) if e["type"] == "record_validated"]
        if not checks:
            continue
        e = events[checks[-1]]
        owner = None
        for other in events[:checks[-1] + 1]:
            if other["type"] == "owner_changed":
                owner = other["to_owner"]
            elif owner is None:
                owner = other.get("owner_id")
        kind = next((x["kind"] for x in reversed(events) if "kind" in x), None)
        if _inside(q, e["occurred_at_ms"]) and _mine(q, _keys(q, e.get("owner_id") or owner, e["occurred_at_ms"], kind)):
            yield e


def data_accuracy(q):
    checks = list(_checks(q))
    return ratio(sum(1 for e in checks if e["accurate"]), len(checks))


def duplicate_rate(q):
    checks = list(_checks(q))
    return ratio(sum(1 for e in checks if "duplicate_of" in e), len(checks))


# -- learning

def _training(q):
    """{user: [(t, course, completed)]} of users that may be counted."""
    result = defaultdict(list)
    for name, completed in (("training_required", False), ("training_completed", True)):
        for e in q.f.loose.get(name, ()):
            result[e["user_id"]].append((e["occurred_at_ms"], e["course_id"], completed))
    return result


def _on(q, user, t):
    """True, False, or None for somebody the org chart does not know by then."""
    person = q.f.users.get(user)
    if person is None or not any(since <= t for since, _ in person.moves):
        return None
    return person.enabled_at(t)


def _trained(q):
    """(required, done, recent) of each user of the subject."""
    t = _cut(q) - 1
    for user, told in _training(q).items():
        on = _on(q, user, t)
        if q.dim == "team" and q.f.team_of(user, t) != q.subject:
            continue
        known = [x for x in told if x[0] <= t and (q.dim != "kind" or x[1] == q.subject)]
        required = {course for _, course, completed in known if not completed}
        done = {course for _, course, completed in known if completed}
        recent = any(completed and t - at < 180 * DAY_MS for at, _, completed in known)
        yield bool(required) and on is not False, bool(required) and required <= done and on is not False, recent and on is True


def training_coverage(q):
    users = list(_trained(q))
    return ratio(sum(1 for u in users if u[1]), sum(1 for u in users if u[0]))


def training_continuity(q):
    base = q.of("org", q.f.org) if q.dim == "kind" else q
    return ratio(sum(1 for u in _trained(q) if u[2]), _enabled(base))


def _enabled(q):
    t = _cut(q) - 1
    return sum(1 for name in q.f.users if _on(q, name, t) and (q.dim == "org" or q.f.team_of(name, t) == q.subject))


def training_effect(q):
    both = [e for e in q.f.loose.get("training_completed", ())
            if "pre_milli" in e and "post_milli" in e and _inside(q, e["occurred_at_ms"])
            and _mine(q, _keys(q, e["user_id"], e["occurred_at_ms"], e["course_id"]))]
    result = ratio(sum(e["post_milli"] - e["pre_milli"] for e in both), len(both))
    if result["value"] is not None:
        result["value"] /= 1000
    return result


def community_activity(q):
    end = min(q.window.end, q.at + 1) if q.window.rolling else q.window.end
    users = {e["user_id"] for e in q.f.loose.get("community_activity", ()) if q.window.start <= e["occurred_at_ms"] < end}
    return ratio(len(users), _enabled(q))


def ecosystem_size(q):
    return number(sum(1 for e in q.f.loose.get("community_activity", ()) if e["kind"] == "extension" and _inside(q, e["occurred_at_ms"])))


def area_score(q):
    newest = {}
    for e in q.f.loose.get("review_scored", ()):
        span = q.cal.parse_label(e["cycle"]) if "cycle" in e else None
        start = span[0] if span else q.cal.cycle_of(e["occurred_at_ms"]).start
        newest[e["area"], e["reviewer_id"], start] = e["score_milli"]
    scores = [v for (area, _, start), v in newest.items()
              if _inside(q, start) and _mine(q, {"org": q.f.org, "kind": area})]
    result = ratio(sum(scores), len(scores))
    result["value"] = sum(scores) / len(scores) / 1000 if len(scores) >= 3 else None
    return result


# -- follow-ups

def _open_spans(q, kind, name, events):
    """Spans in which a lead or deal was open. A customer acquired from a lead converts it (domain specification 3.1)."""
    begun = [e["occurred_at_ms"] for e in events if e["type"] == ("lead_created" if kind == "lead" else "deal_opened")]
    if not begun:
        return []
    if kind == "lead":
        ends = [e["occurred_at_ms"] for e in events if e["type"] in ("lead_converted", "lead_disqualified")]
        customer = q.f.lead_customers.get(name)
        if customer:
            ends.append(customer.acquired)
        return [(begun[0], min(ends, default=_NEVER))]
    spans = [[begun[0], _NEVER]]
    for e in events:
        if e["type"] == "deal_closed":
            spans[-1][1] = e["occurred_at_ms"]
        elif e["type"] == "deal_reopened" and spans[-1][1] != _NEVER:
            spans.append([max(e["occurred_at_ms"], begun[0]), _NEVER])
    return spans


def _owner(events, t):
    owner = first = None
    for e in events:
        if e["type"] == "owner_changed":
            new = e["to_owner"]
        else:
            new = owner or e.get("owner_id")
        if first is None:
            first = new
        if e["occurred_at_ms"] <= t:
            owner = new
    return owner or first


def _followups(q, kind, name):
    """[(made, due or None, next or None)]: made by the first message of each, the rest by the newest."""
    made, told = {}, {}
    for e in q.f.loose.get("follow_up_logged", ()):
        if (e["target_kind"], e["target_id"]) == (kind, name):
            made.setdefault(e["followup_id"], e["occurred_at_ms"])
            told[e["followup_id"]] = e
    return sorted((t, told[i].get("due_at_ms"), told[i].get("next_at_ms"), i) for i, t in made.items())


def _dues(q, kind, name, events):
    """(due, met, owner)"""
    every = int(q.sw["followup_days"]) * DAY_MS
    for start, end in _open_spans(q, kind, name, events):
        due, result = start + every, []
        for made, told_due, told_next, _ in _followups(q, kind, name):
            if not start <= made < end:
                continue
            if told_due is not None:
                result.append((told_due, made <= told_due))
            elif made <= due:
                result.append((due, True))
            else:
                result += [(due + i * every, False) for i in range(12) if due + i * every < made]
            due = made + every if told_next is None else told_next
        result += [(due + i * every, False) for i in range(12)]
        for due, met in result:
            if due < end:
                yield due, met, _owner(events, due)


def followup_record_rate(q):
    counted = [met for kind in ("lead", "deal") for name, events in q.f.streams.get(kind, {}).items()
               for due, met, owner in _dues(q, kind, name, events)
               if q.window.start <= due < _cut(q) and _mine(q, _keys(q, owner, due))]
    return ratio(sum(counted), len(counted))
