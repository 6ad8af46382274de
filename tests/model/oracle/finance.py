"""Contributions of money that no sale made, and what campaigns are owed.

Written from the domain specification 2.2, 3.1 and 3.7: costs and benefits over civil
days, balances and rates as standing values, campaigns by the last response.
"""
from .facts import round_half_even
from .measures import DAY_MS, MEASURES, Con, _loose_keys, refunds, sales


def spread(f, event, amount):
    """[(time, part)] over the civil days that the event's period touches."""
    if "period_start_ms" not in event or "period_end_ms" not in event:
        return [(event["occurred_at_ms"], amount)]
    start, end = event["period_start_ms"], event["period_end_ms"]
    times = [start] + [first for _, first, _ in f.cal.days(start + 1, end)]
    share, rest = divmod(abs(amount), len(times))
    sign = -1 if amount < 0 else 1
    return [(t, sign * (share + (1 if i < rest else 0))) for i, t in enumerate(times)]


def costs(f, sw):
    for row in f.costs.values():
        event = row.event
        amount = f.money(event, "amount_micros") if event else None
        if amount is None:
            continue
        keys = dict(_loose_keys(f, event), kind=event["category"])
        for t, part in spread(f, event, amount):
            yield Con(t, part, row.id, keys, event)


def benefits(f, sw):
    for row in f.benefits.values():
        event = row.event
        amount = f.money(event, "amount_micros") if event else None
        if amount is None:
            continue
        keys = dict(_loose_keys(f, event), kind=event["kind"])
        for t, part in spread(f, event, amount):
            yield Con(t, part, row.id, keys, event)


def innovations(f, sw):
    for row in f.benefits.values():
        if row.event and row.event["kind"] == "innovation":
            yield Con(row.event["occurred_at_ms"], 1, row.id, _loose_keys(f, row.event))


# -- campaigns

def _by_recipient(f):
    if "recipients" not in f.cache:
        table = {}
        for kind in ("campaign_sent", "campaign_responded"):
            for event in f.loose.get(kind, ()):
                if ("recipient", event["recipient_id"]) not in f.deleted:
                    table.setdefault(event["recipient_id"], []).append(event)
        f.cache["recipients"] = table
    return f.cache["recipients"]


def _first_send(events, campaign, until, product=None):
    found = [e for e in events if e["type"] == "campaign_sent" and e["campaign_id"] == campaign
             and e["occurred_at_ms"] <= until and (product is None or e.get("product_id") == product)]
    return min(found, key=lambda e: (e["occurred_at_ms"], e["event_id"])) if found else None


def _last_response(events, t):
    found = [e for e in events if e["type"] == "campaign_responded" and e["occurred_at_ms"] <= t]
    return max(found, key=lambda e: (e["occurred_at_ms"], e["event_id"])) if found else None


def campaign_sales(f, sw):
    """Net sales (or margin) of whoever responded, at the first send of that campaign."""
    rows = [(s.customer, s.t, s.amount, s.cost) for s in sales(f, sw).values()]
    rows += [(s.customer, s.t, -amount, None if s.cost is None else -cost) for _, amount, cost, s in refunds(f, sw)]
    for customer, t, amount, cost in rows:
        events = _by_recipient(f).get(customer, [])
        touch = _last_response(events, t)
        if not touch or t - touch["occurred_at_ms"] > sw["attribution_days"] * DAY_MS:
            continue
        if sw["campaign_value"] == "margin":
            if cost is None:
                continue
            amount -= cost
        send = _first_send(events, touch["campaign_id"], t)
        keys = _loose_keys(f, {**(send or {}), **touch})
        yield Con((send or touch)["occurred_at_ms"], amount, customer,
                  {d: keys[d] for d in ("org", "campaign", "channel") if d in keys})


def _recommendations(f):
    for recipient, events in _by_recipient(f).items():
        for e in events:
            if e["type"] == "campaign_sent" and e.get("kind") == "recommendation" and e.get("product_id"):
                if _first_send(events, e["campaign_id"], 1 << 60, e["product_id"]) is e:
                    yield recipient, e


def reco_shown(f, sw):
    for recipient, e in _recommendations(f):
        yield Con(e["occurred_at_ms"], 1, recipient, _loose_keys(f, e))


def reco_bought(f, sw):
    for recipient, e in _recommendations(f):
        for s in sales(f, sw).values():
            if s.customer == recipient and s.keys.get("product") == e["product_id"] \
                    and 0 <= s.t - e["occurred_at_ms"] <= 30 * DAY_MS:
                yield Con(e["occurred_at_ms"], 1, recipient, _loose_keys(f, e))
                break


# -- products

def _launches(f):
    return {e["product_id"]: e for e in f.loose.get("product_launched", ())
            if ("product", e["product_id"]) not in f.deleted}  # time order: the newest stays


def product_cycle(f, sw):
    for product, e in _launches(f).items():
        keys = {"org": f.org, "product": product}
        yield Con(e["launched_at_ms"], max(0, e["launched_at_ms"] - e["dev_started_at_ms"]), product, keys)


def _is_new(f, sale):
    launch = _launches(f).get(sale.keys.get("product"))
    return launch is not None and 0 <= sale.t - launch["launched_at_ms"] <= 365 * DAY_MS


def new_product_sales(f, sw):
    for s in sales(f, sw).values():
        if _is_new(f, s):
            yield Con(s.t, s.amount, s.customer, s.keys)
    for t, amount, _, s in refunds(f, sw):
        if _is_new(f, s):
            yield Con(t, -amount, s.customer, s.keys)


# -- what stands: balances, rates, licences, receivables

