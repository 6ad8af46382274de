#!/usr/bin/env python3
"""Marketing and finance: random histories of costs, benefits, campaigns, balances, figures, launches and credit orders through `crmpulse replay`,
every row against the independent oracle; then the same events shuffled give the same rows.
"""
import json
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import oracle_rows  # noqa: E402
from lib import check, check_equal, finish  # noqa: E402

CONFIG = """\
orgs: {acme: {zone: Asia/Shanghai, currency: CNY, cycle: month, go_live: 2024-02-01}}
switches: {churn_after_days: 0, SWITCHES}
time: {retention: 2000d, lateness: 2000d}
"""
KPIS = ("marketing_cost marketing_cost_ratio cost_per_lead cac sales_cost_ratio campaign_response_rate campaign_roi recommendation_hit_rate market_share"
        " roi cost_saving labour_saving revenue_gain total_benefit innovation_count cost_plan_variance maintenance_ratio eva new_product_sales_ratio"
        " new_product_cycle asset_turnover inventory_turnover receivables_turnover net_margin cash_flow licence_utilisation receivables_open"
        " payback npv irr tco upfront_share tco_incomplete reserve_missing sales_forecast forecast_error").split()
DAY = 86400000
START = 1704038400000  # 2024-01-01T00:00+08:00
DAYS = 500
INSTANTS = [START + d * DAY - 1 for d in (91, 182, 366, 456, 500)]


def maybe(rng, **fields):
    return {k: v for k, v in fields.items() if rng.random() < 0.5}


def period(rng):
    if rng.random() < 0.5:
        return {}
    start = START + rng.randrange(DAYS) * DAY
    return {"period_start_ms": start, "period_end_ms": start + rng.choice((1, 7, 31, 400)) * DAY}


def money(rng, most=10_000):
    return {"amount_micros": rng.randrange(most * 1_000_000), "currency": "CNY"}


def dims(rng):
    return maybe(rng, channel=rng.choice("ab"), campaign_id=rng.choice(("C1", "C2")), region="east", team_id="t", owner_id=rng.choice(("ann", "bo")))


def one(rng):
    deal, order = f"D{rng.randrange(60)}", f"O{rng.randrange(30)}"
    month_end = [START + d * DAY for d in (91, 182, 274, 366, 456)]
    customer, product = rng.choice("xyz"), rng.choice(("p", "q"))
    return rng.choice((
        lambda: {"type": "cost_incurred", "cost_id": f"c{rng.randrange(60)}", "category": rng.choice(
                 ("licences", "licences", "maintenance", "maintenance", "hardware", "telecom", "external_provider", "vendor_services", "internal_staff", "other",
                  "reserve_run", "reserve_improve")), **maybe(rng, phase=rng.choice(("upfront", "continuing"))),
                 "purpose": rng.choice(("marketing", "sales", "crm", "crm")), **money(rng), **period(rng), **dims(rng), **maybe(rng, planned=rng.random() < .5)},
        lambda: {"type": "benefit_booked", "benefit_id": f"b{rng.randrange(40)}", "kind": rng.choice(("saving", "revenue", "labour", "innovation")),
                 **money(rng), **period(rng), **maybe(rng, team_id="t")},
        lambda: {"type": "campaign_sent", "campaign_id": rng.choice(("C1", "C2")), "recipient_id": customer,
                 **maybe(rng, kind="recommendation", product_id=product, channel=rng.choice("ab"), segment="s")},
        lambda: {"type": "campaign_responded", "campaign_id": rng.choice(("C1", "C2")), "recipient_id": customer, "kind": "click"},
        lambda: {"type": "deal_closed", "deal_id": f"D{rng.randrange(60)}", "outcome": rng.choice(("won", "won", "lost")), "customer_id": customer,
                 **money(rng), **dims(rng), **maybe(rng, product_id=product, cost_micros=rng.randrange(10 ** 9))},
        lambda: {"type": "order_refunded", "refund_id": f"F{rng.randrange(3)}{deal}", "deal_id": deal, **money(rng, 3000)},
        lambda: {"type": "lead_created", "lead_id": f"L{rng.randrange(60)}", "owner_id": "ann", **dims(rng)},
        lambda: {"type": "customer_acquired", "customer_id": f"k{rng.randrange(40)}", **dims(rng)},
        lambda: {"type": "balance_reported", "period_end_ms": rng.choice(month_end), "item": rng.choice(
                 ("total_assets", "inventory", "receivables", "equity", "debt", "invested_capital", "operating_profit", "net_profit", "cogs", "credit_sales",
                  "cash_flow")), **money(rng), **maybe(rng, product_id=rng.choice((product, product, product)))},
        lambda: {"type": "external_figure", "figure": rng.choice(("market_size", "tax_rate", "cost_of_equity", "cost_of_debt")),
                 "period": rng.choice(("2024", "2025", "2024-Q2", "2025-Q1", "2024-07")), "value_milli": rng.randrange(1, 900), **maybe(rng, region="east")},
        lambda: {"type": "licence_changed", "bought": rng.randrange(1, 20), **maybe(rng, product="crm")},
        lambda: {"type": "product_launched", "product_id": product, "dev_started_at_ms": START - 100 * DAY, "launched_at_ms": START + rng.randrange(-400, 400) * DAY},
        lambda: {"type": "order_placed", "order_id": f"O{rng.randrange(30)}", "customer_id": customer, "items": 1, "owner_id": "ann", **money(rng), **maybe(rng, on_credit=True)},
        lambda: {"type": "payment_received", "payment_id": f"P{rng.randrange(60)}", "order_id": f"O{rng.randrange(30)}", **money(rng, 2000)},
        lambda: {"type": "order_refunded", "refund_id": f"G{rng.randrange(3)}{order}", "order_id": order, **money(rng, 3000)},
        lambda: {"type": "deal_opened", "deal_id": deal, "owner_id": rng.choice(("ann", "bo")), "stage": "s", **money(rng),
                 **maybe(rng, prob_ppm=rng.randrange(1_000_001), product_id=product, expected_close_ms=START + rng.randrange(DAYS) * DAY)},
        lambda: {"type": "forecast_made", "subject": rng.choice(("org:acme", "rep:ann", "rep:bo", "team:t", "product:p")), **money(rng),
                 "cycle": rng.choice(("2024-03", "2024-04", "2024-12", "2025-01", "2025-03")), "made_at_ms": START + rng.randrange(30 * 24) * 18 * 3600000},
        lambda: {"type": "owner_changed", "entity_kind": "order", "entity_id": order, "to_owner": rng.choice(("ann", "bo"))},
        lambda: {"type": "login", "user_id": rng.choice(("ann", "bo", "cy"))},
        lambda: {"type": "event_retracted", "target_event_id": f"e{rng.randrange(600)}"},
    ))()


