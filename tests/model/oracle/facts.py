"""Final entity states, rebuilt from all events of one org whatever their order.

Corrections (retract, merge, delete, owner change, reopen, amend) are applied
while replaying each entity; nothing is subtracted, everything is recomputed.
Does not know windows or KPIs.
"""
from collections import defaultdict

from .entities import DIM_FIELDS, REPLAYS, replay_user

# event type -> (entity kind, id field)
ENTITY_OF = {}
for _kind, _field, _types in (
        ("lead", "lead_id", "lead_created lead_scored lead_qualified lead_converted lead_disqualified"),
        ("deal", "deal_id", "deal_opened deal_stage_changed deal_amended deal_closed deal_reopened"),
        ("quote", "quote_id", "quote_sent"),
        ("order", "order_id", "order_placed order_amended order_cancelled"),
        ("refund", "refund_id", "order_refunded"),
        ("customer", "customer_id", "customer_acquired customer_churned customer_reactivated"),
        ("subscription", "subscription_id", "subscription_changed"),
        ("referral", "referral_id", "referral_made"),
        ("contact", "contact_id", "contact_made"),
        ("survey", "survey_id", "survey_sent"),
        ("response", "response_id", "survey_answered"),
        ("feedback", "feedback_id", "feedback_received"),
        ("complaint", "complaint_id", "complaint_filed complaint_resolved complaint_reopened complaint_withdrawn"),
        ("ticket", "ticket_id", "ticket_opened ticket_first_response ticket_handed_off ticket_hold ticket_resolved ticket_reopened"),
        ("user", "user_id", "user_enabled user_disabled"),
        ("cost", "cost_id", "cost_incurred"),
        ("benefit", "benefit_id", "benefit_booked"),
        ("task", "task_id", "task_assigned task_completed task_cancelled"),
        ("record", "record_id", "record_created record_updated record_validated")):
    for _type in _types.split():
        ENTITY_OF[_type] = (_kind, _field)

# Fields that hold an id of a kind which may be merged into another.
_ID_FIELDS = {
    "lead": ("lead_id",), "deal": ("deal_id",), "order": ("order_id", "first_order_id"),
    "customer": ("customer_id", "referred_customer_id"), "ticket": ("ticket_id",),
    "complaint": ("complaint_id",), "task": ("task_id",), "record": ("record_id",),
    "subscription": ("subscription_id",), "survey": ("survey_id",),
    "user": ("user_id", "owner_id", "actor_id", "to_owner", "from_owner", "about_user_id",
             "responder_id", "resolver_id", "by_user_id", "to_user_id", "checker_id",
             "reviewer_id"),
}
_KIND_ALIASES = {"survey_response": "response", "survey_answer": "response"}


def time_key(event):
    return event["occurred_at_ms"], event["event_id"]


def entity_order(events):
    """entity_seq if every event has one, else occurred_at, always with event_id last."""
    if len(events) == 1:
        return events
    if all("entity_seq" in e for e in events):
        return sorted(events, key=lambda e: (e["entity_seq"],) + time_key(e))
    return sorted(events, key=time_key)


def apply_retractions(events):
    dead = set()
    retracts = [e for e in events if e["type"] == "event_retracted"]
    for event in sorted(retracts, key=time_key, reverse=True):
        if event["event_id"] not in dead:
            dead.add(event["target_event_id"])
    return [e for e in events if e["event_id"] not in dead and e["type"] != "event_retracted"]


def _follow(into, name):
    while name in into:
        name = into[name]
    return name


def _entity_key(event):
    if event["type"] in ("owner_changed", "entity_deleted"):
        return _KIND_ALIASES.get(event["entity_kind"], event["entity_kind"]), event["entity_id"]
    if event["type"] in ENTITY_OF:
        kind, field = ENTITY_OF[event["type"]]
        return kind, event[field]
    return None


