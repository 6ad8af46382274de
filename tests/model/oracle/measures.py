"""Contributions: what every entity finally adds to every measure.

A contribution has a bucket time, a value, who it is about (for distinct
counts) and the subject of each dimension. Knows no windows.
"""
from bisect import bisect_left
from collections import defaultdict

from .facts import round_half_even

DAY_MS = 86400000
DEFAULTS = {
    "sales_basis": "deals", "refund_book": "at_refund", "credit": "at_event",
    "conversion_basis": "cohort", "win_rate_by": "count", "aov_net": "net",
    "freq_base": "customers_end", "cycle_from": "deal", "acq_base": "leads_created",
    "growth_basis": "net", "crr_new": "surviving", "churn_mode": "standard",
    "churn_after_days": 180, "csat_mode": "top2", "nps_scale": "0-10",
    "repurchase": "in_window", "complaint_base": "customers_end", "contact_base": "all",
    "clock": "wall", "fcr_days": 7, "target_change": "whole_cycle", "target_cycle": "m", "frt_from": "opened", "frt_bot_counts": "no",
    "resolution_mode": "total", "hold_counts": "no", "compare": "same_elapsed",
    "target_proration": "linear", "ties": "competition", "feature_base": "active_users",
    "stickiness_mode": "last_day", "mau_days": 30, "activity_events": "login,feature_used",
    "cac_costs": "marketing_and_sales", "retention_kind": "recurring", "retention_k": 1,
    "coverage_basis": "remaining", "lifecycle_unit": "d", "campaign_value": "sales",
    "attribution_days": 30, "followup_days": 7,
    "npv_timing": "year_end", "discount_bp": 1000, "tco_basis": "planned",
    "forecast": "weighted_pipeline",
}

DEFAULTS.update(clv_mode="simple", clv_discount_percent=10, customers_by="activity", rfm_cut="fixed", segment_by="given")
DEFAULTS.update(expert_method="rank_sum")


class Con:
    __slots__ = ("t", "v", "who", "keys", "extra")

    def __init__(self, t, v, who, keys, extra=None):
        self.t, self.v, self.who, self.keys, self.extra = t, v, who, keys, extra


def _follow(sw):
    return sw["credit"] == "follow_owner"


# -- leads

def leads_created(f, sw):
    for lead in f.leads.values():
        if lead.created is not None:
            yield Con(lead.created, 1, lead.id, f.keys(lead, lead.created_snap, _follow(sw)))


def _lead_numerator(f, sw, happened):
    """`happened(lead)` -> (time, snap) or None. Cohort: in the lead's creation bucket."""
    for lead in f.leads.values():
        hit = happened(lead)
        if hit is None:
            continue
        if sw["conversion_basis"] == "period":
            yield Con(hit[0], 1, lead.id, f.keys(lead, hit[1], _follow(sw)))
        elif lead.created is not None:
            yield Con(lead.created, 1, lead.id, f.keys(lead, lead.created_snap, _follow(sw)))


def leads_qualified(f, sw):
    return _lead_numerator(f, sw, lambda lead: None if lead.qualified is None
                           else (lead.qualified, lead.qualified_snap))


def _conversion_of(f, lead):
    hits = []
    if lead.converted is not None:
        hits.append((lead.converted, 0, lead.converted_snap))
    customer = f.lead_customers.get(lead.id)
    if customer:
        hits.append((customer.acquired, 1, lead.snap_now(customer.acquired)))
    return (min(hits)[0], min(hits)[2]) if hits else None


def leads_converted(f, sw):
    return _lead_numerator(f, sw, lambda lead: _conversion_of(f, lead))


def leads_won(f, sw):
    first = {}
    for deal in f.deals.values():
        if deal.lead_id and deal.close and deal.close.outcome == "won":
            row = (deal.close.t, deal.id, deal.close.snap)
            if deal.lead_id not in first or row[:2] < first[deal.lead_id][:2]:
                first[deal.lead_id] = row
    return _lead_numerator(f, sw, lambda lead: (first[lead.id][0], first[lead.id][2])
                           if lead.id in first else None)


def lead_qualify_ms(f, sw):
    for lead in f.leads.values():
        if lead.created is not None and lead.qualified is not None:
            yield Con(lead.qualified, max(0, lead.qualified - lead.created), lead.id,
                      f.keys(lead, lead.qualified_snap, _follow(sw)))


# -- deals

def deals_opened(f, sw):
    for deal in f.deals.values():
        if deal.opened is not None:
            yield Con(deal.opened, 1, deal.id, f.keys(deal, deal.opened_snap, _follow(sw)))


