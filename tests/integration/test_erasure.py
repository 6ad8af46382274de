#!/usr/bin/env python3
"""Erasure (domain.md C6, trap T35) through Kafka and Redis until it is final: it changes no figure; no key and no value in Redis names the erased any
more, nor does one after corrections of what named them; who was erased is recognised, and what is told of that does not repeat its content. A user and a
customer are erased; both ways (erase: correct, keep) are compared with replay, and with an erasure that is not final yet.
"""
import json

import lib
import pipeline

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
START = 1_740_787_200_000  # 2025-03-01T00:00Z
ANN, KIM = "erase-me-ann", "erase:me|kim"  # the second is escaped in keys, twice in keys of what is named by a key


def event(event_id, type_, day, hour, **more):
    return {"event_id": event_id, "type": type_, "org_id": "acme", "occurred_at_ms": START + day * DAY_MS + hour * HOUR_MS, **more}


def deal(event_id, day, hour, owner, customer, amount):
    return event(event_id, "deal_closed", day, hour, deal_id=f"D-{event_id}", outcome="won", amount_micros=amount * 1_000_000, currency="CNY", owner_id=owner,
                 customer_id=customer)


def history():
    for user in (ANN, "bo"):
        yield event(f"on-{user[-3:]}", "user_enabled", 0, 1, user_id=user, team_id="east")
    for n, customer in enumerate((KIM, "lee")):
        yield event(f"acq{n}", "customer_acquired", 0, 2, customer_id=customer, owner_id=ANN)
    for day in range(1, 4):
        yield event(f"in{day}", "login", day, 1, user_id=ANN, actor_id=ANN)
        yield deal(f"a{day}", day, 2, ANN, KIM, 10)
        yield deal(f"b{day}", day, 3, "bo", "lee", 20)
    yield event("tick", "ticket_opened", 3, 4, ticket_id="T1", kind="customer", customer_id=KIM, owner_id="bo")
    yield event("tock", "ticket_resolved", 3, 5, ticket_id="T1", resolver_id=ANN)
    yield deal("of-lee", 3, 6, ANN, "lee", 4)
    yield event("use", "feature_used", 3, 6, user_id=ANN, feature="f", customer_id=KIM)
    yield event("train", "training_completed", 3, 6, user_id=ANN, course_id="c", pre_milli=1000, post_milli=2000)
    yield event("mail", "campaign_sent", 3, 6, campaign_id="G", recipient_id=KIM, kind="mail")
    yield event("goal", "target_set", 0, 1, target_id="V", kpi_id="sales_amount", subject=f"rep:{ANN}", cycle="2025-03", value=100)
    yield event("guess", "forecast_made", 0, 1, subject=f"rep:{ANN}", cycle="2025-03", amount_micros=9, currency="CNY", made_at_ms=START)
    yield event("look", "review_scored", 3, 6, area="a", reviewer_id=ANN, score_milli=5000)
    yield event("call", "contact_made", 3, 6, contact_id="N", customer_id=KIM, owner_id=ANN, direction="out", medium="phone")
    yield event("task", "task_assigned", 3, 6, task_id="A", owner_id=ANN)
    yield event("give", "owner_changed", 3, 7, entity_kind="deal", entity_id="D-b1", to_owner=ANN, from_owner="bo")
    yield event("back-again", "owner_changed", 3, 8, entity_kind="deal", entity_id="D-b1", to_owner="bo", from_owner=ANN)
    yield event("del-user", "entity_deleted", 4, 1, entity_kind="user", entity_id=ANN, erase=True)
    yield event("del-customer", "entity_deleted", 4, 2, entity_kind="customer", entity_id=KIM, erase=True)
    for day in range(5, 20):
        yield deal(f"c{day}", day, 3, "bo", "lee", 1)


def of_the_erased():
    """After finality: three of the erased themselves, one that only names them, and a retraction of the deletion."""
    yield event("late-login", "login", 19, 4, user_id=ANN)
    yield event("late-acq", "customer_acquired", 19, 4, customer_id=KIM)
    yield event("late-on", "user_enabled", 19, 4, user_id=ANN)
    yield deal("named", 19, 5, ANN, KIM, 7)
    yield event("back", "event_retracted", 19, 6, target_event_id="del-user")
    for n, target in enumerate(("in1", "use", "mail", "goal", "look", "acq0", "acq1", "on-ann")):
        yield event(f"gone{n}", "event_retracted", 19, 6, target_event_id=target)
    yield event("more", "deal_amended", 19, 6, deal_id="D-a1", amount_micros=12_000_000, currency="CNY")
    yield event("again", "ticket_reopened", 19, 6, ticket_id="T1")


