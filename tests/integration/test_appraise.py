#!/usr/bin/env python3
"""crmpulse appraise and crmpulse tco on the shipped examples: every bold figure of the domain specification 4.3 to 4.8 in text and JSON, charts that are
well-formed, and what is said about files with errors. The expected figures are those of the specification.
"""
import json
import re
import xml.etree.ElementTree as ET

import lib

USAGE, CONFIG, RUNTIME = 64, 78, 1
EXAMPLES = lib.REPO / "config/appraise"
SVG = "{http://www.w3.org/2000/svg}"
folder = lib.new_dir()


def crmpulse(*args):
    done = lib.run([lib.BIN, *args], 30)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def write(name, text):
    path = folder / name
    path.write_text(text)
    return path


def as_json(command, path):
    code, out, err = crmpulse(command, path, "--json")
    lib.check_equal(f"{command} {path.name} --json exits with 0 and says nothing else", (code, err), (0, ""))
    return json.loads(out)


def near(name, got, want, digits):
    """Equal to the last digit shown: half a unit of it, and a hair for the decimal fraction itself."""
    ok = isinstance(got, (int, float)) and abs(got - want) <= 0.5 * 10 ** -digits + 1e-9
    lib.check(name, ok, f"got {got!r}, want {want!r} to {digits} digits")


def near_all(name, got, want, digits):
    lib.check_equal(f"{name}: so many", len(got), len(want))
    for i, (g, w) in enumerate(zip(got, want)):
        near(f"{name} {i + 1}", g, w, digits)


def says(name, text, *lines):
    flat = re.sub(r"[ \t]+", " ", text)
    for line in lines:
        lib.check(f"{name} says '{line}'", line in flat, text)


# ---- 4.3 and 4.8 ---------------------------------------------------------------------------------------------------------------------

path = EXAMPLES / "panel.yaml"
got = as_json("appraise", path)
first, second = got["panel"]["rounds"]
near_all("round 1 mean ranks", first["mean_ranks"], [1.6, 1.8, 2.8, 3.8], 9)
near_all("round 1 weights", first["weights"], [.34, .32, .22, .12], 9)
lib.check_equal("round 1: D, T", (first["d"], first["ties"]), (77, 0))
near("round 1: W", first["kendall_w"], 0.616, 9)
near_all("round 2 mean ranks", second["mean_ranks"], [1.2, 2.0, 2.9, 3.9], 9)
near_all("round 2 weights", second["weights"], [.38, .30, .21, .11], 9)
lib.check_equal("round 2: D, T", (second["d"], second["ties"]), (101.5, 6))
near("round 2: W", second["kendall_w"], 0.8286, 4)
lib.check_equal("stops", (first["stop"], second["stop"], got["panel"]["stop"]), ("again", "agreed", "agreed"))
lib.check_equal("weights in basis points", got["panel"]["weights_bp"], {"F": 3800, "C": 3000, "I": 2100, "L": 1100})
near_all("AHP weights", got["ahp"]["weights"], [.4832, .2717, .1569, .0882], 4)
near("AHP lambda", got["ahp"]["lambda"], 4.0145, 4)
near("AHP CR", got["ahp"]["cr"], 0.0054, 4)
lib.check_equal("AHP is not refused", got["ahp"]["refused"], False)
win, cycle = got["before_after"]
near("win rate after", win["after"], .375, 9)
near("win rate relative", win["relative"], .25, 9)
near("win rate z", win["z"], 1.568, 3)
lib.check_equal("win rate verdict", win["verdict"], "no clear change")
near("cycle relative", cycle["relative"], -.119, 3)
near("cycle t", cycle["t"], -2.475, 3)
lib.check_equal("cycle verdict", cycle["verdict"], "improved")
trend = got["trend"][0]
near("trend slope", trend["slope"], .0125, 9)
near("trend z", trend["z"], 2.254, 3)
lib.check_equal("trend", (trend["s"], trend["direction"]), (13, "rising"))
code, out, err = crmpulse("appraise", path)
lib.check_equal("text exits with 0", (code, err), (0, ""))
says("text", out, "W 0.6160, again", "W 0.8286, agreed", "F 3800 C 3000 I 2100 L 1100", "CR 0.0054: consistent", "z 1.568 no clear change",
     "t -2.475 improved", "slope 0.0125 per cycle, S 13, z 2.254: rising")

