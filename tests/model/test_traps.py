"""Hand-calculated cases for the oracle itself: windows, corrections, switches, alert states.

Figures come from the trap table of the specification or from arithmetic in the
test; nothing here is taken from the oracle's output.
"""
import pathlib
import random
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from oracle import alerts, boards, scorecard                      # noqa: E402
from oracle.calendar import Calendar, parse_instant as ms         # noqa: E402
from oracle.events import parse_lines, validate                   # noqa: E402
from oracle.facts import Facts                                    # noqa: E402
from oracle.kpis import evaluate                                  # noqa: E402
from oracle.query import nearest_rank                             # noqa: E402

DAY = 86400000
CNY = {"currency": "CNY"}


class Stream:
    """Short way to write events; ids are given in order unless named."""

    def __init__(self, zone="UTC"):
        self.rows, self.zone = [], zone

    def add(self, when, kind, /, **fields):
        t = ms(when) if isinstance(when, str) else when
        row = {"event_id": fields.pop("id", "x%04d" % len(self.rows)), "type": kind,
               "org_id": "o", "occurred_at_ms": t, **fields}
        if any(k.endswith("_micros") for k in row):
            row.update(CNY)
        event, reason = validate(row)
        assert reason is None, (reason, row)
        self.rows.append(event)
        return self

    def facts(self):
        return Facts(self.rows, Calendar(self.zone))

    def kpi(self, name, window, at, dim="org", subject="o", **sw):
        at = ms(at) if isinstance(at, str) else at
        results = []
        for seed in range(3):           # any order of arrival gives the same
            rows = list(self.rows)
            random.Random(seed).shuffle(rows)
            results.append(evaluate(Facts(rows, Calendar(self.zone)), name, window, at, dim,
                                    subject, sw))
        assert results[0] == results[1] == results[2], results
        return results[0]

    def won(self, deal, when, amount, owner="ann", **more):
        return self.add(when, "deal_closed", deal_id=deal, outcome="won", owner_id=owner,
                        amount_micros=amount, **more)

    def lost(self, deal, when, amount=1, owner="ann", **more):
        return self.add(when, "deal_closed", deal_id=deal, outcome="lost", owner_id=owner,
                        amount_micros=amount, **more)


class Windows(unittest.TestCase):
    def test_t1_week_has_seven_dates(self):
        cal = Calendar("Asia/Shanghai")
        week = cal.window("w", ms("2025-03-05T00:00:00Z"))
        self.assertEqual(week.end, ms("2025-03-09T16:00:00Z"))      # Monday 10 March, local
        self.assertEqual(week.end - week.start, 7 * DAY)

    def test_t17_dst(self):
        cal = Calendar("Europe/Berlin")
        spring = cal.window("d", ms("2025-03-30T12:00:00Z"))
        autumn = cal.window("d", ms("2025-10-26T12:00:00Z"))
        self.assertEqual(spring.end - spring.start, 23 * 3600000)
        self.assertEqual(autumn.end - autumn.start, 25 * 3600000)
        rolling = cal.window("24h", ms("2025-10-26T12:00:00Z"))
        self.assertEqual(rolling.end - rolling.start, DAY)
        self.assertNotEqual(cal.pane(ms("2025-10-26T00:30:00Z")),
                            cal.pane(ms("2025-10-26T01:30:00Z")))

    def test_rolling_ends_with_the_pane(self):
        cal = Calendar("Asia/Kolkata")                              # UTC+5:30
        window = cal.window("24h", ms("2025-03-05T10:10:00Z"))      # 15:40 local
        self.assertEqual(window.end, ms("2025-03-05T10:30:00Z"))    # 16:00 local
        self.assertEqual(window.start, window.end - DAY)
        short = cal.window("5m", ms("2025-03-05T10:10:07Z"))
        self.assertEqual((short.start, short.end),
                         (ms("2025-03-05T10:06:00Z"), ms("2025-03-05T10:11:00Z")))

    def test_t18_fiscal_and_iso_week(self):
        cal = Calendar("UTC", fiscal_shift=3)
        self.assertEqual(cal.label("q", ms("2025-03-31T12:00:00Z")), "2024-Q4")
        self.assertEqual(cal.label("q", ms("2025-04-01T00:00:00Z")), "2025-Q1")
        self.assertEqual(Calendar().label("w", ms("2024-12-30T00:00:00Z")), "2025-W01")

    def test_business_hours(self):
        cal = Calendar("UTC")
        start, end = ms("2025-03-07T17:50:00Z"), ms("2025-03-10T09:10:00Z")
        self.assertEqual(cal.business_ms(start, end), 20 * 60000)
        self.assertEqual(end - start, (63 * 60 + 20) * 60000)

    def test_nearest_rank(self):
        self.assertEqual([nearest_rank([1, 2, 3, 4], p) for p in (500, 900)], [2, 4])


