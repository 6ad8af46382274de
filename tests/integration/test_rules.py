#!/usr/bin/env python3
"""Alert rules: the file of section 5 of the domain specification, and every kind of condition in a replay.

Each case states its events, the rule, and the transitions with the ticks they must come at, worked out by hand in the comment above it. An event at t is
judged at the first full minute after t; a window or deadline that passes at t is judged at the first full minute after t too.
"""
import json
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lib import BIN, REPO, check, check_equal, finish  # noqa: E402

# Section 5, row by row.
IDS = """complaints_rise complaint_rate_high complaints_unsolved retention_drop churn_risk_spike csat_low sub_satisfaction_low nps_drop quota_behind
quota_milestone sales_down win_rate_drop loss_reason_surge cycle_longer coverage_thin forecast_short conversion_low campaign_weak cac_high cost_over_plan
tco_incomplete reserve_missing roi_below_plan response_slow resolution_slow reopen_high sla_missed backlog_grows usage_slack user_silent feature_decline
licences_idle training_gap followup_gap data_quality_decline integration_unstable uptime_low security_incident purchase_due purchase_overdue
score_drop""".split()
# Those whose KPI is not in the catalogue yet: none.
WAITING = set()


def ms(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def text(unix_ms):
    return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=unix_ms)).strftime("%Y-%m-%dT%H:%MZ")


def days(first, n, hour=12):
    start = datetime.fromisoformat(first + f"T{hour:02}:00+00:00")
    return [(start + timedelta(days=i)).isoformat() for i in range(n)]


class Stream:
    """Events of org acme with ids by position."""

    def __init__(self):
        self.events = []

    def add(self, when, event_type, **fields):
        event = {"event_id": f"e{len(self.events) + 1}", "type": event_type, "org_id": "acme", "occurred_at_ms": ms(when)}
        self.events.append({**event, **fields})
        return self

    def write(self, path):
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(e) + "\n" for e in self.events)


