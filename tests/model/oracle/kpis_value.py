"""What customers are worth and likely to do (3.4, 4.9): subscriptions, RFM, reminders, churn risk, lifetime value."""
from collections import defaultdict
from fractions import Fraction
from math import floor

from . import gauges
from .calendar import DAY_MS, HOUR_MS
from .measures import txn
from .query import number, ratio

YEAR_MS = 365 * DAY_MS


def _median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _sales(q):
    """{customer: ascending times of its sales}, without deleted customers."""
    times = defaultdict(list)
    for con in txn(q.f, q.sw):
        if con.who and ("customer", con.who) not in q.f.deleted:
            times[con.who].append(con.t)
    return {name: sorted(values) for name, values in times.items()}


def _uses(q):
    times = defaultdict(list)
    for kind in ("login", "feature_used"):
        for event in q.f.loose.get(kind, ()):
            if event.get("customer_id"):
                times[event["customer_id"]].append(event["occurred_at_ms"])
    return times


def _keys(q, name):
    customer = q.f.customers.get(name)
    return {"org": q.f.org} if customer is None else q.f.keys(customer, customer.snap_now(q.last_edge - 1))


def _cycle(times):
    """Median of the last 6 gaps; None with fewer than 3 sales."""
    gaps = [b - a for a, b in zip(times, times[1:])][-6:]
    return _median(gaps) if len(times) >= 3 else None


# -- subscriptions

def _standing(q, edge):
    """{(customer, product): amount} and the segment each subscription lies in."""
    rows = []
    for events in q.f.streams.get("subscription", {}).values():
        newest = None
        changes = [e for e in events if e["type"] == "subscription_changed"]
        for event in changes:
            if event["occurred_at_ms"] < edge:
                newest = event
        if newest is None:
            continue
        last = {}
        for event in changes:
            last.update({k: event[k] for k in ("product_id", "segment", "customer_id") if event.get(k)})
        customer = q.f.customers.get(last["customer_id"])
        segment = last.get("segment") or (customer.dims.get("segment") if customer else None)
        rows.append((last["customer_id"], last.get("product_id"), segment, newest["mrr_micros"]))
    return rows


def mrr(q):
    total = 0
    for _, product, segment, amount in _standing(q, q.last_edge):
        if {"org": q.f.org, "product": product, "segment": segment}.get(q.dim) == q.subject:
            total += amount
    return number(total)


def _per_customer(q, edge):
    amounts = defaultdict(int)
    for customer, product, _, amount in _standing(q, edge):
        if ("customer", customer) in q.f.deleted:
            continue
        if q.dim == "product" and product != q.subject:
            continue
        if q.dim not in ("product", "org") and _keys(q, customer).get(q.dim) != q.subject:
            continue
        amounts[customer] += amount
    return amounts


def revenue_edges(q):
    """(at the start, at the end) of every customer that paid at the start. The window as a whole, as for any other sum of changes."""
    start, end = _per_customer(q, q.first_edge), _per_customer(q, q.window.end)
    return [(amount, end.get(customer, 0)) for customer, amount in start.items() if amount > 0]


def net_revenue_retention(q):
    edges = revenue_edges(q)
    return ratio(sum(e for _, e in edges), sum(s for s, _ in edges))


def gross_revenue_retention(q):
    edges = revenue_edges(q)
    return ratio(sum(min(s, e) for s, e in edges), sum(s for s, _ in edges))


# -- sales one after the other

def new_customer_quality(q):
    sales, good = _sales(q), 0
    for con in q.cons("customers_acquired"):
        times = sales.get(con.who, ())
        good += len(times) > 1 and times[1] <= con.t + 90 * DAY_MS
    return ratio(good, q.count("customers_acquired"))


def _reminders(times):
    """(due, hit) of every gap, the running one included."""
    for k in range(2, len(times)):
        cycle = _cycle(times[:k + 1])
        due = times[k] + floor(0.9 * cycle + 0.5)
        following = times[k + 1] if k + 1 < len(times) else None
        if cycle > 0 and (following is None or following > due):
            yield due, following is not None and following - due <= cycle / 2


