"""Entities and their final states: one replay function per kind.

A replay sees the events of one entity in its order and nothing else of the
world except the rate of a currency.
"""
DIM_FIELDS = {"channel": "channel", "product": "product_id", "region": "region",
              "campaign": "campaign_id", "segment": "segment"}


class Snap:
    """Who earns a contribution: taken where the entity stood when it was made."""
    __slots__ = ("owner", "event_team", "entity_team", "t", "fixed")

    def __init__(self, owner, event_team, entity_team, t, fixed=False):
        self.owner, self.event_team, self.entity_team = owner, event_team, entity_team
        self.t, self.fixed = t, fixed


class Entity:
    """Common part of every entity: id, dimensions, owner log."""

    event = None

    def __init__(self, kind, name):
        self.kind, self.id = kind, name
        self.dims, self.owner, self.team, self.parents = {}, None, None, []
        self.owner_log = []

    def note(self, event):
        for dim, field in DIM_FIELDS.items():
            if field in event:
                self.dims[dim] = event[field]
        if event["type"] == "owner_changed":
            self.owner, self.team = event["to_owner"], event.get("team_id")
            self.owner_log.append((event["occurred_at_ms"], self.owner))
            return
        if event.get("owner_id") and self.owner is None:
            self.owner = event["owner_id"]
            self.owner_log.append((event["occurred_at_ms"], self.owner))
        if event.get("team_id") and self.team is None:
            self.team = event["team_id"]

    def owner_at(self, t):
        best = self.owner_log[0][1] if self.owner_log else None
        for since, owner in self.owner_log:
            if since <= t:
                best = owner
        return best

    def snap(self, event, owner=None):
        """owner: a named person (responder, resolver, rated) instead of the owner."""
        return Snap(owner or event.get("owner_id") or self.owner, event.get("team_id"),
                    self.team, event["occurred_at_ms"], fixed=owner is not None)

    def snap_now(self, t):
        return Snap(self.owner, None, self.team, t)


class Lead(Entity):
    created = qualified = converted = disqualified = None
    created_snap = qualified_snap = converted_snap = None
    prob = None


class Deal(Entity):
    opened = opened_snap = close = None
    amount = prob = items = cost = expected_close = None
    lead_id = customer_id = None
    really_opened = False


class Close:
    __slots__ = ("t", "outcome", "amount", "reason", "snap", "cost", "items", "event_t")


class Order(Entity):
    t = placed_snap = None
    on_credit = False
    amount = items = cost = customer_id = deal_id = None
    cancelled = False


class Customer(Entity):
    acquired = acquired_snap = lead_id = referral_id = None

    def __init__(self, kind, name):
        super().__init__(kind, name)
        self.moves = []        # (t, True member / False gone), in order


class Ticket(Entity):
    opened = opened_snap = ticket_kind = priority = customer_id = None
    first_due = resolve_due = None
    resolved = None            # (t, snap) of the resolve that stands

    def __init__(self, kind, name):
        super().__init__(kind, name)
        self.replies, self.spans, self.resolves, self.reopens = [], [], [], []
        self.holds, self.handoffs = [], []
        self.first_contact = None
        self.reopened_after = []   # ms from a resolve to its reopening


class Complaint(Entity):
    filed = filed_snap = resolved = resolved_snap = customer_id = about = None
    topic = None
    withdrawn = False


class Task(Entity):
    assigned = due = done = assigned_snap = task_kind = None
    cancelled = False
    participants = None


class User(Entity):
    def __init__(self, kind, name):
        super().__init__(kind, name)
        self.moves = []        # (t, enabled)
        self.teams = []        # (t, team)

    def enabled_at(self, t):
        state = False
        for since, enabled in self.moves:
            if since <= t:
                state = enabled
        return state

    def enabled_in(self, start, end):
        """At some instant of [start, end)."""
        if self.enabled_at(start):
            return True
        return any(enabled and start <= since < end for since, enabled in self.moves)


# -- one replay per kind

def replay_user(facts, name, events):
    user = User("user", name)
    for e in events:
        t = e["occurred_at_ms"]
        if e["type"] == "user_enabled":
            user.moves.append((t, True))
            if e.get("team_id"):
                user.teams.append((t, e["team_id"]))
        elif e["type"] == "user_disabled":
            user.moves.append((t, False))
        user.note(e)
    return user


