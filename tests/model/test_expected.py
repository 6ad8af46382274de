"""Checks the oracle against figures it did not make: ../shared/data and the golden stream.

Needs ../shared/data beside the repository root (or CRMPULSE_DATA); without it the
run says so and fails. Prints how many figures were checked.
"""
import json
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

from oracle import alerts, boards, scorecard          # noqa: E402
from oracle.calendar import Calendar                  # noqa: E402
from oracle.events import load                        # noqa: E402
from oracle.facts import Facts                        # noqa: E402
from oracle.kpis import evaluate                      # noqa: E402

DATA = pathlib.Path(os.environ.get("CRMPULSE_DATA", ROOT.parent / "shared" / "data"))
SETS = ("crm_sales", "northwind", "ravenstack", "uci_incident")
GOLDEN = ROOT / "tests" / "golden"
CHECKED = {}


def close_enough(expected, actual, relative, absolute):
    if actual is None or expected is None:
        return actual == expected
    return abs(actual - expected) <= max(relative * abs(expected), absolute)


def pick(result, row):
    if row.get("stat"):
        return result[row["stat"]]
    return result[row["kind"]]


class Figures:
    """Evaluates rows of an expected.json over one file of events."""

    def __init__(self, path, zone):
        events, rejects, _ = load(path)
        assert not rejects, rejects[:3]
        self.events, self.zone = events, zone
        self.facts = Facts(events, Calendar(zone))
        self.boards = {}

    def board(self, kpi, row):
        key = (kpi, json.dumps(row["window"]), row["at"], row["dim"], str(row["switches"]))
        if key not in self.boards:
            rows = boards.rank(self.facts, kpi, row["window"], row["at"], row["dim"],
                               row["switches"], with_previous=isinstance(row["window"], str))
            self.boards[key] = {r["subject"]: r for r in rows}
        return self.boards[key][row["subject"]][row["kind"]]

    def actual(self, row):
        if row["kpi"] == "sales_rank":
            return self.board("sales_amount", row)
        if row["kpi"].startswith("board:"):
            return self.board(row["kpi"][6:], row)
        return pick(evaluate(self.facts, row["kpi"], row["window"], row["at"], row["dim"],
                             row["subject"], row["switches"]), row)


class RealData(unittest.TestCase):
    def test_sets(self):
        if not DATA.is_dir():
            self.fail("absent: %s (the real data sets); nothing was checked" % DATA)
        for name in SETS:
            figures = Figures(DATA / name / "events.ndjson.gz", "UTC")
            rows = json.loads((DATA / name / "expected.json").read_text())
            for row in rows:
                with self.subTest(set=name, **{k: row[k] for k in (
                        "kpi", "window", "dim", "subject", "kind")}):
                    actual = figures.actual(row)
                    self.assertTrue(
                        close_enough(row["expected"], actual, row["tolerance"],
                                     row.get("tolerance_abs", 0)),
                        "expected %s, oracle %s" % (row["expected"], actual))
            CHECKED[name] = len(rows)