def history(seed, n=600):
    rng = random.Random(seed)
    events = [{"type": "user_enabled", "event_id": f"u-{user}", "org_id": "acme", "occurred_at_ms": START, "user_id": user, "team_id": team}
              for user, team in (("ann", "t"), ("bo", "v"))]
    for i in range(n):
        event = one(rng)
        event.update(event_id=f"e{i}", org_id="acme", occurred_at_ms=START + rng.randrange(DAYS * 24) * 3600000 + rng.randrange(3) * 1000)
        if event["type"] == "event_retracted":
            event["occurred_at_ms"] = START  # rolling distinct counts at a past instant know what was retracted by then
        events.append(event)
    placed = {}
    for e in events:
        if e["type"] == "order_placed":
            placed[e["order_id"]] = max(placed.get(e["order_id"], 0), e["occurred_at_ms"])
    for e in events:  # who owns an order is changed after it was placed
        if e["type"] == "owner_changed":
            e["occurred_at_ms"] = max(e["occurred_at_ms"], placed.get(e["entity_id"], 0) + 1000)
    return sorted(events, key=lambda e: (e["occurred_at_ms"], e["event_id"]))


def replay(events, config, folder):
    return oracle_rows.replay(events, config, folder, KPIS, INSTANTS)


def compare(name, path, rows, folder, switches):
    oracle_rows.compare(name, path, rows, folder, 200, "--currency", "CNY", "--go-live", "2024-02-01", switches=["churn_after_days=0", *switches])


def told(rows):
    """Rows that say something: a subject whose events were all withdrawn may be listed with nothing in it."""
    return [line for line in rows.splitlines() if json.loads(line)["value"]]


def main():
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for seed, switches in ((1, []), (2, ["campaign_value=margin", "cac_costs=marketing_only"]), (3, ["refund_book=at_order"]),
                               (4, ["sales_basis=orders", "attribution_days=90", "npv_timing=year_start", "forecast=run_rate"]),
                               (5, ["forecast=holt", "tco_basis=actual", "discount_bp=250"])):
            config = folder / "config.yaml"
            config.write_text(CONFIG.replace("SWITCHES", ", ".join(s.replace("=", ": ") for s in switches)), encoding="utf-8")
            events = history(seed)
            path, rows = replay(events, config, folder)
            compare(f"seed {seed}", path, rows, folder, switches)
            random.Random(seed).shuffle(events)
            again = replay(events, config, folder)[1]
            check_equal(f"seed {seed}: shuffled, the same rows", told(again) == told(rows), True)
    finish()


main()
