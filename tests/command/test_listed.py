"""Who is listed by replay does not depend on the order of arrival, also where everything of a subject was withdrawn."""
import json
import random

from command import Case

DAY = 86_400_000
NOON = 1_741_233_600_000        # 2025-03-06T04:00Z


def event(number, day, kind, **fields):
    return {"event_id": f"e{number}", "type": kind, "org_id": "acme", "occurred_at_ms": NOON + day * DAY, **fields}


EVENTS = [
    event(1, 0, "lead_created", lead_id="L1", owner_id="ann"),
    event(2, 9, "event_retracted", target_event_id="e1"),           # all that ann ever did
    event(3, 1, "lead_created", lead_id="L2", owner_id="bo"),
    event(4, 8, "entity_deleted", entity_kind="lead", entity_id="L2"),
    event(5, 2, "deal_opened", deal_id="D1", owner_id="cy", amount_micros=5_000_000, currency="CNY", stage="new"),
    event(6, 7, "owner_changed", entity_kind="deal", entity_id="D1", to_owner="dee"),
    event(7, 10, "event_retracted", target_event_id="e6"),          # nothing was ever dee's
    event(8, 3, "login", user_id="eve", owner_id="eve", actor_id="eve"),
    event(9, 9, "event_retracted", target_event_id="e8"),
    event(10, 4, "deal_closed", deal_id="D2", owner_id="fay", outcome="won", amount_micros=7_000_000, currency="CNY"),
    event(11, 5, "deal_amended", deal_id="D2", amount_micros=9_000_000),
    event(12, 9, "event_retracted", target_event_id="e10"),
    event(13, 5, "lead_created", lead_id="L3", owner_id="gus"),     # withdrawn before it happened: it never was
    event(14, 4, "event_retracted", target_event_id="e13"),
    event(15, 6, "deal_opened", deal_id="D3", owner_id="hal", amount_micros=5_000_000, currency="CNY", stage="new"),
    event(16, 6, "event_retracted", target_event_id="e15"),
    event(17, 8, "complaint_filed", complaint_id="C1", customer_id="K", about_user_id="ivy"),
    event(18, 7, "complaint_withdrawn", complaint_id="C1"),
]


class Listed(Case):
    def rows(self, events, name):
        path = self.write(name, "".join(json.dumps(e) + "\n" for e in events))
        at = [word for day in (0, 3, 6, 9, 12) for word in ("--at", str(NOON + day * DAY + DAY // 2))]
        return sorted(json.dumps(r) for r in self.lines("replay", path, "--json", "--quiet", *at, "--dim", "rep"))

    def test_any_order(self):
        chance, want = random.Random(1), self.rows(EVENTS, "in-order.ndjson")
        subjects = {json.loads(r)["subject"] for r in want}
        self.assertIn("bo", subjects, "deleted, but it was there until then: listed with 0")
        self.assertFalse({"gus", "hal"} & subjects, "what was withdrawn before it happened never was")
        for i in range(8):
            events = EVENTS[:]
            chance.shuffle(events)
            got = self.rows(events, f"{i}.ndjson")
            self.assertEqual({json.loads(r)["subject"] for r in got}, subjects, [e["event_id"] for e in events])
            self.assertEqual(got, want, [e["event_id"] for e in events])