class Input(unittest.TestCase):
    def test_rejects(self):
        base = {"event_id": "a", "type": "login", "org_id": "o", "occurred_at_ms": 1,
                "user_id": "u"}
        bad = {"negative_time": {"occurred_at_ms": -1}, "bad_id": {"event_id": "y" * 129},
               "required_missing": {"user_id": None}, "unknown_type": {"type": "nope"}}
        self.assertIsNone(validate(base)[1])
        for reason, change in bad.items():
            self.assertEqual(validate({**base, **change})[1], reason)
        deal = {**base, "type": "deal_closed", "deal_id": "d", "outcome": "won",
                "amount_micros": "5", "currency": "CNY"}
        self.assertEqual(validate(deal)[0]["amount_micros"], 5)
        self.assertEqual(validate({**deal, "outcome": "maybe"})[1], "unknown_enum")
        self.assertEqual(validate({**deal, "currency": None})[1], "money_without_currency")
        self.assertEqual(validate({**deal, "currency": "QQQ"})[1], "unknown_currency")
        self.assertEqual(validate({**deal, "items": -1})[1], "negative_count")
        self.assertEqual(validate(base, ingest_ms=1)[1], None)
        self.assertEqual(validate({**base, "occurred_at_ms": 3600002}, ingest_ms=1)[1], "future")
        self.assertIsNone(validate({**base, "occurred_at_ms": 3600001}, ingest_ms=1)[1])

    def test_first_of_an_id_wins(self):
        line = '{"event_id":"a","type":"login","org_id":"o","occurred_at_ms":1,"user_id":"%s"}'
        events, rejects, duplicates = parse_lines([line % "u", line % "v", "{"])
        self.assertEqual([e["user_id"] for e in events], ["u"])
        self.assertEqual((len(rejects), duplicates), (1, 1))


