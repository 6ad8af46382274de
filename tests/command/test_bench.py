"""The benchmark's arithmetic (bench/stats.py, bench/report.py), its oracle and its reading of /proc, on figures worked out by hand."""
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "bench"))

import oracle  # noqa: E402
import oracle_w2  # noqa: E402
import procs  # noqa: E402
import report  # noqa: E402
import stats  # noqa: E402


def row(number, what, cpu, steal=0.0, foreign=0.0, **more):
    return {"round": number, "what": what, "events": 1000, "cpu_s": cpu / 1000, "cpu_us_per_event": cpu, "events_per_s": 1e6 / cpu,
            "redis_cpu_us_per_event": 1.0, "broker_cpu_us_per_event": 2.0, "rss_peak_mb": 5, "start_s": 1.0, "start_cpu_s": cpu / 4000,
            "steal": steal, "foreign": foreign, "answers": "equal", **more}


class Ratios(unittest.TestCase):
    def test_pairs_are_of_one_round_each(self):
        rows = [row(2, "flink", 30.0), row(1, "crmpulse", 2.0), row(1, "flink", 12.0), row(2, "crmpulse", 3.0), row(3, "flink", 99.0)]
        self.assertEqual(stats.paired(rows, "flink", "crmpulse", "cpu_us_per_event"), [6.0, 10.0])

    def test_median_of_ratios_is_not_the_ratio_of_medians(self):
        rows = [row(n, what, cpu) for n, (a, b) in enumerate([(10.0, 1.0), (20.0, 10.0), (30.0, 5.0)]) for what, cpu in (("flink", a), ("crmpulse", b))]
        self.assertEqual(stats.spread(stats.paired(rows, "flink", "crmpulse", "cpu_us_per_event"))["median"], 6.0)

    def test_no_score_makes_no_pair(self):
        rows = [report.scored(row(1, "flink", 12.0, answers="1 of 2 answers are missing")), report.scored(row(1, "crmpulse", 2.0))]
        self.assertEqual(stats.paired(rows, "flink", "crmpulse", "cpu_us_per_event"), [])
        self.assertIsNone(stats.spread([]))


class Interval(unittest.TestCase):
    def test_holds_the_median_and_lies_in_the_values(self):
        values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 100.0]
        low, high = stats.interval(values)
        self.assertTrue(1.0 <= low < 4.0 < high <= 100.0, (low, high))
        self.assertEqual((low, high), stats.interval(values))

    def test_of_three_values_by_the_exact_distribution(self):
        # Medians of 27 equally likely draws of 1, 2, 3: 1 in 7, 2 in 13, 3 in 7. So both ends of 95 % are the extremes.
        self.assertEqual(stats.interval([1.0, 2.0, 3.0]), (1.0, 3.0))

    def test_covers_the_true_median_about_as_often_as_it_says(self):
        import random
        draw = random.Random(7)
        hits = 0
        for _ in range(200):
            low, high = stats.interval([draw.gauss(10, 3) for _ in range(15)], resamples=300)
            hits += low <= 10 <= high
        self.assertTrue(178 <= hits <= 200, hits)

    def test_one_value_has_none(self):
        self.assertIsNone(stats.interval([1.0]))


class Dirty(unittest.TestCase):
    def test_steal_counts_above_the_usual_one(self):
        rows = [row(1, "flink", 1.0, steal=0.05), row(2, "flink", 1.0, steal=0.06), row(3, "flink", 1.0, steal=0.07)]
        self.assertEqual(stats.dirty(rows).keys(), set())
        self.assertEqual(stats.dirty([*rows, row(4, "flink", 1.0, steal=0.10)]).keys(), {4})

    def test_others_and_the_probe(self):
        rows = [row(n, "drain", 1.0) for n in (1, 2, 3)] + [row(4, "drain", 1.2), row(5, "crmpulse", 1.0, foreign=0.2)]
        self.assertEqual(stats.dirty(rows).keys(), {4, 5})

    def test_clean_rounds_are_used_unless_they_are_few(self):
        rows = [row(1, "flink", 1.0), row(2, "flink", 1.0, foreign=0.5)]
        self.assertEqual([r["round"] for r in stats.counted(rows)[0]], [1])
        rows.append(row(3, "flink", 1.0, foreign=0.5))
        self.assertEqual((len(stats.counted(rows)[0]), stats.counted(rows)[1]), (3, False))


