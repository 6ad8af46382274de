"""crmpulse test: exit codes and what it prints. What a case may say is tested in tests/unit/test_test_case.c."""
import json

from command import CONFIG, TEST_FAILED, USAGE, Case

EVENTS = """\
events:
  - {at: 2025-03-03T02:00Z, type: deal_closed, deal_id: 1, outcome: won, amount_micros: 60_000_000, currency: CNY, owner_id: ann}
"""
GOOD = EVENTS + "expect:\n  - {kpi: win_rate, window: m, dim: org, subject: acme, value: 1}\n"
WRONG = EVENTS + "expect:\n  - {kpi: win_rate, window: m, dim: org, subject: acme, value: 0.5}\n"
FAULTY = EVENTS + "expect:\n  - {kpi: win_rat}\n"


class Test(Case):
    def test_a_directory_is_walked_in_order(self):
        self.write("cases/b.yaml", GOOD)
        self.write("cases/a.yaml", GOOD)
        self.write("cases/deep/c.yaml", GOOD)
        self.write("cases/notes.txt", "not a case")
        code, out, err = self.run_command("test", "cases")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual([line.split(":")[0] for line in out.splitlines()],
                         ["ok cases/a.yaml", "ok cases/b.yaml", "ok cases/deep/c.yaml", "cases"])

    def test_a_failure_names_everything(self):
        self.write("w.yaml", WRONG)
        self.write("g.yaml", GOOD)
        code, out, _ = self.run_command("test", "w.yaml", "g.yaml")
        self.assertEqual(code, TEST_FAILED)
        self.assertEqual(out.splitlines()[0], "w.yaml:4:64: not ok: win_rate m acme value: expected 0.5, got 1")
        self.assertEqual(out.splitlines()[-1], "cases: 1 passed, 1 failed, 0 bad; 2 checks")

    def test_json(self):
        self.write("w.yaml", WRONG)
        code, out, _ = self.run_command("test", "--json", "w.yaml")
        case, summary = map(json.loads, out.splitlines())
        self.assertEqual((code, case["file"], case["result"], case["checks"]), (TEST_FAILED, "w.yaml", "failed", 1))
        (f,) = case["failures"]
        self.assertEqual((f["line"], f["what"], f["subject"], f["window"], f["field"], f["expected"], f["got"], f["order"]),
                         (4, "win_rate", "acme", "m", "value", "0.5", "1", 0))
        self.assertEqual(summary, {"cases": 1, "passed": 0, "failed": 1, "bad": 0, "checks": 1})

    def test_faulty_cases_and_usage(self):
        self.write("f.yaml", FAULTY)
        self.write("w.yaml", WRONG)
        code, out, err = self.run_command("test", "f.yaml", "w.yaml")
        self.assertEqual(code, CONFIG)
        self.assertIn("f.yaml:4:11: error: no such KPI", err)
        self.assertIn("1 failed, 1 bad", out)
        (self.dir / "empty").mkdir()
        for args in ([], ["--nonsense"], ["missing.yaml"], ["empty"]):
            self.assertEqual(self.run_command("test", *args)[0], USAGE, args)

    def test_an_include_is_relative_to_the_case(self):
        self.write("sub/switches.yaml", "switches: {win_rate_by: amount}\n")
        self.write("sub/case.yaml", "config: {include: [switches.yaml]}\n" + EVENTS +
                   "expect:\n  - {kpi: win_rate, window: m, dim: org, subject: acme, numerator: 60_000_000}\n")
        code, out, err = self.run_command("test", "sub/case.yaml")
        self.assertEqual(code, 0, out + err)