class Sales(unittest.TestCase):
    def test_t6_growth(self):
        s = Stream()
        for day in range(59):                       # 1 February .. 31 March, 10 a day
            for k in range(10):
                s.won("d%d-%d" % (day, k), ms("2025-02-01T12:00:00Z") + day * DAY, 1)
        same = s.kpi("sales_growth_rate", "td", "2025-03-10T23:59:59.999Z")
        self.assertEqual((same["numerator"], same["denominator"]), (0, 100))
        full = s.kpi("sales_growth_rate", "m", "2025-03-31T23:59:59.999Z",
                     compare="full_previous")
        self.assertAlmostEqual(full["value"], 310 / 280 - 1, places=12)

    def test_t7_from_zero(self):
        s = Stream().won("d", "2025-03-05T12:00:00Z", 5)
        self.assertIsNone(s.kpi("sales_growth_rate", "m", "2025-03-31T23:00:00Z")["value"])

    def test_t12_empty(self):
        s = Stream().add("2025-03-01T00:00:00Z", "login", user_id="u")
        at = "2025-03-31T00:00:00Z"
        self.assertIsNone(s.kpi("win_rate", "m", at)["value"])
        self.assertIsNone(s.kpi("csat", "m", at)["value"])
        self.assertEqual(s.kpi("sales_amount", "m", at)["value"], 0)

    def test_t13_lost_adds_nothing(self):
        s = Stream().add("2025-03-01T00:00:00Z", "deal_opened", deal_id="a", owner_id="u",
                         stage="s", amount_micros=100, prob_ppm=500000)
        s.add("2025-03-01T00:00:00Z", "deal_opened", deal_id="b", owner_id="u", stage="s",
              amount_micros=80, prob_ppm=500000)
        s.lost("b", "2025-03-02T00:00:00Z", 80)
        row = s.kpi("pipeline_open", "g", "2025-03-03T00:00:00Z")
        self.assertEqual((row["value"], row["weighted"], row["count"]), (100, 50, 1))

    def test_t21_close_without_opening(self):
        s = Stream().won("d", "2025-03-05T00:00:00Z", 7)
        at = "2025-03-31T00:00:00Z"
        self.assertEqual(s.kpi("win_rate", "m", at)["numerator"], 1)
        self.assertEqual(s.kpi("sales_cycle", "m", at)["count"], 0)
        self.assertIsNone(s.kpi("opportunity_conversion", "m", at)["value"])
        self.assertEqual(s.kpi("pipeline_open", "g", at)["count"], 0)
        s.add("2025-03-04T00:00:00Z", "deal_opened", deal_id="d", owner_id="ann", stage="s",
              amount_micros=7)
        self.assertEqual(s.kpi("sales_cycle", "m", at)["sum"], DAY)
        self.assertEqual(s.kpi("opportunity_conversion", "m", at)["numerator"], 1)

    def test_opened_at_gives_the_cycle(self):
        s = Stream().won("d", "2025-03-05T00:00:00Z", 7, opened_at_ms=ms("2025-03-03T00:00:00Z"))
        self.assertEqual(s.kpi("sales_cycle", "m", "2025-03-31T00:00:00Z")["sum"], 2 * DAY)

    def test_t22_owner_change(self):
        s = Stream()
        for deal, day in (("p", 5), ("q", 20)):
            s.add("2025-03-01T00:00:00Z", "deal_opened", deal_id=deal, owner_id="A", stage="s",
                  amount_micros=10)
            s.add("2025-03-10T00:00:00Z", "owner_changed", entity_kind="deal", entity_id=deal,
                  to_owner="B")
            s.add("2025-03-%02dT00:00:00Z" % day, "deal_closed", deal_id=deal, outcome="won",
                  amount_micros=10)
        at = "2025-03-31T00:00:00Z"
        for who, event, follow in (("A", 10, 0), ("B", 10, 20)):
            self.assertEqual(s.kpi("sales_amount", "m", at, "rep", who)["value"], event)
            self.assertEqual(s.kpi("sales_amount", "m", at, "rep", who,
                                   credit="follow_owner")["value"], follow)
        self.assertEqual(s.kpi("pipeline_open", "g", "2025-03-12T00:00:00Z", "rep", "B")["value"],
                         10)

    def test_t23_refund(self):
        s = Stream().won("d", "2025-03-05T00:00:00Z", 150)
        s.add("2025-04-02T00:00:00Z", "order_refunded", refund_id="r", deal_id="d",
              amount_micros=100)
        s.add("2025-04-03T00:00:00Z", "order_refunded", refund_id="r2", deal_id="d",
              amount_micros=100)
        march, april = "2025-03-31T00:00:00Z", "2025-04-30T00:00:00Z"
        self.assertEqual(s.kpi("sales_amount", "m", march)["value"], 150)
        self.assertEqual(s.kpi("sales_amount", "m", april)["value"], -150)   # 100 + 50, not 200
        self.assertEqual(s.kpi("sales_amount", "m", march, refund_book="at_order")["value"], 0)
        s.add("2025-04-04T00:00:00Z", "deal_amended", deal_id="d", amount_micros=300)
        self.assertEqual(s.kpi("sales_amount", "m", april)["value"], -200)   # re-judged
        self.assertEqual(s.kpi("sales_amount", "m", march)["value"], 300)

    def test_t28_t29_quota(self):
        s = Stream().won("d", "2025-03-05T00:00:00Z", 250000)
        s.add("2025-03-01T00:00:00Z", "target_set", id="t1", target_id="t",
              kpi_id="sales_amount", subject="org:o", cycle="2025-03", value=120000)
        s.add("2025-03-15T00:00:00Z", "target_set", id="t2", target_id="t",
              kpi_id="sales_amount", subject="org:o", cycle="2025-03", value=380000)
        s.add("2025-03-06T00:00:00Z", "deal_opened", deal_id="e", owner_id="u", stage="s",
              amount_micros=400000)
        at = "2025-03-20T00:00:00Z"
        self.assertAlmostEqual(s.kpi("pipeline_coverage", "g", at)["value"], 400 / 130, 9)
        self.assertAlmostEqual(s.kpi("pipeline_coverage", "g", at,
                                     coverage_basis="full")["value"], 400 / 380, 9)
        self.assertIsNone(s.kpi("quota_pace", "td", "2025-03-01T00:00:00Z")["value"])
        self.assertEqual(s.kpi("quota_pace", "td", "2025-03-16T12:00:00Z")["denominator"],
                         190000)                                # 15.5 of 31 days

    def test_t24_merge(self):
        s = Stream()
        for n, who in (("1", "x"), ("2", "y")):
            s.add("2025-03-0%sT00:00:00Z" % n, "order_placed", order_id=n, customer_id=who,
                  amount_micros=5, items=1)
        s.add("2025-03-03T00:00:00Z", "entity_merged", entity_kind="customer", from_id="y",
              into_id="x")
        row = s.kpi("repurchase_rate", "90d", "2025-03-31T00:00:00Z", sales_basis="orders")
        self.assertEqual((row["numerator"], row["denominator"]), (1, 1))

    def test_delete_and_retract(self):
        s = Stream().won("d", "2025-03-05T00:00:00Z", 7, id="c1").won(
            "e", "2025-03-05T00:00:00Z", 5)
        s.add("2025-03-06T00:00:00Z", "entity_deleted", entity_kind="deal", entity_id="e")
        at = "2025-03-31T00:00:00Z"
        self.assertEqual(s.kpi("sales_amount", "m", at)["value"], 7)
        s.add("2025-03-07T00:00:00Z", "event_retracted", target_event_id="c1")
        self.assertEqual(s.kpi("sales_amount", "m", at)["value"], 0)
        rows = boards.rank(s.facts(), "sales_amount", "m", ms(at), "rep")
        self.assertEqual([(r["subject"], r["value"], r["rank"]) for r in rows], [("ann", 0, 1)])

    def test_second_close_replaces_and_amend_moves(self):
        s = Stream().lost("d", "2025-03-05T00:00:00Z").won("d", "2025-03-08T00:00:00Z", 9)
        at = "2025-03-31T00:00:00Z"
        self.assertEqual(s.kpi("win_rate", "m", at)["value"], 1.0)
        s.add("2025-04-02T00:00:00Z", "deal_amended", deal_id="d",
              closed_at_ms=ms("2025-02-27T00:00:00Z"), amount_micros=11)
        self.assertEqual(s.kpi("sales_amount", "m", at)["value"], 0)
        self.assertEqual(s.kpi("sales_amount", "m", "2025-02-28T00:00:00Z")["value"], 11)

    def test_reopened_deal_leaves_the_outcome(self):
        s = Stream().lost("d", "2025-03-05T00:00:00Z").add(
            "2025-03-07T00:00:00Z", "deal_reopened", deal_id="d")
        self.assertIsNone(s.kpi("win_rate", "m", "2025-03-31T00:00:00Z")["value"])

    def test_entity_seq_orders_the_replay(self):
        s = Stream()
        s.add("2025-03-09T00:00:00Z", "deal_closed", deal_id="d", owner_id="u", entity_seq=1,
              outcome="lost", amount_micros=4)
        s.add("2025-03-08T00:00:00Z", "deal_closed", deal_id="d", owner_id="u", entity_seq=2,
              outcome="won", amount_micros=4)
        self.assertEqual(s.kpi("win_rate", "m", "2025-03-31T00:00:00Z")["numerator"], 1)

    def test_t14_ties(self):
        s = Stream()
        for who, amount, day in (("a", 50, 3), ("b", 50, 2), ("c", 40, 1)):
            s.won("d" + who, "2025-03-0%dT00:00:00Z" % day, amount, owner=who)
        s.add("2025-01-01T00:00:00Z", "user_enabled", user_id="z")
        at = ms("2025-03-31T00:00:00Z")
        for ties, ranks in (("competition", [1, 1, 3, 4]), ("dense", [1, 1, 2, 3]),
                            ("ordinal", [1, 2, 3, 4])):
            rows = boards.rank(s.facts(), "sales_amount", "m", at, "rep", {"ties": ties})
            self.assertEqual([r["rank"] for r in rows], ranks)
            self.assertEqual([r["subject"] for r in rows], ["b", "a", "c", "z"])


