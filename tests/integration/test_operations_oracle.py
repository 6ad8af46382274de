#!/usr/bin/env python3
"""Use, data quality, processes, platform and learning: random histories through `crmpulse replay`, every row against the independent oracle; then the
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
switches: {churn_after_days: 0, SWITCHES}
time: {retention: 2000d, lateness: 2000d}
"""
KPIS = ("record_completeness data_accuracy duplicate_rate data_update_rate input_conformance process_efficiency process_consistency rework_rate"
        " quality_index integration_stability uptime sync_consistency security_incidents incident_handling_time training_coverage training_continuity"
        " training_effect community_activity ecosystem_size area_score followup_record_rate login_usage_rate usage_depth access_frequency").split()
DAY = 86400000
HOUR = 3600000
START = 1735660800000  # 2025-01-01T00:00+08:00
DAYS = 300
INSTANTS = [START + d * DAY - 1 for d in (31, 90, 151, 212, 300)]
PEOPLE = ("ann", "bo", "cy")


def maybe(rng, **fields):
    return {k: v for k, v in fields.items() if rng.random() < 0.5}


def after(rng, t, days=20):
    return t + rng.randrange(days * 24) * HOUR


def record(rng, _):
    n = rng.randrange(30)  # of one kind for good: at a past instant a rolling distinct count knows the kind of then
    state = {"record_id": f"R{n}", "kind": ("customer", "deal")[n % 2], "filled": rng.randrange(9), "required": 9}
    return rng.choice((
        lambda: {"type": rng.choice(("record_created", "record_updated")), **state, **maybe(rng, conformant=rng.randrange(4), checked=4, owner_id=rng.choice(PEOPLE))},
        lambda: {"type": "record_validated", "record_id": state["record_id"], "accurate": rng.random() < .7, **maybe(rng, duplicate_of="R0", owner_id="ann")},
        lambda: {"type": "owner_changed", "entity_kind": "record", "entity_id": state["record_id"], "to_owner": rng.choice(PEOPLE)},
    ))()


def platform(rng, t):
    component, incident = rng.choice(("web", "mail")), rng.randrange(25)  # of one severity for good: a subject once seen stays listed
    return rng.choice((
        lambda: {"type": "sync_run", "run_id": f"s{rng.randrange(80)}", "integration_id": rng.choice(("erp", "shop")), "ok": rng.random() < .8,
                 **maybe(rng, records=rng.randrange(50, 90), mismatches=rng.randrange(9))},
        lambda: {"type": "outage", "outage_id": f"o{rng.randrange(30)}", "component": component, "started_at_ms": t - rng.randrange(40) * HOUR,
                 **maybe(rng, ended_at_ms=t)},
        lambda: {"type": "security_incident", "incident_id": f"i{incident}", "severity": incident % 3,
                 **maybe(rng, detected_at_ms=t - rng.randrange(9) * HOUR, resolved_at_ms=t)},
        lambda: {"type": "process_finished", "run_id": f"p{rng.randrange(80)}", "process": rng.choice(("quote", "ship")), "started_at_ms": t - rng.randrange(90) * HOUR,
                 "conformant": rng.randrange(2), **maybe(rng, std_ms=rng.randrange(1, 9) * HOUR, rework=rng.randrange(3), owner_id=rng.choice(PEOPLE))},
    ))()


def learning(rng, t):
    user, course = rng.choice(PEOPLE), rng.choice(("crm", "gdpr"))
    return rng.choice((
        lambda: {"type": "training_required", "user_id": user, "course_id": course},
        lambda: {"type": "training_completed", "user_id": user, "course_id": course,
                 **maybe(rng, pre_milli=rng.randrange(90000), post_milli=rng.randrange(90000), passed=True)},
        lambda: {"type": "community_activity", "user_id": user, "kind": rng.choice(("post", "answer", "solution", "extension"))},
        lambda: {"type": "review_scored", "area": rng.choice(("audit", "design")), "reviewer_id": rng.choice("pqrs"), "score_milli": rng.randrange(100000),
                 **maybe(rng, cycle=rng.choice(("2025-03", "2025-05")))},
        lambda: {"type": rng.choice(("user_enabled", "user_disabled")), "user_id": user},
        lambda: {"type": "user_enabled", "user_id": user, "team_id": rng.choice(("east", "west"))},
    ))()


