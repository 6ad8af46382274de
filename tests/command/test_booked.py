"""Cells that were booked under one switch are not told under the name of another, and no daemon books on by another one. A daemon without a broker
writes what it books; the cells are written by hand."""
import subprocess
import time

from command import BIN, CONFIG, RedisCase

HOUR = 3_600_000
TEN = 1_741_226_400_000         # 2025-03-06T02:00Z
RULES = "rules: {few: {kpi: sales_amount, window: 30d, dims: [O], fire: \"< 5\", clear: \">= 5\", level: warning}}\n"


class Booked(RedisCase):
    def setUp(self):
        super().setUp()
        self.config = self.write("c.yaml", f"redis: {{url: 'unix://{self.path}'}}\nkafka: {{brokers: '127.0.0.1:1'}}\n" + RULES)

    def held(self, *words):
        return subprocess.run(["redis-cli", "-s", str(self.path), *words], check=True, capture_output=True, timeout=30).stdout.decode().strip()

    def daemon(self, *sets):
        """(exit code, log) of a daemon that is ended once it may read from Kafka, or ends by itself."""
        words = [word for pair in sets for word in ("--set", pair)]
        with open(self.dir / "log", "w+", encoding="utf-8") as log:
            daemon = subprocess.Popen([BIN, "run", "--config", str(self.config), *words], stdout=log, stderr=log)
            deadline = time.monotonic() + 30
            while daemon.poll() is None and "by these definitions" not in (self.dir / "log").read_text() and time.monotonic() < deadline:
                time.sleep(0.05)
            if daemon.poll() is None:
                daemon.terminate()
            daemon.wait(20)
        return daemon.returncode, (self.dir / "log").read_text()

    def sales(self):
        self.cell(TEN - HOUR, "org:acme|txn_amount", 7_000_000)
        self.newest_event(TEN)

    def query(self, *sets, kpi="sales_amount"):
        words = [word for pair in sets for word in ("--set", pair)]
        return self.run_command("query", "--config", self.config, "--json", "--kpi", kpi, "--window", "30d", *words)

    def test_other_switches_are_refused_by_query_and_explain(self):
        self.assertEqual(self.daemon()[0], 0)
        self.assertEqual(self.held("HGET", "cp:{0}:booked", "switch:sales_basis"), "deals")
        self.sales()
        code, out, err = self.query()
        self.assertEqual((code, err), (0, ""))
        self.assertIn('"value":7000000', out)
        for name, value, was in (("sales_basis", "orders", "deals"), ("resolution_mode", "first", "total"), ("churn_after_days", "90", "180"),
                                 ("customers_by", "subscription", "activity"), ("clock", "business", "wall"), ("credit", "follow_owner", "at_event"),
                                 ("erase", "keep", "correct"), ("refund_book", "at_order", "at_refund"), ("followup_days", "3", "7")):
            code, out, err = self.query(f"switches.{name}={value}")
            self.assertEqual((code, out), (CONFIG, ""), name)
            self.assertIn(f"switch {name}: Redis holds '{was}', asked is '{value}'", err)
        for pair in ("csat_mode=mean", "win_rate_by=amount", "aov_net=gross", "conversion_basis=period", "compare=year_ago", "ties=dense"):
            self.assertEqual(self.query(f"switches.{pair}")[0], 0, pair)
        code, out, err = self.run_command("explain", "few", "--config", self.config, "--set", "switches.sales_basis=orders")
        self.assertEqual((code, out), (CONFIG, ""))
        self.assertIn("switch sales_basis", err)

    def test_a_daemon_does_not_go_on_with_another_switch(self):
        self.assertEqual(self.daemon()[0], 0)
        self.sales()
        code, log = self.daemon("switches.sales_basis=orders")
        self.assertEqual(code, CONFIG, log)
        self.assertIn("switch sales_basis: Redis holds 'deals', asked is 'orders'", log)
        self.assertIn("run.accept_mixed", log)
        self.assertEqual(self.held("HGET", "cp:{0}:booked", "switch:sales_basis"), "deals")
        self.assertEqual(self.daemon("switches.csat_mode=mean")[0], 0)
        self.assertEqual(self.held("HGET", "cp:{0}:booked", "switch:csat_mode"), "mean")

    def test_a_mix_may_be_accepted(self):
        self.assertEqual(self.daemon()[0], 0)
        self.sales()
        code, log = self.daemon("switches.sales_basis=orders", "run.accept_mixed=true")
        self.assertEqual(code, 0, log)
        self.assertIn("other definitions from now on: switch sales_basis", log)
        self.assertEqual(self.held("HGET", "cp:{0}:booked", "switch:sales_basis"), "orders")
        self.assertEqual(self.query()[0], CONFIG)
        code, out, err = self.query("switches.sales_basis=orders")
        self.assertEqual(code, 0, err)
        self.assertIn("other definitions booked what is older than 20", err)

    def test_cells_of_which_nothing_is_said(self):
        self.assertEqual(self.daemon()[0], 0)
        self.sales()
        self.held("DEL", "cp:{0}:booked")
        code, log = self.daemon()
        self.assertEqual(code, CONFIG, log)
        self.assertIn("cp:{s}:booked is missing", log)

    def org(self, text):
        config = self.config.read_text(encoding="utf-8").split("orgs:", maxsplit=1)[0]
        self.config.write_text(config + (f"orgs: {text}\n" if text else ""), encoding="utf-8")

    def test_the_currency_of_an_org_with_figures_stays(self):
        """Neither is a daemon started over it, not even with accept_mixed, nor do figures of one currency answer for another; going back works."""
        self.org("{acme: {currency: CNY}}")
        self.assertEqual(self.daemon()[0], 0)
        self.sales()
        self.org("{acme: {currency: USD}}")
        for sets in ((), ("run.accept_mixed=true",)):
            code, log = self.daemon(*sets)
            self.assertEqual(code, CONFIG, log)
            self.assertIn("currency of acme: Redis holds 'CNY', asked is 'USD'", log)
        code, out, err = self.query()
        self.assertEqual((code, out), (CONFIG, ""))
        self.assertIn("currency of acme: Redis holds 'CNY', asked is 'USD'", err)
        self.org("")    # counts in that of its earliest event: that may be another one
        self.assertEqual(self.daemon("run.accept_mixed=true")[0], CONFIG)
        self.org("{acme: {currency: CNY}}")
        self.assertEqual(self.daemon()[0], 0)
        self.assertEqual(self.query()[0], 0)

    def test_the_currency_of_an_org_that_was_not_configured_for_a_while(self):
        self.org("{acme: {currency: CNY}, other: {currency: USD}}")
        self.assertEqual(self.daemon()[0], 0)
        self.sales()
        self.org("{other: {currency: USD}}")
        self.assertEqual(self.daemon()[0], 0)
        self.org("{acme: {currency: USD}, other: {currency: USD}}")
        code, log = self.daemon()
        self.assertEqual(code, CONFIG, log)
        self.assertIn("currency of acme: Redis holds 'CNY', asked is 'USD'", log)
        self.assertEqual(self.query()[0], CONFIG)
        self.org("{acme: {currency: CNY}, other: {currency: USD}}")
        self.assertEqual(self.daemon()[0], 0)

    def test_an_org_without_figures_may_change_its_currency(self):
        self.org("{acme: {currency: CNY}, other: {currency: CNY}}")
        self.assertEqual(self.daemon()[0], 0)
        self.sales()
        self.org("{acme: {currency: CNY}, other: {currency: USD}}")
        self.assertEqual(self.daemon("run.accept_mixed=true")[0], 0)
