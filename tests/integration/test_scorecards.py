#!/usr/bin/env python3
"""Scorecards out of a replay: versions by the org's calendar, review, rewards and bands with pay, the pyramid, the shipped role cards, and score_drop."""
import json
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lib import BIN, REPO, check, check_equal, finish  # noqa: E402

CARDS = REPO / "config/examples/scorecards.yaml"


def deals(month, won, lost):
    return [{"event_id": f"{month}-{i}", "type": "deal_closed", "org_id": "acme", "occurred_at_ms": ms(f"2025-{month:02}-{i + 3:02}T09:00Z"),
             "deal_id": f"D{month}-{i}", "outcome": "won" if i < won else "lost", "amount_micros": 1_000_000, "currency": "CNY"}
            for i in range(won + lost)]


def ms(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def run(events, config, *options):
    with tempfile.TemporaryDirectory() as folder:
        base = {"orgs": {"acme": {"zone": "Asia/Shanghai", "currency": "CNY", "cycle": "month"}}, **config}
        Path(folder, "c.yaml").write_text(json.dumps(base), encoding="utf-8")
        Path(folder, "e.ndjson").write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
        done = subprocess.run([BIN, "replay", folder + "/e.ndjson", "--config", folder + "/c.yaml", "--quiet", *options],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            check("replay runs", False, done.stderr[-800:])
        return [json.loads(line) for line in done.stdout.splitlines()]


def refused(name, card, part):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "c.yaml").write_text(json.dumps({"scorecards": {"bad": card}}), encoding="utf-8")
        done = subprocess.run([BIN, "check", folder + "/c.yaml"], capture_output=True, text=True, check=False)
        check(name, done.returncode == 78 and part in done.stderr, done.stderr)


def card(weights=((10000, "win_rate", 0, 1),), **more):
    kpis = {kpi: {"weight": w, "window": "m", "curve": "linear", "floor": floor, "goal": goal} for w, kpi, floor, goal in weights}
    return {"version": "1", "dim": "org", "checks": False, "perspectives": {"all": {"weight": 10000, "kpis": kpis}}, **more}


# Versions: from 1 March in the org's zone, which is 28 February 16:00 UTC. February is scored under the first (floor 0: 0.5 -> 50), March under the second
# (floor 0.25, goal 0.75: 0.5 -> 50; 0.7 -> 90), April too, whatever comes on 2 April.
second = card(((10000, "win_rate", 0.25, 0.75),))["perspectives"]
versions = {**card(), "versions": [{"version": "1", "effective_from": "2024-08-01"}, {"version": "2", "effective_from": "2025-03-01", "perspectives": second},
                                   {"version": "3", "effective_from": "2025-04-02"}]}
events = deals(2, 5, 5) + deals(3, 7, 3) + deals(4, 5, 5)
rows = {t: run(events, {"scorecards": {"c": versions}}, "--scorecards", "--at", t)[0] for t in ("2025-02-28T15:59Z", "2025-03-31T15:59Z", "2025-04-30T15:59Z")}
check_equal("a cycle uses the version valid at its start", [(r["version"], round(r["score"], 9)) for r in rows.values()],
            [("1", 50.0), ("2", 90.0), ("2", 50.0)])
check_equal("review after 183 days: 1 August to 28 February are 211, 1 March to 30 April 60", [r["review_due"] for r in rows.values()], [True, False, False])

# Bands with pay; a reward of 2 points lifts 69 to 71 and so from D to C; a penalty takes it down again.
pay = {"A": {"from": 95, "pay": 1.2}, "B": {"from": 85, "pay": 1.0}, "C": {"from": 70, "pay": 0.8}, "D": {"from": 60, "pay": 0.5}, "E": {"from": 0, "pay": 0}}
base = card(((10000, "win_rate", 0, 1),), bands=pay, also={"deals_won": {"window": "m", "curve": "ratio", "goal": 9}})
events = deals(2, 9, 4)  # 9/13 = 0.6923
plain = run(events, {"scorecards": {"c": base}}, "--scorecards")[0]
reward = run(events, {"scorecards": {"c": {**base, "rewards": [{"name": "many", "when": "deals_won >= goal.deals_won", "points": 2}]}}}, "--scorecards")[0]
both = run(events, {"scorecards": {"c": {**base, "rewards": [{"name": "many", "when": "deals_won >= goal.deals_won", "points": 2},
                                                           {"name": "late", "when": "win_rate < 0.7", "bands": -1}]}}}, "--scorecards")[0]
check_equal("bands and pay", [(r["band"], r["pay_factor"], r["points"]) for r in (plain, reward, both)], [("D", 0.5, 0), ("C", 0.8, 2), ("D", 0.5, 2)])
check_equal("the rewards that apply are named", both["rewards"], ["many", "late"])
check("points are part of the score", abs(reward["score"] - 900 / 13 - 2) < 1e-9, reward["score"])

# The pyramid: one KPI at each foot, all win_rate with other curves: 0.6923 -> quality 69.23, delivery 0 (floor 0.7), cycle_time 100, waste missing.
# satisfaction 34.6154, flexibility 50, productivity 100; market 42.3077, financial 75; vision 58.6538.
foot = {node: {"kpis": {kpi: {"weight": 10000, "window": "m", "curve": "linear", "floor": floor, "goal": goal}}}
        for node, kpi, floor, goal in (("quality", "win_rate", 0, 1), ("delivery", "win_rate", 0.7, 1), ("cycle_time", "win_rate", 0.5, 0.6), ("waste", "csat", 0, 1))}
top = run(events, {"scorecards": {"p": {"version": "1", "dim": "org", "checks": False, "pyramid": foot}}}, "--scorecards")[0]
vision = (((900 / 13 + 0) / 2 + 50) / 2 + (50 + 100) / 2) / 2
check("the pyramid's score is that of its top", abs(top["score"] - vision) < 1e-9, (top["score"], vision))
check_equal("its nodes are told", [p["name"] for p in top["perspectives"]][4:], ["productivity", "flexibility", "satisfaction", "financial", "market", "vision"])
check("coverage by the weights of the foot", abs(top["coverage"] - 0.875) < 1e-12, top["coverage"])

# Presets: cac x 2 among 3000/2500/4500: 6000 + 2500 + 4500 = 13000 -> 4615.38, 1923.08, 3461.54 -> largest remainder: 4615, 1923, 3462.
scaled = run(events, {"scorecards": {"c": card(((3000, "win_rate", 0, 1), (2500, "csat", 0, 1), (4500, "nps", 0, 100)), scale={"win_rate": 2})}}, "--scorecards")[0]
check_equal("a preset renormalises by largest remainder", [k["weight_bp"] for k in scaled["perspectives"][0]["kpis"]], [4615, 1923, 3462])

# T15: each is refused as a whole, with what is wrong.
refused("T15: a gap between bands", card(bands={"low": [0, 50], "high": [51, 100]}), "gap between 50 and 51")
refused("T15: weights that sum to 9 999", card(((9999, "win_rate", 0, 1),)), "9999 basis points")
refused("T15: floor = goal", card(((10000, "win_rate", 0.5, 0.5),)), "floor and goal are the same")
refused("T15: an unknown KPI", card(((10000, "win_rat", 0, 1),)), "unknown KPI 'win_rat'")
refused("an unknown name in a reward", card(rewards=[{"name": "x", "when": "csat > 1", "points": 1}]), "unknown name")
within = run(events, {"scorecards": {"c": card(bands={"low": [0, 69.5], "high": [69.5, 101]})}}, "--scorecards")[0]
check_equal("T15: 69.23 lies in [0, 69.5)", within["band"], "low")

# The shipped cards load clean, with the weights of the specification.
done = subprocess.run([BIN, "check", str(CARDS)], capture_output=True, text=True, check=False)
check("the shipped cards load clean", done.returncode == 0 and done.stderr == "", done.stderr)
with tempfile.TemporaryDirectory() as place:
    Path(place, "c.yaml").write_text(json.dumps({"scorecards": {"c": {**card(), "checks": True, "perspectives": {p: {"weight": 5000, **{"kpis": card()["perspectives"]["all"]["kpis"]}} for p in "ab"}}}}), encoding="utf-8")
    done = subprocess.run([BIN, "check", place + "/c.yaml"], capture_output=True, text=True, check=False)
check("a card that lacks what 4.2 asks for is warned of", done.returncode == 0 and "not all four perspectives" in done.stderr, done.stderr)

# score_drop: 80 in January, 70 in February (-10: fires when February ends), 80 in March (+10, band back: clears when March ends).
events = deals(1, 8, 2) + deals(2, 7, 3) + deals(3, 8, 2) + deals(4, 1, 0) + [{**deals(5, 1, 0)[0]}]
alerts = run(events, {"scorecards": {"c": card()}, "rules": {"score_drop": {"scorecard": "c", "dims": ["org"],
             "fire": "value - prev <= -5 or band < prev_band", "clear": "value - prev > -2 and band >= prev_band"}}}, "--alerts")
check_equal("score_drop", [(a["kpi"], a["from"], a["to"], a["tick_ms"], round(a["value"], 6)) for a in alerts],
            [("c", "ok", "firing", ms("2025-02-28T16:00Z"), 70), ("c", "firing", "ok", ms("2025-03-31T16:00Z"), 80)])
finish()