def deals_opened_won(f, sw):
    for deal in f.deals.values():
        if deal.close and deal.close.outcome == "won":
            if sw["conversion_basis"] == "period":
                yield Con(deal.close.t, 1, deal.id, f.keys(deal, deal.close.snap, _follow(sw)))
            elif deal.opened is not None:
                yield Con(deal.opened, 1, deal.id, f.keys(deal, deal.opened_snap, _follow(sw)))


def _closes(f, sw, outcome):
    for deal in f.deals.values():
        if deal.close and deal.close.outcome == outcome:
            keys = f.keys(deal, deal.close.snap, _follow(sw))
            if outcome == "lost":
                keys["kind"] = deal.close.reason
            yield deal, deal.close, keys


def deals_won(f, sw):
    return (Con(c.t, 1, d.id, keys) for d, c, keys in _closes(f, sw, "won"))


def deals_lost(f, sw):
    return (Con(c.t, 1, d.id, keys) for d, c, keys in _closes(f, sw, "lost"))


def won_amount(f, sw):
    return (Con(c.t, c.amount, d.id, keys) for d, c, keys in _closes(f, sw, "won")
            if c.amount is not None)


def lost_amount(f, sw):
    return (Con(c.t, c.amount, d.id, keys) for d, c, keys in _closes(f, sw, "lost")
            if c.amount is not None)


def deal_cycle_ms(f, sw):
    return (Con(c.t, max(0, c.t - d.opened), d.id, keys)
            for d, c, keys in _closes(f, sw, "won") if d.opened is not None)


def lead_cycle_ms(f, sw):
    for deal, close, keys in _closes(f, sw, "won"):
        lead = f.leads.get(deal.lead_id)
        if lead and lead.created is not None:
            yield Con(close.t, max(0, close.t - lead.created), deal.id, keys)


# -- sales: one record per standing sale, one per counted refund

class Sale:
    __slots__ = ("t", "amount", "items", "cost", "customer", "keys", "id")

    def __init__(self, t, amount, items, cost, customer, keys, name):
        self.t, self.amount, self.items, self.cost = t, amount, items, cost
        self.customer, self.keys, self.id = customer, keys, name


def sales(f, sw):
    """{id: Sale} under the basis of the switch."""
    result = {}
    if sw["sales_basis"] == "deals":
        for deal, close, keys in _closes(f, sw, "won"):
            if close.amount is not None:
                result[deal.id] = Sale(close.t, close.amount, close.items or 0, close.cost,
                                       f.deal_customer(deal), keys, deal.id)
        return result
    for order in f.orders.values():
        if order.t is not None and not order.cancelled and order.amount is not None:
            result[order.id] = Sale(order.t, order.amount, order.items or 0, order.cost,
                                    order.customer_id,
                                    f.keys(order, order.placed_snap, _follow(sw)), order.id)
    return result


def _refund_target(f, sw, event):
    if sw["sales_basis"] == "orders":
        return event.get("order_id")
    if event.get("deal_id"):
        return event["deal_id"]
    order = f.orders.get(event.get("order_id"))
    return order.deal_id if order else None


def refunds(f, sw):
    """[(t, amount, cost, sale)]: in time order, never more than what stands."""
    standing = sales(f, sw)
    left = {name: sale.amount for name, sale in standing.items()}
    rows = []
    events = [r.event for r in f.refunds.values() if r.event]
    for event in sorted(events, key=lambda e: (e["occurred_at_ms"], e["event_id"])):
        target = _refund_target(f, sw, event)
        if target not in standing:
            continue
        asked = f.money(event, "amount_micros", standing[target].t)
        if asked is None:
            continue
        counted = min(asked, left[target])
        if counted <= 0:
            continue
        left[target] -= counted
        cost = f.money(event, "cost_micros", standing[target].t) or 0
        if counted < asked:
            cost = round_half_even(cost * counted, asked)
        sale = standing[target]
        t = sale.t if sw["refund_book"] == "at_order" else event["occurred_at_ms"]
        rows.append((t, counted, cost, sale))
    return rows


def _by_rfm(f, sw, cons):
    """With segment_by=rfm: the segment that the customer was in just before, by fixed cuts; none before the first sale."""
    if sw["segment_by"] != "rfm":
        return cons
    from .kpis_value import segment_at
    times = defaultdict(list)
    for sale in sales(f, sw).values():
        times[sale.customer].append(sale.t)
    for con in cons:
        if con.who:
            con.keys = {dim: subject for dim, subject in con.keys.items() if dim != "segment"}
            segment = segment_at(times[con.who], con.t - 1)
            if segment:
                con.keys["segment"] = segment
    return cons


