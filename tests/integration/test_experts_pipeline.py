#!/usr/bin/env python3
"""Panels, a fuzzy card with their weights, and an org without a configured currency through Kafka and Redis, over several partitions: query says what replay
says, and the snapshot published last is that card.
"""
import json
import random
import sys
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import lib  # noqa: E402
import pipeline  # noqa: E402
from lib import check, check_equal, finish  # noqa: E402

CONFIG = """\
orgs:
  acme: {zone: Asia/Shanghai, currency: CNY, cycle: month}
  free: {zone: Asia/Shanghai, cycle: month}
switches: {sales_basis: orders}
scorecards:
  appraisal:
    version: "1"
    dim: org
    checks: false
    weights: {panel: bsc}
    fuzzy: {}
    perspectives:
      F: {weight: 4000, kpis: {avg_order_size: {weight: 10000, window: m, floor: 0, goal: 100000000}}}
      C: {weight: 3000, kpis: {csat: {weight: 10000, window: m, answers: csat_answers}}}
      I: {weight: 2000, kpis: {first_response_time: {weight: 10000, window: m, floor: 8h, goal: 2h}}}
      L: {weight: 1000, kpis: {expert_grades: {weight: 10000, window: g, graded: bsc/training}}}
"""
ROUNDS = ((10, ("1234", "2134", "1324", "3124", "1243")), (20, ("1234", "1234", "1324", "2134", "1233")))


def ms(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def panel():
    """The worked example of the domain specification 4.3, in January 2025."""
    for number, (day, rows) in enumerate(ROUNDS, 1):
        for expert, row in enumerate(rows):
            for criterion, rank in zip("FCIL", row):
                yield {"type": "expert_ranked", "org_id": "acme", "panel_id": "bsc", "round": number, "expert_id": f"x{expert}", "criterion": criterion,
                       "rank_x2": 2 * int(rank), "occurred_at_ms": ms(f"2025-01-{day}T02:0{expert}:00+00:00")}


def february():
    def at(day, hour=2):
        return ms(f"2025-02-{day:02}T{hour:02}:00:00+00:00")
    yield {"type": "order_placed", "order_id": "O1", "customer_id": "k", "amount_micros": 68_000_000, "items": 1, "currency": "CNY", "occurred_at_ms": at(3)}
    for i, score in enumerate([4] * 8 + [3] * 7 + [2] * 3 + [1] * 2):
        yield {"type": "survey_answered", "response_id": f"a{i}", "kind": "csat", "score_milli": 1000 * score, "scale_min": 1, "scale_max": 4, "occurred_at_ms": at(4) + i}
    yield {"type": "ticket_opened", "ticket_id": "T", "kind": "customer", "customer_id": "k", "occurred_at_ms": at(5)}
    yield {"type": "ticket_first_response", "ticket_id": "T", "responder_id": "ann", "occurred_at_ms": at(5) + 12_600_000}
    for expert, grade in enumerate(("good", "good", "fair", "poor")):
        yield {"type": "expert_graded", "panel_id": "bsc", "round": 1, "expert_id": f"x{expert}", "criterion": "training", "grade": grade, "occurred_at_ms": at(6) + expert}
    for order, (day, hour, currency, amount) in enumerate(((3, 5, "EUR", 100), (3, 1, "USD", 7), (3, 3, "EUR", 50), (5, 1, "USD", 3))):
        yield {"type": "order_placed", "org_id": "free", "order_id": f"F{order}", "customer_id": f"k{order}", "amount_micros": amount * 1_000_000, "items": 1,
               "currency": currency, "occurred_at_ms": at(day, hour)}
    yield {"type": "login", "user_id": "ann", "occurred_at_ms": at(7)}


def main():
    folder = lib.new_dir()
    events = [dict({"org_id": "acme", "event_id": f"e{i}", "owner_id": "ann"}, **e) for i, e in enumerate([*panel(), *february()])]
    random.Random(4).shuffle(events)
    (folder / "e.ndjson").write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    (folder / "c.yaml").write_text(CONFIG, encoding="utf-8")
    at = str(ms("2025-02-07T02:00:00+00:00"))
    one = pipeline.Installation(str(folder / "c.yaml"), partitions=3, sets=("time.wall_clock=false", "time.out_of_orderness=60d"))
    one.send(str(folder / "e.ndjson"))
    log = one.settle().text()
    words = [w for kpi in ("expert_agreement", "expert_weight", "expert_grades", "sales_amount", "avg_order_size") for w in ("--kpi", kpi)]
    got, want = one.query("--at", at, *words), pipeline.replay(str(folder / "e.ndjson"), str(folder / "c.yaml"), "--at", at, *words)
    check("query and replay: the same rows", got == want, pipeline.first_difference(got, want))
    rows = {(r["org"], r["kpi"], r["window"], r["subject"]): r for r in pipeline.rows(got)}
    check_equal("weights of the panel", [rows["acme", "expert_weight", "g", f"bsc/{c}"]["value"] for c in "FCIL"], [.38, .3, .21, .11])
    check_equal("dollars only, for the earliest order was in dollars", rows["free", "sales_amount", "m", "free"]["value"], 10_000_000)
    check("the log says which currency", "currency_adopted" in log and "USD" in log, log[-2000:])
    got, want = one.query("--at", at, "--scorecards"), pipeline.replay(str(folder / "e.ndjson"), str(folder / "c.yaml"), "--at", at, "--scorecards")
    check("query and replay: the same cards", got == want, pipeline.first_difference(got, want))
    card = next(c for c in pipeline.rows(got) if c["org"] == "acme")
    # F: 68 is .2 good and .8 fair; C .40 .35 .15 .10; I 75; L .5 good, .25 fair, .25 poor. Scores 68, 38 + 28 + 9.75 + 4.5 = 80.25, 75, 67.5.
    check_equal("its score", round(card["score"], 9), round(.38 * 68 + .3 * 80.25 + .21 * 75 + .11 * 67.5, 9))
    told = [m for m in one.messages("scorecards") if m.get("org") == "acme"]
    check("cards were published", bool(told), log[-1000:])
    if told:
        last = told[-1]
        check_equal("the one told last has that score", round(float(last["score"]), 9), round(card["score"], 9))
        check_equal("and the memberships", [(g["grade"], round(float(g.get("membership", 0)), 9)) for g in last["grades"]],
                    [(g["grade"], round(g["membership"], 9)) for g in card["grades"]])
    finish()


main()
