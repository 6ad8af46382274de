"""Judges threshold rules at one-minute ticks of event time.

At tick T the view holds exactly the effects of events that occurred before T
and windows are positioned at T-1. The facts are rebuilt from that prefix; ticks
at which nothing can change are skipped. Knows neither levels of paging nor text.
"""
import heapq
import operator
from bisect import bisect_left

from . import boards
from .calendar import CIVIL, DAY_MS, MINUTE_MS, ROLLING_MS, canonical_name
from .facts import Facts
from .kpis import CONTINUOUS, evaluate
from .kpis_customers import survey_evidence
from .measures import switches

_OPS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
        "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge}
_BUCKET_FIELDS = ("occurred_at_ms", "closed_at_ms", "opened_at_ms", "due_at_ms", "first_due_ms",
                  "resolve_due_ms", "first_response_at_ms")
_DUE_FIELDS = ("due_at_ms", "first_due_ms", "resolve_due_ms")
_ALWAYS = ("user_enabled", "user_disabled", "owner_changed", "entity_", "event_retracted",
           "fx_rate_set")
# KPIs that only need some event types; every other KPI sees all events.
_NEEDS = (
    (("csat", "product_csat", "service_csat", "purchase_csat", "user_csat", "nps",
      "review_score", "brand_score", "survey_response_rate"), ("survey_",)),
    (("first_response_time", "resolution_time", "resolution_rate", "reopen_rate", "fcr_rate",
      "ticket_backlog", "sla_hit_rate", "tickets_opened"), ("ticket_",)),
    (("dau", "wau", "mau", "active_users", "stickiness", "usage_lifecycle", "user_retention",
      "feature_usage_rate", "access_frequency", "usage_depth", "login_usage_rate",
      "crm_adoption", "zero_activity_users", "users_enabled"), ("login", "feature_used")),
    (("task_completion_rate", "task_on_time_rate"), ("task_",)),
    (("win_rate", "loss_rate", "loss_reason_share", "sales_cycle", "pipeline_open", "deals_open",
      "opportunity_conversion", "deals_won", "deals_lost"), ("deal_", "lead_", "customer_acq")),
    (("complaint_count", "complaint_resolution_rate", "complaint_resolution_time"),
     ("complaint_",)),
)
_DAILY = frozenset(("stickiness", "login_usage_rate"))
_HOURLY = frozenset(("sales_growth_rate",))


def relevant(kpi, events):
    for names, prefixes in _NEEDS:
        if kpi in names:
            return [e for e in events if e["type"].startswith(prefixes + _ALWAYS)]
    return events


def with_causes(events, out_of_orderness_ms):
    """[(cause, event)] sorted: from `cause` on the event counts.

    The cause is the occurrence; with a bound, an event that arrives behind the
    watermark counts from the watermark on (ticks up to it have been judged).
    """
    rows, newest = [], None
    for event in events:
        cause = event["occurred_at_ms"]
        if out_of_orderness_ms is not None and newest is not None:
            cause = max(cause, newest - out_of_orderness_ms)
        newest = event["occurred_at_ms"] if newest is None \
            else max(newest, event["occurred_at_ms"])
        rows.append((cause, event))
    rows.sort(key=lambda row: row[0])
    return rows


def tick_after(ms):
    """First tick whose view holds an event of that instant."""
    return ms - ms % MINUTE_MS + MINUTE_MS


def candidate_ticks(rule, rows, cal, sw, until):
    window = canonical_name(rule["window"])
    length = ROLLING_MS.get(window)
    ticks = {tick_after(cause) for cause, _ in rows}
    buckets = set()
    limit = sw["churn_after_days"] * DAY_MS
    for _, event in rows:
        times = [event[f] for f in _BUCKET_FIELDS if f in event]
        buckets.update(times)
        if limit and event["type"].startswith(("customer_", "deal_", "order_")):
            buckets.update(t + limit for t in times)
        for field in _DUE_FIELDS:
            if field in event:
                ticks.add(tick_after(event[field] + 1))
    pane_ms = MINUTE_MS if length and length <= 3600000 else 3600000
    for bucket in buckets:
        ticks.add(tick_after(bucket))
        ticks.add(cal.pane(bucket, pane_ms)[0] + MINUTE_MS)
        if length:
            ticks.add(cal.pane(bucket + length, pane_ms)[0] + MINUTE_MS)
    first = min(cause for cause, _ in rows)
    _add_boundaries(rule, cal, window, first, until, ticks)
    return {t for t in ticks if first < t <= until}


def _add_boundaries(rule, cal, window, first, until, ticks):
    unit = window if window in CIVIL else cal.cycle if window in ("td", "cy", "g") else None
    if rule["kpi"] in _DAILY:
        unit = "d"
    start = cal.civil(unit, first).start if unit else until + 1
    while start <= until:
        ticks.update((start, start + MINUTE_MS))
        start = cal.civil(unit, start).end
    if rule["kpi"] in _HOURLY:
        ticks.update(range(first - first % 3600000 + MINUTE_MS, until + 1, 3600000))


class State:
    __slots__ = ("name", "since")

    def __init__(self):
        self.name, self.since = "ok", None


def advance(state, tick, fires, clears, for_ms):
    """Next state name after a tick, or None; `since` is the start of the present holding."""
    if state.name in ("ok", "firing"):
        holds = fires if state.name == "ok" else clears
        if not holds:
            return None
        state.since = tick
        if for_ms > 0:
            return "pending" if state.name == "ok" else "recovering"
        return "firing" if state.name == "ok" else "ok"
    holds = fires if state.name == "pending" else clears
    done, back = ("firing", "ok") if state.name == "pending" else ("ok", "firing")
    if not holds:
        return back
    return done if tick - state.since >= for_ms else None