def txn(f, sw):
    return _by_rfm(f, sw, told_txn(f, sw))


def told_txn(f, sw):
    """One contribution per sale: v = amount, who = customer, extra = the Sale."""
    return [Con(s.t, s.amount, s.customer, s.keys, s) for s in sales(f, sw).values()]


def refund(f, sw):
    return _by_rfm(f, sw, [Con(t, amount, sale.customer, sale.keys, (cost, sale))
                           for t, amount, cost, sale in refunds(f, sw)])


def orders(f, sw):
    for order in f.orders.values():
        if order.t is not None and not order.cancelled and order.amount is not None:
            yield Con(order.t, order.amount, order.customer_id,
                      f.keys(order, order.placed_snap, _follow(sw)))


def quotes(f, sw):
    for quote in f.quotes.values():
        if quote.event:
            yield Con(quote.event["occurred_at_ms"], 1, quote.id,
                      f.keys(quote, quote.snap(quote.event)))


def purchase_gap_ms(f, sw):
    by_customer = defaultdict(list)
    for con in txn(f, sw):
        if con.who and ("customer", con.who) not in f.deleted:
            by_customer[con.who].append(con)
    for cons in by_customer.values():
        # Sales at the same instant: by amount, then by rep, team, product, segment.
        cons.sort(key=lambda c: (c.t, c.v, *(c.keys.get(d) or "" for d in ("rep", "team", "product", "segment"))))
        for before, after in zip(cons, cons[1:]):
            yield Con(after.t, after.t - before.t, after.who, after.keys)


# -- customers

def customers_acquired(f, sw):
    for customer in f.customers.values():
        if customer.acquired is not None:
            yield Con(customer.acquired, 1, customer.id,
                      f.keys(customer, customer.acquired_snap, _follow(sw)),
                      bool(customer.referral_id))


def _about_customer(f, row):
    """Keys of an event about a customer: what it does not say itself is the customer's."""
    keys = f.keys(row, row.snap(row.event))
    customer = f.customers.get(row.event["customer_id"])
    if customer:
        theirs = f.keys(customer, customer.snap_now(row.event["occurred_at_ms"]))
        if not row.event.get("owner_id") and not keys.get("rep"):
            owner = customer.owner_at(row.event["occurred_at_ms"])
            if owner:
                keys["rep"] = owner
                keys["team"] = row.event.get("team_id") or f.team_of(owner, row.event["occurred_at_ms"]) or keys.get("team")
        for dim, subject in theirs.items():
            if not keys.get(dim) and dim != "rep":
                keys[dim] = subject
    return {dim: subject for dim, subject in keys.items() if subject}


def referrers(f, sw):
    for row in f.referrals.values():
        if row.event:
            yield Con(row.event["occurred_at_ms"], 1, row.event["customer_id"], _about_customer(f, row))


def contacts(f, sw):
    for row in f.contacts.values():
        if row.event and row.event["direction"] == "out":
            yield Con(row.event["occurred_at_ms"], 1, row.event["customer_id"], _about_customer(f, row))


def feedback(f, sw):
    for row in f.feedbacks.values():
        if row.event:
            yield Con(row.event["occurred_at_ms"], 1, row.event["customer_id"], _about_customer(f, row))


def customers_active(f, sw):
    """Sales, inbound contacts, uses that name the customer; tickets too."""
    for con in told_txn(f, sw):
        if con.who:
            yield con
    for row in f.contacts.values():
        if row.event and row.event["direction"] == "in":
            yield Con(row.event["occurred_at_ms"], 1, row.event["customer_id"], _about_customer(f, row))
    for kind in ("login", "feature_used"):
        for e in f.loose.get(kind, ()):
            if e.get("customer_id"):
                keys = {"org": f.org, "rep": e["user_id"], "team": e.get("team_id") or f.team_of(e["user_id"], e["occurred_at_ms"]),
                        "segment": e.get("segment")}
                yield Con(e["occurred_at_ms"], 1, e["customer_id"], {k: v for k, v in keys.items() if v})
    for ticket in f.tickets.values():
        if ticket.opened is not None and ticket.customer_id:
            yield Con(ticket.opened, 1, ticket.customer_id, f.keys(ticket, ticket.snap_now(ticket.opened)))


# -- surveys

def survey(f, sw):
    """v = 1; extra = the answer's event."""
    for row in f.responses.values():
        e = row.event
        if e:
            rated = e.get("about_user_id")
            yield Con(e["occurred_at_ms"], 1, row.id,
                      f.keys(row, row.snap(e, rated), kind=e["kind"]), e)