class Leads(unittest.TestCase):
    def test_t2_qualify(self):
        s = Stream()
        for name, days in (("p", 2), ("q", 4)):
            s.add("2025-03-01T00:00:00Z", "lead_created", lead_id=name, owner_id="u")
            s.add(ms("2025-03-01T00:00:00Z") + days * DAY, "lead_qualified", lead_id=name)
        row = s.kpi("time_to_qualify", "m", "2025-03-31T00:00:00Z")
        self.assertEqual((row["mean"], row["p50"]), (3 * DAY, 2 * DAY))

    def test_t11_cohort_and_period(self):
        s = Stream()
        for name in "pq":
            s.add("2025-05-10T00:00:00Z", "lead_created", lead_id=name, owner_id="u")
            s.add("2025-06-10T00:00:00Z", "lead_converted", lead_id=name, customer_id="k" + name)
        may, june = "2025-05-31T00:00:00Z", "2025-06-30T00:00:00Z"
        self.assertEqual(s.kpi("conversion_rate", "m", may)["numerator"], 2)
        self.assertIsNone(s.kpi("conversion_rate", "m", june)["value"])
        self.assertEqual(s.kpi("conversion_rate", "m", may, conversion_basis="period")["value"], 0)
        row = s.kpi("conversion_rate", "m", june, conversion_basis="period")
        self.assertEqual((row["numerator"], row["value"]), (2, None))