roc = write("roc.yaml", path.read_text().replace("method: rank_sum", "method: roc"))
lib.check_equal("ROC in basis points", as_json("appraise", roc)["panel"]["weights_bp"], {"F": 5208, "C": 2709, "I": 1458, "L": 625})
text = path.read_text().replace("[1, 2, 3, 5]", "[1, 2, 1/3, 5]").replace("[1/3, 1/2, 1, 2]", "[3, 1/2, 1, 2]")
refused = as_json("appraise", write("refused.yaml", text))["ahp"]
near("contradicting matrix: CR", refused["cr"], 0.2565, 4)
lib.check("it is refused and gives no weights to use", refused["refused"] and "weights_bp" not in refused, refused)

# ---- 4.4, 4.5, 4.6 -------------------------------------------------------------------------------------------------------------------

path = EXAMPLES / "fuzzy.yaml"
got = as_json("appraise", path)
fuzzy = got["fuzzy"]
near_all("B", fuzzy["membership"], [.0600, .4358, .3542, .1500], 4)
near("score", fuzzy["score"], 70.3375, 9)
near("alpha", fuzzy["alpha"], 0.3498, 4)
lib.check_equal("largest and grade", (fuzzy["largest"], fuzzy["grade"], fuzzy["by_score"]), ("good", "fair", True))
rows = {i["name"]: i["membership"] for i in fuzzy["items"]}
near_all("B_F", rows["financial"], [0, .4, .45, .15], 9)
near_all("B_C", rows["customer"], [.2, .475, .275, .05], 9)
near_all("B_I", rows["internal process"], [0, .6667, .3333, 0], 4)
near_all("B_L", rows["learning and growth"], [0, 0, .25, .75], 9)
want = {"vision": 74.75, "market": 74.5, "financial": 75, "satisfaction": 78, "flexibility": 71, "productivity": 79, "quality": 82, "delivery": 74,
        "cycle_time": 68, "waste": 90}
lib.check_equal("pyramid", got["pyramid"], want)
near("WACC", got["eva"]["wacc"], .081, 9)
lib.check_equal("NOPAT, charge, EVA", [got["eva"][k] for k in ("nopat", "capital_charge", "eva")], [4500000, 3240000, 1260000])
turnover = {t["name"]: t for t in got["turnover"]}
near("asset turnover", turnover["assets"]["times_per_year"], 1.3, 9)
near("stock turnover", turnover["inventory"]["times_per_year"], 5.0, 9)
near("receivables turnover", turnover["receivables"]["times_per_year"], 5.909, 3)
near("days of receivables", turnover["receivables"]["days"], 61.8, 1)
lib.check_equal("goals down", got["goals_down"]["sales"], {"east": 333333.333334, "north": 333333.333333, "west": 333333.333333})
lib.check_equal("measures up", got["measures_up"]["win_rate"], {"numerator": 19, "denominator": 50, "value": 0.38})
code, out, err = crmpulse("appraise", path)
says("text", out, "assets 1.300 times a year", "receivables 5.909 times a year (61.8 days)", "east 333333.333334", "19/50 = 0.3800")
says("text", out, "score 70.3375", "validity 0.3498: grade fair (by the score)", "level 1 vision 74.75", "eva 1260000.00")

# ---- 4.7 -----------------------------------------------------------------------------------------------------------------------------

path = EXAMPLES / "tco.yaml"
got = as_json("tco", path)
lib.check_equal("years", got["years"], [1000, 198, 198, 198, 198])
lib.check_equal("five years by category", got["categories"], {"licences": 300, "maintenance": 240, "hardware": 210, "telecom": 60,
                                                            "external_provider": 330, "vendor": 120, "staff": 460, "other": 72})