def survey_asked(f, sw):
    for row in f.surveys.values():
        e = row.event
        if e:
            yield Con(e["occurred_at_ms"], 1, row.id,
                      f.keys(row, row.snap(e, e.get("about_user_id")), kind=e["kind"]), e)


# -- complaints

def complaints(f, sw):
    for c in f.complaints.values():
        if c.filed is not None and not c.withdrawn:
            extra = {"kind": c.topic} if c.topic else {}
            yield Con(c.filed, 1, c.id, f.keys(c, c.filed_snap, _follow(sw), **extra),
                      c.resolved is not None)


def complaint_ms(f, sw):
    for c in f.complaints.values():
        if c.filed is not None and not c.withdrawn and c.resolved is not None:
            if sw["clock"] == "business":
                length = f.cal.business_ms(c.filed, c.resolved)
            else:
                length = max(0, c.resolved - c.filed)
            yield Con(c.resolved, length, c.id, f.keys(c, c.filed_snap, _follow(sw)))


# -- tickets

def _ticket_keys(f, ticket, snap, sw):
    extra = {"kind": ticket.ticket_kind} if ticket.ticket_kind else {}
    return f.keys(ticket, snap, _follow(sw), **extra)


def tickets_opened(f, sw):
    """extra = the ticket, for the cohort numerators."""
    for ticket in f.tickets.values():
        if ticket.opened is not None:
            yield Con(ticket.opened, 1, ticket.id,
                      _ticket_keys(f, ticket, ticket.opened_snap, sw), ticket)


def tickets_resolved_at(f, sw):
    """Resolved now, in the bucket of the resolve that stands."""
    for ticket in f.tickets.values():
        if ticket.resolved:
            yield Con(ticket.resolved[0], 1, ticket.id,
                      _ticket_keys(f, ticket, ticket.resolved[1], sw), ticket)


def _span_ms(f, sw, ticket, spans):
    """Time in the spans, on the chosen clock, without holds unless they count."""
    measure = f.cal.business_ms if sw["clock"] == "business" \
        else lambda start, end: max(0, end - start)
    total = 0
    for start, end in spans:
        total += measure(start, end)
        for held, released in () if sw["hold_counts"] == "yes" else ticket.holds:
            first = max(start, held)
            last = end if released is None else min(end, released)
            if last > first:
                total -= measure(first, last)
    return total


def _response(ticket, sw):
    """(start, reply): to the newest hand-off or reopening that was answered, else to the opening."""
    replies = [r for r in ticket.replies if sw["frt_bot_counts"] == "yes" or not r[1]]
    restarts = {"handoff": ticket.handoffs, "reopened": ticket.reopens}.get(sw["frt_from"], [])
    for start in reversed(restarts):
        after = [r for r in replies if r[0] >= start]
        if after:
            return start, min(after, key=lambda r: r[0])
    return ticket.opened, min(replies, key=lambda r: r[0]) if replies else None


def frt_ms(f, sw):
    for ticket in f.tickets.values():
        if ticket.opened is None:
            continue
        start, reply = _response(ticket, sw)
        if reply is None:
            continue
        t, _, snap = reply
        yield Con(t, _span_ms(f, {**sw, "hold_counts": "yes"}, ticket, [(start, t)]),
                  ticket.id, _ticket_keys(f, ticket, snap, sw))


def res_ms(f, sw):
    for ticket in f.tickets.values():
        if ticket.opened is None:
            continue
        if sw["resolution_mode"] == "first":
            if not ticket.resolves:
                continue
            t, snap = ticket.resolves[0]
            spans = [(ticket.opened, t)]
        else:
            if not ticket.resolved:
                continue
            t, snap = ticket.resolved
            spans = [(ticket.opened, t)]
            if sw["resolution_mode"] == "total":
                spans = [s for s in ticket.spans if s[0] is not None]
        yield Con(t, _span_ms(f, sw, ticket, spans), ticket.id,
                  _ticket_keys(f, ticket, snap, sw))


def sla(f, sw):
    """One judgement per due time; v = met; bucket = due; extra = the moment it was met."""
    for ticket in f.tickets.values():
        replies = [r[0] for r in ticket.replies if not r[1]]
        pairs = ((ticket.first_due, min(replies) if replies else None),
                 (ticket.resolve_due, ticket.resolved[0] if ticket.resolved else None))
        for due, moment in pairs:
            if due is not None and ticket.opened is not None:
                due = f.cal.business_next(due) if sw["clock"] == "business" else due
                met = moment is not None and moment <= due
                yield Con(due, int(met), ticket.id,
                          _ticket_keys(f, ticket, ticket.opened_snap, sw), moment)


# -- tasks