def write(path, events):
    path.write_text("".join(json.dumps(e) + "\n" for e in events))
    return path


def keyspace(redis):
    """Every key with all it holds, as bytes."""
    read = {"string": ("GET",), "hash": ("HGETALL",), "zset": ("ZRANGE", 0, -1), "stream": ("XRANGE", "-", "+")}
    for key in redis("KEYS", "*"):
        key = key if isinstance(key, bytes) else key.encode()
        kind = redis("TYPE", key)
        command, *rest = read[kind.decode() if isinstance(kind, bytes) else kind]
        yield key, repr(redis(command, key, *rest)).encode()


def forms(text):
    """The text as it stands in a value, and escaped as in keys, once and twice."""
    for _ in range(3):
        yield text.encode()
        text = text.replace("%", "%25").replace(":", "%3A").replace("|", "%7C")


def naming(redis, text):
    return sorted(key.decode(errors="replace") for key, value in keyspace(redis) if any(form in key + value for form in forms(text)))


def left_of(redis):
    """What still names the erased: nothing but what is on its way to the judge."""
    return {who: left for who in (ANN, KIM) if (left := [key for key in naming(redis, who) if key != "cp:{0}:feed"])}


def cleaned(pipe):
    """A daemon runs until no erasure waits any more: its records are walked over in the background."""
    daemon, redis = pipe.start(sets=("time.idle_timeout=1s",)), pipe.redis()
    try:
        lib.wait_until(lambda: not redis("KEYS", "cp:{0}:ent:final:*"), 60, "the end of all erasures", 0.2)
    finally:
        daemon.stop()


def check(mode):
    folder = lib.new_dir()
    config = folder / "erasure.yaml"
    config.write_text("orgs: {acme: {zone: UTC, currency: CNY, cycle: month}}\n"
                      f"switches: {{erase: {mode}}}\ntime: {{erase_final: 7d, wall_clock: false}}\n")
    first, second = write(folder / "a.ndjson", history()), write(folder / "b.ndjson", of_the_erased())
    both = write(folder / "both.ndjson", [*history(), *of_the_erased()])
    pipe = pipeline.Installation(config, 1)
    pipe.send(first)
    pipe.settle()
    at = ("--at", str(START + 19 * DAY_MS + 3 * HOUR_MS))
    got, want = pipe.query(*at), pipeline.replay(first, config, *at)
    lib.check(f"{mode}: the figures of replay", got == want, pipeline.first_difference(got, want) if got != want else "")
    young = pipeline.replay(first, config, *at, sets=("time.erase_final=300d",))
    lib.check(f"{mode}: becoming final changes no figure", want == young, pipeline.first_difference(want, young) if want != young else "")
    cleaned(pipe)
    redis = pipe.redis()
    lib.check_equal(f"{mode}: no key and no value names the erased", left_of(redis), {})
    got, want = pipe.query(*at), pipeline.replay(first, config, *at)
    lib.check(f"{mode}: that changes no figure", got == want, pipeline.first_difference(got, want) if got != want else "")

    pipe.send(second)
    pipe.settle()
    late = {m["event_id"]: m for m in pipe.messages("late")}
    lib.check_equal(f"{mode}: late", {i: m["reason"] for i, m in late.items()},
                    {"late-login": "erased", "late-acq": "erased", "late-on": "erased", "back": "erasure_final"})
    lib.check(f"{mode}: what is told of the erased does not repeat it", not any(who in json.dumps(m) or m.get("payload") for i, m in late.items() if i != "back"
                                                                                for who in (ANN, KIM)), late)
    lib.check_equal(f"{mode}: I8", pipe.counters_add_up(), [])
    at = ("--at", str(START + 19 * DAY_MS + 6 * HOUR_MS))
    got, want = pipe.query(*at), pipeline.replay(both, config, *at)
    lib.check(f"{mode}: late events leave the figures of replay", got == want, pipeline.first_difference(got, want) if got != want else "")
    lib.check_equal(f"{mode}: nor after corrections of what named them", left_of(redis), {})
    total = [r for r in pipeline.rows(pipe.query(*at, "--kpi", "sales_amount", "--window", "m", "--dim", "org"))]
    lib.check_equal(f"{mode}: sales are those of all deals", [r["value"] for r in total], [(30 + 60 + 15 + 4 + 7 + 2) * 1_000_000])


for way in ("correct", "keep"):
    check(way)
lib.finish()