def _merges(events):
    """({(kind, id): (kind, id) that it was merged into}, {(kind, id)} that were deleted before they were merged).

    In the order of time; what is merged takes along all that it stands for by then.
    """
    into, doomed, names = {}, set(), set()
    for event in sorted((e for e in events if e["type"] in ("entity_merged", "entity_deleted")),
                        key=lambda e: (e["occurred_at_ms"], e["type"] != "entity_merged", e["event_id"])):
        kind = _KIND_ALIASES.get(event["entity_kind"], event["entity_kind"])
        if event["type"] == "entity_merged":
            one, other = (kind, event["from_id"]), (kind, event["into_id"])
            names |= {one, other}
            one, other = _follow(into, one), _follow(into, other)
            if one != other:
                into[one] = other
    steps = sorted((e for e in events if e["type"] == "entity_merged"), key=time_key)
    for event in events:
        if event["type"] != "entity_deleted":
            continue
        before = {}
        for merge in steps:
            if merge["occurred_at_ms"] <= event["occurred_at_ms"]:
                kind = _KIND_ALIASES.get(merge["entity_kind"], merge["entity_kind"])
                one, other = _follow(before, (kind, merge["from_id"])), _follow(before, (kind, merge["into_id"]))
                if one != other:
                    before[one] = other
        root = _follow(before, _entity_key(event))
        if _follow(into, root) != root:
            doomed |= {n for n in names if _follow(before, n) == root}
    return into, doomed


def apply_merges(events):
    into, doomed = _merges(events)
    result = []
    for event in events:
        if event["type"] == "entity_merged" or _entity_key(event) in doomed:
            continue
        changes = {}
        for kind, fields in _ID_FIELDS.items():
            for field in fields:
                if field in event and (kind, event[field]) in into:
                    changes[field] = _follow(into, (kind, event[field]))[1]
        if event["type"] in ("owner_changed", "entity_deleted"):
            changes["entity_id"] = _follow(into, _entity_key(event))[1]
        result.append({**event, **changes} if changes else event)
    return result


def deleted_entities(events):
    """({(kind, id)}, {(kind, id)} erased)."""
    gone, erased = set(), set()
    for event in events:
        if event["type"] == "entity_deleted":
            kind = _KIND_ALIASES.get(event["entity_kind"], event["entity_kind"])
            gone.add((kind, event["entity_id"]))
            if event.get("erase"):
                erased.add((kind, event["entity_id"]))
    return gone, erased


def own_currency(events):
    """Of an org that configures none: that of its earliest event with money, retracted or not."""
    money = [e for e in events if e.get("currency") and any(f.endswith("_micros") for f in e)]
    return min(money, key=time_key)["currency"] if money else None