def replay_lead(facts, name, events):
    lead = Lead("lead", name)
    for e in events:
        lead.note(e)
        t, kind = e["occurred_at_ms"], e["type"]
        if kind == "lead_created":
            if lead.created is None:
                lead.created, lead.created_snap = t, lead.snap(e)
                lead.prob = e.get("prob_ppm") if lead.prob is None else lead.prob
        elif kind == "lead_scored":
            lead.prob = e["prob_ppm"]
        elif kind == "lead_qualified":
            if lead.qualified is None:
                lead.qualified, lead.qualified_snap = t, lead.snap(e)
        elif kind == "lead_converted":
            lead.disqualified = None
            if lead.converted is None:
                lead.converted, lead.converted_snap = t, lead.snap(e)
        elif kind == "lead_disqualified":
            if lead.converted is None:
                lead.disqualified = t
    return lead


def _apply_close(facts, deal, e):
    close = Close()
    close.t = e.get("closed_at_ms", e["occurred_at_ms"])
    close.event_t = e["occurred_at_ms"]
    close.outcome, close.reason = e["outcome"], e.get("reason") or "unspecified"
    close.amount = facts.money(e, "amount_micros")
    close.snap = deal.snap(e)
    if "items" in e:
        deal.items = e["items"]
    if "cost_micros" in e:
        deal.cost = facts.money(e, "cost_micros")
    close.items, close.cost = deal.items, deal.cost
    deal.amount = close.amount
    deal.close = close
    if "opened_at_ms" in e and deal.opened is None:
        deal.opened, deal.opened_snap = e["opened_at_ms"], deal.snap(e)


def _amend_deal(facts, deal, e):
    rate_at = deal.close.event_t if deal.close else deal.opened
    if "amount_micros" in e:
        deal.amount = facts.money(e, "amount_micros", rate_at)
    if "cost_micros" in e:
        deal.cost = facts.money(e, "cost_micros", rate_at)
    if "items" in e:
        deal.items = e["items"]
    if "expected_close_ms" in e:
        deal.expected_close = e["expected_close_ms"]
    if deal.close:
        deal.close.amount, deal.close.cost, deal.close.items = deal.amount, deal.cost, deal.items
        if "closed_at_ms" in e:
            deal.close.t = e["closed_at_ms"]


def replay_deal(facts, name, events):
    deal = Deal("deal", name)
    really_opened = False
    for e in events:
        deal.note(e)
        kind = e["type"]
        deal.lead_id = e.get("lead_id") or deal.lead_id
        deal.customer_id = e.get("customer_id") or deal.customer_id
        if kind == "deal_opened":
            if really_opened:
                continue
            really_opened = True
            deal.opened, deal.opened_snap = e["occurred_at_ms"], deal.snap(e)
            deal.prob = e.get("prob_ppm") if deal.prob is None else deal.prob
            if deal.expected_close is None:
                deal.expected_close = e.get("expected_close_ms")
            if deal.close is None and deal.amount is None:
                deal.amount = facts.money(e, "amount_micros")
        elif kind == "deal_stage_changed":
            deal.prob = e.get("prob_ppm", deal.prob)
        elif kind == "deal_amended":
            _amend_deal(facts, deal, e)
        elif kind == "deal_closed":
            _apply_close(facts, deal, e)
        elif kind == "deal_reopened":
            deal.close = None
    deal.really_opened = really_opened
    return deal


def replay_order(facts, name, events):
    order = Order("order", name)
    for e in events:
        order.note(e)
        if e["type"] == "order_placed":
            if order.t is not None:
                continue
            order.t, order.placed_snap = e["occurred_at_ms"], order.snap(e)
            order.customer_id, order.deal_id = e["customer_id"], e.get("deal_id")
            order.on_credit = e.get("on_credit", False)
        elif e["type"] == "order_cancelled":
            order.cancelled = True
        if e["type"] in ("order_placed", "order_amended"):
            if "amount_micros" in e:
                order.amount = facts.money(e, "amount_micros", order.t)
            if "cost_micros" in e:
                order.cost = facts.money(e, "cost_micros", order.t)
            order.items = e.get("items", order.items)
    return order


def replay_customer(facts, name, events):
    customer = Customer("customer", name)
    for e in events:
        customer.note(e)
        t = e["occurred_at_ms"]
        if e["type"] == "customer_acquired":
            if customer.acquired is None or t < customer.acquired:
                customer.acquired, customer.acquired_snap = t, customer.snap(e)
                customer.lead_id = e.get("lead_id")
                customer.referral_id = e.get("referral_id")
        elif e["type"] == "customer_churned":
            customer.moves.append((t, False))
        elif e["type"] == "customer_reactivated":
            customer.moves.append((t, True))
    return customer