def replay(events, config, *options):
    with tempfile.TemporaryDirectory() as folder:
        base = {"orgs": {"acme": {"zone": "UTC", "currency": "CNY", "cycle": "month"}}, **config}
        Path(folder, "c.yaml").write_text(json.dumps(base), encoding="utf-8")
        if isinstance(events, Stream):
            events.write(folder + "/e.ndjson")
            events = folder + "/e.ndjson"
        done = subprocess.run([BIN, "replay", str(events), "--config", folder + "/c.yaml", "--quiet", "--alerts", *options],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            check("replay runs", False, done.stderr[-800:])
        return [json.loads(line) for line in done.stdout.splitlines()]


def shape(alert):
    return (alert["dim"] + ":" + alert["subject"], alert["from"] + ">" + alert["to"], alert["level"], text(alert["tick_ms"]))


def case(name, stream, rule, expected, **config):
    alerts = replay(stream, {**config, "rules": {"r": rule}})
    check_equal(name, [shape(a) for a in alerts], expected)
    return alerts


def deal(stream, n, when, outcome="won", **fields):
    stream.add(when, "deal_closed", deal_id=f"D{n}", outcome=outcome, amount_micros=1_000_000, currency="CNY", **fields)


def test_file():
    config = (REPO / "config/examples/rules.yaml").read_text(encoding="utf-8")
    config += (REPO / "config/examples/scorecards.yaml").read_text(encoding="utf-8")
    here = {line.split(":")[0].strip() for line in config.splitlines() if line.startswith("  ") and line[2] not in " #"}
    check_equal("every rule of section 5 is in the file", sorted(set(IDS) - WAITING - here), [])
    check_equal("none of those waited for is there", sorted(here & WAITING), [])
    done = subprocess.run([BIN, "check", str(REPO / "config/examples/rules.yaml")], capture_output=True, text=True, check=False)
    check("it loads clean", done.returncode == 0 and done.stderr == "", done.stderr)


def test_mean_of_four():
    # One complaint a day at 12:00 from 1 January to 4 February: 7 in each of the five weeks that end on 4 February. Five more from 13:00 on: after the
    # fourth 11 >= 1.5 x 7 but only +4; the fifth (13:04) makes 12 and +5. From 5 February on one leaves a day: 11, 10, 9 and on 8 February at 12:00
    # 8 <= 1.2 x 7 = 8.4; the four weeks before hold 7 each all the time.
    s = Stream()
    for i, when in enumerate(days("2025-01-01", 35)):
        s.add(when, "complaint_filed", complaint_id=f"P{i}", customer_id="k1")
    for i in range(5):
        s.add(f"2025-02-04T13:0{i}Z", "complaint_filed", complaint_id=f"Q{i}", customer_id="k1")
    s.add("2025-03-01T00:00Z", "login", user_id="ann")
    case("mean of four weeks: ratio and difference", s,
         {"kpi": "complaint_count", "window": "7d", "fire": "value >= 1.5 * mean4 and value - mean4 >= 5", "clear": "value <= 1.2 * mean4"},
         [("org:acme", "ok>firing", "warning", "2025-02-04T13:05Z"), ("org:acme", "firing>ok", "warning", "2025-02-08T12:01Z")])


def test_previous_window():
    # Complete months: January 8 of 10 won, February 7 of 10 (-0.10: fires when February ends), March 8 of 10 (+0.10: clears when March ends).
    # April 4 of 10: below 0.5 and -0.40: fires again. December, before the first event, compares with nothing.
    s = Stream()
    n = 0
    for month, won in ((1, 8), (2, 7), (3, 8), (4, 4)):
        for i in range(10):
            n += 1
            deal(s, n, f"2025-{month:02}-{i + 5:02}T09:00Z", "won" if i < won else "lost")
    s.add("2025-05-02T00:00Z", "login", user_id="ann")
    rule = {"kpi": "win_rate", "window": "m", "min_samples": 5, "fire": "value - prev <= -0.05 or value < 0.5",
            "clear": "value - prev > -0.01 and value >= 0.6", "level": "critical"}
    case("difference from the month before, at the end of months", s, rule,
         [("org:acme", "ok>firing", "critical", "2025-03-01T00:00Z"), ("org:acme", "firing>ok", "critical", "2025-04-01T00:00Z"),
          ("org:acme", "ok>firing", "critical", "2025-05-01T00:00Z")])
    # The same events in reverse order of arrival end in the same state.
    late = Stream()
    late.events = list(reversed(s.events))
    alerts = replay(late, {"rules": {"r": rule}})
    check_equal("reverse order ends in the same state", alerts[-1]["to"], "firing")
    # Windows of 3 days, ratio: 10 complaints on 2 January at 10:00, 14 on 5 January from 12:00 on. At 12:12 the window holds 13 > 1.25 x 10 (the one before
    # it, 30 December 13:00 to 2 January 13:00, holds the 10). From 5 January 13:00 on the one before holds none. On 8 January at 12:00 the window is empty
    # and the one before holds the 14: 0 < 1.1 x 14.
    s = Stream()
    for i in range(10):
        s.add(f"2025-01-02T10:{i:02}Z", "complaint_filed", complaint_id=f"P{i}", customer_id="k1")
    for i in range(14):
        s.add(f"2025-01-05T12:{i:02}Z", "complaint_filed", complaint_id=f"Q{i}", customer_id="k1")
    s.add("2025-02-01T00:00Z", "login", user_id="ann")
    case("ratio to the rolling window before", s,
         {"kpi": "complaint_count", "window": "3d", "fire": "value > 1.25 * prev and prev >= 5", "clear": "value < 1.10 * prev"},
         [("org:acme", "ok>firing", "warning", "2025-01-05T12:13Z"), ("org:acme", "firing>ok", "warning", "2025-01-08T12:01Z")])


def test_other_window():
    # 8 wins on 5 January; on 20 March one win and one loss: 30 days 1/2, 90 days 9/10, 0.5 < 0.8 x 0.9. Each further win k on 21 March: (1 + k)/(2 + k)
    # against 0.9 x (9 + k)/(10 + k): 4 gives .8333 < .8357, 5 gives .8571 >= .84. The 5th is at 09:04.
    s = Stream()
    for i in range(8):
        deal(s, i, "2025-01-05T09:00Z")
    deal(s, 20, "2025-03-20T09:00Z")
    deal(s, 21, "2025-03-20T10:00Z", "lost")
    for i in range(6):
        deal(s, 30 + i, f"2025-03-21T09:0{i}Z")
    case("30 days against 90 days", s,
         {"kpi": "win_rate", "window": "30d", "with": {"quarter": {"window": "90d"}}, "min_samples": 2, "fire": "value < 0.8 * quarter",
          "clear": "value >= 0.9 * quarter"},
         [("org:acme", "ok>firing", "warning", "2025-03-20T10:01Z"), ("org:acme", "firing>ok", "warning", "2025-03-21T09:05Z")])


def test_other_kpi():
    # Sales against a goal that is another KPI: target 10 for March. 0/10 from the first tick on, an hour later it fires; 6/10 is still below 0.8; 9/10 >= 0.85
    # with the third further sale at 09:02, and an hour after the tick that saw it, it clears.
    s = Stream()
    s.add("2025-03-01T00:00Z", "target_set", target_id="t", kpi_id="sales_amount", subject="org:acme", cycle="2025-03", value=10_000_000)
    for i in range(6):
        deal(s, i, "2025-03-02T09:00Z")
    for i in range(3):
        deal(s, 10 + i, f"2025-03-03T09:0{i}Z")
    s.add("2025-03-04T00:00Z", "login", user_id="ann")
    case("value against a goal", s,
         {"kpi": "sales_amount", "window": "m", "judge": "running", "with": {"goal": {"kpi": "sales_quota"}}, "fire": "value / goal < 0.8",
          "clear": "value / goal >= 0.85", "for": "1h"},
         [("org:acme", "pending>firing", "warning", "2025-03-01T01:01Z"), ("org:acme", "recovering>ok", "warning", "2025-03-03T10:03Z")])


def test_after():
    # 20 % of March (744 h) have passed on 7 March at 04:48; nothing is sold. It clears when a sale brings the pace above: 100 % of the target.
    s = Stream()
    s.add("2025-03-01T00:00Z", "target_set", target_id="t", kpi_id="sales_amount", subject="org:acme", cycle="2025-03", value=1_000_000)
    s.add("2025-03-20T00:00Z", "login", user_id="ann")
    deal(s, 1, "2025-03-21T09:00Z")
    case("after 20 % of the cycle", s, {"kpi": "quota_pace", "window": "td", "after": "20%", "fire": "< 0.85", "clear": ">= 0.92"},
         [("org:acme", "ok>firing", "warning", "2025-03-07T04:49Z"), ("org:acme", "firing>ok", "warning", "2025-03-21T09:01Z")])
    # The campaign's first lead comes at 12:30, its pane starts at 12:00: judged from 72 h after that.
    s = Stream()
    s.add("2025-03-01T12:30Z", "lead_created", lead_id="L1", owner_id="ann", campaign_id="C1")
    s.add("2025-03-10T00:00Z", "login", user_id="ann")
    case("72 h after the first sample", s,
         {"kpi": "conversion_rate", "window": "30d", "after": "72h", "dims": ["campaign"], "fire": "< 0.10", "clear": ">= 0.12"},
         [("campaign:C1", "ok>firing", "warning", "2025-03-04T12:01Z")])


def test_levels():
    # Complaints of one day: 2 fire, 4 are critical, 6 page; the 7th is no news. At midnight the count is 0.
    s = Stream()
    for i in range(7):
        s.add(f"2025-03-01T10:0{i}Z", "complaint_filed", complaint_id=f"P{i}", customer_id="k1")
    s.add("2025-03-03T00:00Z", "login", user_id="ann")
    alerts = case("warning, critical, page", s,
                  {"kpi": "complaint_count", "window": "d", "fire": "> 1", "clear": "< 1", "critical": "> 3", "page": "> 5"},
                  [("org:acme", "ok>firing", "warning", "2025-03-01T10:02Z"), ("org:acme", "firing>firing", "critical", "2025-03-01T10:04Z"),
                   ("org:acme", "firing>firing", "critical", "2025-03-01T10:06Z"), ("org:acme", "firing>ok", "critical", "2025-03-02T00:01Z")])
    check_equal("each transition names its condition", [a["condition"] for a in alerts], ["> 1", "> 3", "> 5", "< 1"])
    check("T34: a replay of the past is historical and pages nobody", all(a["historical"] and not a["page"] for a in alerts))


def test_milestones():
    # Section 7.4: 0.5 by ann on 10, bo on 12, cy on 20 March, each at the sale; none reaches 0.9. The amendment of bo's deal and ann's refund take nothing
    # back. East 116/180 = 0.644 with bo's sale, west 50/60 = 0.833 with cy's, the org 166/240 = 0.69 with cy's.
    config = {"orgs": {"acme": {"zone": "Asia/Shanghai", "currency": "CNY", "cycle": "month"}},
              "rules": {"quota_milestone": {"kpi": "quota_attainment", "window": "td", "dims": ["org", "team", "rep"],
                                            "milestones": [0.5, 0.9, 1.0], "level": "info"}}}
    alerts = replay(REPO / "tests/golden/stream.ndjson", config)
    e13, e15, e22 = (ms(t) for t in ("2025-03-10T01:00Z", "2025-03-12T02:00Z", "2025-03-20T03:00Z"))
    check_equal("quota milestones of the worked stream",
                sorted((a["occurred_at_ms"], a["dim"] + ":" + a["subject"], a["threshold"]) for a in alerts),
                sorted([(e13, "rep:ann", 0.5), (e15, "rep:bo", 0.5), (e15, "team:east", 0.5), (e22, "rep:cy", 0.5), (e22, "team:west", 0.5),
                        (e22, "org:acme", 0.5)]))
    # One sale passes 0.5 and 0.9 at once; a refund and a second sale repeat nothing; in April it starts anew.
    s = Stream()
    s.add("2025-03-01T00:00Z", "target_set", target_id="t", kpi_id="sales_amount", subject="org:acme", cycle="2025-03", value=10_000_000)
    s.add("2025-03-01T00:00Z", "target_set", target_id="u", kpi_id="sales_amount", subject="org:acme", cycle="2025-04", value=1_000_000)
    s.add("2025-03-02T09:00Z", "deal_closed", deal_id="D1", outcome="won", amount_micros=9_500_000, currency="CNY")
    s.add("2025-03-03T09:00Z", "order_refunded", refund_id="F1", deal_id="D1", amount_micros=6_000_000, currency="CNY")
    s.add("2025-03-04T09:00Z", "deal_closed", deal_id="D2", outcome="won", amount_micros=5_000_000, currency="CNY")
    s.add("2025-04-04T09:00Z", "deal_closed", deal_id="D3", outcome="won", amount_micros=600_000, currency="CNY")
    alerts = case("once per cycle", s, {"kpi": "quota_attainment", "window": "td", "milestones": [0.5, 0.9, 1.0], "level": "info"},
                  [("org:acme", "ok>firing", "info", "2025-03-02T09:01Z"), ("org:acme", "firing>firing", "info", "2025-03-02T09:01Z"),
                   ("org:acme", "ok>firing", "info", "2025-04-04T09:01Z")])
    check_equal("their ids differ", len({a["id"] for a in alerts}), 3)


def test_lag_and_mature():
    # 10 complaints on 1 March 12:00, 7 of them solved on the 3rd: judged when they are 7 days old, on 8 March 12:00: 0.7. The 8th solution on the 10th
    # gives 0.8 (neither), the 9th at 01:00 0.9.
    s = Stream()
    for i in range(10):
        s.add("2025-03-01T12:00Z", "complaint_filed", complaint_id=f"P{i}", customer_id="k1")
    for i in range(7):
        s.add("2025-03-03T12:00Z", "complaint_resolved", complaint_id=f"P{i}")
    s.add("2025-03-10T00:00Z", "complaint_resolved", complaint_id="P7")
    s.add("2025-03-10T01:00Z", "complaint_resolved", complaint_id="P8")
    s.add("2025-03-12T01:00Z", "login", user_id="ann")
    case("cases older than seven days", s,
         {"kpi": "complaint_resolution_rate", "window": "30d", "lag": "7d", "min_samples": 10, "fire": "< 0.80", "clear": ">= 0.85"},
         [("org:acme", "ok>firing", "warning", "2025-03-08T12:01Z"), ("org:acme", "firing>ok", "warning", "2025-03-10T01:01Z")])
    # T33 and maturity: two leads of January, none converted; judged 30 days after 1 February: 3 March. One converts on the 5th: 1/2, and the month is
    # looked at again. A low month is not judged while it runs: February's lead is never judged here (its month matures on 31 March).
    s = Stream()
    for i in range(2):
        s.add("2025-01-05T12:00Z", "lead_created", lead_id=f"L{i}", owner_id="ann")
    s.add("2025-02-05T12:00Z", "lead_created", lead_id="L9", owner_id="ann")
    s.add("2025-03-05T12:00Z", "lead_converted", lead_id="L0", customer_id="k1")
    s.add("2025-03-20T00:00Z", "login", user_id="ann")
    case("T33: complete and mature months only", s,
         {"kpi": "conversion_rate", "window": "m", "mature": "30d", "min_samples": 2, "fire": "< 0.10", "clear": ">= 0.12"},
         [("org:acme", "ok>firing", "warning", "2025-03-03T00:00Z"), ("org:acme", "firing>ok", "warning", "2025-03-05T12:01Z")])


def test_siblings():
    # T8: two channels breach the same rule, the second later; each clears by itself.
    s = Stream()
    for i, (channel, when) in enumerate((("web", "2025-03-01T10:00Z"), ("phone", "2025-03-01T11:00Z"))):
        for k in range(2):
            s.add(when, "complaint_filed", complaint_id=f"P{i}{k}", customer_id="k1", channel=channel)
    s.add("2025-03-05T00:00Z", "login", user_id="ann")
    case("T8: an alert for each subject", s, {"kpi": "complaint_count", "window": "24h", "dims": ["channel"], "fire": "> 1", "clear": "< 1"},
         [("channel:web", "ok>firing", "warning", "2025-03-01T10:01Z"), ("channel:phone", "ok>firing", "warning", "2025-03-01T11:01Z"),
          ("channel:web", "firing>ok", "warning", "2025-03-02T10:01Z"), ("channel:phone", "firing>ok", "warning", "2025-03-02T11:01Z")])
    # T20: the same events twice, and everything once more: nothing is repeated.
    twice = Stream()
    twice.events = [e for e in s.events for _ in range(2)] + s.events
    once, again = (replay(x, {"rules": {"r": {"kpi": "complaint_count", "window": "24h", "dims": ["channel"], "fire": "> 1", "clear": "< 1"}}})
                   for x in (s, twice))
    check_equal("T20: duplicates repeat no alert", [a["id"] for a in again], [a["id"] for a in once])


def test_small_samples():
    # T32: 0.79 of 29 answers is silent for want of answers; with 30 and more: .79 fires once, .81 and .84 do nothing, .85 clears.
    s = Stream()
    for i in range(29):
        s.add(f"2025-03-01T10:{i:02}Z", "survey_answered", response_id=f"A{i}", kind="csat", score_milli=5000 if i < 22 else 1000,
              scale_min=1, scale_max=5)
    alerts = replay(s, {"rules": {"r": {"kpi": "csat", "window": "30d", "fire": "< 0.80", "clear": ">= 0.85", "min_samples": 30}}})
    check_equal("T32: silent with too few samples", alerts, [])
    for i in range(29, 60):
        s.add(f"2025-03-01T11:{i:02}Z", "survey_answered", response_id=f"A{i}", kind="csat", score_milli=5000, scale_min=1, scale_max=5)
    # 22/29, 23/30 = .767 fires at 11:29; (i - 6)/(i + 1) >= .85 first for i = 46: 40/47 = .851 (39/46 = .848).
    case("T32: one fire and one clear", s, {"kpi": "csat", "window": "30d", "fire": "< 0.80", "clear": ">= 0.85", "min_samples": 30},
         [("org:acme", "ok>firing", "warning", "2025-03-01T11:30Z"), ("org:acme", "firing>ok", "warning", "2025-03-01T11:47Z")])


def test_evidence():
    # Section 7.5, and the same with the stream in reverse order of arrival; with e20's fact retracted its id goes, and a deal is cited by its close.
    rule = {"kpi": "csat", "window": "30d", "fire": "< 0.80", "clear": ">= 0.85", "critical": "< 0.70", "min_samples": 5}
    config = {"orgs": {"acme": {"zone": "Asia/Shanghai", "currency": "CNY", "cycle": "month"}}, "rules": {"csat_low": rule}}
    six = ["e12", "e16", "e20", "e24", "e26", "e30"]
    stream = REPO / "tests/golden/stream.ndjson"
    check_equal("evidence of the worked stream", [a["evidence"] for a in replay(stream, config)], [six])
    back = Stream()
    back.events = [json.loads(line) for line in reversed(stream.read_text(encoding="utf-8").splitlines())]
    check_equal("in reverse order of arrival", [a["evidence"] for a in replay(back, config)], [six])
    back.add("2025-03-26T12:00Z", "event_retracted", target_event_id="e20")
    back.add("2025-03-28T12:00Z", "survey_answered", response_id="n1", kind="csat", score_milli=1000, scale_min=1, scale_max=5, about_user_id="cy")
    # Without e20: 4 of 5 at e30 (0.80, silent); one more bad answer: 4 of 6.
    last = back.events[-1]["event_id"]
    check_equal("a retracted answer is no evidence", [a["evidence"] for a in replay(back, config)], [["e12", "e16", "e24", "e26", "e30", last]])
    s = Stream()
    s.add("2025-03-01T10:00Z", "deal_opened", deal_id="D1", owner_id="ann", amount_micros=5, currency="CNY", stage="open")
    deal(s, 1, "2025-03-02T10:00Z", "lost")
    deal(s, 2, "2025-03-02T11:00Z", "lost")
    alerts = replay(s, {"rules": {"r": {"kpi": "win_rate", "window": "30d", "fire": "< 0.5", "min_samples": 2}}})
    check_equal("a lost deal is cited by its close", [a["evidence"] for a in alerts], [["e2", "e3"]])


for test in [f for name, f in sorted(globals().items()) if name.startswith("test_")]:
    test()
finish()
