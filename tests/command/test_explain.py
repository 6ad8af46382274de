"""crmpulse explain: the worked stream's alert, from the file and from a Redis that holds the same cells; each reason why a rule does not fire."""
import json

from command import REPO, USAGE, Case, RedisCase

STREAM, GOLDEN = REPO / "tests/golden/stream.ndjson", REPO / "config/examples/golden.yaml"
FIRED_MS = 1743040800000        # e30, section 7.5 of the specification
ANSWERS = [("e12", 1741244400000), ("e16", 1741759200000), ("e20", 1742004000000), ("e24", 1742544000000), ("e26", 1742781600000),
           ("e30", FIRED_MS)]


def won(number, day, outcome="won"):
    return {"event_id": f"e{number}", "org_id": "acme", "type": "deal_closed", "deal_id": f"D{number}", "outcome": outcome, "owner_id": "ann",
            "currency": "CNY", "amount_micros": 1_000_000, "occurred_at_ms": 1_740_967_200_000 + day * 86_400_000}


class Explain(Case):
    def explain(self, rule, *args):
        return self.lines("explain", rule, *args, "--json")

    def rule(self, rule, events, *args):
        config = self.write("c.yaml", "orgs: {acme: {zone: Asia/Shanghai, currency: CNY, cycle: month}}\nrules:\n  r: " + rule + "\n")
        file = self.write("events.ndjson", "".join(json.dumps(e) + "\n" for e in events))
        (x,) = self.explain("r", file, "--config", config, *args)
        return x

    def test_the_worked_stream(self):
        (x,) = self.explain("csat_low", STREAM, "--config", GOLDEN)
        self.assertEqual((x["state"], x["critical"], x["numerator"], x["denominator"], x["samples"], x["min_samples"]), ("firing", True, 4, 6, 6, 5))
        self.assertEqual((x["fires"], x["fires_critical"], x["clears"], x["since_ms"]), (True, True, False, FIRED_MS + 60_000))
        self.assertEqual((x["window_start_ms"], x["window_end_ms"]), (1740452400000, 1743044400000))
        top2, n = x["measures"]
        self.assertEqual((n["measure"], n["total"], [p["value"] for p in n["panes"]]), ("csat_n", 6, [1] * 6))
        self.assertEqual((top2["total"], len(top2["panes"])), (4, 4))
        self.assertEqual((x["evidence"], x["evidence_truncated"]), (["e12", "e16", "e20", "e24", "e26", "e30"], False))

    def test_the_worked_stream_before_it_fires(self):
        (x,) = self.explain("csat_low", STREAM, "--config", GOLDEN, "--at", "2025-03-24T03:00:00Z")
        self.assertEqual((x["state"], x["value"], x["fires"], x["clears"]), ("ok", 0.8, False, False))
        self.assertIn("between the two thresholds", x["why"])
        (x,) = self.explain("csat_low", STREAM, "--config", GOLDEN, "--at", "2025-03-22T00:00:00Z")
        self.assertEqual((x["state"], x["samples"], x["enough"]), ("ok", 4, False))
        self.assertIn("sample too small: 4, it needs 5", x["why"])

    def test_text(self):
        code, out, err = self.run_command("explain", "csat_low", STREAM, "--config", GOLDEN)
        self.assertEqual((code, err), (0, ""))
        for part in ("csat_low, org acme of acme: firing (critical) since 2025-03-27T02:01:00.000Z", "why: the fire condition holds",
                     "csat 30d = 0.666666667 (4/6)", "csat_n = 6; panes: 2025-03-06T07Z +1"):
            self.assertIn(part, out)

    def test_reasons(self):
        rule = "{kpi: win_rate, window: 30d, dims: [org], fire: '< 0.5', clear: '>= 0.8', min_samples: 1%s}"
        lost = [won(1, 0, "lost"), won(2, 1, "lost")]
        x = self.rule(rule % ", for: 3d", lost)
        self.assertEqual((x["state"], x["fires"]), ("pending", True))
        self.assertIn("not for 259200 s yet", x["why"])
        x = self.rule(rule % ", for: 0s", [won(1, 0), won(2, 1)])
        self.assertEqual((x["state"], x["clears"]), ("ok", True))
        x = self.rule(rule.replace("win_rate", "csat") % "", lost)
        self.assertEqual(x["value"], None)
        self.assertIn("no value", x["why"])
        x = self.rule(rule.replace("30d", "m") % "", lost)
        self.assertNotIn("value", x)
        self.assertIn("none is complete yet", x["why"])

    def test_who_and_what_is_asked_for(self):
        self.assertEqual(self.run_command("explain", "no_such", STREAM, "--config", GOLDEN)[0], USAGE)
        self.assertEqual(self.run_command("explain")[0], USAGE)
        code, out, err = self.run_command("explain", "csat_low", STREAM, "--config", GOLDEN, "--subject", "nobody")
        self.assertEqual((code, out), (0, ""))
        self.assertIn("no such subject", err)


