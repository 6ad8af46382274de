"""KPIs of customers, surveys and complaints."""
from fractions import Fraction

from . import gauges
from .kpis_value import gross_revenue_retention, net_revenue_retention
from .measures import select
from .query import Query, duration, number, ratio


# -- customers

def new_customers(q):
    return number(q.count("customers_acquired"))


def new_customer_rate(q):
    if q.sw["acq_base"] == "customers_start":
        return ratio(q.count("customers_acquired"), len(q.members(q.first_edge)))
    return ratio(q.count("customers_acquired"), q.count("leads_created"))


def customer_count(q):
    return number(len(q.members(q.last_edge)))


def customer_growth_rate(q):
    start = len(q.members(q.first_edge))
    change = len(q.members(q.last_edge)) - start
    if q.sw["growth_basis"] == "gross":
        change = q.count("customers_acquired")
    return ratio(change, start)


def retention_rate(q):
    start, end = q.members(q.first_edge), q.members(q.last_edge)
    joined = len(end - start)
    if q.sw["crr_new"] == "gross":
        joined = q.count("customers_acquired")
    return ratio(len(end) - joined, len(start))


def churn_rate(q):
    mode = q.sw["churn_mode"]
    start, end = q.members(q.first_edge), q.members(q.last_edge)
    if mode == "standard":
        return ratio(len(start - end), len(start))
    if mode == "daily":
        return _daily_churn(q, start)
    if q.window.rolling:
        return {"numerator": None, "denominator": None, "value": None, "n": None}
    result = gross_revenue_retention(q) if mode == "revenue_gross" else net_revenue_retention(q)
    top, bottom = result["numerator"], result["denominator"]
    return ratio(bottom - top, bottom) if bottom else result


def _daily_churn(q, start):
    value, any_day = 0.0, False
    for _, first, last in q.cal.days(q.window.start, q.last_edge):
        before = q.members(first)
        if before:
            any_day = True
            value += len(before - q.members(min(last, q.last_edge))) / len(before)
    return {"numerator": None, "denominator": None, "value": value if any_day else None,
            "n": len(start)}


def referral_rate(q):
    return ratio(len(q.distinct("referrers")), len(q.members(q.last_edge)))


def referred_share(q):
    return ratio(sum(1 for c in q.cons("customers_acquired") if c.extra),
                 q.count("customers_acquired"))


def contact_frequency(q):
    base = q.distinct("contacts") if q.sw["contact_base"] == "contacted" \
        else q.members(q.last_edge)
    return ratio(q.count("contacts"), len(base))


def feedback_rate(q):
    return ratio(len(q.distinct("feedback")), len(q.members(q.last_edge)))


def campaign_response_rate(q):
    return ratio(q.count("campaign_responded"), q.count("campaign_sent"))


# -- surveys

def _answers(q, kind):
    return [c.extra for c in q.cons("survey") if c.extra["kind"] == kind]


def _top2(e):
    low, high = e["scale_min"] * 1000, e["scale_max"] * 1000
    return 4 * (e["score_milli"] - low) >= 3 * (high - low)


def on_five(e):
    """The score on 1..5, as a fraction."""
    low, high = e["scale_min"] * 1000, e["scale_max"] * 1000
    return 1 + Fraction(4 * (e["score_milli"] - low), high - low)


def _survey_rate(q, kind):
    answers = _answers(q, kind)
    if q.sw["csat_mode"] == "mean":
        total = sum((on_five(e) for e in answers), Fraction(0))
        result = ratio(total, len(answers))
        result["numerator"] = float(total)
        return result
    return ratio(sum(1 for e in answers if _top2(e)), len(answers))


def survey_kpi(kind, mean=False):
    def kpi(q):
        if mean:
            q = Query(q.f, q.window, q.at, q.dim, q.subject, {**q.sw, "csat_mode": "mean"})
        return _survey_rate(q, kind)
    return kpi


def survey_evidence(facts, kpi, row, dim, subject, sw):
    """Ids of the answers behind a survey KPI, oldest first; None for other KPIs."""
    kinds = {"csat": "csat", "nps": "nps", "product_csat": "product", "service_csat": "service",
             "purchase_csat": "purchase", "user_csat": "user"}
    if kpi not in kinds:
        return None
    cons = select(facts, "survey", sw, dim, subject, row["window_start_ms"], row["window_end_ms"])
    return [c.extra["event_id"] for c in cons if c.extra["kind"] == kinds[kpi]]


def survey_response_rate(q):
    return ratio(q.count("survey"), q.count("survey_asked"))


def nps(q):
    up = down = n = 0
    for e in _answers(q, "nps"):
        if q.sw["nps_scale"] == "0-10":
            fits, high, low = (e["scale_min"], e["scale_max"]) == (0, 10), 9000, 6000
        else:
            fits, high, low = (e["scale_min"], e["scale_max"]) == (1, 5), 5000, 2000
        if fits:
            n += 1
            up += e["score_milli"] >= high
            down += e["score_milli"] <= low
    result = ratio(up - down, n)
    if n:
        result["value"] = float(Fraction(100 * (up - down), n))
    return result


# -- complaints

def complaint_count(q):
    return number(q.count("complaints"))


def complaint_rate(q):
    base = {"txn_count": lambda: q.count("txn"), "contacts": lambda: q.count("contacts"),
            "customers_end": lambda: len(q.members(q.last_edge))}[q.sw["complaint_base"]]()
    return ratio(q.count("complaints"), base)


def complaint_resolution_rate(q):
    cons = q.cons("complaints")
    return ratio(sum(1 for c in cons if c.extra), len(cons))


def complaint_resolution_time(q):
    return duration(q.cons("complaint_ms"))