def _own(f, e):
    """A figure of a region or a product is not the org's."""
    keys = {}
    for dim, field in (("product", "product_id"), ("region", "region")):
        if e.get(field):
            keys[dim] = e[field]
    return keys or {"org": f.org}


def _matches(keys, dim, subject):
    return keys.get(dim) == subject


def standing_balance(f, item, dim, subject, edge):
    """The balance reported for the last period that ended at or before `edge`, or None."""
    newest = {}
    for e in f.loose.get("balance_reported", ()):
        if e["item"] == item and _matches(_own(f, e), dim, subject):
            newest[e["period_end_ms"]] = f.money(e, "amount_micros")
    ends = [end for end in newest if end <= edge]
    return newest[max(ends)] if ends else None


def balance_flow(f, item, dim, subject, start, end):
    """(sum, how many) of the periods that ended after `start` and at or before `end`."""
    newest = {}
    for e in f.loose.get("balance_reported", ()):
        if e["item"] == item and _matches(_own(f, e), dim, subject):
            newest[e["period_end_ms"]] = f.money(e, "amount_micros")
    values = [v for t, v in newest.items() if start < t <= end]
    return sum(values), len(values)


def _figures(f, figure, dim, subject):
    """[(start, end, value)] by period; the newest of a period stands. Rates in millionths."""
    newest = {}
    for e in f.loose.get("external_figure", ()):
        if e["figure"] == figure and _matches(_own(f, e), dim, subject):
            span = f.cal.parse_label(e["period"])
            if span:
                value = e["value_micros"] if "value_micros" in e else e["value_milli"] * 1000
                newest[span] = value
    return sorted((start, end, value) for (start, end), value in newest.items())


def rate(f, figure, dim, subject, edge):
    rows = [value for start, _, value in _figures(f, figure, dim, subject) if start < edge]
    return rows[-1] / 1e6 if rows else None


def market_size(f, dim, subject, start, end):
    """Over the days of [start, end); a day with figures of several periods takes the shortest."""
    rows, total = _figures(f, "market_size", dim, subject), 0
    for first, last, value in rows:
        days = list(f.cal.days(first, last))
        share, rest = divmod(value, len(days))
        for i, (_, t, _) in enumerate(days):
            shorter = any(a <= t < b and b - a < last - first for a, b, _ in rows)
            if start <= t < end and not shorter:
                total += share + (1 if i < rest else 0)
    return total


def licences(f, edge):
    newest = {}
    for e in f.loose.get("licence_changed", ()):
        if e["occurred_at_ms"] < edge:
            newest[e.get("product")] = e["bought"]
    return sum(newest.values())


def receivables(f, sw, dim, subject, edge):
    """What orders on credit owe: by the final facts, less payments and refunds before the edge."""
    total = 0
    orders_sw = dict(sw, sales_basis="orders", refund_book="at_refund")
    standing = sales(f, orders_sw)
    returned = {}
    for t, amount, _, s in refunds(f, orders_sw):
        if t < edge:
            returned[s.id] = returned.get(s.id, 0) + amount
    paid, seen = {}, set()
    for e in f.loose.get("payment_received", ()):
        if (e["order_id"], e["payment_id"]) not in seen and e["occurred_at_ms"] < edge:
            order = standing.get(e["order_id"])   # by the rate of the order, so that one paid in full owes nothing
            paid[e["order_id"]] = paid.get(e["order_id"], 0) + f.money(e, "amount_micros", order.t if order else None)
        seen.add((e["order_id"], e["payment_id"]))
    for name, s in standing.items():
        events = f.streams["order"].get(name, ())
        placed = [e for e in events if e["type"] == "order_placed"]
        told = [e for e in events if e is placed[0] or e["type"] == "order_amended"]
        credit = [e["on_credit"] for e in told if "on_credit" in e]
        if not credit or not credit[-1]:
            continue
        order = f.as_of("order", edge - 1).get(name) or f.orders[name]
        early = s.t >= edge  # paid before it was placed: its first owner's
        if f.keys(order, order.placed_snap if early else order.snap_now(edge - 1)).get(dim) != subject:
            continue
        owed = s.amount if s.t < edge else 0
        total += owed - paid.get(name, 0) - returned.get(name, 0)
    return total


# -- forecasts

def _forecasts(f, cycle_label, cycle):
    """{subject: amount}: the newest made before the cycle began, else the first made in it."""
    table = {}
    for e in f.loose.get("forecast_made", ()):
        if e["cycle"] == cycle_label and e["made_at_ms"] < cycle.end:
            table.setdefault(e["subject"], []).append(e)
    chosen = {}
    for subject, events in table.items():
        before = [e for e in events if e["made_at_ms"] <= cycle.start]
        e = max(before, key=lambda x: x["made_at_ms"]) if before else min(events, key=lambda x: x["made_at_ms"])
        chosen[subject] = f.money(e, "amount_micros")
    return chosen


def judged_forecast(f, dim, subject, cycle_label, cycle):
    chosen = _forecasts(f, cycle_label, cycle)
    own = chosen.get("%s:%s" % (dim, subject))
    if own is not None:
        return own
    reps = {name[4:]: v for name, v in chosen.items() if name.startswith("rep:")}
    if dim == "team":
        found = [v for rep, v in reps.items() if f.team_of(rep, cycle.end - 1) == subject]
        return sum(found) if found else None
    if dim == "org":
        teams = [v for name, v in chosen.items() if name.startswith("team:")]
        found = teams or list(reps.values())
        return sum(found) if found else None
    return None


MEASURES.update({fn.__name__: fn for fn in (
    costs, benefits, innovations, campaign_sales, reco_shown, reco_bought, product_cycle,
    new_product_sales)})