RISK = "orgs: {acme: {zone: Asia/Shanghai, currency: CNY, cycle: month}}\nrules:\n  r: {kpi: churn_risk, window: g, dims: [customer], fire: '>= 60', clear: '< 35'}\n"
USED_MS = 1_748_998_800_000     # 2025-06-04T01:00Z, and 26 days and 30 minutes later
NEWEST_MS = USED_MS + 26 * 86_400_000 + 1_800_000


class ChurnRisk(Case):
    """Use alone, 26 days ago: U = (26 - 7) / 38 = .5: 50 of 100, all of it from the use; coverage 40 %."""

    def test_the_parts_of_a_customers_risk(self):
        config = self.write("c.yaml", RISK)
        file = self.write("events.ndjson", "".join(json.dumps({"event_id": f"e{i}", "org_id": "acme", **e}) + "\n" for i, e in enumerate([
            {"type": "customer_acquired", "customer_id": "k2", "owner_id": "ann", "occurred_at_ms": USED_MS - 86_400_000},
            {"type": "login", "user_id": "c2", "customer_id": "k2", "occurred_at_ms": USED_MS},
            {"type": "customer_acquired", "customer_id": "k9", "owner_id": "ann", "occurred_at_ms": NEWEST_MS}])))
        (x,) = self.lines("explain", "r", file, "--config", config, "--json", "--subject", "k2")
        self.assertEqual((x["dim"], x["subject"], x["value"], x["state"]), ("customer", "k2", 50, "ok"))
        columns = {name: x["columns"][name] for name in ("use", "purchase", "trend", "coverage", "use_days", "purchase_days", "watch", "high")}
        self.assertEqual(columns, {"use": 50000, "purchase": 0, "trend": 0, "coverage": 40, "use_days": 26, "purchase_days": None, "watch": 1, "high": 0})
        code, out, err = self.run_command("explain", "r", file, "--config", config, "--subject", "k2")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("beside it: use 50000, purchase 0, trend 0, coverage 40, use_days 26, cycle_ms 0, sales_90d 0, sales_before_90d 0, watch\n", out)


class FromRedis(RedisCase):
    """The cells and the state as the daemon would have stored them, written by hand in the layout of docs/ARCHITECTURE.md."""

    def test_same_as_from_the_file(self):
        config = self.write("c.yaml", f"include: [{GOLDEN}]\nredis: {{url: 'unix://{self.path}'}}\n")
        (want,) = self.lines("explain", "csat_low", STREAM, "--config", config, "--json")
        (alert,) = self.lines("replay", STREAM, "--config", config, "--alerts", "--quiet")
        self.lines("query", "--config", config, "--json", "--kpi", "csat")      # makes meta
        for measure in want["measures"]:
            for pane in measure["panes"]:
                self.cell(pane["start_ms"], f"org:acme|{measure['measure']}", pane["value"])
        self.newest_event(FIRED_MS)
        self.redis("HSET", "cp:{0}:state", "/tick", want["judged_ms"], "acme/alert|csat_low|org|acme",
                   f"firing 1 {want['since_ms']} {alert['definition_hash']}", "acme/evi|csat_n|org|acme",
                   f"{-2**63} " + "".join(f"{t},1,3:{id_}" for id_, t in ANSWERS))
        (got,) = self.lines("explain", "csat_low", "--config", config, "--json")
        self.assertEqual(got, want)

    def test_the_parts_of_a_customers_risk(self):
        config = self.write("c.yaml", RISK + f"redis: {{url: 'unix://{self.path}'}}\n")
        self.lines("query", "--config", config, "--json", "--kpi", "csat")      # makes meta
        for field, value in (("use_last_ms", USED_MS), ("uses_known", 1), ("members_rated", 1)):
            self.redis("HINCRBY", "cp:{0}:pane:acme:g:0", f"customer:k2|{field}", value)
        self.redis("ZADD", "cp:{0}:panes", 4102444800000, "pane:acme:g:0")
        self.newest_event(NEWEST_MS)
        (x,) = self.lines("explain", "r", "--config", config, "--json", "--subject", "k2")
        self.assertEqual((x["value"], x["columns"]["use"], x["columns"]["coverage"], x["columns"]["use_days"]), (50, 50000, 40, 26))
