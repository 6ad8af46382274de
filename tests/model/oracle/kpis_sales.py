"""KPIs of sales, pipeline and leads."""
from fractions import Fraction

from . import gauges, targets
from .measures import select, txn
from .query import duration, number, ratio


# -- sales

def _net(q):
    return q.total("txn") - q.total("refund")


def sales_amount(q):
    return number(_net(q), n=q.count("txn"))


def sales_units(q):
    return number(sum(c.extra.items for c in q.cons("txn")))


def sales_quota(q):
    return number(_target(q, "sales_amount"))


def _target(q, kpi):
    found = targets.target(q, kpi)
    return found[0] if found else None


def quota_attainment(q):
    goal = _target(q, "sales_amount")
    if not goal:
        return {"numerator": _net(q), "denominator": goal, "value": None, "n": 0}
    return ratio(_net(q), goal, n=q.count("txn"))


def quota_pace(q):
    found = targets.target(q, "sales_amount")
    if found is None:
        return {"numerator": _net(q), "denominator": None, "value": None, "n": 0}
    goal, due = found
    result = ratio(_net(q), due, n=q.count("txn"))
    result["denominator"] = round(due)     # Fraction rounds half to even
    gap = _net(q) - due
    cycle = q.cal.cycle_of(q.at)
    result.update(target=goal, gap=float(gap),
                  gap_ms=float(gap / goal * (cycle.end - cycle.start)) if goal else None,
                  projected=float(_net(q) / due * goal) if due > 0 else None)
    return result


def sales_growth_rate(q):
    compare = q.sw["compare"]
    if compare == "same_elapsed":
        before = q.cal.same_elapsed(q.window, q.at)
    elif compare == "year_ago":
        before = q.cal.year_ago(q.window, q.at)
    else:
        before = q.cal.previous(q.window)
    now, prev = _net(q), _net(q.over(before))
    return ratio(now - prev, prev, n=q.count("txn"))


def revenue_growth_rate(q):
    now, prev = _net(q), _net(q.over(q.cal.year_ago(q.window, q.at)))
    return ratio(now - prev, prev, n=q.count("txn"))


def gross_margin(q):
    amount = cost = 0
    for con in q.cons("txn"):
        if con.extra.cost is not None:
            amount, cost = amount + con.extra.amount, cost + con.extra.cost
    for con in q.cons("refund"):
        returned, sale = con.extra
        if sale.cost is not None:
            amount, cost = amount - con.v, cost - returned
    return ratio(amount - cost, amount)


def sales_share(q):
    whole = _net(q.of("org", q.f.org))
    return ratio(_net(q), whole)


def new_segments(q):
    """Regions and segments whose first sale ever lies in the window."""
    first = {}
    for con in select(q.f, "txn", q.sw, "org", q.f.org, 0, 1 << 62):
        for dim in ("region", "segment"):
            code = con.keys.get(dim)
            if code and (q.dim == "org" or (q.dim, q.subject) == (dim, code)):
                first[dim, code] = min(first.get((dim, code), con.t), con.t)
    return number(sum(1 for t in first.values() if q.window.start <= t < q.window.end))


def refund_rate(q):
    return ratio(q.total("refund"), q.total("txn"), n=q.count("txn"))


def avg_order_value(q):
    top = _net(q) if q.sw["aov_net"] == "net" else q.total("txn")
    return ratio(top, q.count("txn"))


def items_per_txn(q):
    return ratio(sum(c.extra.items for c in q.cons("txn")), q.count("txn"))


def avg_order_size(q):
    return ratio(q.total("orders"), q.count("orders"))


def _win_sides(q):
    if q.sw["win_rate_by"] == "amount":
        return q.total("won_amount"), q.total("lost_amount")
    return q.count("deals_won"), q.count("deals_lost")


def win_rate(q):
    won, lost = _win_sides(q)
    return ratio(won, won + lost, n=q.count("deals_won") + q.count("deals_lost"))


def loss_rate(q):
    won, lost = _win_sides(q)
    return ratio(lost, won + lost, n=q.count("deals_won") + q.count("deals_lost"))


def loss_reason_share(q):
    """By kind: lost for that reason / all lost of the org. Elsewhere: lost with a reason / all lost of the subject."""
    if q.dim == "kind":
        return ratio(q.count("deals_lost"), q.of("org", q.f.org).count("deals_lost"))
    lost = q.cons("deals_lost")
    return ratio(sum(1 for c in lost if c.keys.get("kind", "unspecified") != "unspecified"), len(lost))


def opportunity_conversion(q):
    return ratio(q.count("deals_opened_won"), q.count("deals_opened"))


def sales_cycle(q):
    return duration(q.cons("lead_cycle_ms" if q.sw["cycle_from"] == "lead" else "deal_cycle_ms"))


def time_to_qualify(q):
    return duration(q.cons("lead_qualify_ms"))


def pipeline_open(q):
    deals = gauges.open_deals(q.f, q.dim, q.subject, q.at)
    amount = sum(d.amount or 0 for d in deals)
    weighted = 0
    for deal in deals:
        weighted += round(Fraction((deal.amount or 0) * (deal.prob or 0), 1000000))
    return number(amount, n=len(deals), count=len(deals), weighted=weighted)


def pipeline_weighted(q):
    return number(pipeline_open(q)["weighted"])


def deals_open(q):
    return number(pipeline_open(q)["count"])


def pipeline_coverage(q):
    goal, open_amount = _target(q, "sales_amount"), pipeline_open(q)["value"]
    if goal is None:
        return {"numerator": open_amount, "denominator": None, "value": None, "n": 0}
    if q.sw["coverage_basis"] == "full":
        return ratio(open_amount, goal)
    left = goal - _net(q.over(q.cal.window("td", q.at)))
    if left <= 0:
        return {"numerator": open_amount, "denominator": left, "value": None, "n": 0}
    return ratio(open_amount, left)


def quotes_sent(q):
    return number(q.count("quotes"))


def purchase_cycle(q):
    return duration(q.cons("purchase_gap_ms"))


def purchase_frequency(q):
    base = q.distinct("txn") if q.sw["freq_base"] == "buyers" else q.members(q.last_edge)
    return ratio(q.count("txn"), len(base))


def repurchase_rate(q):
    buyers = q.distinct("txn")
    cons = q.clipped("txn")
    if q.sw["repurchase"] == "ever":  # a sale that is not the customer's first
        first = {}
        for con in txn(q.f, q.sw):
            first[con.who] = min(first.get(con.who, con.t), con.t)
        repeat = {con.who for con in cons if con.t > first[con.who]}
        return ratio(len(repeat & buyers), len(buyers))
    seen, repeat = set(), set()
    for con in cons:
        (repeat if con.who in seen else seen).add(con.who)
    return ratio(len(repeat & buyers), len(buyers))


# -- leads

def conversion_rate(q):
    return ratio(q.count("leads_converted"), q.count("leads_created"))


def lead_close_rate(q):
    return ratio(q.count("leads_won"), q.count("leads_created"))


def qualification_rate(q):
    return ratio(q.count("leads_qualified"), q.count("leads_created"))


def lead_success_ratio(q):
    leads = gauges.open_leads(q.f, q.dim, q.subject, q.at)
    return ratio(Fraction(sum(lead.prob or 0 for lead in leads), 1000000), len(leads))
