"""KPIs of tickets, tasks and the use of the CRM."""
from fractions import Fraction

from . import gauges
from .calendar import DAY_MS, Window
from .measures import indexed, select
from .query import duration, number, ratio


# -- tickets

def first_response_time(q):
    return duration(q.cons("frt_ms"))


def resolution_time(q):
    return duration(q.cons("res_ms"))


def resolution_rate(q):
    opened = q.cons("tickets_opened")
    done = sum(1 for c in opened if c.extra.resolved)
    if q.sw["conversion_basis"] == "period":
        done = q.count("tickets_resolved_at")
    return ratio(done, len(opened))


def reopen_rate(q):
    opened = q.cons("tickets_opened")
    return ratio(sum(1 for c in opened if c.extra.reopens), len(opened))


def _first_contact(ticket, days):
    if not ticket.resolved or any(t <= days * DAY_MS for t in ticket.reopened_after):
        return False
    if ticket.first_contact is not None:
        return ticket.first_contact
    return sum(1 for r in ticket.replies if not r[1]) == 1


def fcr_rate(q):
    opened = q.cons("tickets_opened")
    return ratio(sum(1 for c in opened if _first_contact(c.extra, q.sw["fcr_days"])), len(opened))


def ticket_backlog(q):
    return number(len(gauges.open_tickets(q.f, q.dim, q.subject, q.at)))


def sla_hit_rate(q):
    judged = [c for c in q.cons("sla") if c.t < q.at or (c.v and c.extra <= q.at)]
    return ratio(sum(c.v for c in judged), len(judged))


# -- tasks

def _tasks_due(q):
    """Due date passed, or completed."""
    return [c.extra for c in q.cons("tasks")
            if c.extra.done is not None or (c.extra.due is not None and c.extra.due < q.at)]


def task_completion_rate(q):
    due = _tasks_due(q)
    return ratio(sum(1 for t in due if t.done is not None), len(due))


def task_on_time_rate(q):
    due = _tasks_due(q)
    return ratio(sum(1 for t in due if t.done is not None and t.due is not None
                     and t.done <= t.due), len(due))


# -- use of the CRM

def active_users(q):
    return number(len(q.distinct("activity")))


def stickiness(q):
    cal = q.cal
    day = cal.civil("d", cal.civil("d", q.at).start - 1)
    if cal.civil("d", q.at).end == q.at + 1:    # complete at its last millisecond
        day = cal.civil("d", q.at)
    length = int(q.sw["mau_days"]) * DAY_MS
    month = Window("mau", day.end - length, day.end)
    bottom = len(q.over(month).distinct("activity"))
    if q.sw["stickiness_mode"] == "avg_day":
        days = list(cal.days(month.start, month.end))
        top = Fraction(sum(len(q.over(Window("d", s, e)).distinct("activity"))
                           for _, s, e in days), max(1, len(days)))
        return ratio(top, bottom)
    return ratio(len(q.over(day).distinct("activity")), bottom)


def crm_adoption(q):
    enabled = q.enabled()
    return ratio(len(enabled & q.distinct("activity")), len(enabled))


def zero_activity_users(q):
    idle = sorted(q.enabled() - q.distinct("activity"))
    return number(len(idle), listed=idle)


def users_enabled(q):
    return number(len(q.enabled()))


def feature_usage_rate(q):
    base = q.of("org", q.f.org) if q.dim == "feature" else q
    bottom = base.enabled() if q.sw["feature_base"] == "users_enabled" \
        else base.distinct("activity")
    return ratio(len(q.distinct("features")), len(bottom))


def access_frequency(q):
    return ratio(len(q.clipped("logins")), len(q.distinct("activity")))


def usage_depth(q):
    return ratio(len({(c.who, c.extra) for c in q.clipped("features")}),
                 len(q.distinct("activity")))


def login_usage_rate(q):
    """(user, working day) pairs with activity / expected; days that start in the window."""
    active = expected = 0
    by_user = {}
    for con in select(q.f, "activity", q.sw, "org", q.f.org, q.window.start - 2 * DAY_MS,
                      q.window.end + 2 * DAY_MS):
        if con.t <= q.at or not q.window.rolling:
            by_user.setdefault(con.who, set()).add(q.cal.local_date(con.t))
    for day, start, end in q.cal.days(q.window.start, min(q.window.end, q.at + 1)):
        if day.weekday() >= 5:
            continue
        for user in q.f.users.values():
            if user.enabled_in(start, end) and _user_subject(q, user, end - 1):
                expected += 1
                active += day in by_user.get(user.id, ())
    return ratio(active, expected)


def _user_subject(q, user, t):
    return {"org": q.f.org, "rep": user.id, "team": q.f.team_of(user.id, t)}.get(q.dim) \
        == q.subject


def _interval(q, window):
    return q.over(window).distinct("activity")


def _joined_in(q, name, window):
    """user_enabled or first activity, whichever is earlier, lies in the window."""
    moments = [t for t, on in q.f.users[name].moves if on] if name in q.f.users else []
    times, cons = indexed(q.f, "activity", q.sw).get("rep", {}).get(name, ((), ()))
    moments += list(times[:1])
    return bool(moments) and window.start <= min(moments) < window.end


def usage_lifecycle(q):
    now, before = _interval(q, q.window), _interval(q, q.cal.previous(q.window))
    new = {name for name in now if _joined_in(q, name, q.window)}
    parts = {"life_new": len(new), "life_returning": len((now & before) - new),
             "life_resurrected": len(now - before - new), "life_dormant": -len(before - now)}
    return number(len(now), **parts)


def life(part):
    return lambda q: number(usage_lifecycle(q)[part])


def user_retention(q):
    """Cohort = users first active k intervals before the window; back = active in it."""
    cohort_window = q.window
    between = []
    for _ in range(int(q.sw["retention_k"])):
        between.append(cohort_window)
        cohort_window = q.cal.previous(cohort_window)
    earlier = {c.who for c in select(q.f, "activity", q.sw, q.dim, q.subject, 0, cohort_window.start)}
    cohort = _interval(q, cohort_window) - earlier      # first active for this subject
    kind = q.sw["retention_kind"]
    back = _interval(q, q.window)
    if kind == "cumulative":            # active in any interval 1..k
        back = set().union(*(_interval(q, w) for w in between)) if between else back
    elif kind == "rolling":             # active in interval k or later
        later = select(q.f, "activity", q.sw, q.dim, q.subject, q.window.start, 1 << 62)
        back = {c.who for c in later}
    return ratio(len(cohort & back), len(cohort))