class Customers(unittest.TestCase):
    def test_t25_crr(self):
        s = Stream()
        for i in range(200):
            s.add("2025-02-01T00:00:00Z", "customer_acquired", customer_id="k%d" % i)
        for i in range(40):
            s.add("2025-03-05T00:00:00Z", "customer_churned", customer_id="k%d" % i)
        for i in range(30):
            s.add("2025-03-10T00:00:00Z", "customer_acquired", customer_id="n%d" % i)
        for i in range(5):
            s.add("2025-03-20T00:00:00Z", "customer_churned", customer_id="n%d" % i)
        at = "2025-03-31T23:59:59.999Z"
        self.assertEqual(s.kpi("customer_count", "m", at)["value"], 185)
        self.assertEqual(s.kpi("retention_rate", "m", at)["value"], 0.8)
        self.assertEqual(s.kpi("churn_rate", "m", at)["value"], 0.2)
        self.assertEqual(s.kpi("retention_rate", "m", at, crr_new="gross")["value"], 0.775)

    def test_t26_daily(self):
        s = Stream()
        for i in range(100):
            s.add("2025-02-01T00:00:00Z", "customer_acquired", customer_id="k%d" % i)
        for i in range(10):
            s.add("2025-03-%02dT05:00:00Z" % (3 if i < 5 else 4), "customer_churned",
                  customer_id="k%d" % i)
        at = "2025-03-31T23:59:59.999Z"
        self.assertEqual(s.kpi("churn_rate", "m", at)["value"], 0.1)
        self.assertAlmostEqual(s.kpi("churn_rate", "m", at, churn_mode="daily")["value"],
                               0.05 + 5 / 95, 12)

    def test_inactivity(self):
        start = ms("2025-01-01T00:00:00Z")
        s = Stream().add(start, "customer_acquired", customer_id="k")
        last = start + 180 * DAY
        self.assertEqual(s.kpi("customer_count", "g", last - 1)["value"], 1)
        self.assertEqual(s.kpi("customer_count", "g", last)["value"], 0)
        self.assertEqual(s.kpi("customer_count", "g", last, churn_after_days=0)["value"], 1)
        s.won("d", start + 10 * DAY, 5, customer_id="k")      # a late proof of a purchase
        self.assertEqual(s.kpi("customer_count", "g", last)["value"], 1)
        self.assertEqual(s.kpi("customer_count", "g", last + 10 * DAY)["value"], 0)

    def test_reactivation(self):
        s = Stream().add("2025-01-01T00:00:00Z", "customer_acquired", customer_id="k")
        s.add("2025-02-01T00:00:00Z", "customer_churned", customer_id="k", id="gone")
        s.add("2025-03-01T00:00:00Z", "customer_reactivated", customer_id="k")
        for at, count in (("2025-02-15T00:00:00Z", 0), ("2025-03-15T00:00:00Z", 1)):
            self.assertEqual(s.kpi("customer_count", "g", at)["value"], count)
        s.add("2025-03-02T00:00:00Z", "event_retracted", target_event_id="gone")
        self.assertEqual(s.kpi("customer_count", "g", "2025-02-15T00:00:00Z")["value"], 1)

    def test_surveys(self):
        s = Stream()
        for i, score in enumerate((10, 9, 8, 6, 0)):
            s.add("2025-03-02T00:00:00Z", "survey_answered", response_id="n%d" % i, kind="nps",
                  score_milli=score * 1000, scale_min=0, scale_max=10)
        for i, score in enumerate((5, 5, 4, 2, 2)):
            s.add("2025-03-02T00:00:00Z", "survey_answered", response_id="f%d" % i, kind="nps",
                  score_milli=score * 1000, scale_min=1, scale_max=5)
        for name, score in (("a", 4), ("a", 2), ("b", 4)):
            s.add("2025-03-0%dT00:00:00Z" % (3 if score == 4 else 4), "survey_answered",
                  response_id=name, kind="csat", score_milli=score * 1000, scale_min=1,
                  scale_max=5)
        at = "2025-03-31T00:00:00Z"
        self.assertEqual(s.kpi("nps", "q", at)["value"], 0)
        self.assertEqual(s.kpi("nps", "q", at)["denominator"], 5)
        self.assertEqual(s.kpi("nps", "q", at, nps_scale="5-star")["value"], 0)
        row = s.kpi("csat", "m", at)                          # the second answer of a stands
        self.assertEqual((row["numerator"], row["denominator"]), (1, 2))


