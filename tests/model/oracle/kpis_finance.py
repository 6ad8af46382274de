"""KPIs of marketing, finance and cost-benefit (domain specification 3.4 and 3.7)."""
from fractions import Fraction

from . import finance, gauges
from .calendar import Window
from .kpis_sales import _net
from .measures import select
from .query import duration, number, ratio

_EVER = 1 << 60


def _cost(q, purpose, planned=False, category=None):
    return sum(c.v for c in q.cons("costs") if c.extra.get("purpose") == purpose
               and (purpose != "crm" or not c.extra["category"].startswith("reserve_"))
               and bool(c.extra.get("planned")) == planned
               and (category is None or c.extra["category"] == category))


def _benefit(q, kind=None):
    return sum(c.v for c in q.cons("benefits") if kind is None or c.extra["kind"] == kind)


# -- marketing

def marketing_cost(q):
    return number(_cost(q, "marketing"))


def marketing_cost_ratio(q):
    return ratio(_cost(q, "marketing"), _net(q))


def cost_per_lead(q):
    return ratio(_cost(q, "marketing"), q.count("leads_created"))


def cac(q):
    spent = _cost(q, "marketing")
    if q.sw["cac_costs"] == "marketing_and_sales":
        spent += _cost(q, "sales")
    return ratio(spent, q.count("customers_acquired"))


def sales_cost_ratio(q):
    return ratio(_cost(q, "sales"), _net(q))


def campaign_roi(q):
    spent = _cost(q, "marketing")
    return ratio(q.total("campaign_sales") - spent, spent)


def recommendation_hit_rate(q):
    return ratio(len(q.clipped("reco_bought")), q.count("reco_shown"))


def market_share(q):
    size = finance.market_size(q.f, q.dim, q.subject, q.window.start, q.window.end)
    return ratio(_net(q), size)


# -- cost and benefit

def roi(q):
    spent = _cost(q, "crm")
    return ratio(_benefit(q) - spent, spent)


def cost_saving(q):
    return number(_benefit(q, "saving"))


def labour_saving(q):
    return number(_benefit(q, "labour"))


def revenue_gain(q):
    return number(_benefit(q, "revenue"))


def total_benefit(q):
    return number(_benefit(q) - _cost(q, "crm"))


def innovation_count(q):
    return number(q.count("innovations"))


def cost_plan_variance(q):
    planned = _cost(q, "crm", True)
    return ratio(_cost(q, "crm") - planned, planned)


def maintenance_ratio(q):
    fee = _cost(q, "crm", category="maintenance")
    before = sum(c.v for c in select(q.f, "costs", q.sw, q.dim, q.subject, -_EVER, q.window.start)
                 if c.extra.get("purpose") == "crm" and not c.extra.get("planned")
                 and c.extra["category"] == "licences")
    if before <= 0:
        if fee <= 0:
            return {"numerator": fee, "denominator": None, "value": None, "n": 0}
        before = _cost(q, "crm", category="licences")
    return ratio(fee, before)


# -- products

def new_product_sales_ratio(q):
    return ratio(q.total("new_product_sales"), _net(q))


def new_product_cycle(q):
    return duration(q.cons("product_cycle"))


# -- balances

def _days(q):
    return Fraction(q.window.end - q.window.start, 86400000)


def _average(q, item):
    start = finance.standing_balance(q.f, item, q.dim, q.subject, q.window.start)
    end = finance.standing_balance(q.f, item, q.dim, q.subject, q.last_edge)
    return None if start is None else Fraction(start + end, 2)


def _turnover(q, flow, item):
    average = _average(q, item)
    value = None if not average else float(Fraction(flow) / average * 365 / _days(q))
    return {"numerator": flow, "value": value}


def _flow(q, item):
    return finance.balance_flow(q.f, item, q.dim, q.subject, q.window.start, q.window.end)


def asset_turnover(q):
    return _turnover(q, _net(q), "total_assets")