def selling(rng, t):
    kind, n = rng.choice(("lead", "deal")), rng.randrange(25)
    target = f"{kind[0].upper()}{n}"
    money = {"amount_micros": 1000000, "currency": "CNY"}
    return rng.choice((
        lambda: {"type": "lead_created", "lead_id": f"L{n}", "owner_id": rng.choice(PEOPLE)},
        lambda: {"type": "lead_disqualified", "lead_id": f"L{n}", "reason": "budget"},
        lambda: {"type": "deal_opened", "deal_id": f"D{n}", "owner_id": rng.choice(PEOPLE), "stage": "open", **money},
        lambda: {"type": "deal_closed", "deal_id": f"D{n}", "outcome": "lost", **money},
        lambda: {"type": "deal_reopened", "deal_id": f"D{n}"},
        lambda: {"type": "owner_changed", "entity_kind": kind, "entity_id": target, "to_owner": rng.choice(PEOPLE)},
        lambda: {"type": "follow_up_logged", "followup_id": f"f{kind}{n}{rng.randrange(9)}", "target_kind": kind, "target_id": target,
                 **rng.choice(({}, {}, {"next_at_ms": after(rng, t)}, {"due_at_ms": after(rng, t - 3 * DAY, 6)}))},
    ))()


def using(rng, _):
    user = rng.choice(PEOPLE)
    return rng.choice(({"type": "login", "user_id": user}, {"type": "feature_used", "user_id": user, "feature": rng.choice(("mail", "report"))}))


def history(seed, n=700):
    rng = random.Random(seed)
    events = [{"type": "user_enabled", "user_id": user, "team_id": "east", "occurred_at_ms": START + i} for i, user in enumerate(PEOPLE[:2])]
    for _ in range(n):
        t = START + rng.randrange(DAYS * 24) * HOUR + rng.randrange(3) * 1000
        event = rng.choice((record, platform, learning, selling, selling, using))(rng, t)
        event.setdefault("occurred_at_ms", t)
        events.append(event)
    for _ in range(n // 20):  # at the start: as-of measures at a past instant know what was retracted by then
        events.append({"type": "event_retracted", "target_event_id": f"e{rng.randrange(n)}", "occurred_at_ms": START})
    for i, event in enumerate(events):
        event.update(event_id=f"e{i}", org_id="acme")
    return sorted(events, key=lambda e: (e["occurred_at_ms"], e["event_id"]))


def replay(events, config, folder):
    return oracle_rows.replay(events, config, folder, KPIS, INSTANTS)


def compare(name, path, rows, folder, switches):
    oracle_rows.compare(name, path, rows, folder, 500, "--currency", "CNY", switches=["churn_after_days=0", *switches])


def by_subject(rows):
    result = {}
    for line in rows.splitlines():
        row = json.loads(line)
        result.setdefault((row["dim"], row["subject"], row["at_ms"]), []).append(row)
    return result


def say_nothing(rows):
    return all(not row["value"] and (not row.get("numerator") or row["kpi"] == "uptime") for row in rows)


def same_rows(one, other):
    """A subject is listed from the first it was seen at: one that only an event since withdrawn named may be missing where it came after the withdrawal."""
    one, other = by_subject(one), by_subject(other)
    return [key for key in one.keys() | other.keys()
            if (one[key] != other[key] if key in one and key in other else not say_nothing(one.get(key) or other[key]))]


def main():
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for seed, switches in ((1, []), (2, []), (3, ["followup_days=14"]), (4, [])):
            config = folder / "config.yaml"
            config.write_text(CONFIG.replace("SWITCHES", ", ".join(s.replace("=", ": ") for s in switches)), encoding="utf-8")
            events = history(seed)
            path, rows = replay(events, config, folder)
            compare(f"seed {seed}", path, rows, folder, switches)
            random.Random(seed).shuffle(events)
            check_equal(f"seed {seed}: shuffled, the same rows", same_rows(replay(events, config, folder)[1], rows), [])
    finish()


main()