class Report(unittest.TestCase):
    about = {"workload": "w1", "window": "10s", "events": 1000, "rounds": 2, "seed": 1, "partitions": 8, "codec": "lz4", "step_micros": 1000,
             "with": ["crmpulse", "flink"], "set": [], "answers": 3, "commit": "abc", "date": "today",
             "fill": {"bytes_per_event": 95.5, "duplicates": 10, "late": 20},
             "machine": {"cpu": "Z80", "cores": "2", "memory": "1 GB", "kernel": "1", "java": "17", "redis": "7", "load_before": "0.1"}}

    def test_tables(self):
        rows = [report.scored(row(n, what, cpu)) for n in (1, 2) for what, cpu in (("crmpulse", 2.0), ("flink", 12.0))]
        text = report.tables(self.about, rows)
        self.assertIn("| CPU an event, Flink 1.20.2 / crmpulse | **6** | 6 .. 6 | 2 |", text)
        self.assertIn("| CPU an event with Redis and broker, Flink 1.20.2 / crmpulse | **3** | 3 .. 3 | 2 |", text)  # (12 + 3) / (2 + 3)
        self.assertIn("Z80", text)

    def test_marks_are_replaced_and_the_rest_stays(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "RESULTS.md"
            path.write_text("before\n", encoding="utf-8")
            for text in ("one", "two"):
                report.put_into(path, "w1", text)
                report.put_into(path, "w2", "other")
            self.assertEqual(path.read_text(encoding="utf-8").split(),
                             "before <!-- w1: written by bench/report.py --> two <!-- w1: end --> "
                             "<!-- w2: written by bench/report.py --> other <!-- w2: end -->".split())


def message(name, org, at_ms, amount, customer=None, opened=None):
    def field(number, value):
        if isinstance(value, int):
            return varint(number << 3) + varint(value)
        return varint(number << 3 | 2) + varint(len(value)) + value

    def varint(value):
        out = bytearray()
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes(out) + bytes([value])

    deal = field(1, b"d1") + field(2, b"won") + field(3, amount)
    if customer:
        deal += field(8, customer) + field(10, opened)
    return field(1, name) + field(2, org) + field(3, at_ms) + field(6, b"ann") + field(7, b"north") + field(109, deal)


class Oracle(unittest.TestCase):
    def test_duplicates_do_not_count_and_windows_are_by_event_time(self):
        o = oracle.Oracle(10000)
        for part in (message(b"e1", b"a", 1009999, 5), message(b"e2", b"a", 1010000, 7), message(b"e1", b"a", 1009999, 5),
                     message(b"e1", b"b", 1000000, 300), message(b"e3", b"a", 1000000, 2)):
            o.take(part)
        self.assertEqual(o.cells[1000000, "a", "rep", "ann"], (2, 7))
        self.assertEqual(o.cells[1010000, "a", "team", "north"], (1, 7))
        self.assertEqual(o.cells[1000000, "b", "org", "b"], (1, 300))
        self.assertEqual((len(o.cells), o.messages, len(o.seen)), (9, 5, 4))

    def test_compare_says_what_differs(self):
        want = {(0, "a", "org", "a"): (1, 2), (0, "a", "rep", "x"): (1, 2)}
        self.assertIsNone(oracle.compare(want, dict(want)))
        self.assertIn("1 of 2 answers are missing", oracle.compare(want, {(0, "a", "org", "a"): (1, 2)}))
        self.assertIn("1 differ", oracle.compare(want, {**want, (0, "a", "rep", "x"): (1, 3)}))
        self.assertIn("1 are too many", oracle.compare(want, {**want, (9, "a", "rep", "x"): (1, 2)}))

    def test_files_of_answers(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a.tsv"
            path.write_text("0\ta\trep\tx\t1\t-2\n", encoding="utf-8")
            self.assertEqual(oracle.read_answers(path), {(0, "a", "rep", "x"): (1, -2)})
            path.write_text("0\ta\trep\tx\t1\t2\n" * 2, encoding="utf-8")
            self.assertRaises(ValueError, oracle.read_answers, path)


class OracleW2(unittest.TestCase):
    def test_windows_end_with_the_pane_that_holds_the_instant(self):
        at_ms = 1767225600000 + 90 * 60000 + 1  # 01:30:00.001
        self.assertEqual(oracle_w2.span("5m", at_ms), (1767225600000 + 86 * 60000, 1767225600000 + 91 * 60000))
        self.assertEqual(oracle_w2.span("24h", at_ms), (1767225600000 - 22 * 3600000, 1767225600000 + 2 * 3600000))

    def test_kpis_of_four_deals(self):
        # at, won, amount, customer, opened: two sales to c1, one to c2, one loss, and one sale before the window
        deals = [(100, True, 10, "c1", 0), (110, True, 30, "c1", 90), (120, True, 20, "c2", 20), (130, False, 40, "c3", 0), (50, True, 20, "c9", 0)]
        now, before = oracle_w2.Sums(deals, 100, 200), oracle_w2.Sums(deals, 0, 100)
        kpis = oracle_w2.kpis(now, before, oracle_w2.Sums([*deals, (100, True, 60, "c5", 0)], 100, 200))
        self.assertEqual((kpis["win_rate"], kpis["win_rate_amount"], kpis["repurchase_rate"], kpis["sales_share"], kpis["growth"]),
                         (0.75, 0.6, 0.5, 0.5, 2.0))
        self.assertEqual((kpis["average_lost"], kpis["deals_per_customer"], kpis["sales_cycle"]), (40, 1.5, 220 / 3))
        self.assertIsNone(oracle_w2.kpis(before, oracle_w2.Sums([], 0, 1), before)["growth"])

    def test_a_quantile_may_err_by_a_percent(self):
        self.assertTrue(oracle_w2.quantile_fits(95.9, list(range(101))))
        self.assertFalse(oracle_w2.quantile_fits(97, list(range(101))))
        self.assertTrue(oracle_w2.quantile_fits(None, []))

    def test_differs(self):
        row = {"org": "a", "dim": "org", "subject": "a", "window": "24h", "kpi": "closed", "value": 2}
        want = {("a", "org", "a", "24h", "closed"): 2, ("a", "org", "a", "5m", "active_customers"): 9}
        self.assertIsNone(oracle_w2.differs(want, [row]))
        self.assertIn("3 instead of 2", oracle_w2.differs(want, [{**row, "value": 3}]))
        self.assertIn("missing", oracle_w2.differs(want, []))


class PeerOfW2(unittest.TestCase):
    def differs(self, *lines):
        reader = oracle_w2.Kpis()
        for name, at_ms, amount in ((b"e1", 1767225600000, 5), (b"e2", 1767225660000, 7)):
            reader.take(message(name, b"org0", at_ms, amount, customer=b"c1", opened=1767225500000))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a.tsv"
            path.write_text("org\tdim\tsubject\twindow\tend\tclosed\tclosed_amount\tgrowth\n" + "\n".join(lines) + "\n", encoding="utf-8")
            return oracle_w2.peer_differs(reader, path)

    def test_each_row_is_judged_at_its_own_instant(self):
        rows = [f"org0\torg\torg0\t{window}\t1767225720000\t2.0\t12.0\tnull" for window in oracle_w2.WINDOWS]
        self.assertIsNone(self.differs(*rows))
        self.assertIn("instead of 2", self.differs(rows[0].replace("2.0", "3.0", 1)))
        self.assertIn("missing", self.differs(*rows[:-1]))
        self.assertIn("older", self.differs(rows[0].replace("1767225720000", "1767225660000")))


class Procs(unittest.TestCase):
    def test_a_tree_has_the_time_of_its_children(self):
        burn = "import time\nwhile time.process_time() < 0.3: pass"
        child = subprocess.Popen([sys.executable, "-c", f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\nprint(1, flush=True)\n"
                                  "sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            child.stdout.readline()
            self.assertGreaterEqual(procs.cpu_s(child.pid), 0.28)
            self.assertGreater(procs.rss_peak(child.pid), 1000000)
        finally:
            child.communicate(timeout=30)
        self.assertEqual(procs.tree(child.pid), {})

    def test_machine_time_goes_on(self):
        before = procs.machine_s()[0]
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass
        self.assertGreater(procs.machine_s()[0], before)
