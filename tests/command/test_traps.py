"""Traps of the specification that need a Redis which was filled before a definition existed."""
from command import RedisCase

HOUR, DAY = 3_600_000, 86_400_000
TEN = 1_741_226_400_000         # 2025-03-06T02:00Z, 10:00 in Shanghai
NEW = "kpis:\n  fresh: {title: x, perspective: F, unit: ratio, numerator: deals_won, denominator: deals_won + deals_lost, windows: [30d], dims: [O]}\n"


class Traps(RedisCase):
    def test_t36_a_new_kpi_has_its_value_at_once(self):
        """Won 3, lost 1 in the last 30 d and 5 won before: 3/4 the moment the KPI is defined; with a retention of 10 d it is marked."""
        config = self.write("c.yaml", f"orgs: {{acme: {{zone: Asia/Shanghai}}}}\nredis: {{url: 'unix://{self.path}'}}\n")
        with_kpi = self.write("new.yaml", "include: [c.yaml]\n" + NEW)
        self.lines("query", "--config", config, "--json", "--kpi", "win_rate")
        for days, won, lost in ((1, 2, 0), (20, 1, 1), (40, 5, 0)):
            self.cell(TEN - days * DAY, "org:acme|deals_won", won)
            self.cell(TEN - days * DAY, "org:acme|deals_lost", lost)
        self.newest_event(TEN)
        (row,) = self.lines("query", "--config", with_kpi, "--json", "--kpi", "fresh")
        self.assertEqual((row["numerator"], row["denominator"], row["value"]), (3, 4, 0.75))
        self.assertNotIn("warming", row["flags"].split(","))
        (row,) = self.lines("query", "--config", with_kpi, "--set", "time.retention=10d", "--json", "--kpi", "fresh")
        self.assertIn("warming", row["flags"].split(","))
