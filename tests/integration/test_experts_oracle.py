#!/usr/bin/env python3
"""Panels of experts: random histories through `crmpulse replay`, every row against the independent oracle; then the same events shuffled, with duplicates,
give the same figures.
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
switches: {expert_method: METHOD}
"""
KPIS = ("expert_agreement", "expert_weight", "expert_grades")
HOUR = 3600000
START = 1735660800000  # 2025-01-01T00:00+08:00
DAYS = 90
INSTANTS = [START + d * 24 * HOUR - 1 for d in (10, 31, 45, 59, 90)]
CRITERIA = {"p": "FCIL", "q": "ABC", "gone": "XY"}


def ranked(rng, panel, number, expert, criterion):
    return {"type": "expert_ranked", "panel_id": panel, "round": number, "expert_id": expert, "criterion": criterion, "rank_x2": rng.choice((2, 3, 4, 6, 8))}


def rows(rng):
    """An expert ranks in a round: mostly all criteria, mostly within the hour, later rounds mostly more alike."""
    panel, number, expert = rng.choice("ppqq") if rng.random() < 0.95 else "gone", rng.choice((1, 1, 1, 2, 2, 2, 3, 3, 4, 5)), "x" + str(rng.randrange(4))
    t = START + (rng.randrange(20 * 24) + number * 15 * 24) * HOUR
    order = list(CRITERIA[panel])
    if rng.random() < 0.4:
        rng.shuffle(order)
    for place, criterion in enumerate(order):
        if rng.random() < 0.95:
            event = ranked(rng, panel, number, expert, criterion)
            if rng.random() < 0.8:
                event["rank_x2"] = 2 * (place + 1)
            yield dict(event, occurred_at_ms=t + rng.randrange(3) * 1000)


def grade(rng):
    return {"type": "expert_graded", "panel_id": rng.choice("pq"), "round": rng.randrange(1, 4), "expert_id": "x" + str(rng.randrange(5)),
            "criterion": rng.choice("CI"), "grade": rng.choice(("excellent", "good", "fair", "poor")),
            "occurred_at_ms": START + rng.randrange(DAYS * 24) * HOUR}


def history(seed):
    rng = random.Random(seed)
    events = []
    for _ in range(40):
        events += rows(rng)
    events += [grade(rng) for _ in range(60)]
    n = len(events)
    events += [{"type": "event_retracted", "target_event_id": f"e{rng.randrange(n)}", "occurred_at_ms": START + rng.randrange(DAYS * 24) * HOUR} for _ in range(n // 15)]
    events.append({"type": "entity_deleted", "entity_kind": "panel", "entity_id": "gone", "occurred_at_ms": START + 60 * 24 * HOUR})
    events.append({"type": "login", "user_id": "ann", "occurred_at_ms": START + DAYS * 24 * HOUR})
    for i, event in enumerate(events):
        event.update(event_id=f"e{i}", org_id="acme")
    return sorted(events, key=lambda e: (e["occurred_at_ms"], e["event_id"]))


def replay(events, config, folder):
    return oracle_rows.replay(events, config, folder, KPIS, INSTANTS)


def compare(name, path, text, folder, method):
    oracle_rows.compare(name, path, text, folder, 100, switches=[f"expert_method={method}"])
    valued = sum(1 for line in text.splitlines() if json.loads(line)["value"])
    check(f"{name}: {valued} rows have a value", valued > 50)


def figures(text):
    """A subject is listed from the first it was seen at, if only with what was withdrawn since: rows that say something."""
    found = [json.loads(line) for line in text.splitlines()]
    return [row for row in found if row["value"] or row.get("denominator")]


def main():
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for seed in range(1, 9):
            method = "roc" if seed % 2 else "rank_sum"
            config = folder / "config.yaml"
            config.write_text(CONFIG.replace("METHOD", method), encoding="utf-8")
            events = history(seed)
            path, text = replay(events, config, folder)
            compare(f"seed {seed}", path, text, folder, method)
            rng = random.Random(seed)
            events += rng.sample(events, 20)
            rng.shuffle(events)
            check_equal(f"seed {seed}: shuffled, the same figures", figures(replay(events, config, folder)[1]) == figures(text), True)
    finish()


main()
