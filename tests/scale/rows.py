"""What is done to an installation on several servers, and what must come of it. A row returns in a few words what was seen."""
import collections
import os
import time
from pathlib import Path

from servers import Cluster, List, Secured, Watched, lib
from certs import newest  # after servers, which says where it is
from stand import DAY_MS, Stand, note

Row = collections.namedtuple("Row", "what expected run")
ROWS = {}
SHARDS = 6
GAP_S = 15  # on a busy machine; what it was is told


def row(name, what, expected):
    def enter(function):
        ROWS[name] = Row(what, expected, function)
        return function
    return enter


def at_home(stand, node):
    """(shards that lie on the node, the others)"""
    here = [s for s in range(SHARDS) if stand.store.node_of(s) is node]
    return here, [s for s in range(SHARDS) if s not in here]


def held_by(replica, shard):
    """Records that a replica has of a shard, whatever the cluster says of it."""
    connection = lib.Redis(replica.server.socket)
    connection("READONLY")
    return sum(int(v.split("read=")[1].split()[0]) for v in connection.hash(f"cp:{{{shard}}}:off").values())


def gap_told(gap, others):
    lib.check(f"its shards go on within {GAP_S} s", gap <= GAP_S, f"{gap:.1f} s")
    return f"its shards stood for {gap:.1f} s, the others read {others} records meanwhile"


@row("S1", "list of 3 primaries: one is killed (kill -9) for 5 s under load; then the list is given in another order, longer, shorter",
     "the others go on; equal state; each changed list is refused, nothing is begun empty")
def server_list():
    store = List(3, "--aof", "always")
    stand = Stand(store, thin=2)
    stand.start()
    stand.send(700)
    stand.reach(1000, 60)
    here, others = at_home(stand, store.nodes[1])

    def fault():
        store.nodes[1].kill()
        time.sleep(5)
        store.nodes[1].back()
    gap, meanwhile = stand.after(fault, here, others)
    lib.check("the others went on", meanwhile > 500, meanwhile)
    seen = f"{stand.end()}; {gap_told(gap - 5, meanwhile)}"
    a, b, c = store.nodes
    spare = List(1).nodes[0]
    for name, order in (("another order", [b, a, c]), ("longer", [a, b, c, spare]), ("shorter", [a, b]), ("one", [a])):
        daemon = stand.pipe.start(sets=store.settings(order))
        status = daemon.wait(30)
        lib.check(f"{name}: refused, with the reason", status == 1 and "of a list of servers" in daemon.text(), (status, daemon.text()[-800:]))
    return f"{seen}; 4 changed lists refused"


@row("S2", "cluster of 3 primaries and 3 replicas: the slots of 4 shards are moved to other nodes under load", "each shard waits while its slot moves; equal state")
def slots_move():
    store = Cluster()
    stand = Stand(store, thin=2)
    stand.start()
    stand.start()
    stand.send(700)
    stand.reach(500, 60)
    gaps, keys = [], 0
    for shard in range(4):
        source = store.node_of(shard)
        target = next(n for n in store.primaries() if n is not source)
        began = time.monotonic()
        keys += store.move(shard, target)
        stand.progress(20, GAP_S * 2, shard)
        gaps.append(time.monotonic() - began)
        lib.check_equal(f"shard {shard} lies where it was moved", store.node_of(shard), target)
    stand.all_alive("after that")
    return f"{stand.end()}; {keys} keys moved; a shard stood for {sorted(gaps)[2]:.1f} s (median), {max(gaps):.1f} s (longest)"


@row("S3", "cluster: a primary is killed (kill -9) under load, its replica takes over; it comes back as a replica, and the other one is killed",
     "the shards of the others go on; equal state")
def cluster_failover():
    store = Cluster()
    stand = Stand(store)
    stand.start()
    stand.start()
    stand.send(700)
    stand.reach(1000, 60)
    told = []
    node = store.node_of(0)
    for turn in range(2):
        here, others = at_home(stand, node)
        heir = store.replica_of(node)
        gap, meanwhile = stand.after(node.kill, here, others)
        told.append(gap_told(gap, meanwhile))
        lib.check_equal("the replica has them", store.node_of(here[0]), heir)
        note(f"turn {turn}: shards {here}: {told[-1]}")
        node.back()
        lib.wait_until(lambda n=node: n.role() == "slave" and Cluster.synced(n), 60, "the old one follows the new one")
        node = heir
    stand.all_alive("after two failovers")
    return f"{stand.end()}; {told[0]}; then {told[1]}"