lib.check_equal("total, two-year view, no warning", (got["tco"], got["two_year_view"], got["warnings"]), (1792, 1198, []))
near("up-front share", got["upfront_share"], .558, 3)
near("two years miss", got["two_year_missing"], .331, 3)
lib.check_equal("maintenance", got["maintenance_ratio"], [None, .2, .2, .2, .2])
lib.check_equal("reserves", got["reserves"], [{"year": y, "run": [29.7, 39.6], "improve": [49.5, 79.2]} for y in (3, 4, 5)])
near_all("per user and year", [u["per_user_year"] for u in got["per_user_year"]], [3.584, 5.973], 3)
lib.check("never without the total", all(u["tco"] == 1792 for u in got["per_user_year"]))
for key, want, digits in [("roi", .4509, 4), ("payback_years", 3.212, 3), ("payback_months", 38.5, 1), ("npv", 413.72, 2), ("npv_year_start", 455.09, 2),
                          ("irr", .3235, 4)]:
    near(key, got[key], want, digits)
code, out, err = crmpulse("tco", path)
says("text", out, "total 1000 198 198 198 198 1792", "up-front share 0.558", "misses 33.1 %", "run 29.7-39.6, improve 49.5-79.2",
     "100 users 3.584", "60 users 5.973", "ROI 0.4509", "payback 3.212 years (38.5 months)", "IRR 0.3235", "year_end: 413.72 (year_start: 455.09)")
lib.check("no warning in the text", "warning" not in out, out)

two = write("two.yaml", """\
title: two years, nothing about the vendor
costs:
  licences: [300, 0]
  maintenance: [0, 20]
  hardware: [100, 0]
  telecom: [0, 0]
  external_provider: [0, 0]
  staff: [50, 30]
  other: [0, 0]
""")
got = as_json("tco", two)
lib.check_equal("a short plan", got["warnings"], ["category_missing", "years_missing", "maintenance_ratio", "upfront_share", "real_cost"])
lib.check_equal("vendor is not stated", (got["categories"]["vendor"], got["tco"]), (None, 500))
near_all("likely and worst", got["likely_cost"] + [got["worst_cost"]], [675, 825, 900], 9)
lib.check("no benefits, no return", "roi" not in got and "npv" not in got, got)
two.write_text(two.read_text() + "tco_warn: of_true_cost\n")
got = as_json("tco", two)
near_all("of the true cost", got["likely_cost"] + [got["worst_cost"]], [769.23, 1428.57, 2500], 2)
never = write("never.yaml", (EXAMPLES / "tco.yaml").read_text().replace("[200, 500, 600, 650, 650]", "[0, 0, 0, 0, 0]"))
got = as_json("tco", never)
lib.check_equal("no benefit: ROI -1, never paid back, no IRR", (got["roi"], got["payback_years"], got["irr"]), (-1, None, None))

# ---- 4.8 from events: win rate 54/180 before, 81/216 after; a cycle of 42 d (s 12, n 60) before, 37 d (s 11, n 72) after --------------------------

DAY = 86400000
LIVE = 1740758400000  # 2025-03-01T00:00+08:00


def deals(org, start, weeks, n, won, mean_days=20.0, sd_days=0.0):
    """`won` of n deals closed won; half their cycles above the mean, half below, so that the deviation is as asked."""
    spread = sd_days * ((n - 1) / n) ** .5
    for i in range(n):
        closed = start + i * weeks * 7 * DAY // n + 3600000
        days = mean_days + (spread if i % 2 else -spread)
        yield {"event_id": f"{org}{start}-{i}", "org_id": org, "type": "deal_closed", "deal_id": f"{org}{start}-{i}", "occurred_at_ms": closed,
               "opened_at_ms": closed - round(days * DAY), "outcome": "won" if i < won else "lost", "amount_micros": 1000000, "currency": "CNY"}


events = []
for org, sizes in (("rates", ((180, 54, 20, 0), (216, 81, 20, 0))), ("cycles", ((60, 60, 42, 12), (72, 72, 37, 11)))):
    for start, size in ((LIVE - 84 * DAY, sizes[0]), (LIVE + 30 * DAY, sizes[1])):
        events += deals(org, start, 12, *size)
    events += deals(org, LIVE, 4, 28, 0)  # settling: lost deals that belong to neither window