class Tickets(unittest.TestCase):
    def ticket(self):
        s = Stream().add("2025-03-03T10:00:00Z", "ticket_opened", ticket_id="t",
                         kind="customer", owner_id="O")
        s.add("2025-03-03T11:00:00Z", "ticket_first_response", ticket_id="t", responder_id="A")
        s.add("2025-03-03T12:00:00Z", "ticket_resolved", ticket_id="t", resolver_id="B")
        s.add("2025-03-08T10:00:00Z", "ticket_reopened", ticket_id="t")
        s.add("2025-03-08T10:10:00Z", "ticket_first_response", ticket_id="t", responder_id="C")
        return s.add("2025-03-08T11:00:00Z", "ticket_resolved", ticket_id="t", resolver_id="B")

    def test_t9(self):
        s, at = self.ticket(), "2025-03-31T00:00:00Z"
        self.assertEqual(s.kpi("first_response_time", "m", at, "rep", "A")["sum"], 3600000)
        self.assertEqual(s.kpi("first_response_time", "m", at, frt_from="reopened")["sum"],
                         600000)
        self.assertEqual(s.kpi("resolution_time", "m", at, "rep", "B")["sum"], 3 * 3600000)
        self.assertEqual(s.kpi("resolution_time", "m", at, resolution_mode="first")["sum"],
                         2 * 3600000)
        self.assertEqual(s.kpi("resolution_time", "m", at, resolution_mode="last")["sum"],
                         5 * DAY + 3600000)
        self.assertEqual(s.kpi("resolution_rate", "m", at, "rep", "O")["numerator"], 1)
        self.assertEqual(s.kpi("reopen_rate", "m", at)["numerator"], 1)
        self.assertEqual(s.kpi("fcr_rate", "m", at)["numerator"], 0)

    def test_backlog_as_of(self):
        s = self.ticket()
        for at, count in (("2025-03-03T11:30:00Z", 1), ("2025-03-04T00:00:00Z", 0),
                          ("2025-03-08T10:30:00Z", 1), ("2025-03-09T00:00:00Z", 0)):
            self.assertEqual(s.kpi("ticket_backlog", "g", at)["value"], count, at)

    def test_hold(self):
        s = Stream().add("2025-03-03T10:00:00Z", "ticket_opened", ticket_id="t", kind="customer")
        s.add("2025-03-03T11:00:00Z", "ticket_hold", ticket_id="t", on=True)
        s.add("2025-03-03T11:30:00Z", "ticket_hold", ticket_id="t", on=False)
        s.add("2025-03-03T12:00:00Z", "ticket_resolved", ticket_id="t", resolver_id="B")
        at = "2025-03-31T00:00:00Z"
        self.assertEqual(s.kpi("resolution_time", "m", at)["sum"], 90 * 60000)
        self.assertEqual(s.kpi("resolution_time", "m", at, hold_counts="yes")["sum"], 120 * 60000)

    def test_t27_sla(self):
        for late, met in ((0, 1), (1, 0)):
            due = ms("2025-03-03T17:00:00Z")
            s = Stream().add("2025-03-03T10:00:00Z", "ticket_opened", ticket_id="t",
                             kind="customer", first_due_ms=due)
            s.add(due + late, "ticket_first_response", ticket_id="t", responder_id="A")
            row = s.kpi("sla_hit_rate", "m", "2025-03-31T00:00:00Z")
            self.assertEqual((row["numerator"], row["denominator"]), (met, 1))
        s = Stream().add("2025-03-03T10:00:00Z", "ticket_opened", ticket_id="t", kind="customer")
        s.add("2025-03-03T09:59:58Z", "ticket_first_response", ticket_id="t", responder_id="A")
        self.assertEqual(s.kpi("first_response_time", "m", "2025-03-31T00:00:00Z")["sum"], 0)


