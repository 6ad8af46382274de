"""Measures of state as of an instant: members, open deals, backlog, enabled users.

Each function answers for one instant only; nothing is remembered between them.
"""
from bisect import bisect_left
from collections import defaultdict

from .measures import DAY_MS, txn


# -- members

def _purchases(f, sw):
    key = ("purchases", tuple(sorted(sw.items())))
    if key not in f.cache:
        times = defaultdict(list)
        for con in txn(f, sw):
            if con.who:
                times[con.who].append(con.t)
        for values in times.values():
            values.sort()
        f.cache[key] = times
    return f.cache[key]


def _subscriptions(f):
    """{customer: [(t, subscription, mrr)]} in order."""
    if "subscriptions" not in f.cache:
        rows = defaultdict(list)
        for name, events in f.streams.get("subscription", {}).items():
            for e in events:
                if e["type"] == "subscription_changed":
                    rows[e["customer_id"]].append(
                        (e["occurred_at_ms"], name, f.money(e, "mrr_micros") or 0))
        f.cache["subscriptions"] = rows
    return f.cache["subscriptions"]


def standing_mrr(f, customer, edge):
    newest = {}
    for t, name, mrr in _subscriptions(f).get(customer, ()):
        if t < edge:
            newest[name] = mrr
    return sum(newest.values())


def purchases(f, sw):
    return {name: list(times) for name, times in _purchases(f, sw).items()}


def subscribed(f, customer):
    """Instants at which a subscription of the customer changed."""
    return [t for t, _, _ in _subscriptions(f).get(customer, ())]


def is_member(f, sw, customer, edge):
    """Member as of the facts that occurred before `edge`."""
    if sw["customers_by"] == "subscription":
        return standing_mrr(f, customer.id, edge) > 0
    if customer.acquired is None or customer.acquired >= edge:
        return False
    member, last = True, customer.acquired
    for t, joined in customer.moves:
        if customer.acquired <= t < edge:
            if joined:
                last = max(last, t)
            member = joined
    if not member:
        return False
    limit = sw["churn_after_days"] * DAY_MS
    if limit <= 0 or standing_mrr(f, customer.id, edge) > 0:
        return True
    bought = _purchases(f, sw).get(customer.id, ())
    count = bisect_left(bought, edge)
    if count:
        last = max(last, bought[count - 1])
    return edge - 1 < last + limit


def members(f, sw, dim, subject, edge):
    """Ids of the members of a subject as of the facts before `edge`."""
    key = ("members", dim, subject, edge, tuple(sorted(sw.items())))
    if key not in f.cache:
        found = set()
        for customer in f.customers.values():
            if is_member(f, sw, customer, edge):
                keys = f.keys(customer, customer.snap_now(edge - 1))
                if keys.get(dim) == subject:
                    found.add(customer.id)
        f.cache[key] = found
    return f.cache[key]


# -- open things

def open_deals(f, dim, subject, at):
    """[(deal as of then)] of a subject."""
    result = []
    for deal in f.as_of("deal", at).values():
        if deal.really_opened and deal.close is None \
                and f.keys(deal, deal.snap_now(at)).get(dim) == subject:
            result.append(deal)
    return result


def open_tickets(f, dim, subject, at):
    result = []
    for ticket in f.as_of("ticket", at).values():
        if ticket.opened is None or ticket.resolved is not None:
            continue
        keys = f.keys(ticket, ticket.snap_now(at), kind=ticket.ticket_kind)
        if keys.get(dim) == subject:
            result.append(ticket)
    return result


def open_leads(f, dim, subject, at):
    result = []
    for lead in f.as_of("lead", at).values():
        if lead.created is not None and lead.converted is None and lead.disqualified is None:
            customer = f.lead_customers.get(lead.id)
            if customer and customer.acquired <= at:
                continue
            if f.keys(lead, lead.snap_now(at)).get(dim) == subject:
                result.append(lead)
    return result


def enabled_users(f, dim, subject, at):
    result = set()
    for user in f.users.values():
        if user.enabled_at(at):
            keys = {"org": f.org, "rep": user.id, "team": f.team_of(user.id, at)}
            keys.update({d: v for d, v in user.dims.items() if d not in keys})
            if keys.get(dim) == subject:
                result.add(user.id)
    return result
