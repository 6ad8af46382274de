"""Rankings of subjects on a KPI: rank, previous rank, movement, gap, reach."""
from .kpis import evaluate
from .measures import select, switches

# Smaller is better on these KPIs.
LOWER = frozenset("""loss_rate sales_cycle time_to_qualify refund_rate churn_rate complaint_rate
complaint_count complaint_resolution_time first_response_time resolution_time reopen_rate
ticket_backlog zero_activity_users cac marketing_cost cost_per_lead duplicate_rate""".split())
# Which measure raises the value of a KPI, for "reached first".
_RAISING = {"win_rate": "deals_won", "new_customers": "customers_acquired"}


def subjects(facts, dim):
    """Every subject seen on a dimension; enabled users are reps even without events."""
    found = set()
    fields = {"team": ("team_id",), "channel": ("channel",), "product": ("product_id",),
              "region": ("region",), "campaign": ("campaign_id",), "segment": ("segment",),
              "feature": ("feature",),
              "rep": ("owner_id", "user_id", "to_owner", "responder_id", "resolver_id",
                      "about_user_id")}
    if dim == "org":
        return [facts.org]
    for event in facts.events:
        for field in fields.get(dim, ()):
            if event.get(field):
                found.add(event[field])
        if dim == "kind" and event["type"] in ("ticket_opened", "survey_answered", "survey_sent",
                                               "task_assigned"):
            found.add(event.get("kind"))
        if dim == "kind" and event["type"] == "deal_closed" and event["outcome"] == "lost":
            found.add(event.get("reason") or "unspecified")
    if dim == "rep":
        found -= {name for kind, name in facts.erased if kind == "user"}
    return sorted(found - {None})


def reach(facts, kpi, window, at, dim, subject, sw):
    """Time of the newest contribution that raised the value."""
    placed = facts.cal.window(window, at)
    rows = select(facts, _RAISING.get(kpi, "txn"), sw, dim, subject, placed.start, placed.end)
    times = [c.t for c in rows if c.v > 0]
    return max(times) if times else None


def rank(facts, kpi, window, at, dim, given=(), names=None, with_previous=True):
    """Rows best first. Nulls come last and have no rank."""
    sw = switches(given)
    sign = 1 if kpi in LOWER else -1
    rows = []
    for name in subjects(facts, dim) if names is None else names:
        value = evaluate(facts, kpi, window, at, dim, name, sw)["value"]
        if value is not None:
            reached = reach(facts, kpi, window, at, dim, name, sw)
            rows.append({"subject": name, "value": value, "reached_ms": reached})
    rows.sort(key=lambda r: (sign * r["value"], r["reached_ms"] is None,
                             r["reached_ms"] or 0, r["subject"]))
    dense, better = 0, None
    for index, row in enumerate(rows):
        if index == 0 or row["value"] != rows[index - 1]["value"]:
            dense, competition = dense + 1, index + 1
            better = rows[index - 1]["value"] if index else None
        row.update(competition=competition, dense=dense, ordinal=index + 1,
                   gap=0 if better is None else abs(better - row["value"]))
        row["rank"] = row[sw["ties"]]
    if with_previous:
        _add_previous(facts, kpi, window, at, dim, given, rows)
    return rows


def _add_previous(facts, kpi, window, at, dim, given, rows):
    """Rank in the window before; movement is up when positive."""
    before = facts.cal.previous(facts.cal.window(window, at))
    old = rank(facts, kpi, window, before.end - 1, dim, given, with_previous=False)
    ranks = {row["subject"]: row["rank"] for row in old}
    for row in rows:
        row["previous"] = ranks.get(row["subject"])
        row["movement"] = None if row["previous"] is None else row["previous"] - row["rank"]