class Usage(unittest.TestCase):
    def users(self):
        s = Stream()
        for name in "abc":
            s.add("2024-01-01T00:00:00Z", "user_enabled", user_id=name, team_id="t")
        s.add("2025-03-04T00:00:00Z", "login", user_id="a")
        return s.add("2025-03-05T00:00:00Z", "feature_used", user_id="b", feature="f")

    def test_t16(self):
        s, at = self.users(), "2025-03-31T00:00:00Z"
        self.assertEqual(s.kpi("usage_lifecycle", "m", at)["life_new"], 0)
        self.assertEqual(s.kpi("usage_lifecycle", "m", at)["life_resurrected"], 2)
        row = s.kpi("crm_adoption", "m", at)
        self.assertEqual((row["numerator"], row["denominator"]), (2, 3))
        self.assertEqual(s.kpi("zero_activity_users", "m", at)["listed"], ["c"])

    def test_rolling_actives(self):
        s = self.users()
        for at, count in (("2025-03-04T00:30:00Z", 1), ("2025-04-03T22:59:59Z", 1),
                          ("2025-04-02T23:59:59Z", 2), ("2025-04-03T00:00:00Z", 1),
                          ("2025-04-04T00:00:00Z", 0)):
            self.assertEqual(s.kpi("mau", "30d", at)["value"], count, at)

    def test_distinct_counts_stop_at_the_instant(self):
        s = Stream().add("2025-03-04T10:30:00Z", "login", user_id="a")
        self.assertEqual(s.kpi("mau", "30d", "2025-03-04T10:29:59.999Z")["value"], 0)
        self.assertEqual(s.kpi("mau", "30d", "2025-03-04T10:30:00Z")["value"], 1)

    def test_usage_days(self):
        s, at = self.users(), "2025-03-09T23:59:59.999Z"        # a week: 5 working days x 3
        row = s.kpi("login_usage_rate", "7d", at)
        self.assertEqual((row["numerator"], row["denominator"]), (2, 15))

    def test_retention(self):
        s = Stream()
        for name, weeks in (("a", (0, 1)), ("b", (0,)), ("c", (1,))):
            for week in weeks:
                s.add(ms("2025-03-03T12:00:00Z") + 7 * DAY * week, "login", user_id=name)
        row = s.kpi("user_retention", "w", "2025-03-12T00:00:00Z")
        self.assertEqual((row["numerator"], row["denominator"]), (1, 2))
        row = s.kpi("usage_lifecycle", "w", "2025-03-12T00:00:00Z")
        self.assertEqual([row[k] for k in ("life_new", "life_returning", "life_resurrected",
                                           "life_dormant")], [1, 1, 0, -1])


class Alerts(unittest.TestCase):
    RULE = {"id": "r", "kpi": "csat", "window": "30d", "dim": "org", "for_ms": 0,
            "min_samples": 2, "fire": {"op": "<", "value": 0.8},
            "clear": {"op": ">=", "value": 0.85}}

    def answers(self, *rows):
        s = Stream()
        for i, (when, good) in enumerate(rows):
            s.add(when, "survey_answered", response_id="r%d" % i, kind="csat",
                  score_milli=5000 if good else 1000, scale_min=1, scale_max=5)
        return s

    def judge(self, stream, until=None, **change):
        found = alerts.judge(stream.rows, [{**self.RULE, **change}], Calendar(), until=until)
        return [(t["tick_ms"], t["from"], t["to"]) for t in found]

    def test_small_samples_are_silent_and_values_leave(self):
        first, second = "2025-03-01T10:10:30Z", "2025-03-05T10:00:00Z"
        s = self.answers((first, 0), (second, 1))
        end = ms("2025-04-10T00:00:00Z")
        # n = 2 at the second answer; on 31 March 10:01 the bad one has left (n = 1): no clear
        self.assertEqual(self.judge(s, end), [(ms("2025-03-05T10:01:00Z"), "ok", "firing")])
        # with min_samples 1 it fires at the first and clears when the bad one leaves the window
        self.assertEqual(self.judge(s, end, min_samples=1),
                         [(ms("2025-03-01T10:11:00Z"), "ok", "firing"),
                          (ms("2025-03-31T10:01:00Z"), "firing", "ok")])

    def test_the_view_ends_at_the_tick(self):
        s = self.answers(("2025-03-01T10:00:30Z", 0), ("2025-03-01T10:01:00Z", 1))
        self.assertEqual(self.judge(s, min_samples=1, clear={"op": ">=", "value": 0.5}),
                         [(ms("2025-03-01T10:01:00Z"), "ok", "firing"),
                          (ms("2025-03-01T10:02:00Z"), "firing", "ok")])

    def test_for(self):
        s = self.answers(("2025-03-01T10:00:00Z", 0), ("2025-03-01T12:00:00Z", 1))
        hour = 3600000
        end = ms("2025-03-02T00:00:00Z")
        start = ms("2025-03-01T10:01:00Z")
        self.assertEqual(self.judge(s, end, min_samples=1, for_ms=hour),
                         [(start, "ok", "pending"), (start + hour, "pending", "firing")])
        fixed = self.answers(("2025-03-01T10:00:00Z", 0), ("2025-03-01T10:30:00Z", 1),
                             ("2025-03-01T10:30:00Z", 1), ("2025-03-01T10:30:00Z", 1),
                             ("2025-03-01T10:30:00Z", 1))
        self.assertEqual(self.judge(fixed, end, min_samples=1, for_ms=hour),
                         [(start, "ok", "pending"), (start + 30 * 60000, "pending", "ok")])

    def test_t33_less_than_waits_for_the_complete_window(self):
        s = Stream().lost("a", "2025-03-03T00:00:00Z").lost("b", "2025-03-03T01:00:00Z")
        found = self.judge(s, ms("2025-04-02T00:00:00Z"), kpi="win_rate", window="m",
                           fire={"op": "<", "value": 0.5}, clear={"op": ">=", "value": 0.6})
        self.assertEqual(found, [(ms("2025-04-01T00:00:00Z"), "ok", "firing")])

    def test_a_correction_acts_from_its_own_time(self):
        s = Stream().won("a", "2025-03-01T00:00:00Z", 50)
        s.add("2025-03-09T00:00:00Z", "deal_amended", deal_id="a", amount_micros=500)
        found = self.judge(s, kpi="sales_amount", min_samples=0, fire={"op": ">", "value": 100},
                           clear={"op": "<=", "value": 100})
        self.assertEqual(found, [(ms("2025-03-09T00:01:00Z"), "ok", "firing")])

    def test_late_arrival_counts_from_the_next_tick(self):
        s = self.answers(("2025-03-01T10:00:00Z", 1), ("2025-03-01T12:00:00Z", 1),
                         ("2025-03-01T10:30:00Z", 0))
        as_of = alerts.judge(s.rows, [self.RULE], Calendar())
        arrival = alerts.judge(s.rows, [self.RULE], Calendar(), out_of_orderness_ms=0)
        self.assertEqual([t["tick_ms"] for t in as_of], [ms("2025-03-01T10:31:00Z")])
        self.assertEqual([t["tick_ms"] for t in arrival], [ms("2025-03-01T12:01:00Z")])

    def test_pace_flips_between_events(self):
        s = Stream().add("2025-03-01T00:00:00Z", "target_set", target_id="t",
                         kpi_id="sales_amount", subject="org:o", cycle="2025-03",
                         value=31 * 1440)                    # 1 a minute
        s.won("a", "2025-03-02T00:00:00Z", 14400)            # ten days' worth
        found = self.judge(s, ms("2025-03-31T00:00:00Z"), kpi="quota_pace", window="td",
                           min_samples=1, fire={"op": "<", "value": 0.5},
                           clear={"op": ">=", "value": 0.6})
        # below 0.5 once T - 1 ms is more than 28 800 minutes (20 days) into the month
        self.assertEqual(found, [(ms("2025-03-21T00:01:00Z"), "ok", "firing")])

    def test_brute_force_agrees(self):
        """Every minute judged, against the skipping judge."""
        rng = random.Random(7)
        s = Stream()
        for i in range(60):
            s.add(ms("2025-03-01T00:00:00Z") + rng.randrange(2 * DAY), "survey_answered",
                  response_id="r%d" % rng.randrange(40), kind="csat",
                  score_milli=rng.choice((1000, 4000, 5000)), scale_min=1, scale_max=5)
        rule = {**self.RULE, "window": "1h", "for_ms": 600000}
        until = ms("2025-03-03T02:00:00Z")
        rows = alerts.with_causes(s.rows, None)
        from oracle.measures import switches
        first = rows[0][0]
        every = range(first - first % 60000 + 60000, until + 1, 60000)
        slow = list(alerts.Judge(rule, rows, Calendar(), switches(), None).run(every, until))
        fast = alerts.judge(s.rows, [rule], Calendar(), until=until)
        self.assertGreater(len(slow), 3)
        self.assertEqual(slow, fast)