class Judge:
    """One rule over one org."""

    def __init__(self, rule, rows, cal, sw, currency, memo=None):
        self.rule, self.cal, self.sw, self.currency = rule, cal, sw, currency
        self.rows, self.causes = rows, [cause for cause, _ in rows]
        self.memo = {} if memo is None else memo
        self.for_ms = rule.get("for_ms", 0)
        self.min_samples = rule.get("min_samples", 0)
        self.states, self.used, self.facts, self.names = {}, -1, None, []
        self.window = canonical_name(rule["window"])
        # A "less than" rule on a civil window judges complete windows only.
        self.complete = rule.get("complete_only", self.window in CIVIL and
                                 rule.get("fire", {}).get("op") in ("<", "<=", "lt", "le"))

    def view(self, tick):
        """Facts of the events that count before the tick."""
        count = bisect_left(self.causes, tick)
        if count != self.used:
            self.used = count
            self.facts = Facts([event for _, event in self.rows[:count]], self.cal,
                               self.currency, self.memo)
            self.names = boards.subjects(self.facts, self.rule.get("dim", "org"))
            if self.rule.get("subject"):
                self.names = [n for n in self.names if n == self.rule["subject"]]
        return self.facts

    def look(self, tick, name):
        """(row, fires, clears) of a subject at a tick."""
        at = tick - 1
        if self.complete:
            window = self.cal.window(self.window, at)
            if window.end != tick:
                at = window.start - 1
        row = evaluate(self.view(tick), self.rule["kpi"], self.window, at,
                       self.rule.get("dim", "org"), name, self.sw)
        value = row.get(self.rule.get("stat", "value"))
        usable = value is not None and row["n"] is not None and row["n"] >= self.min_samples
        return row, usable and self._holds("fire", value), usable and self._holds("clear", value)

    def _holds(self, side, value):
        return side in self.rule and _OPS[self.rule[side]["op"]](value, self.rule[side]["value"])

    def run(self, ticks, until):
        queue = sorted(ticks)
        pushed = set(queue)
        while queue:
            tick = heapq.heappop(queue)
            self.view(tick)
            for name in self.names:
                state = self.states.setdefault(name, State())
                row, fires, clears = self.look(tick, name)
                after = advance(state, tick, fires, clears, self.for_ms)
                if after:
                    yield self._transition(tick, name, state.name, after, row)
                    state.name = after
                wanted = []
                if state.name in ("pending", "recovering"):
                    deadline = state.since + self.for_ms
                    wanted.append(deadline + -deadline % MINUTE_MS)
                if self.rule["kpi"] in CONTINUOUS:
                    wanted.append(self._flip(tick, queue[0] if queue else until + MINUTE_MS,
                                             name, (fires, clears)))
                for moment in wanted:
                    if moment and tick < moment <= until and moment not in pushed:
                        pushed.add(moment)
                        heapq.heappush(queue, moment)

    def milestones(self, ticks):
        """Each level is passed once per subject and cycle, whatever is corrected later."""
        passed = set()
        for tick in sorted(ticks):
            self.view(tick)
            label = self.cal.label(self.cal.cycle, tick - 1)
            for name in self.names:
                row = self.look(tick, name)[0]
                for level in sorted(self.rule["milestones"]):
                    key = (name, label, level)
                    if row["value"] is not None and row["value"] >= level and key not in passed:
                        passed.add(key)
                        yield {**self._transition(tick, name, "ok", "passed", row),
                               "milestone": level}

    def _flip(self, tick, following, name, now):
        """First tick before the next candidate at which the conditions change (monotone)."""
        low, high = tick, following - MINUTE_MS
        if high <= low or self.look(high, name)[1:] == now:
            return None
        while high - low > MINUTE_MS:
            middle = low + (high - low) // 2 // MINUTE_MS * MINUTE_MS
            if self.look(middle, name)[1:] == now:
                low = middle
            else:
                high = middle
        return high

    def _transition(self, tick, name, before, after, row):
        level = self.rule.get("level")
        critical = self.rule.get("critical")
        if critical and row["value"] is not None \
                and _OPS[critical["op"]](row["value"], critical["value"]):
            level = "critical"
        return {"rule": self.rule["id"], "org": self.facts.org,
                "dim": self.rule.get("dim", "org"), "subject": name, "tick_ms": tick,
                "from": before, "to": after, "value": row.get(self.rule.get("stat", "value")),
                "numerator": row["numerator"], "denominator": row["denominator"],
                "n": row["n"], "level": level,
                "evidence": survey_evidence(self.facts, self.rule["kpi"], row,
                                            self.rule.get("dim", "org"), name, self.sw),
                "window_start_ms": row["window_start_ms"],
                "window_end_ms": row["window_end_ms"]}


def judge(events, rules, cal, given=(), currency=None, out_of_orderness_ms=None, until=None):
    """Transitions of all rules over one org's events, sorted by tick, rule and subject."""
    found = []
    newest = max(e["occurred_at_ms"] for e in events)
    until = tick_after(newest) if until is None else until
    causes = with_causes(events, out_of_orderness_ms)
    for rule in rules:
        sw = switches({**dict(given), **rule.get("switches", {})})
        wanted = {e["event_id"] for e in relevant(rule["kpi"], events)}
        rows = [row for row in causes if row[1]["event_id"] in wanted]
        if not rows:
            continue
        ticks = candidate_ticks(rule, rows, cal, sw, until)
        one = Judge(rule, rows, cal, sw, currency)
        found += one.milestones(ticks) if "milestones" in rule else one.run(ticks, until)
    return sorted(found, key=lambda t: (t["tick_ms"], t["rule"], t["subject"]))
