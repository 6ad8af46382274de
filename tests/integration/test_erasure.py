#!/usr/bin/env python3
"""Erasure (domain.md C6, trap T35) through Kafka and Redis until it is final: it changes no figure; panes, state, views, the own record and the ledger
name the erased no more; who was erased is recognised, and what is told of that does not repeat its content. A user and a customer are erased; both ways
(erase: correct, keep) are compared with replay, and with an erasure that is not final yet.
"""
import json

import lib
import pipeline

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
START = 1_740_787_200_000  # 2025-03-01T00:00Z
ANN, KIM = "erase-me-ann", "erase-me-kim"


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


def naming(redis, text):
    return sorted(key.decode(errors="replace") for key, value in keyspace(redis) if text.encode() in key + value)


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
    redis = pipe.redis()
    for who in (ANN, KIM):
        left = naming(redis, who)
        lib.check_equal(f"{mode}: no pane, view, board, state or list names {who}", [k for k in left if ":ent:" not in k and k != "cp:{0}:feed"], [])
        if mode == "correct":
            kinds = ("ent:user:", "ent:customer:", "ent:ledger:")
            lib.check_equal(f"{mode}: no record of its own of {who}", [k for k in left if any(kind in k for kind in kinds) and who in k], [])
    lib.check_equal(f"{mode}: nothing waits any more", [k for k in redis("KEYS", "cp:{0}:ent:final:*")], [])

    pipe.send(second)
    pipe.settle()
    late = {m["event_id"]: m for m in pipe.messages("late")}
    lib.check_equal(f"{mode}: late", {i: m["reason"] for i, m in late.items()},
                    {"late-login": "erased", "late-acq": "erased", "late-on": "erased", "back": "erasure_final"})
    lib.check(f"{mode}: what is told of the erased does not repeat it", not any(who in json.dumps(m) or m.get("payload") for i, m in late.items() if i != "back"
                                                                                for who in (ANN, KIM)), late)
    lib.check_equal(f"{mode}: I8", pipe.counters_add_up(), [])
    at = ("--at", str(START + 19 * DAY_MS + 5 * HOUR_MS))
    got, want = pipe.query(*at), pipeline.replay(both, config, *at)
    lib.check(f"{mode}: late events leave the figures of replay", got == want, pipeline.first_difference(got, want) if got != want else "")
    for who in (ANN, KIM):
        lib.check_equal(f"{mode}: panes and state still do not name {who}", [k for k in naming(redis, who) if ":ent:" not in k and k != "cp:{0}:feed"], [])
    total = [r for r in pipeline.rows(pipe.query(*at, "--kpi", "sales_amount", "--window", "m", "--dim", "org"))]
    lib.check_equal(f"{mode}: sales are those of all deals", [r["value"] for r in total], [(30 + 60 + 15 + 7) * 1_000_000])


for way in ("correct", "keep"):
    check(way)
lib.finish()
