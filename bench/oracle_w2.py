"""The expected answers of workload W2 at one instant, for a sample of subjects: every event of each window is looked at again, no panes, no sums
kept. Windows are cut as crmpulse cuts them: they end with the pane that holds the instant, a minute up to 1 h, else an hour.

Not compared: distinct customers in windows up to 1 h (crmpulse keeps those by the hour), and quantiles beyond their error of 1 %."""
import math

from oracle import AMOUNT, CUSTOMER, OPENED_MS, OUTCOME, Reader

MINUTE_MS, HOUR_MS, DAY_MS = 60000, 3600000, 86400000
WINDOWS = {"5m": 5 * MINUTE_MS, "1h": HOUR_MS, "24h": 24 * HOUR_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS}
SUBJECTS = [*(f"org{n}" for n in range(0, 64, 9)), *(f"team{n}" for n in range(0, 20, 6)), *(f"rep{n}" for n in (0, 1, 2, 5, 17, 100, 1234))]
DISTINCT = {"active_customers", "repeat_customers", "repurchase_rate", "deals_per_customer", "amount_per_customer"}
QUANTILE_ERROR = 0.0101


def span(window, at_ms):
    pane_ms = MINUTE_MS if WINDOWS[window] <= HOUR_MS else HOUR_MS
    end = at_ms - at_ms % pane_ms + pane_ms
    return end - WINDOWS[window], end


def ratio(a, b):
    return a / b if b else None


class Sums:
    """What the KPIs need of the deals of one subject in one span."""

    def __init__(self, deals, begin, end):
        inside = [deal for deal in deals if begin <= deal[0] < end]
        won = [deal for deal in inside if deal[1]]
        self.n, self.won, self.lost = len(inside), len(won), len(inside) - len(won)
        self.amount = sum(deal[2] for deal in inside)
        self.won_amount = sum(deal[2] for deal in won)
        self.lost_amount = self.amount - self.won_amount
        self.cycles = sorted(deal[0] - deal[4] for deal in won)
        customers = [deal[3] for deal in won]
        self.buyers = len(set(customers))
        self.repeat = sum(customers.count(one) > 1 for one in set(customers)) if len(customers) < 2000 else repeated(customers)


def repeated(names):
    once, twice = set(), set()
    for name in names:
        (twice if name in once else once).add(name)
    return len(twice)


def kpis(now, before, whole):
    """{kpi: value}"""
    return {
        "closed": now.n, "closed_amount": now.amount, "deals_won": now.won, "deals_lost": now.lost, "won_amount": now.won_amount,
        "lost_amount": now.lost_amount, "active_customers": now.buyers, "repeat_customers": now.repeat,
        "win_rate": ratio(now.won, now.n), "loss_rate": ratio(now.lost, now.n), "win_rate_amount": ratio(now.won_amount, now.amount),
        "lost_per_won": ratio(now.lost, now.won), "repurchase_rate": ratio(now.repeat, now.buyers), "deals_per_customer": ratio(now.won, now.buyers),
        "sales_share": ratio(now.won_amount, whole.won_amount), "growth": ratio(now.won_amount - before.won_amount, before.won_amount),
        "average_won": ratio(now.won_amount, now.won), "average_lost": ratio(now.lost_amount, now.lost),
        "amount_per_customer": ratio(now.won_amount, now.buyers), "sales_cycle": ratio(sum(now.cycles), len(now.cycles)),
    }


class Kpis(Reader):
    def __init__(self):
        super().__init__()
        self.deals = {}  # (org, dim, subject) -> [(at, won, amount, customer, opened)]
        self.sample = set(SUBJECTS)

    def count(self, at_ms, org, subjects, deal):
        for dim, subject in subjects:
            if dim == "org" or subject in self.sample:  # every org: shares are of it
                one = at_ms, deal[OUTCOME] == b"won", deal[AMOUNT], deal[CUSTOMER], deal[OPENED_MS]
                self.deals.setdefault((org, dim, subject), []).append(one)

    def figures(self, org, dim, subject, window, at_ms, whole=None):
        """{kpi: value} of one subject in the window that lies at `at_ms`; under "p95" its cycles in order."""
        begin, end = span(window, at_ms)
        deals = self.deals[org, dim, subject]
        now = Sums(deals, begin, end)
        found = kpis(now, Sums(deals, begin - (end - begin), begin), whole or now)
        found["p95"] = now.cycles
        return found

    def answers(self):
        """{(org, dim, subject, window, kpi): value} at the newest event."""
        found = {}
        for window in WINDOWS:
            begin, end = span(window, self.newest_ms)
            whole = {org: Sums(deals, begin, end) for (org, dim, _), deals in self.deals.items() if dim == "org"}
            for org, dim, subject in self.deals:
                if subject in self.sample:
                    for kpi, value in self.figures(org, dim, subject, window, self.newest_ms, whole[org]).items():
                        found[org, dim, subject, window, kpi] = value
        return found


def quantile_fits(value, ordered):
    """Whether a sketch that errs by 1 % of the value may say `value` for the 95th percentile: of one of the two neighbouring ranks."""
    if not ordered:
        return value is None
    rank = 0.95 * (len(ordered) - 1)
    return any(value is not None and abs(value - ordered[r]) <= QUANTILE_ERROR * ordered[r] for r in {math.floor(rank), math.ceil(rank)})


def equal(kpi, value, have):
    if kpi == "p95":
        return quantile_fits(have, value)
    return have == value if value is None or have is None else math.isclose(have, value, rel_tol=1e-9, abs_tol=1e-9)


def wrong(where, kpi, value, have):
    return f"{where} {kpi}: {have} instead of {'the 95th percentile' if kpi == 'p95' else value}"


def differs(want, rows):
    """None if every row of `crmpulse query` that is compared is right and none is missing, else a sentence."""
    got = {}
    for row in rows:
        where = row["org"], row["dim"], row["subject"], row["window"]
        got[(*where, row["kpi"])] = row["value"]
        if row["kpi"] == "sales_cycle":
            got[(*where, "p95")] = row.get("p95")
    for (*where, kpi), value in want.items():
        if kpi in DISTINCT and where[3] in ("5m", "1h"):
            continue
        if (*where, kpi) not in got:
            return f"{where} {kpi} is missing"
        if not equal(kpi, value, got[(*where, kpi)]):
            return wrong(where, kpi, value, got[(*where, kpi)])
    return None


def peer_differs(reader, path):
    """The same for a peer's file: the newest row of each subject and window, at an instant of its own at which nothing of it was missing. Its
    header names the KPIs that it has."""
    seen = set()
    with open(path, encoding="utf-8") as file:
        names = file.readline().split()[5:]
        for line in file:
            org, dim, subject, window, end, *values = line.split()
            if subject not in reader.sample:
                continue
            seen.add((org, dim, subject, window))
            if int(end) <= max(deal[0] for deal in reader.deals[org, dim, subject]):
                return f"{org} {dim} {subject}: its newest row is older than its newest event"
            want = reader.figures(org, dim, subject, window, int(end) - 1)
            for kpi, text in zip(names, values, strict=True):
                have = None if text == "null" else float(text)
                if not equal(kpi, want[kpi], have):
                    return wrong((org, dim, subject, window), kpi, want[kpi], have)
    missing = {(*key, window) for key in reader.deals if key[2] in reader.sample for window in WINDOWS} - seen
    return f"{len(missing)} are missing, such as {min(missing)}" if missing else None
