"""KPIs of marketing, finance and cost-benefit (domain specification 3.4 and 3.7)."""
from fractions import Fraction

from . import finance
from .kpis_sales import _net
from .measures import select
from .query import duration, number, ratio

_EVER = 1 << 60


def _cost(q, purpose, planned=False, category=None):
    return sum(c.v for c in q.cons("costs") if c.extra.get("purpose") == purpose
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