def replay_ticket(facts, name, events):
    ticket = Ticket("ticket", name)
    has_opening = any(e["type"] == "ticket_opened" for e in events)
    open_since, hold_since = None, None
    for e in events:
        ticket.note(e)
        t, kind = e["occurred_at_ms"], e["type"]
        ticket.customer_id = e.get("customer_id") or ticket.customer_id
        if kind == "ticket_opened":
            if ticket.opened is not None:
                continue
            ticket.opened, ticket.opened_snap = t, ticket.snap(e)
            ticket.ticket_kind = e["kind"]
            ticket.first_due, ticket.resolve_due = e.get("first_due_ms"), e.get("resolve_due_ms")
            if ticket.resolved is None:
                open_since = t
        elif kind == "ticket_first_response":
            ticket.replies.append((t, bool(e.get("is_bot")), ticket.snap(e, e["responder_id"])))
        elif kind == "ticket_handed_off":
            ticket.handoffs.append(t)
        elif kind == "ticket_hold":
            if e["on"] and hold_since is None:
                hold_since = t
            elif not e["on"] and hold_since is not None:
                ticket.holds.append((hold_since, t))
                hold_since = None
        elif kind == "ticket_resolved":
            if ticket.resolved is not None:
                continue        # a second resolve without a reopen is ignored
            if not has_opening and ticket.opened is None and "opened_at_ms" in e:
                ticket.opened, ticket.opened_snap = e["opened_at_ms"], ticket.snap(e)
                open_since = ticket.opened
            if "first_response_at_ms" in e:
                ticket.replies.append((e["first_response_at_ms"], False,
                                       ticket.snap(e, e["resolver_id"])))
            ticket.resolved = (t, ticket.snap(e, e["resolver_id"]))
            ticket.resolves.append(ticket.resolved)
            ticket.spans.append((open_since, t))
            ticket.first_contact = e.get("first_contact", ticket.first_contact)
        elif kind == "ticket_reopened":
            if ticket.resolved is None:
                continue        # nothing to reopen (yet)
            ticket.reopens.append(t)
            ticket.reopened_after.append(t - ticket.resolved[0])
            ticket.resolved, open_since = None, t
    if hold_since is not None:
        ticket.holds.append((hold_since, None))
    return ticket


def replay_complaint(facts, name, events):
    complaint = Complaint("complaint", name)
    for e in events:
        complaint.note(e)
        t, kind = e["occurred_at_ms"], e["type"]
        if kind == "complaint_filed":
            if complaint.filed is None:
                complaint.filed, complaint.customer_id = t, e["customer_id"]
                complaint.about = e.get("about_user_id")
                complaint.topic = e.get("topic")
                complaint.filed_snap = complaint.snap(
                    e, None if e.get("owner_id") else complaint.about)
        elif kind == "complaint_resolved":
            if complaint.resolved is None:
                complaint.resolved = t
                complaint.resolved_snap = complaint.snap(e, e.get("resolver_id"))
        elif kind == "complaint_reopened":
            complaint.resolved = None
        elif kind == "complaint_withdrawn":
            complaint.withdrawn = True
    return complaint


def replay_task(facts, name, events):
    task = Task("task", name)
    for e in events:
        task.note(e)
        if e["type"] == "task_assigned":
            if task.assigned is None:
                task.assigned, task.assigned_snap = e["occurred_at_ms"], task.snap(e)
                task.task_kind = e.get("kind")
            task.due = e.get("due_at_ms", task.due)
            task.participants = e.get("participants", task.participants)
        elif e["type"] == "task_completed":
            if task.done is None:
                task.done = e["occurred_at_ms"]
        elif e["type"] == "task_cancelled":
            task.cancelled = True
    return task


def replay_newest(facts, name, events):
    """Entities of which only the newest event counts (answers, costs)."""
    entity = Entity("newest", name)
    for e in events:
        entity.note(e)
        if e["type"] != "owner_changed":
            entity.event = e
    return entity


def replay_first(facts, name, events):
    entity = Entity("first", name)
    entity.event = None
    for e in events:
        entity.note(e)
        if e["type"] != "owner_changed" and entity.event is None:
            entity.event = e
    return entity


REPLAYS = {
    "lead": replay_lead, "deal": replay_deal, "order": replay_order,
    "customer": replay_customer, "ticket": replay_ticket, "complaint": replay_complaint,
    "task": replay_task, "refund": replay_first, "response": replay_newest,
    "survey": replay_first, "contact": replay_first, "referral": replay_first,
    "feedback": replay_first, "quote": replay_first, "cost": replay_newest,
    "benefit": replay_newest,
}
