"""docs/HOWTO.md: its KPI is added on the fly, as one YAML row and one golden case, and is there in check, kpis, test and replay."""
import json
import re

from command import REPO, TEST_FAILED, Case


def block(name):
    """The YAML block after `<!-- howto: name -->`."""
    text = (REPO / "docs/HOWTO.md").read_text(encoding="utf-8")
    return re.search(rf"<!-- howto: {name} -->\n```yaml\n(.*?)```", text, re.S)[1]


EVENTS = [
    {"event_id": f"e{i}", "org_id": "acme", "type": "deal_closed", "deal_id": f"D{i}", "outcome": "won", "owner_id": "ann", "currency": "CNY",
     "amount_micros": amount * 1_000_000, "occurred_at_ms": 1_740_967_200_000 + i}
    for i, amount in enumerate([120_000, 80_000, 100_000, 99_999])
]


class AddAKpi(Case):
    def setUp(self):
        super().setUp()
        self.kpi = self.write("big_deal_share.yaml", block("kpi"))

    def test_check_and_kpis_know_it(self):
        self.assertEqual(self.run_command("check", self.kpi)[0], 0)
        (row,) = [r for r in self.lines("kpis", self.kpi, "--json") if r["id"] == "big_deal_share"]
        self.assertEqual((row["formula"], row["dims"]), ("big_deals_won / deals_won", ["org", "team", "rep"]))
        self.assertNotIn("big_deal_share", [r["id"] for r in self.lines("kpis", "--json")])

    def test_its_golden_case_passes_and_can_fail(self):
        case = block("case")
        self.write("case.yaml", case)
        code, out, err = self.run_command("test", "case.yaml")
        self.assertEqual(code, 0, out + err)
        self.write("wrong.yaml", case.replace("numerator: 2", "numerator: 1"))
        self.assertEqual(self.run_command("test", "wrong.yaml")[0], TEST_FAILED)

    def test_replay_gives_it(self):
        events = self.write("events.ndjson", "".join(json.dumps(e) + "\n" for e in EVENTS))
        rows = self.lines("replay", events, "--config", self.kpi, "--kpi", "big_deal_share", "--window", "m", "--dim", "rep", "--json", "--quiet")
        self.assertEqual([(r["subject"], r["numerator"], r["denominator"], r["value"]) for r in rows], [("ann", 2, 4, 0.5)])


class Notify(Case):
    def test_check_takes_it(self):
        text = block("notify") + "rules:\n  win_low: {kpi: win_rate, window: 30d, fire: value < 0.2, clear: value > 0.3}\n"
        code, out, err = self.run_command("check", self.write("notify.yaml", text))
        self.assertEqual((code, err), (0, ""), out)
