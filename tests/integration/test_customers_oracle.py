#!/usr/bin/env python3
"""Customers: random histories of memberships, sales, uses and subscriptions through `crmpulse replay`, every row against the independent oracle; then the
same events shuffled give the same rows.
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
orgs: {acme: {zone: Asia/Shanghai, currency: CNY, cycle: month}}
switches: {SWITCHES}
time: {retention: 2000d, lateness: 2000d}
publish: {by_customer: [purchase_ratio, churn_risk]}
"""
KPIS = ("retention_rate churn_rate customer_count customer_growth_rate new_customers mrr net_revenue_retention gross_revenue_retention repurchase_rate"
        " referral_rate referred_share contact_frequency feedback_rate complaint_rate complaint_count active_customer_rate purchase_cycle purchase_frequency"
        " new_customer_quality reminder_hit_rate rfm_segment_size churn_risk_share clv purchase_ratio churn_risk sales_amount avg_order_value").split()
DAY = 86400000
START = 1704038400000  # 2024-01-01T00:00+08:00
DAYS = 700
INSTANTS = [START + d * DAY - 1 for d in (60, 182, 274, 366, 456, 547, 700)] + [START + 500 * DAY + 5 * 3600000]


def maybe(rng, **fields):
    return {k: v for k, v in fields.items() if rng.random() < 0.5}


def dims(rng):
    return maybe(rng, channel=rng.choice("ab"), region="east", team_id="t", owner_id=rng.choice(("ann", "bo")), segment=rng.choice("st"))


def of_customer(customer):
    """Always the same: as-of figures at a past instant know a customer's owner and dimensions of then, the oracle those of now."""
    i = int(customer[1:])
    every = {"channel": "ab"[i % 2], "region": "east", "team_id": "t", "owner_id": ("ann", "bo")[i // 2 % 2], "segment": "st"[i % 2]}
    return {k: v for n, (k, v) in enumerate(every.items()) if (i + n) % 3}


def one(rng, i):
    customer, deal, order = f"k{rng.randrange(12)}", f"D{i}", f"O{i}"
    some = f"O{rng.randrange(700)}"
    money = {"amount_micros": rng.randrange(1, 1000) * 1_000_000, "currency": "CNY"}
    return rng.choice((
        lambda: {"type": "customer_acquired", "customer_id": customer, **of_customer(customer), **maybe(rng, referral_id="r")},
        lambda: {"type": "customer_churned", "customer_id": customer, **maybe(rng, reason="price")} if rng.random() < 0.4 else
                {"type": "customer_reactivated", "customer_id": customer},
        lambda: {"type": "deal_closed", "deal_id": deal, "outcome": rng.choice(("won", "won", "won", "lost")), "customer_id": customer, **money,
                 "owner_id": rng.choice(("ann", "bo")), **maybe(rng, product_id=rng.choice("pq"), cost_micros=rng.randrange(10 ** 9))},
        lambda: {"type": "order_placed", "order_id": order, "customer_id": customer, "items": 1, "owner_id": rng.choice(("ann", "bo")), **money,
                 **maybe(rng, product_id=rng.choice("pq"), cost_micros=rng.randrange(10 ** 9))},
        lambda: {"type": "order_placed", "order_id": order, "customer_id": customer, "items": 1, "owner_id": rng.choice(("ann", "bo")), **money},
        lambda: {"type": "order_refunded", "refund_id": f"F{i}", "order_id": some, **money},
        lambda: {"type": "login", "user_id": rng.choice(("u", "v")), "customer_id": customer},
        lambda: {"type": "feature_used", "user_id": rng.choice(("u", "v")), "feature": "f", "customer_id": customer},
        lambda: {"type": "subscription_changed", "subscription_id": f"s{rng.randrange(9)}", "customer_id": customer, "mrr_micros": rng.choice((0, 5, 9, 20)) * 1_000_000,
                 "currency": "CNY", **maybe(rng, product_id=rng.choice("pq"))},
        lambda: {"type": "referral_made", "referral_id": f"R{i}", "customer_id": customer},
        lambda: {"type": "contact_made", "contact_id": f"C{i}", "customer_id": customer, "direction": rng.choice(("in", "out")), "medium": "m",
                 **maybe(rng, owner_id="ann")},
        lambda: {"type": "feedback_received", "feedback_id": f"B{i}", "customer_id": customer, "channel": rng.choice("ab")},
        lambda: {"type": "complaint_filed", "complaint_id": f"P{i}", "customer_id": customer, "topic": "x", **dims(rng)},
        lambda: {"type": "event_retracted", "target_event_id": f"e{rng.randrange(700)}"},
        lambda: {"type": "order_cancelled", "order_id": some},
    ))()


def history(seed, n=700):
    rng = random.Random(seed)
    subscriber = {}
    events = [{"type": "customer_acquired", "customer_id": f"k{i}", **of_customer(f"k{i}"), "event_id": f"a{i}", "org_id": "acme", "occurred_at_ms": START + i * DAY}
              for i in range(12)]  # rolling counts of the past know a customer's owner and dimensions from here on
    for i in range(n):
        event = one(rng, i)
        if event["type"] == "subscription_changed":  # a subscription stays its customer's
            event["customer_id"] = subscriber.setdefault(event["subscription_id"], event["customer_id"])
        event.update(event_id=f"e{i}", org_id="acme", occurred_at_ms=START + rng.randrange(12 * 24, DAYS * 24) * 3600000 + rng.randrange(3) * 1000)
        if event["type"] in ("event_retracted", "order_cancelled"):
            event["occurred_at_ms"] = START  # as-of figures at a past instant know what was taken back by then
        events.append(event)
    return sorted(events, key=lambda e: (e["occurred_at_ms"], e["event_id"]))


def replay(events, config, folder):
    return oracle_rows.replay(events, config, folder, KPIS, INSTANTS)


def compare(name, path, rows, folder, switches):
    oracle_rows.compare(name, path, rows, folder, 1000, "--currency", "CNY", switches=switches)


def saying(rows):
    """Rows of subjects that have something: an RFM segment that was taken back before anybody entered it may be listed with 0."""
    return [row for row in rows.splitlines() if not json.loads(row)["value"] in (None, 0)]


def main():
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for seed, switches in ((1, []), (2, ["sales_basis=orders", "churn_after_days=60"]), (3, ["churn_after_days=0", "clv_mode=discounted"]),
                               (4, ["sales_basis=orders", "repurchase=ever", "clv_mode=historic", "churn_mode=revenue_gross", "churn_after_days=30"]),
                               (5, ["sales_basis=orders", "freq_base=buyers", "churn_mode=revenue_net", "crr_new=gross"]),
                               (6, ["sales_basis=orders", "customers_by=subscription"]), (7, ["customers_by=subscription", "churn_after_days=30", "crr_new=gross"]),
                               (8, ["rfm_cut=quintile"]), (9, ["sales_basis=orders", "rfm_cut=quintile"]), (10, ["segment_by=rfm"]),
                               (11, ["sales_basis=orders", "segment_by=rfm", "refund_book=at_order", "repurchase=ever"])):
            config = folder / "config.yaml"
            config.write_text(CONFIG.replace("SWITCHES", ", ".join(s.replace("=", ": ") for s in switches)), encoding="utf-8")
            events = history(seed)
            path, rows = replay(events, config, folder)
            compare(f"seed {seed}", path, rows, folder, switches)
            random.Random(seed).shuffle(events)
            check_equal(f"seed {seed}: shuffled, the same rows", saying(replay(events, config, folder)[1]) == saying(rows), True)
    finish()


main()