def tasks(f, sw):
    """Bucket = due date, else completion; extra = the task."""
    for task in f.tasks.values():
        if task.assigned is None or task.cancelled:
            continue
        bucket = task.due if task.due is not None else task.done
        if bucket is not None:
            extra = {"kind": task.task_kind} if task.task_kind else {}
            yield Con(bucket, 1, task.id, f.keys(task, task.assigned_snap, _follow(sw), **extra),
                      task)


# -- use of the CRM

def _user_keys(f, e, **extra):
    keys = {"org": f.org, "rep": e["user_id"], **extra}
    team = e.get("team_id") or f.team_of(e["user_id"], e["occurred_at_ms"])
    if team:
        keys["team"] = team
    return keys


def activity(f, sw):
    """Every event of activity_events; extra = feature or None."""
    for kind in sw["activity_events"].split(","):
        for e in f.loose.get(kind, ()):
            extra = {"feature": e["feature"]} if "feature" in e else {}
            yield Con(e["occurred_at_ms"], 1, e["user_id"], _user_keys(f, e, **extra),
                      e.get("feature"))


def logins(f, sw):
    for e in f.loose.get("login", ()):
        yield Con(e["occurred_at_ms"], 1, e["user_id"], _user_keys(f, e))


def features(f, sw):
    for e in f.loose.get("feature_used", ()):
        yield Con(e["occurred_at_ms"], 1, e["user_id"], _user_keys(f, e, feature=e["feature"]),
                  e["feature"])


# -- campaigns and costs

def campaign_sent(f, sw):
    first = {}
    for e in f.loose.get("campaign_sent", ()):
        first.setdefault((e["campaign_id"], e["recipient_id"]), e)
    for (campaign, recipient), e in first.items():
        yield Con(e["occurred_at_ms"], 1, (campaign, recipient), _loose_keys(f, e))


def campaign_responded(f, sw):
    """Distinct responders, in the bucket of the first send to them."""
    sent = {}
    for e in f.loose.get("campaign_sent", ()):
        sent.setdefault((e["campaign_id"], e["recipient_id"]), e)
    seen = set()
    for e in f.loose.get("campaign_responded", ()):
        key = (e["campaign_id"], e["recipient_id"])
        if key in sent and key not in seen:
            seen.add(key)
            yield Con(sent[key]["occurred_at_ms"], 1, key, _loose_keys(f, sent[key]))


def _loose_keys(f, e):
    keys = {"org": f.org}
    for dim, field in (("channel", "channel"), ("product", "product_id"), ("region", "region"),
                       ("campaign", "campaign_id"), ("segment", "segment"), ("rep", "owner_id"),
                       ("team", "team_id")):
        if e.get(field):
            keys[dim] = e[field]
    if "team" not in keys and e.get("owner_id"):
        team = f.team_of(e["owner_id"], e["occurred_at_ms"])
        if team:
            keys["team"] = team
    return keys


MEASURES = {fn.__name__: fn for fn in (
    leads_created, leads_qualified, leads_converted, leads_won, lead_qualify_ms, deals_opened,
    deals_opened_won, deals_won, deals_lost, won_amount, lost_amount, deal_cycle_ms,
    lead_cycle_ms, txn, refund, orders, quotes, purchase_gap_ms, customers_acquired, referrers, customers_active,
    contacts, feedback, survey, survey_asked, complaints, complaint_ms, tickets_opened,
    tickets_resolved_at, frt_ms, res_ms, sla, tasks, activity, logins, features, campaign_sent,
    campaign_responded)}


def switches(given=()):
    result = dict(DEFAULTS)
    for name, value in dict(given).items():
        if name not in DEFAULTS:
            raise ValueError("unknown switch: %s" % name)
        result[name] = type(DEFAULTS[name])(value)
    return result


def indexed(f, name, sw):
    """{dim: {subject: (times, contributions)}}, each sorted by time; computed once."""
    key = (name, tuple(sorted(sw.items())))
    if key not in f.cache:
        table = defaultdict(lambda: defaultdict(list))
        for con in MEASURES[name](f, sw):
            for dim, subject in con.keys.items():
                table[dim][subject].append(con)
        index = {}
        for dim, subjects in table.items():
            index[dim] = {}
            for subject, cons in subjects.items():
                cons.sort(key=lambda c: c.t)
                index[dim][subject] = ([c.t for c in cons], cons)
        f.cache[key] = index
    return f.cache[key]


def select(f, name, sw, dim, subject, start, end):
    """Contributions of one subject with start <= bucket time < end."""
    times, cons = indexed(f, name, sw).get(dim, {}).get(subject, ((), ()))
    return cons[bisect_left(times, start):bisect_left(times, end)]