class Facts:
    """Everything that is finally true of one org.

    `memo` (a dict) lets rebuilds over growing sets of events reuse the entities
    whose events are the same; a replay depends on nothing else.
    """

    def __init__(self, events, cal, currency=None, memo=None):
        self.cal, self.currency = cal, currency or own_currency(events)
        self.org = events[0]["org_id"] if events else ""
        events = apply_merges(apply_retractions(events))
        self.deleted, self.erased = deleted_entities(events)
        self.events = events
        self._rates = sorted((e for e in events if e["type"] == "fx_rate_set"), key=time_key)
        self.parked = 0
        self._memo = None if self._rates else memo
        self._group()
        self._as_of = {}
        self.cache = {}
        self._build_users()
        for kind, maker in REPLAYS.items():
            setattr(self, kind + "s", self._replay_all(kind, maker))
        self._link()

    def _group(self):
        self.streams = defaultdict(lambda: defaultdict(list))
        self.loose = defaultdict(list)
        for event in self.events:
            if event["type"] == "owner_changed":
                key = (_KIND_ALIASES.get(event["entity_kind"], event["entity_kind"]),
                       event["entity_id"])
            elif event["type"] in ENTITY_OF:
                kind, field = ENTITY_OF[event["type"]]
                key = (kind, event[field])
            else:
                if ("user", event.get("user_id")) not in self.deleted:
                    self.loose[event["type"]].append(event)
                continue
            if key not in self.deleted:
                self.streams[key[0]][key[1]].append(event)
        for kind in self.streams:
            for name, events in self.streams[kind].items():
                self.streams[kind][name] = entity_order(events)
        for events in self.loose.values():
            events.sort(key=time_key)

    def _replay_all(self, kind, maker, until=None):
        result = {}
        for name, events in self.streams.get(kind, {}).items():
            if until is not None:
                events = [e for e in events if e["occurred_at_ms"] <= until]
                if not events:
                    continue
            elif self._memo is not None:
                known = self._memo.get((kind, name))
                if known is None or known[0] != events:
                    known = self._memo[(kind, name)] = (events, maker(self, name, events))
                result[name] = known[1]
                continue
            result[name] = maker(self, name, events)
        return result

    def _build_users(self):
        self.users = self._replay_all("user", replay_user)

    def _link(self):
        self.lead_customers = {}
        for customer in self.customers.values():
            if customer.lead_id and customer.acquired is not None:
                best = self.lead_customers.get(customer.lead_id)
                if best is None or (customer.acquired, customer.id) < (best.acquired, best.id):
                    self.lead_customers[customer.lead_id] = customer

    def as_of(self, kind, at):
        """Entities of a kind as they stood at an instant (facts with occurred_at <= at)."""
        key = (kind, at)
        if key not in self._as_of:
            self._as_of[key] = self._replay_all(kind, REPLAYS[kind], until=at)
        return self._as_of[key]

    # -- org chart, money, dimensions

    def team_of(self, user, t):
        found = None
        person = self.users.get(user)
        for since, team in person.teams if person else ():
            if since <= t:
                found = team
        return found

    def members(self, team, t):
        return sorted(u for u in self.users if self.team_of(u, t) == team)

    def money(self, event, field, rate_at=None):
        """Micros in the org's currency; None when missing or without a rate."""
        amount = event.get(field)
        currency = event.get("currency")
        if amount is None or self.currency is None or currency == self.currency:
            return amount
        t = event["occurred_at_ms"] if rate_at is None else rate_at
        rate = None
        for row in self._rates:
            if (row["from_currency"], row["to_currency"]) == (currency, self.currency) \
                    and row["valid_from_ms"] <= t:
                if rate is None or row["valid_from_ms"] >= rate["valid_from_ms"]:
                    rate = row
        if rate is None:
            self.parked += 1
            return None
        return round_half_even(amount * rate["rate_e9"], 10 ** 9)

    def parents(self, entity):
        if entity.kind == "deal":
            return [p for p in (self.leads.get(entity.lead_id),) if p]
        if entity.kind == "order":
            deal = self.deals.get(entity.deal_id)
            chain = [deal] + self.parents(deal) if deal else []
            customer = self.customers.get(entity.customer_id)
            return chain + ([customer] if customer else [])
        return []

    def keys(self, entity, snap, follow=False, **extra):
        """Subject of every dimension that a contribution is booked to."""
        chain = [entity] + self.parents(entity)
        keys = {"org": self.org}
        for dim in DIM_FIELDS:
            for one in chain:
                if dim in one.dims:
                    keys[dim] = one.dims[dim]
                    break
        owner, event_team, entity_team = snap.owner, snap.event_team, snap.entity_team
        if not owner:
            for one in chain[1:]:
                owner = owner or (one.owner if follow else one.owner_at(snap.t))
        if follow and not snap.fixed and entity.owner and owner != entity.owner:
            owner, event_team, entity_team = entity.owner, None, entity.team
        team = event_team or (self.team_of(owner, snap.t) if owner else None) or entity_team
        for one in chain[1:]:
            team = team or one.team
        if owner:
            keys["rep"] = owner
        if team:
            keys["team"] = team
        keys.update(extra)
        return keys

    def deal_customer(self, deal):
        if deal.customer_id:
            return deal.customer_id
        customer = self.lead_customers.get(deal.lead_id) if deal.lead_id else None
        return customer.id if customer else None


def round_half_even(numerator, denominator):
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient
