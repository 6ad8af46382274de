#!/usr/bin/env python3
"""A Redis Cluster of three primaries: shards lie in it by their slots; while events flow the slot of one is moved to another node, twice.
State and alert ids are those of a replay. The long suite, with failover, Sentinels and lists of servers, is scripts/scale."""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scale"))
import lib  # noqa: E402
from servers import Cluster  # noqa: E402
from stand import Stand, note  # noqa: E402

cluster = Cluster(3, replicas=False)
stand = Stand(cluster, orgs=8, thin=4, shards=6, partitions=4)
homes = {cluster.node_of(s).port for s in range(6)}
lib.check_equal("shards lie on all nodes", len(homes), 3)
stand.start()
stand.send(600)
stand.reach(400, 30)
busy = max(range(6), key=stand.pipe.read)
for turn in range(2):
    source = cluster.node_of(busy)
    target = next(node for node in cluster.nodes if node is not source)
    began = time.monotonic()
    keys = cluster.move(busy, target)
    took = time.monotonic() - began
    again = stand.progress(20, 60, busy)
    note(f"shard {busy}: {keys} keys moved in {took:.2f} s, it goes on {again:.2f} s later")
    lib.check_equal("the shard lies on the other node", cluster.node_of(busy), target)
stand.all_alive("after its slot moved")
text = stand.daemons[0].text()
lib.check("it was told where the slot went", "MOVED" in text or "TRYAGAIN" in text or "ASK" in text, text[-1500:])
stand.end()
lib.finish()