class Golden(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.figures = Figures(GOLDEN / "stream.ndjson", "Asia/Shanghai")
        cls.rows = json.loads((GOLDEN / "expected.json").read_text())

    def special(self, row):
        return row["kpi"].startswith(("score", "alert:"))

    def test_values_and_boards(self):
        rows = [row for row in self.rows if not self.special(row)]
        for row in rows:
            with self.subTest(**{k: row[k] for k in ("kpi", "window", "subject", "kind", "at")},
                              switches=str(row["switches"])):
                actual = self.figures.actual(row)
                self.assertTrue(close_enough(row["expected"], actual, row["tolerance"], 0),
                                "expected %s, oracle %s" % (row["expected"], actual))
        CHECKED["golden values and boards"] = len(rows)

    def card(self, min_samples_csat=0):
        at = 1743436799999
        plan = (("F", 4000, "quota_attainment", "td", 0.5, 1.0, 0),
                ("C", 3000, "csat", "m", 0.5, 0.85, min_samples_csat),
                ("I", 2000, "resolution_time", "m", 86400000, 14400000, 0),
                ("L", 1000, "crm_adoption", "m", 0.5, 1.0, 0))
        tree, scores = [], {}
        for perspective, weight, kpi, window, floor, goal, least in plan:
            row = evaluate(self.figures.facts, kpi, window, at, "org", "acme")
            score = scorecard.linear(row["value"], floor, goal) if row["n"] >= least else None
            scores[kpi] = score
            tree.append((perspective, weight, [(kpi, 10000, score)]))
        return scorecard.compose(tree), scores

    def test_scorecard(self):
        rows = [row for row in self.rows if row["kpi"].startswith("score")]
        for row in rows:
            result, scores = self.card(row["switches"].get("min_samples_csat", 0))
            actual = {"scorecard": result["score"],
                      "scorecard:coverage": result["coverage"]}.get(row["kpi"])
            if row["kpi"].startswith("score:"):
                actual = scores[row["kpi"][6:]]
            with self.subTest(kpi=row["kpi"], expected=row["expected"]):
                self.assertTrue(close_enough(row["expected"], actual, row["tolerance"], 0),
                                "expected %s, oracle %s" % (row["expected"], actual))
        self.assertEqual(self.card()[0]["band"], "E")
        CHECKED["golden scorecard"] = len(rows)

    def test_alert(self):
        rule = {"id": "csat_low", "kpi": "csat", "window": "30d", "dim": "org", "for_ms": 0,
                "fire": {"op": "<", "value": 0.80}, "clear": {"op": ">=", "value": 0.85},
                "min_samples": 5, "level": "warning", "critical": {"op": "<", "value": 0.70}}
        expected = next(r for r in self.rows if r["kpi"] == "alert:csat_low")["expected"]
        for bound in (None, 0, 30 * 86400000):
            found = alerts.judge(self.figures.events, [rule], Calendar("Asia/Shanghai"),
                                 out_of_orderness_ms=bound)
            self.assertEqual(len(found), len(expected))
            for want, got in zip(expected, found):
                self.assertEqual(got["tick_ms"], want["occurred_at_ms"] + 60000)
                for name in ("from", "to", "evidence", "numerator", "denominator", "n", "level",
                             "window_start_ms", "window_end_ms"):
                    self.assertEqual(got[name], want[name], name)
        CHECKED["golden alert"] = len(expected)

    def test_milestones(self):
        """7.4: 0.5 is passed by all three reps when they reached their rank, 0.9 by none."""
        rule = {"id": "quota_milestone", "kpi": "quota_attainment", "window": "td",
                "dim": "rep", "milestones": [0.5, 0.9, 1.0]}
        found = alerts.judge(self.figures.events, [rule], Calendar("Asia/Shanghai"))
        reached = {r["subject"]: r["expected"] for r in self.rows if r["kind"] == "reached_ms"}
        self.assertEqual({(t["subject"], t["milestone"]): t["tick_ms"] for t in found},
                         {(name, 0.5): t + 60000 for name, t in reached.items()})
        CHECKED["golden milestones"] = len(found)

    def test_order_does_not_matter(self):
        backwards = Facts(list(reversed(self.figures.events)), Calendar("Asia/Shanghai"))
        for row in self.rows:
            if not self.special(row) and row["kpi"] != "sales_rank" \
                    and not row["kpi"].startswith("board:"):
                args = (row["kpi"], row["window"], row["at"], row["dim"], row["subject"],
                        row["switches"])
                self.assertEqual(evaluate(backwards, *args), evaluate(self.figures.facts, *args))


def tearDownModule():
    for name, count in CHECKED.items():
        print("%-28s %4d figures" % (name, count))
    print("%-28s %4d figures" % ("total", sum(CHECKED.values())))


if __name__ == "__main__":
    unittest.main()