(folder / "live.ndjson").write_text("".join(json.dumps(e) + "\n" for e in events))
write("live_config.yaml", 'orgs: {"*": {zone: Asia/Shanghai, currency: CNY, cycle: month}}\n')
LIVE_FILE = """\
title: what the CRM changed
go_live:
  events: {folder}/live.ndjson
  config: {folder}/live_config.yaml
  org: {org}
  at: 2025-03-01
  kpis: [win_rate, sales_cycle, sales_amount]
"""
got = as_json("appraise", write("live_rates.yaml", LIVE_FILE.format(folder=folder, org="rates")))["go_live"]
lib.check_equal("windows", (got["before"], got["after"]), ([LIVE - 84 * DAY, LIVE], [LIVE + 30 * DAY, LIVE + 114 * DAY]))
rate = got["kpis"][0]
lib.check_equal("win rate from events", (rate["before"], rate["after"], rate["verdict"]), (.3, .375, "no clear change"))
near("its relative change", rate["relative"], .25, 9)
near("its z", rate["z"], 1.568, 3)
lib.check_equal("money has no test", got["kpis"][2]["verdict"], "not tested")
got = as_json("appraise", write("live_cycles.yaml", LIVE_FILE.format(folder=folder, org="cycles")))["go_live"]
cycle = got["kpis"][1]
near("cycle before", cycle["before"] / DAY, 42, 6)
near("cycle after", cycle["after"] / DAY, 37, 6)
lib.check("its t to the error of the bins", abs(cycle["t"] + 2.475) < .05, cycle)
lib.check_equal("its verdict", cycle["verdict"], "improved")
code, out, err = crmpulse("appraise", folder / "live_cycles.yaml", "--svg", folder / "live.svg")
lib.check_equal("go_live exits with 0", (code, err), (0, ""))
says("text", out, "before: 2024-12-06T16:00:00.000Z to 2025-02-28T16:00:00.000Z", "improved")
year = as_json("appraise", write("live_year.yaml", LIVE_FILE.format(folder=folder, org="rates") + "  against: year_ago\n  weeks: 4\n"))["go_live"]
lib.check_equal("a year ago is 52 weeks ago", year["before"], [year["after"][0] - 364 * DAY, year["after"][1] - 364 * DAY])

# ---- charts --------------------------------------------------------------------------------------------------------------------------

for command, name, bars in [("appraise", "panel.yaml", 18), ("appraise", "fuzzy.yaml", 29), ("tco", "tco.yaml", 13)]:
    chart = folder / f"{name}.svg"
    code, out, err = crmpulse(command, EXAMPLES / name, "--svg", chart)
    lib.check_equal(f"{name} --svg", (code, err), (0, ""))
    root = ET.parse(chart).getroot()
    rects = root.findall(f"{SVG}rect")
    lib.check_equal(f"{name}: an SVG with a bar for each figure", (root.tag, len(rects)), (SVG + "svg", bars))
    lib.check(f"{name}: nothing from elsewhere", not re.search(r"href|url\(|@import|<script|<image", chart.read_text()))
    width, height = (float(root.get(k)) for k in ("width", "height"))
    inside = [0 <= float(r.get("x")) and float(r.get("x")) + float(r.get("width")) <= width and float(r.get("y")) + float(r.get("height")) <= height
              for r in rects]
    lib.check(f"{name}: every bar inside the picture", inside and all(inside))
    if command == "tco":
        lib.check_equal("the year that loses goes to the left", sum(r.get("class") == "n" for r in rects), 1)
        texts = [t.text for t in root.findall(f"{SVG}text")]
        lib.check("values are written beside the bars", "460.00" in texts and "-800.00" in texts, texts)
nasty = write("nasty.yaml", "title: \"<b> & \\\"x\\\" \\x01 \u5ba2\u6237\"\npyramid: {quality: 1}\n")
code, out, err = crmpulse("appraise", nasty, "--svg", folder / "nasty.svg")
lib.check("names are escaped", code == 0 and "\u5ba2\u6237" in ET.parse(folder / "nasty.svg").getroot().find(f"{SVG}title").text, err)
code, out, err = crmpulse("appraise", nasty, "--svg", folder / "none/x.svg")
lib.check("a chart that cannot be written", code == RUNTIME and "none/x.svg" in err, err)

# ---- errors: each with its place, all at once, nothing printed -------------------------------------------------------------------------

