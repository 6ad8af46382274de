"""K with three brokers: leaders and the coordinator move, a replica that missed records becomes the leader."""
import time

from brokers import Brokers
from registry import row
from scenario import PATIENCE, lib, note

BACK_S = 15
COORDINATOR = "__consumer_offsets"
# A replica may lead though it lacks records; one is enough to take them.
UNCLEAN = ("unclean.leader.election.enable=true", "min.insync.replicas=1")


def begin(s, rate, settings=("min.insync.replicas=2",), sets=()):
    """As Scenario.begin, on three brokers."""
    s.kafka = Brokers(3, settings=settings)
    lib.BOOTSTRAP = s.kafka.bootstrap
    s.redis = lib.Server("redis", "--aof", "everysec", "auto-aof-rewrite-percentage=0")
    s.install(4, sets)
    s.start()
    s.send(rate)
    s.progress(300, 120)


def moved(s, topic, from_broker):
    """Waits until no partition of the topic is led by that broker; how many were."""
    lib.wait_until(lambda: (led := s.kafka.leaders(topic)) and all(n > 0 and n != from_broker for n in led.values()), 60 * PATIENCE,
                   f"{topic} is led by others than {from_broker}", 0.3)


def all_in_sync(s, topic):
    lib.wait_until(lambda: (held := s.kafka.in_sync(topic)) and all(len(r) == 3 for r in held.values()), 120 * PATIENCE, f"{topic} is on all brokers again", 0.5)


@row("K1m", "three brokers: each in turn is killed (kill -9) under load, its partitions are led by others; it comes back", "no loss, no doubles; goes on < 15 s after the leaders moved")
def leaders_move(s):
    begin(s, 250)
    took, leaders = [], 0
    for n in (1, 2, 3):
        s.progress(200, 90)
        leaders += sum(leader == n for leader in s.kafka.leaders(s.pipe.input).values())
        s.kafka.kill(n)
        moved(s, s.pipe.input, n)
        took.append(s.progress(200, 90))
        s.alive("without the broker")
        s.kafka.start(n)
        all_in_sync(s, s.pipe.input)
    lib.check("each led something", leaders >= 3, leaders)
    lib.check(f"it goes on within {BACK_S} s", max(took) < BACK_S * PATIENCE, took)
    return f"{s.end()}; {leaders} leaders moved, goes on after {max(took):.1f} s at most"


@row("K5m", "three brokers: the one that coordinates the group is killed under load, three times, and a second daemon joins meanwhile",
     "another coordinates; each partition has one writer; equal state")
def coordinator_moves(s):
    begin(s, 250)
    took = []
    for _ in range(3):
        n = s.kafka.leaders(COORDINATOR)[0]
        s.kafka.kill(n)
        other = s.pipe.start()
        moved(s, COORDINATOR, n)
        lib.wait_until(lambda d=other: "event=assigned" in d.text(), 90 * PATIENCE, lambda d=other: f"the second one joins\n{d.text()[-1500:]}")
        took.append(s.progress(200, 90))
        s.alive("without the coordinator")
        other.stop()
        s.kafka.start(n)
        all_in_sync(s, COORDINATOR)
        all_in_sync(s, s.pipe.input)
    return f"{s.end()}; goes on after {max(took):.1f} s at most"


def drained(s):
    """Nothing more is sent, and what is there is applied: where each partition ends."""
    s.sender.pause()
    time.sleep(2)
    ends = {p: end for p, (_, end) in lib.offsets(s.pipe.input).items()}
    lib.wait_until(lambda: all(int(part["next"]) == ends[p] for p, part in s.pipe.offsets().items()), 60 * PATIENCE, "what is there is applied")
    s.sender.kill()
    return ends


def unclean(s):
    """One broker has what the two others lack, and all of it was applied; then it is gone and the others lead. Returns what was applied, by partition."""
    begin(s, 600, UNCLEAN)
    s.progress(1000, 90)
    s.kafka.kill(2)
    s.kafka.kill(3)
    moved(s, s.pipe.input, 2)
    moved(s, s.pipe.input, 3)
    s.progress(2500, 90)
    return drained(s)


def take_over(s):
    """The two that lack records lead."""
    s.kafka.kill(1)
    s.kafka.start(2, wait=False)
    s.kafka.start(3, wait=False)
    moved(s, s.pipe.input, 1)
    return {p: end for p, (_, end) in lib.wait_until(lambda: ends_now(s), 60 * PATIENCE, "the new leaders answer", 0.5).items()}


def ends_now(s):
    try:
        return lib.offsets(s.pipe.input)
    except RuntimeError:
        return None


def halted_at(s, held, shorter):
    lib.wait_until(lambda: sum("event=partition_halted" in line for line in s.daemon.text().splitlines()) >= len(shorter), 90 * PATIENCE,
                   lambda: f"{len(shorter)} partitions are halted\n{s.daemon.text()[-3000:]}")
    time.sleep(2)
    now = {p: int(part["next"]) for p, part in s.pipe.offsets().items()}
    lib.check_equal("nothing of them moved", {p: now[p] for p in shorter}, {p: held[p] for p in shorter})
    lines = [line.split("message=")[-1] for line in s.daemon.text().splitlines() if "event=partition_halted" in line]
    note(lines)
    return lines


