"""What a KPI function is given, and the shapes it may return.

Knows windows and subjects, no KPI.
"""
from fractions import Fraction

from . import gauges
from .measures import select


class Query:
    def __init__(self, facts, window, at, dim, subject, sw):
        self.f, self.window, self.at = facts, window, at
        self.dim, self.subject, self.sw = dim, subject, sw
        self.cal = facts.cal

    def over(self, window):
        return Query(self.f, window, self.at, self.dim, self.subject, self.sw)

    def of(self, dim, subject):
        return Query(self.f, self.window, self.at, dim, subject, self.sw)

    def cons(self, name):
        return select(self.f, name, self.sw, self.dim, self.subject,
                      self.window.start, self.window.end)

    def count(self, name):
        return len(self.cons(name))

    def total(self, name):
        return sum(c.v for c in self.cons(name))

    def clipped(self, name):
        """For distinct counts: a rolling window holds facts up to `at` only."""
        end = min(self.window.end, self.at + 1) if self.window.rolling else self.window.end
        return select(self.f, name, self.sw, self.dim, self.subject, self.window.start, end)

    def distinct(self, name):
        who = {c.who for c in self.clipped(name)} - {None}
        return {w for w in who if ("customer", w) not in self.f.erased}

    # edges of a window: state before its start, and at its end or now
    @property
    def first_edge(self):
        return self.window.start

    @property
    def last_edge(self):
        return min(self.window.end, self.at + 1)

    def members(self, edge):
        return gauges.members(self.f, self.sw, self.dim, self.subject, edge)

    def enabled(self):
        return gauges.enabled_users(self.f, self.dim, self.subject, self.last_edge - 1)


def ratio(numerator, denominator, n=None, **extra):
    value = float(Fraction(numerator) / Fraction(denominator)) if denominator else None
    return {"numerator": numerator, "denominator": denominator, "value": value,
            "n": denominator if n is None else n, **extra}


def number(value, n=None, **extra):
    return {"numerator": value, "denominator": None, "value": value,
            "n": value if n is None else n, **extra}


def nearest_rank(values, per_mille):
    return values[-(-len(values) * per_mille // 1000) - 1]


def duration(cons):
    values = sorted(c.v for c in cons)
    total, count = sum(values), len(values)
    result = ratio(total, count)
    result.update(count=count, sum=total, mean=result["value"])
    for name, per_mille in (("p50", 500), ("p90", 900), ("p95", 950), ("p99", 990)):
        result[name] = nearest_rank(values, per_mille) if values else None
    return result