@row("S4", "cluster: a replica that lags (frozen) takes over from a killed primary: acknowledged writes are lost", "seen as stale, read again: equal state, the same ids")
def lagging_failover():
    store = Cluster()
    stand = Stand(store)
    stand.start()
    stand.send(700)
    stand.reach(800, 60)
    node = store.node_of(0)
    here, others = at_home(stand, node)
    heir = store.replica_of(node)
    heir.freeze()
    # More than the kernel keeps for it.
    stand.progress(3000, 90)
    ahead = stand.reads_of(here)
    node.kill()
    heir.thaw()
    behind = sum(held_by(heir, shard) for shard in here)
    lib.wait_until(lambda: heir.role() == "master", 60, "the replica takes over")
    gap, meanwhile = stand.after(lambda: None, here, others)
    lib.check("the primary was ahead of the replica", ahead > behind, (ahead, behind))
    return f"{stand.end()}; {ahead - behind} records' work was lost and done again; {gap:.1f} s after the promotion it goes on"


@row("S5", "Sentinels (3), a primary and a replica: the primary is killed (kill -9) under load; the old one comes back; then a failover is asked for",
     "the new primary is found; equal state")
def sentinel_failover():
    store = Watched()
    stand = Stand(store, thin=2)
    stand.start()
    stand.send(500)
    stand.reach(800, 60)
    shards, told = list(range(SHARDS)), []
    first, second = store.nodes
    gap, _ = stand.after(first.kill, shards, [])
    told.append(f"{gap:.1f} s after kill -9")
    lib.check(f"goes on within {GAP_S} s", gap <= GAP_S, gap)
    first.back()
    lib.wait_until(lambda: first.role() == "slave" and Cluster.synced(first), 60, "the old one follows the new one")
    lib.wait_until(lambda: store.sentinels[0].sees(store.name, others=2, replicas=1), 30, "the Sentinels see it")
    # The old primary is alive and takes writes until the Sentinels make it a replica: that work is done again.
    store.sentinels[1].ask("SENTINEL", "FAILOVER", store.name)
    began = time.monotonic()
    lib.wait_until(lambda: (first.role(), second.role()) == ("master", "slave"), 60, "the first is primary again")
    demoted = time.monotonic() - began
    gap, _ = stand.after(lambda: None, shards, [])
    told.append(f"{gap:.1f} s after the old primary was made a replica, {demoted:.1f} s after SENTINEL FAILOVER")
    lib.check(f"goes on within {GAP_S} s again", gap <= GAP_S, gap)
    stand.all_alive("after two failovers")
    return f"{stand.end()}; goes on {', '.join(told)}"


@row("S6", "1 -> 4 -> 2 daemons under load, records keyed at random, list of 2 primaries", "equal state; no daemon ends by itself")
def daemons_come_and_go():
    stand = Stand(List(2), partitions=8)
    stand.start()
    stand.send(700)
    stand.reach(2000, 60)
    for _ in range(3):
        stand.start()
    lib.wait_until(lambda: all('event=assigned message="2 partitions"' in d.text() for d in stand.daemons), 60, f"four share 8 partitions\n{stand.texts()}")
    stand.progress(3000, 90)
    stand.all_alive("when they are four")
    stand.stop(*stand.daemons[:2])
    stand.progress(2000, 90)
    stand.all_alive("when they are two")
    return stand.end()