BAD = [
    ("bad_panel.yaml", "appraise", """\
panle: 1
panel:
  methd: roc
  criteria: [F, C, F]
  rounds: []
ahp:
  criteria: [a, b]
  matrix:
    - [1, 2]
    - [2, 1]
""", [(1, 1, "did you mean 'panel'?"), (3, 3, "did you mean 'method'?"), (4, 20, "twice"), (5, 11, "no round"), (10, 8, "reciprocal")]),
    ("bad_rounds.yaml", "appraise", """\
panel:
  method: rock
  criteria: [F, C]
  rounds: []
fuzzy:
  operator: max_mim
  items: {}
trend:
  x: [1, two]
""", [(2, 11, "did you mean 'roc'?"), (4, 11, "no round"), (5, 1, "sum to 0"), (6, 13, "did you mean 'max_min'?"), (9, 10, "two")]),
    ("bad_fuzzy.yaml", "appraise", """\
fuzzy:
  items:
    a: {weight: 4000, score: 60}
    b: {weight: 5999, survey: [1, 2, 3, 4]}
before_after:
  x: {before: {hits: 5, n: 4}, after: {hits: 1, n: 4}}
  y: {bettr: lower, before: {mean: 1, sd: -1, n: 40}, after: {mean: 1, sd: 1, n: 40}}
""", [(1, 1, "9999"), (6, 22, "out of range"), (7, 7, "did you mean 'better'?"), (7, 43, "out of range")]),
    ("bad_tco.yaml", "tco", """\
titel: x
costs:
  licence: [1]
  staff: [1, 2, 3]
  vendor: [1, 2]
  other: [1, -2, 3]
users: [10, 2.5]
npv_timing: year_ends
""", [(1, 1, "did you mean 'title'?"), (3, 3, "did you mean 'licences'?"), (5, 11, "3 are needed"), (6, 14, "negative"), (7, 13, "users"), (8, 13, "did you mean 'year_end'?")]),
    ("bad_figures.yaml", "appraise", """\
turnover:
  assets: {flow: 1, start: 2, ende: 3}
goals_down:
  sales: {goal: 1, shares: {a: 0}}
measures_up:
  win_rate: {a: [1, 2, 3]}
""", [(2, 3, "'end'"), (2, 31, "did you mean 'end'?"), (4, 28, "nothing to split by"), (6, 17, "a numerator and a denominator")]),
    ("bad_live.yaml", "appraise", """\
go_live:
  events: nowhere.ndjson
  org: acme
  at: 2025-03-01
  kpis: [win_rate]
""", [(2, 11, "nowhere.ndjson")]),
    ("bad_live_date.yaml", "appraise", """\
go_live:
  events: nowhere.ndjson
  org: acme
  at: soon
  kpis: win_rate
""", [(5, 9, "a list of KPIs")]),
    ("empty.yaml", "appraise", "", [(1, 1, "map")]),
    ("only_title.yaml", "appraise", "title: x\n", [(1, 1, "nothing to appraise")]),
    ("broken.yaml", "tco", "costs: [1,\n", [(2, 1, "")]),
    ("no_costs.yaml", "tco", "title: x\n", [(1, 1, "costs")]),
]
for name, command, text, want in BAD:
    path = write(name, text)
    code, out, err = crmpulse(command, path)
    lines = err.splitlines()
    lib.check_equal(f"{name}: exit code and no output", (code, out), (CONFIG, ""))
    lib.check(f"{name}: every line has its place", lines and all(re.match(rf"{re.escape(str(path))}:\d+:\d+: error: \S", x) for x in lines), err)
    for line, column, word in want:
        lib.check(f"{name}: {line}:{column} '{word}'", any(x.startswith(f"{path}:{line}:{column}: ") and word in x for x in lines), err)
    lib.check_equal(f"{name}: no other error", len(lines), len(want))
code, out, err = crmpulse("tco", folder / "missing.yaml")
lib.check("a file that is not there", code == CONFIG and "cannot read the file" in err, err)
for command in ("appraise", "tco"):
    lib.check_equal(f"{command} without a file", crmpulse(command)[0], USAGE)
    lib.check_equal(f"{command} --nonsense", crmpulse(command, "x", "--nonsense")[0], USAGE)
    code, out, err = crmpulse(command, "--help")
    lib.check(f"{command} --help", code == 0 and "--svg" in out, out)

lib.finish()