def reminder_hit_rate(q):
    """As of `at`: what was bought later is not known."""
    due = hit = 0
    for name, times in _sales(q).items():
        if _keys(q, name).get(q.dim) != q.subject:
            continue
        for moment, answered in _reminders([t for t in times if t <= q.at]):
            if q.window.start <= moment < q.window.end and moment <= q.at:
                due += 1
                hit += answered
    return ratio(hit, due)


def active_customer_rate(q):
    return ratio(len(q.distinct("customers_active")), len(q.members(q.last_edge)))


# -- RFM

def _score(value, cuts, at_most):
    for score, cut in zip((5, 4, 3, 2), cuts):
        if (value <= cut) if at_most else (value >= cut):
            return score
    return 1


def _segment(r, f):
    if r >= 4:
        return "champion" if f >= 4 else "new" if f == 1 else "promising"
    if r == 3:
        return "loyal" if f >= 4 else "sleeping"
    return "at_risk" if f >= 3 else "lost" if r == 1 else "sleeping"


def segment_at(times, at):
    """By fixed cuts; None before the first sale."""
    before = sorted(t for t in times if t <= at)
    if not before:
        return None
    return _segment(_score((at - before[-1]) // DAY_MS, (30, 60, 120, 240), True),
                    _score(sum(1 for t in before if t > at - YEAR_MS), (12, 6, 3, 2), False))


def _close(q):
    """The newest end of a cycle that is reached when the hour of `at` is over."""
    cycle = q.cal.window(q.cal.cycle, q.at)
    hour_over = (q.at // HOUR_MS + 1) * HOUR_MS
    return cycle.end if hour_over >= cycle.end else cycle.start


def _quintile(value, values):
    """1..5 by the share of those that are worse: smaller."""
    return 1 + 5 * sum(1 for other in values if other < value) // len(values)


def _quintile_size(q):
    """All that ever bought, ranked at the close: by the hour of the last sale, and by the sales of the year before it."""
    close, last, often = _close(q), {}, {}
    for name, times in _sales(q).items():
        before = [t for t in times if t < close]
        if before:
            last[name] = before[-1] // HOUR_MS
            often[name] = sum(1 for t in before if t + YEAR_MS >= close)
    found = 0
    for name in last:
        keys = dict(_keys(q, name))
        keys["segment"] = _segment(_quintile(last[name], last.values()), _quintile(often[name], often.values()))
        found += keys.get(q.dim) == q.subject
    return number(found)


def rfm_segment_size(q):
    if q.sw.get("rfm_cut") == "quintile":
        return _quintile_size(q)
    at, found = q.last_edge - 1, 0
    for name, times in _sales(q).items():
        before = [t for t in times if t <= at]
        if not before:
            continue
        r = _score((at - before[-1]) // DAY_MS, (30, 60, 120, 240), True)
        f = _score(sum(1 for t in before if t > at - YEAR_MS), (12, 6, 3, 2), False)
        keys = {**_keys(q, name), "segment": _segment(r, f), "kind": "%d%d-" % (r, f)}
        found += keys.get(q.dim) == q.subject
    return number(found)


# -- churn risk

def _clamp(x):
    return max(0.0, min(1.0, x))


def _risk(at, uses, sales):
    """Score 0..100, None if nothing is known."""
    parts = []
    if uses:
        parts.append((40, _clamp(((at - max(uses)) // DAY_MS - 7) / 38)))
    cycle = _cycle(sales)
    if cycle:
        days = (at - sales[-1]) // DAY_MS
        parts.append((40, _clamp((days / (cycle / DAY_MS) - 1) / 2)))
    last = sum(1 for t in sales if t > at - 90 * DAY_MS)
    before = sum(1 for t in sales if at - 180 * DAY_MS < t <= at - 90 * DAY_MS)
    if before:
        parts.append((20, _clamp(1 - last / before)))
    weight = sum(w for w, _ in parts)
    return sum(100 * w * p for w, p in parts) / weight if weight else None


def churn_risk_share(q):
    at, rated, high = q.last_edge - 1, 0, 0
    uses, sales = _uses(q), _sales(q)
    for name in gauges.members(q.f, {**q.sw, "customers_by": "activity"}, q.dim, q.subject, q.last_edge):
        score = _risk(at, [t for t in uses.get(name, ()) if t <= at], [t for t in sales.get(name, ()) if t <= at])
        rated += score is not None
        high += score is not None and score >= 60
    return ratio(high, rated)


# -- customers one by one

def purchase_ratio(q):
    """Time since the last sale in purchase cycles, up to the end of the ms asked for."""
    times = [t for t in _sales(q).get(q.subject, ()) if t <= q.at]
    cycle = _cycle(times)
    return number((q.at + 1 - times[-1]) / cycle if cycle else None, n=len(times))


def churn_risk(q):
    customer = q.f.customers.get(q.subject)
    if customer is None or not gauges.is_member(q.f, {**q.sw, "customers_by": "activity"}, customer, q.at + 1):
        return number(None)
    uses = [t - t % HOUR_MS for t in _uses(q).get(q.subject, ()) if t <= q.at]  # of uses the hour is remembered
    return number(_risk(q.at, uses, [t for t in _sales(q).get(q.subject, ()) if t <= q.at]))


# -- lifetime value

def _ended(q):
    """Memberships that ended in the window, one by one: like all that happened, to its end; by inactivity as far as is known at the instant."""
    f, sw, n = q.f, q.sw, 0
    limit = sw["churn_after_days"] * DAY_MS
    for customer in f.customers.values():
        if f.keys(customer, customer.snap_now(q.last_edge - 1)).get(q.dim) != q.subject:
            continue
        times = [t for t, _ in customer.moves] + gauges.purchases(f, sw).get(customer.id, []) + gauges.subscribed(f, customer.id)
        times += [customer.acquired] if customer.acquired is not None else []
        edges = {t + 1 for t in times if q.first_edge <= t < q.window.end}
        edges |= {t + limit + 1 for t in times if limit and q.first_edge <= t + limit < q.last_edge}
        inside = gauges.is_member(f, sw, customer, q.first_edge)
        for edge in sorted(edges):
            after = gauges.is_member(f, sw, customer, edge)
            n += inside and not after
            inside = after
    return n


def _clv(q):
    customers = len(q.members(q.last_edge))
    costed = sum(c.v for c in q.cons("txn") if c.extra.cost is not None)
    cost = sum(c.extra.cost for c in q.cons("txn") if c.extra.cost is not None)
    back, back_cost = q.total("refund"), sum(c.extra[0] for c in q.cons("refund"))
    if q.sw["clv_mode"] == "historic":
        ever = sum(c.v - c.extra.cost for c in txn(q.f, q.sw)
                   if c.extra.cost is not None and c.t < q.last_edge and c.keys.get(q.dim) == q.subject)
        return Fraction(ever, customers) if customers else None
    base = len(q.distinct("txn")) if q.sw["freq_base"] == "buyers" else customers
    start = q.members(q.first_edge)
    if not base or costed == back or not start:
        return None
    days = Fraction(q.window.end - q.window.start, DAY_MS)
    margin = Fraction(q.total("txn") - back, base) * 365 / days * Fraction(costed - back - (cost - back_cost), costed - back)
    churn = min(Fraction(1), Fraction(_ended(q), len(start)) * 365 / days)
    discount = Fraction(int(q.sw["clv_discount_percent"]), 100)
    if q.sw["clv_mode"] == "discounted":
        return margin * (1 + discount) / (discount + churn)
    return margin * (min(Fraction(10), 1 / churn) if churn else 10)


def clv(q):
    value = _clv(q)
    return {"numerator": None, "denominator": None, "value": None if value is None else float(value), "n": None}