@row("S7", "the input topic grows from 8 to 16 partitions under load, 2 daemons", "new partitions are read from their beginning; equal state although keys moved")
def partitions_grow():
    stand = Stand(List(2), partitions=8, sets=["kafka.properties.topic.metadata.refresh.interval.ms=1000"])
    stand.start()
    stand.start()
    stand.send(700)
    stand.reach(3000, 60)
    lib.add_partitions(stand.pipe.input, 16)
    lib.wait_until(lambda: sum('event=assigned message="8 partitions"' in d.text() for d in stand.daemons) == 2, 90,
                   f"two share 16 partitions\n{stand.texts()}")
    stand.progress(1000, 60)
    seen = stand.end()
    used = sum(1 for low, high in lib.offsets(stand.pipe.input).values() if high > low)
    lib.check("records went into the new ones", used > 8, used)
    return f"{seen}; {used} partitions have records"


def processor_seconds(pids):
    """User and system time of processes, by /proc."""
    ticks = 0
    for pid in pids:
        ticks += sum(int(word) for word in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def drained(daemons, seconds=240):
    """A full topic, keyed by org, read by so many daemons: (records a second from the first read to the last, processor time a record in
    ms: of the daemons, of Redis)."""
    stand = Stand(List(2), orgs=24, partitions=8, sets=["redis.command_timeout=60s", "redis.connect_timeout=20s", "run.lease=30s"])
    stand.pipe.send(stand.events, "--key", "org", "--shuffle-ms", str(DAY_MS))
    sent = sum(end for _, end in lib.offsets(stand.pipe.input).values())
    for _ in range(daemons):
        stand.start()
    lib.wait_until(lambda: stand.pipe.read() > 0, 60, "the first record")
    first, began = stand.pipe.read(), time.monotonic()
    stand.reach(sent, seconds)
    rate = (sent - first) / (time.monotonic() - began)
    own = processor_seconds(d.pid for d in stand.daemons) * 1000 / sent
    redis = processor_seconds(node.server.pid for node in stand.store.nodes) * 1000 / sent
    stand.stop(*stand.daemons)
    return rate, own, redis


@row("S8", "throughput: a full topic keyed by org, read by 1, 2 and 4 daemons, 2 primaries", "told as ratios; on two processors that Kafka, Redis and all daemons share the rate cannot grow; what a record costs should stay")
def throughput():
    seen = {n: drained(n) for n in (1, 2, 4)}
    one = seen[1]
    lib.check("four daemons do not cost twice the processor time of one", seen[4][1] < 2 * one[1], seen)
    return "; ".join(f"{n} daemon{'s' if n > 1 else ''}: {rate:,.0f} records/s ({rate / one[0]:.2f}), a record costs the daemons {own:.2f} ms of a processor"
                     f" ({own / one[1]:.2f}) and Redis {redis:.2f} ms ({redis / one[2]:.2f})" for n, (rate, own, redis) in seen.items())


def secured(servers):
    """Servers by TLS and a stand under load that talks to them as the user that is shipped; and what no log may hold."""
    lib.BIN, secrets = newest(), Secured()
    store = servers(secured=secrets)
    stand = Stand(store, thin=2)
    stand.start()
    stand.send(500)
    stand.reach(800, 60)
    return store, stand, secrets.mark


@row("S9", "cluster of 3 primaries and 3 replicas by TLS, as the user that is shipped (newest hiredis): a primary is killed (kill -9) under load, its replica takes over",
     "equal state; no secret in the log")
def secured_cluster():
    store, stand, mark = secured(Cluster)
    node = store.node_of(0)
    here, others = at_home(stand, node)
    gap, meanwhile = stand.after(node.kill, here, others)
    stand.all_alive("after the failover")
    seen = f"{stand.end()}; {gap_told(gap, meanwhile)}"
    stand.pipe.no_secret(mark)
    return seen


@row("S10", "Sentinels (3) with a password, a primary and a replica, all by TLS, as the user that is shipped (newest hiredis): the primary is killed (kill -9) under load",
     "the new primary is found; equal state; no secret in the log")
def secured_sentinels():
    store, stand, mark = secured(Watched)
    gap, _ = stand.after(store.nodes[0].kill, list(range(SHARDS)), [])
    lib.check(f"goes on within {GAP_S} s", gap <= GAP_S, gap)
    stand.all_alive("after the failover")
    seen = f"{stand.end()}; goes on {gap:.1f} s after kill -9"
    stand.pipe.no_secret(mark)
    return seen