class Cards(unittest.TestCase):
    CARD = [("F", 4000, [("attainment", 6000, 60.0), ("margin", 4000, 80.0)]),
            ("C", 3000, [("csat", 5000, 90.0), ("retention", 5000, None)]),
            ("I", 2000, [("response", 10000, 75.0)]), ("L", 1000, [("training", 10000, 50.0)])]

    def test_policies(self):
        result = scorecard.compose(self.CARD)
        self.assertAlmostEqual(result["score"], 74.2, 9)
        self.assertAlmostEqual(result["coverage"], 0.85, 9)
        self.assertAlmostEqual(scorecard.compose(self.CARD, "zero")["score"], 60.7, 9)
        self.assertAlmostEqual(scorecard.compose(self.CARD, "hold",
                                                 held={"retention": 70})["score"], 71.2, 9)

    def test_curves(self):
        self.assertEqual(scorecard.linear(84, 60, 100), 60)
        self.assertEqual(scorecard.linear(112, 60, 100), 100)
        self.assertEqual(scorecard.linear(112, 60, 100, 1.2), 120)
        self.assertEqual(scorecard.linear(3.5, 8, 2), 75)
        bands = ((0, 0), (0.6, 60), (0.7, 80), (0.8, 100))
        self.assertEqual(scorecard.step(0.8, bands), 100)
        self.assertEqual(scorecard.step(0.8, bands, exclusive=True), 80)
        self.assertEqual(scorecard.ratio_curve(0, 5, lower=True), 100)


if __name__ == "__main__":
    unittest.main()
