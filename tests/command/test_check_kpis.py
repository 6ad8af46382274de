"""crmpulse check and crmpulse kpis, as a script reads them."""
import json

from command import CONFIG, Case


class Check(Case):
    def test_json_of_a_good_file(self):
        good = self.write("good.yaml", "switches: {win_rate_by: amount}\nboards: {b: {kpi: sales_amount, window: m, dim: rep}}\n")
        (result,) = self.lines("check", good, "--json")
        self.assertEqual((result["ok"], result["problems"], result["boards"], result["rules"]), (True, [], 1, 0))
        self.assertGreater(result["kpis"], 80)

    def test_json_lists_every_problem_with_its_place(self):
        bad = self.write("bad.yaml", "redis: {shards: 0}\nboards:\n  top: {kpi: sale_amount, window: m, dim: rep}\n")
        code, out, err = self.run_command("check", bad, "--json")
        result = json.loads(out)
        self.assertEqual((code, err, result["ok"]), (CONFIG, "", False))
        self.assertNotIn("kpis", result)
        places = [(p["file"], p["line"], p["column"], p["severity"]) for p in result["problems"]]
        self.assertEqual(places, [(str(bad), 1, 17, "error"), (str(bad), 3, 14, "error")])
        self.assertIn("did you mean 'sales_amount'?", result["problems"][1]["message"])


class Kpis(Case):
    def kpi(self, name, *args):
        (row,) = [row for row in self.lines("kpis", "--json", *args) if row["id"] == name]
        return row

    def test_every_column(self):
        row = self.kpi("win_rate")
        self.assertEqual((row["perspective"], row["unit"], row["direction"], row["empty"]), ("F", "ratio", "up", "null"))
        self.assertIn("赢单率", row["title_zh"])
        self.assertLessEqual({"30d", "90d", "m", "q", "y"}, set(row["windows"]))
        self.assertLessEqual({"org", "team", "rep"}, set(row["dims"]))
        self.assertEqual(row["formula"], "if(switch.win_rate_by == 'amount', won_amount, deals_won)"
                         " / if(switch.win_rate_by == 'amount', won_amount + lost_amount, deals_won + deals_lost)")
        self.assertEqual(row["switches"], {"win_rate_by": "count"})
        self.assertRegex(row["definition_hash"], "^[0-9a-f]{16}$")

    def test_a_switch_in_force_makes_another_kpi(self):
        by_count, by_amount = self.kpi("win_rate"), self.kpi("win_rate", "--set", "switches.win_rate_by=amount")
        self.assertEqual(by_amount["switches"], {"win_rate_by": "amount"})
        self.assertNotEqual(by_count["definition_hash"], by_amount["definition_hash"])
        self.assertEqual(by_count["formula"], by_amount["formula"])

    def test_formulas_of_every_form(self):
        self.assertEqual(self.kpi("revenue_growth_rate")["formula"],
                         "(sales_amount - year_ago.sales_amount) / year_ago.sales_amount; days = days_passed; base_days = year_ago.days")
        self.assertEqual(self.kpi("sales_rank")["formula"], "rank by sales_amount")
        self.assertTrue(self.kpi("time_to_qualify")["formula"].startswith("mean, p50, p90, p95, p99 of "))

    def test_the_page_has_a_row_for_each(self):
        code, page, _ = self.run_command("kpis", "--markdown")
        ids = [row["id"] for row in self.lines("kpis", "--json")]
        self.assertEqual(code, 0)
        self.assertEqual(sorted(ids), sorted(line.split("`")[1] for line in page.split("\n## Switches")[0].splitlines()
                                             if line.startswith("| `")))
        self.assertIn("| `win_rate_by` | count | count, amount |", page)
