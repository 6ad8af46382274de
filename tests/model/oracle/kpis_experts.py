"""Expert panels: agreement and weights from ranking rounds, and grades (domain specification 4.3, 4.4). Fractions; each row is made from all events anew."""
from fractions import Fraction
from math import lcm

from .query import number, ratio

HOUR_MS = 3600000
CENTROID = lcm(*range(1, 21))


def _said(q, kind, panel):
    """What was said to a panel before the end of the hour asked for (or of the window), in order."""
    cut = (q.at // HOUR_MS + 1) * HOUR_MS
    if q.window.name != "g":
        cut = min(cut, q.window.end)
    if ("panel", panel) in q.f.deleted:
        return []
    return [e for e in q.f.loose.get(kind, ()) if e["panel_id"] == panel and e["occurred_at_ms"] < cut]


class Round:
    def __init__(self, rows, criteria, method):
        m, n = len(rows), len(criteria)
        self.m, self.n = m, n
        total, ties = dict.fromkeys(criteria, Fraction(0)), 0
        for row in rows:
            for c in criteria:
                less = sum(row[o] < row[c] for o in criteria)
                same = sum(row[o] == row[c] for o in criteria)
                total[c] += less + Fraction(same + 1, 2)
            for value in set(row.values()):
                t = sum(v == value for v in row.values())
                ties += t ** 3 - t
        d = sum((r - Fraction(m * (n + 1), 2)) ** 2 for r in total.values())
        self.w, self.base = 12 * d, m * m * (n ** 3 - n) - m * ties
        if self.base <= 0:
            self.w = self.base = 0
        self.weight, self.over = {}, {}
        for c in criteria:
            if method == "rank_sum":
                self.weight[c] = Fraction(2) * (n + 1 - total[c] / m) / (n * (n + 1))
                self.over[c] = m * n * (n + 1)
            else:
                less = sum(total[o] < total[c] for o in criteria)
                same = sum(total[o] == total[c] for o in criteria)
                places = [sum(Fraction(1, i) for i in range(k, n + 1)) / n for k in range(less + 1, less + same + 1)]
                self.weight[c] = sum(places) / same
                self.over[c] = n * same * CENTROID


def _stand(q, panel):
    """(Round, number) that counts, or (None, 0)."""
    rows, criteria = {}, set()
    for e in _said(q, "expert_ranked", panel):
        criteria.add(e["criterion"])
        rows.setdefault((e["round"], e["expert_id"]), {})[e["criterion"]] = e["rank_x2"]
    newest, at = None, 0
    for k in range(1, 5):
        full = [row for (n, _), row in rows.items() if n == k and set(row) == criteria]
        if len(full) < 2:
            break
        now = Round(full, sorted(criteria), q.sw["expert_method"])
        moved = newest is None or any(abs(now.weight[c] - newest.weight[c]) > Fraction(2, 100) for c in criteria)
        newest, at = now, k
        if k > 1 and ((now.base and Fraction(now.w) / now.base >= Fraction(7, 10)) or not moved):
            break
    return newest, at


def expert_agreement(q):
    stand, _ = _stand(q, q.subject) if q.dim == "kind" else (None, 0)
    return ratio(int(stand.w), int(stand.base)) if stand else ratio(0, 0)


def expert_weight(q):
    panel, _, criterion = q.subject.rpartition("/")
    stand, _ = _stand(q, panel) if q.dim == "kind" else (None, 0)
    if not stand or criterion not in stand.weight:
        return ratio(0, 0)
    over = stand.over[criterion]
    return ratio(int(stand.weight[criterion] * over), over)


def expert_grades(q):
    """By panel/criterion, and by panel/criterion/grade."""
    n = 0
    for panel in {e["panel_id"] for e in q.f.loose.get("expert_graded", ())}:
        newest = {}
        for e in _said(q, "expert_graded", panel):
            key = e["expert_id"], e["criterion"]
            if key not in newest or e["round"] >= newest[key][0]:
                newest[key] = e["round"], e["grade"]
        for (_, criterion), (_, grade) in newest.items():
            n += q.dim == "org" or q.subject in (f"{panel}/{criterion}", f"{panel}/{criterion}/{grade}")
    return number(n)
