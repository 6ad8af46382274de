#!/usr/bin/env python3
"""Corrections of every kind: random histories of leads, deals, orders, customers, tickets, complaints, surveys, tasks and users, with amendments, refunds,
reopenings, owner changes, deletions, merges and retractions (of merges and of retractions, too), through `crmpulse replay`: every row against the
independent oracle, which recomputes from the final facts. Then the same events shuffled, some of them twice, give the same rows.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lib import BIN, REPO, check, check_equal, finish  # noqa: E402

ORACLE = dict(os.environ, PYTHONPATH=str(REPO / "tests" / "model"))
CONFIG = "orgs: {acme: {zone: Asia/Shanghai, currency: CNY, cycle: month}}\nswitches: {churn_after_days: 0, SWITCHES}\ntime: {retention: 800d, lateness: 800d}\n"
HISTORIES = int(os.environ.get("CRMPULSE_TEST_HISTORIES", "30"))
DAY = 86400000
START = 1738339200000  # 2025-02-01T00:00+08:00
DAYS = 59
AT = START + DAYS * DAY - 1
SWITCHES = ([], ["credit=follow_owner"], ["sales_basis=orders"], ["refund_book=at_order", "conversion_basis=period"],
            ["resolution_mode=first"], ["sales_basis=orders", "refund_book=at_order", "credit=follow_owner"])
# The oracle judges gauges, targets and life cycles of users as of instants in its own way; they have tests of their own.
KPIS = ("sales_amount sales_units deals_won deals_lost deals_opened avg_order_value items_per_txn win_rate loss_rate conversion_rate qualification_rate"
        " lead_close_rate leads_created refund_rate gross_margin sales_cycle time_to_qualify csat nps complaint_rate complaint_count complaint_resolution_rate"
        " complaint_resolution_time resolution_rate reopen_rate fcr_rate resolution_time first_response_time tickets_opened repurchase_rate"
        " purchase_frequency new_customers opportunity_conversion pipeline_open ticket_backlog customer_count").split()


def maybe(rng, **fields):
    return {k: v for k, v in fields.items() if rng.random() < 0.5}


def user(rng):
    return rng.choice(("ann", "bo", "cy"))


def money(rng):
    return {"amount_micros": rng.randrange(100) * 1_000_000, "currency": "CNY"}


def dims(rng):
    return maybe(rng, channel=rng.choice("ab"), region="east", team_id=rng.choice("tu"), product_id=rng.choice("pq"))


def named(rng):
    """(kind, id) of anything that can be corrected."""
    kind, letter, n = rng.choice((("lead", "L", 6), ("deal", "D", 8), ("order", "O", 8), ("customer", "k", 5), ("ticket", "T", 6), ("complaint", "C", 4)))
    return kind, f"{letter}{rng.randrange(n)}"


def fact(rng):
    lead, deal, order, customer = f"L{rng.randrange(6)}", f"D{rng.randrange(8)}", f"O{rng.randrange(8)}", f"k{rng.randrange(5)}"
    ticket, complaint = f"T{rng.randrange(6)}", f"C{rng.randrange(4)}"
    return rng.choice((
        lambda: {"type": "lead_created", "lead_id": lead, "owner_id": user(rng), **dims(rng)},
        lambda: {"type": "lead_qualified", "lead_id": lead},
        lambda: {"type": "lead_converted", "lead_id": lead, "customer_id": customer},
        lambda: {"type": "deal_opened", "deal_id": deal, "owner_id": user(rng), "stage": "s", **money(rng), **dims(rng), **maybe(rng, lead_id=lead)},
        lambda: {"type": "deal_closed", "deal_id": deal, "outcome": rng.choice(("won", "won", "lost")), **money(rng),
                 **maybe(rng, customer_id=customer, owner_id=user(rng), cost_micros=rng.randrange(50) * 1_000_000, items=rng.randrange(5), reason="price")},
        lambda: {"type": "order_placed", "order_id": order, "customer_id": customer, "items": rng.randrange(1, 5), **money(rng), **dims(rng),
                 **maybe(rng, owner_id=user(rng), deal_id=deal, cost_micros=rng.randrange(50) * 1_000_000)},
        lambda: {"type": "customer_acquired", "customer_id": customer, **dims(rng), **maybe(rng, owner_id=user(rng), lead_id=lead)},
        lambda: {"type": "ticket_opened", "ticket_id": ticket, "kind": "customer", "customer_id": customer, "owner_id": user(rng), **dims(rng)},
        lambda: {"type": "ticket_first_response", "ticket_id": ticket, "responder_id": user(rng)},
        lambda: {"type": "ticket_resolved", "ticket_id": ticket, "resolver_id": user(rng)},
        lambda: {"type": "complaint_filed", "complaint_id": complaint, "customer_id": customer, **maybe(rng, about_user_id=user(rng), owner_id=user(rng))},
        lambda: {"type": "complaint_resolved", "complaint_id": complaint},
        lambda: {"type": "survey_answered", "response_id": f"A{rng.randrange(9)}", "kind": rng.choice(("csat", "nps")), "score_milli": rng.randrange(1, 6) * 1000,
                 "scale_min": 0, "scale_max": 10, **maybe(rng, about_user_id=user(rng))},
        lambda: {"type": "user_enabled", "user_id": user(rng), "team_id": rng.choice("tu")},
    ))()


def correction(rng, n):
    kind, name = named(rng)
    deal, order = f"D{rng.randrange(8)}", f"O{rng.randrange(8)}"
    retract = {"type": "event_retracted", "target_event_id": f"e{rng.randrange(n)}"}
    return rng.choice((
        lambda: {"type": "deal_amended", "deal_id": deal, **money(rng), **maybe(rng, cost_micros=rng.randrange(50) * 1_000_000)},
        lambda: {"type": "deal_reopened", "deal_id": deal},
        lambda: {"type": "order_amended", "order_id": order, **money(rng), **maybe(rng, items=rng.randrange(4))},
        lambda: {"type": "order_cancelled", "order_id": order},
        lambda: {"type": "order_refunded", "refund_id": f"F{rng.randrange(4)}{deal}", "deal_id": deal, **money(rng)},
        lambda: {"type": "order_refunded", "refund_id": f"G{rng.randrange(4)}{order}", "order_id": order, **money(rng)},
        lambda: {"type": "ticket_reopened", "ticket_id": f"T{rng.randrange(6)}"},
        lambda: {"type": "complaint_reopened", "complaint_id": f"C{rng.randrange(4)}"},
        lambda: {"type": "complaint_withdrawn", "complaint_id": f"C{rng.randrange(4)}"},
        lambda: {"type": "owner_changed", "entity_kind": kind, "entity_id": name, "to_owner": user(rng), **maybe(rng, team_id=rng.choice("tu"))},
        lambda: {"type": "entity_deleted", "entity_kind": kind, "entity_id": name},
        lambda: {"type": "entity_merged", "entity_kind": kind, "from_id": name, "into_id": name[0] + str(rng.randrange(5))},
        lambda: {"type": "entity_merged", "entity_kind": "user", "from_id": user(rng), "into_id": user(rng)},
        lambda: retract,
        lambda: retract,
        lambda: retract,
    ))()


def history(seed, n):
    rng = random.Random(seed)
    events = []
    for i in range(n):
        event = correction(rng, n) if rng.random() < 0.3 else fact(rng)
        event.update(event_id=f"e{i}", org_id="acme", occurred_at_ms=START + rng.randrange(DAYS * 24) * 3600000 + rng.randrange(2) * 1000)
        events.append(event)
    return sorted(events, key=lambda e: (e["occurred_at_ms"], e["event_id"]))


def replay(events, config, folder):
    path = folder / "events.ndjson"
    path.write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    command = [BIN, "replay", str(path), "--config", str(config), "--quiet", "--json", "--at", str(AT)]
    for kpi in KPIS:
        command += ["--kpi", kpi]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return path, done.stdout


def oracle_differences(path, rows, folder, switches):
    rows_path = folder / "rows.ndjson"
    rows_path.write_text(rows, encoding="utf-8")
    command = [sys.executable, "-m", "oracle", "compare", str(path), str(rows_path), "--tz", "Asia/Shanghai", "--currency", "CNY"]
    for switch in ["churn_after_days=0", *switches]:
        command += ["--switch", switch]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ORACLE)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    if not records or "compared" not in records[-1]:
        raise RuntimeError(done.stderr[-800:])
    return records


def shrink(events, config, folder, switches):
    """Fewer events that still differ."""
    step = max(1, len(events) // 4)
    while step:
        i = 0
        while i < len(events):
            less = events[:i] + events[i + step:]
            path, rows = replay(less, config, folder)
            if rows and oracle_differences(path, rows, folder, switches)[-1]["different"]:
                events = less
            else:
                i += step
        step //= 2
    return events


def listed(rows):
    """A subject whose contributions were all withdrawn may or may not be listed with zeros: it says nothing."""
    kept = []
    for line in rows.splitlines():
        row = json.loads(line)
        if row.get("value") or row.get("numerator") or row.get("denominator") or row.get("count"):
            kept.append(line)
    return kept


def main():
    total = 0
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        config = folder / "config.yaml"
        for seed in range(HISTORIES):
            switches = SWITCHES[seed % len(SWITCHES)]
            config.write_text(CONFIG.replace("SWITCHES", ", ".join(s.replace("=", ": ") for s in switches)), encoding="utf-8")
            events = history(seed, 30 if seed % 3 == 0 else 150)
            path, rows = replay(events, config, folder)
            records = oracle_differences(path, rows, folder, switches)
            total += records[-1]["compared"]
            detail = ""
            if records[-1]["different"]:
                few = shrink(events, config, folder, switches)
                differ = oracle_differences(*replay(few, config, folder), folder, switches)
                detail = "\n    ".join(map(json.dumps, differ[:3] + few))
            check(f"seed {seed} {' '.join(switches)}: {records[-1]['compared']} rows as the oracle's", not detail, detail)
            check_equal(f"seed {seed}: no KPI that the oracle lacks", records[-1]["unknown"], {})
            rng = random.Random(seed)
            shuffled = events + rng.sample(events, len(events) // 10)
            rng.shuffle(shuffled)
            check_equal(f"seed {seed}: shuffled, some twice: the same rows", listed(replay(shuffled, config, folder)[1]), listed(rows))
    check(f"{total} rows in all", total > 400 * HISTORIES)
    finish()


main()