def inventory_turnover(q):
    return _turnover(q, _flow(q, "cogs")[0], "inventory")


def receivables_turnover(q):
    return _turnover(q, _flow(q, "credit_sales")[0], "receivables")


def net_margin(q):
    return ratio(_flow(q, "net_profit")[0], _net(q))


def cash_flow(q):
    return number(_flow(q, "cash_flow")[0])


def eva(q):
    profit, reported = _flow(q, "operating_profit")
    stands = {i: finance.standing_balance(q.f, i, q.dim, q.subject, q.last_edge)
              for i in ("equity", "debt", "invested_capital")}
    rates = {r: finance.rate(q.f, r, q.dim, q.subject, q.last_edge)
             for r in ("tax_rate", "cost_of_equity", "cost_of_debt")}
    equity, debt = stands["equity"] or 0, stands["debt"] or 0
    capital = equity + debt if stands["invested_capital"] is None else stands["invested_capital"]
    tax = rates["tax_rate"]
    if not reported or tax is None or (equity and rates["cost_of_equity"] is None) \
            or (debt and rates["cost_of_debt"] is None):
        return {"value": None}
    wacc = 0
    if equity:
        wacc += equity / (equity + debt) * rates["cost_of_equity"]
    if debt:
        wacc += debt / (equity + debt) * rates["cost_of_debt"] * (1 - tax)
    return {"value": profit * (1 - tax) - wacc * capital * float(_days(q)) / 365}


def licence_utilisation(q):
    return ratio(len(q.distinct("activity")), finance.licences(q.f, q.last_edge))


def receivables_open(q):
    return number(finance.receivables(q.f, q.sw, q.dim, q.subject, q.at + 1))


# -- five years and the return since the go-live

def _years(q):
    """The years of the window, from anniversary to anniversary of its start."""
    start, n = q.window.start, 0
    while start < q.window.end and n < 30:
        n += 1
        after = min(q.cal.years_later(q.window.start, n), q.window.end)
        yield Window("", start, after)
        start = after


def _flows(q):
    return [_benefit(part) - _cost(part, "crm") for part in
            (q.over(year) for year in _years(q) if year.start <= q.at)]


def payback(q):
    total = Fraction(0)
    for n, flow in enumerate(_flows(q)):
        if total + flow >= 0:
            return {"value": float(12 * (n + (-total / flow if total < 0 else 0)))}
        total += flow
    return {"value": None}


def npv(q):
    flows, rate = _flows(q), Fraction(q.sw["discount_bp"], 10000)
    if not flows:
        return {"value": None}
    first = 0 if q.sw["npv_timing"] == "year_start" else 1
    return {"value": float(sum(flow / (1 + rate) ** (n + first) for n, flow in enumerate(flows)))}


def irr(q):
    flows = _flows(q)

    def worth(rate):
        return sum(flow / (1 + rate) ** (n + 1) for n, flow in enumerate(flows))
    low, high = -0.99, 10.0
    if worth(low) * worth(high) >= 0:
        return {"value": None}
    for _ in range(200):
        middle = (low + high) / 2
        if (worth(middle) < 0) == (worth(low) < 0):
            low = middle
        else:
            high = middle
    return {"value": (low + high) / 2}


def tco(q):
    return number(_cost(q, "crm"))


def upfront_share(q):
    first = sum(c.v for c in q.cons("costs") if c.extra.get("purpose") == "crm" and not c.extra.get("planned")
                and c.extra.get("phase") == "upfront" and not c.extra["category"].startswith("reserve_"))
    return ratio(first, _cost(q, "crm"))


_CATEGORIES = ("licences maintenance hardware telecom external_provider vendor_services internal_staff other").split()


def _rows(q):
    planned = q.sw["tco_basis"] == "planned"
    return [c for c in q.cons("costs") if c.extra.get("purpose") == "crm" and bool(c.extra.get("planned")) == planned
            and not c.extra["category"].startswith("reserve_")]