@row("K10u", "three brokers: unclean election while the daemon runs: the new leaders lack records that were applied", "halted, never a silent reset; so is the next start")
def unclean_election(s):
    held = unclean(s)
    ends = take_over(s)
    shorter = [p for p in held if ends[p] < held[p]]
    lib.check("the logs are shorter now", len(shorter) == len(held), (held, ends))
    lines = halted_at(s, held, shorter)
    s.stop()
    s.start()
    again = halted_at(s, held, shorter)
    s.stop()
    return f"{len(shorter)} of {len(held)} partitions: {lines[0]}; at the next start: {again[0]}"


@row("K10v", "the same, and before the daemon sees a new leader its log has grown past the applied offset with other records", "halted: the last applied record is not there any more")
def unclean_and_grown(s):
    held = unclean(s)
    s.daemon.pause()
    before = take_over(s)
    lib.check("the logs are shorter now", all(before[p] < held[p] for p in held), (held, before))
    path = s.pipe.dir / "others.ndjson"
    path.write_text("".join(f'{{"event_id":"n{i}","type":"lead_created","org_id":"other","occurred_at_ms":{1_500_000_000_000 + i},"lead_id":"L{i}","owner_id":"ann"}}\n'
                            for i in range(8 * max(held[p] - before[p] for p in held) + 400)))
    s.pipe.send(path, "--key", "random")
    ends = {p: end for p, (_, end) in lib.offsets(s.pipe.input).items()}
    lib.check("and now longer", all(ends[p] > held[p] for p in held), (held, ends))
    s.daemon.resume()
    lines = halted_at(s, held, list(held))
    s.stop()
    return f"{len(lines)} of {len(held)} partitions: {lines[0]}"


def pair(s):
    """(leader, its only replica, their partitions): partitions of the input that the group's coordinator has nothing to do with."""
    coordinator = s.kafka.leaders(COORDINATOR)[0]
    replicas = {p: frozenset(r) for p, r in s.kafka.in_sync(s.pipe.input).items()}
    free = frozenset({1, 2, 3} - {coordinator})
    mine = [p for p, held in replicas.items() if held == free]
    if not mine:
        raise RuntimeError(f"no partition lies on {set(free)} alone: {replicas}")
    leader = s.kafka.leaders(s.pipe.input)[mine[0]]
    return leader, next(iter(free - {leader})), mine


@row("K10w", "three brokers, two replicas: unclean election of one partition while the group's coordinator lives on and nobody rejoins; before the daemon sees the new leader its log has "
     "grown past the applied offset with other records", "halted: a lost broker is reason enough to compare the last applied record again; the other partitions go on")
def unclean_unseen(s):
    begin(s, 600, (*UNCLEAN, "default.replication.factor=2"), ["kafka.session_timeout=60s"])
    s.progress(1000, 90)
    leader, follower, mine = pair(s)
    s.kafka.kill(follower)
    lib.wait_until(lambda: all(s.kafka.in_sync(s.pipe.input)[p] == {leader} for p in mine), 60 * PATIENCE, "the follower is out", 0.3)
    s.progress(2500, 90)
    ends = drained(s)
    s.daemon.pause()
    s.kafka.kill(leader)
    s.kafka.start(follower, wait=False)
    lib.wait_until(lambda: all(s.kafka.leaders(s.pipe.input).get(p) == follower for p in mine), 60 * PATIENCE, "the follower leads", 0.3)
    before = lib.wait_until(lambda: ends_now(s), 60 * PATIENCE, "the new leader answers", 0.5)
    lib.check("the log is shorter now", all(before[p][1] < ends[p] for p in mine), (mine, ends, before))
    path = s.pipe.dir / "others.ndjson"
    path.write_text("".join(f'{{"event_id":"n{i}","type":"lead_created","org_id":"other","occurred_at_ms":{1_500_000_000_000 + i},"lead_id":"L{i}","owner_id":"ann"}}\n'
                            for i in range(8 * max(ends[p] - before[p][1] for p in mine) + 400)))
    s.pipe.send(path, "--key", "random")
    now = {p: end for p, (_, end) in lib.offsets(s.pipe.input).items()}
    lib.check("and now longer", all(now[p] > ends[p] for p in mine), (mine, ends, now))
    joined = s.daemon.text().count("event=assigned")
    s.daemon.resume()
    lines = halted_at(s, ends, mine)
    others = [p for p in ends if p not in mine]
    lib.wait_until(lambda: all(int(s.pipe.offsets()[p]["next"]) == now[p] for p in others), 60 * PATIENCE, "the others are read")
    lib.check_equal("nobody had to join again", s.daemon.text().count("event=assigned"), joined)
    s.stop()
    return f"{len(lines)} of {len(mine)} partitions: {lines[0]}"