def _maintenance_off(q):
    rows = _rows(q)
    fee = sum(c.v for c in rows if c.extra["category"] == "maintenance")
    before = q.over(Window("", -_EVER, q.window.start))
    bought = sum(c.v for c in _rows(before) if c.extra["category"] == "licences")
    if bought <= 0:
        if fee <= 0:
            return False
        bought = sum(c.v for c in rows if c.extra["category"] == "licences")
    return bool(rows) and not 15 * bought <= 100 * fee <= 25 * bought


def tco_incomplete(q):
    rows = _rows(q)
    if not rows:
        return {"value": None}
    years = [q.over(year) for year in _years(q)]
    total = sum(c.v for c in rows)
    first = sum(c.v for c in rows if c.extra.get("phase") == "upfront")
    return number(sum((
        len({c.extra["category"] for c in rows} & set(_CATEGORIES)) < 8,
        sum(bool(_rows(year)) for year in years) < 5,
        any(_maintenance_off(year) for year in years),
        not 55 * total <= 100 * first <= 65 * total)))


def reserve_missing(q):
    if not _rows(q):
        return {"value": None}
    missing = 0
    for year in [q.over(year) for year in _years(q)][2:]:
        rows = _rows(year)
        cost = sum(c.v for c in rows)
        held = {}
        for c in year.cons("costs"):
            if c.extra.get("purpose") == "crm" and c.extra.get("planned"):
                held[c.extra["category"]] = held.get(c.extra["category"], 0) + c.v
        run, improve = held.get("reserve_run", 0), held.get("reserve_improve", 0)
        missing += bool(rows) and not (15 * cost <= 100 * run <= 20 * cost and 25 * cost <= 100 * improve <= 40 * cost)
    return number(missing)


# -- forecasts

def _so_far(q):
    return q.over(Window("", q.window.start, min(q.window.end, q.cal.pane(q.at)[1])))


def sales_forecast(q):
    how = q.sw["forecast"]
    if how == "weighted_pipeline":
        due = 0
        for deal in gauges.open_deals(q.f, q.dim, q.subject, q.last_edge - 1):
            if deal.expected_close is not None and q.window.start <= deal.expected_close < q.window.end:
                due += finance.round_half_even((deal.amount or 0) * (deal.prob or 0), 10 ** 6)
        return {"value": _net(_so_far(q)) + due}
    if how == "run_rate":
        days = [start for day, start, _ in q.cal.days(q.window.start, q.window.end) if day.weekday() < 5]
        passed = sum(start <= q.last_edge - 1 for start in days)
        return {"value": float(Fraction(_net(_so_far(q)) * len(days), passed)) if passed else None}
    values, start = [], q.window.start
    for _ in range(12):
        before = q.cal.civil(q.cal.cycle if q.window.name in ("td", "cy") else q.window.name, start - 1)
        values.insert(0, _net(q.over(before)))
        start = before.start
    while values and values[0] == 0:
        values.pop(0)
    if len(values) < 2:
        return {"value": None}
    level, trend = Fraction(values[0]), Fraction(values[1] - values[0])
    for y in values[1:]:
        new = Fraction(1, 2) * y + Fraction(1, 2) * (level + trend)
        trend = Fraction(3, 10) * (new - level) + Fraction(7, 10) * trend
        level = new
    return {"value": float(level + trend)}


def forecast_error(q):
    error = actual = None
    cycle = q.cal.cycle_of(q.window.start)
    while cycle.end <= q.window.end and cycle.end - 1 <= q.at:
        part = q.over(Window("", cycle.start, cycle.end))
        judged = finance.judged_forecast(q.f, q.dim, q.subject, q.cal.label(q.cal.cycle, cycle.start), cycle)
        if cycle.start >= q.window.start and judged is not None:
            error = (error or 0) + abs(judged - _net(part))
            actual = (actual or 0) + _net(part)
        cycle = q.cal.cycle_of(cycle.end)
    if not actual:
        return {"numerator": error, "denominator": actual, "value": None, "n": 0}
    return ratio(error, actual)
