"""R: what happens to Redis."""
import functools
import os
import shutil
import signal
import time

from proxy import Proxy
from registry import row
from scenario import lib

BACK_S = 15


@row("R1", "redis kill -9 five times under load, restart", "reconnects, reads again what was not applied; goes on <= 2 s after ready")
def killed(s):
    s.begin(rate=600)
    took = []
    for _ in range(5):
        s.progress(500, 60)
        s.redis.kill()
        time.sleep(s.chance.uniform(0, 1))
        s.redis.start()
        took.append(s.progress(100, 60))
    lib.check("goes on within 2 s (median)", sorted(took)[2] <= 2, took)
    return f"{s.end()}; goes on after {sorted(took)[2]:.2f} s (median), {max(took):.2f} s (longest)"


def rolled_back(s, seconds, rate):
    """The append-only files of `seconds` ago come back: state and offsets together. Meanwhile events flowed and alerts were told."""
    s.begin(rate=rate, redis=("--aof", "everysec", "auto-aof-rewrite-percentage=0"))
    s.progress(800, 90)
    log = s.redis.dir / "appendonlydir"
    copy = lib.new_dir() / "aof"
    time.sleep(1.1)  # everysec
    at = s.read()
    shutil.copytree(log, copy)
    time.sleep(seconds)
    s.progress(1, 60)
    before = s.read()
    s.redis.kill()
    shutil.rmtree(log)
    shutil.copytree(copy, log)
    lib.mend_append_only(s.redis.dir)
    s.redis.start()
    lib.wait_until(lambda: s.read() is not None, 20, "Redis answers")
    back = s.read()
    lib.check("state and offsets went back", at <= back < before, (at, back, before))
    s.progress(before - back, 120)
    seen = s.end()
    again = sum(1 for n in s.pipe.ids("alerts").values() if n > 1)
    return f"{seen}; {before - back} records' work was gone, {again} alerts were told again under the same ids"


# (row, fault, seconds lost, events a second: what is sent must last so long)
for name, fault, lost_s, rate in (("R2", "Redis loses its last 10 s: state and offsets rewind together", 10, 400), ("R2a", "the same, 1 s", 1, 400),
                                  ("R2b", "the same, 60 s", 60, 180), ("R2c", "the same, 600 s", 600, 21)):
    row(name, fault, "seen as stale; reads again; equal state, the same ids once more" if name == "R2" else "as R2")(
        functools.partial(rolled_back, seconds=lost_s, rate=rate))


@row("R3", "append-only file cut inside a batch, five times", "the whole batch is gone, never half of it")
def cut(s):
    s.begin(rate=600)
    for _ in range(5):
        s.progress(500, 60)
        s.redis.kill()
        log = max((s.redis.dir / "appendonlydir").glob("*.incr.aof"), key=lambda p: p.stat().st_mtime)
        size = log.stat().st_size
        with open(log, "r+b") as f:
            f.truncate(max(0, size - s.chance.randrange(20, 4000)))
        lib.mend_append_only(s.redis.dir)
        s.redis.start()
    return s.end()


def emptied(s, live):
    s.begin(rate=1000)
    s.progress(2000, 60)
    if live:
        s.pipe.redis()("FLUSHALL")
        s.says("event=partition_halted", 60)
        lib.check("the reason is told", "cp:{0}:meta is a none" in s.daemon.text(), s.daemon.text()[-1000:])
        lib.check_equal("nothing is written into what was emptied", s.pipe.redis()("DBSIZE"), 0)
        s.stop()
    else:
        s.stop()
        s.pipe.redis()("FLUSHALL")
    s.start()
    lib.wait_until(lambda: s.daemon.text().count("empty state") >= 4, 60, f"all partitions are halted\n{s.daemon.text()[-1500:]}")
    lib.check("the way out is told", "--rebuild" in s.daemon.text())
    time.sleep(2)
    lib.check_equal("nothing was read", s.pipe.total("read"), 0)
    s.stop()
    s.all_sent()
    s.start("--rebuild")
    s.progress(s.count, 120)
    s.stop()
    return f"halted as empty; after --rebuild: {s.end()}"


@row("R4a", "FLUSHALL under load", "halted with the reason, nothing written; refused as empty state; --rebuild reads everything again")
def emptied_live(s):
    return emptied(s, True)


@row("R4b", "FLUSHALL at rest, the group has committed offsets", "refused as empty state; --rebuild reads everything again")
def emptied_at_rest(s):
    return emptied(s, False)


@row("R5", "failover to a lagging replica: the primary is frozen (split brain), the replica takes over, the old one comes back as its replica",
     "as R2: stale, read again; a replica that is not promoted yet is waited for; equal state and ids")
def failover(s):
    proxy = Proxy()
    s.start_servers(redis=("--tcp", "--aof", "everysec"))
    proxy.target_port = port = int((s.redis.dir / "port").read_text())
    replica = lib.Server("redis", "--tcp", "--aof", "everysec", f"replicaof=127.0.0.1 {port}")
    s.install(4, ["redis.command_timeout=3s", f"redis.url=redis://127.0.0.1:{proxy.port}"])
    s.start()
    s.send(600)
    s.progress(1500, 60)
    synced = lib.Redis(replica.socket)
    lib.wait_until(lambda: b"master_link_status:up" in synced("INFO", "replication"), 60, "the replica has what the primary has")
    os.kill(replica.pid, signal.SIGSTOP)  # it lags
    s.progress(600, 60)
    os.kill(s.redis.pid, signal.SIGSTOP)
    os.kill(replica.pid, signal.SIGCONT)
    proxy.target_port = int((replica.dir / "port").read_text())
    proxy.cut()
    time.sleep(4)
    s.alive("on a replica that is not promoted")
    other = lib.Redis(replica.socket)
    other("REPLICAOF", "NO", "ONE")
    behind = sum(int(v.split("read=")[1].split()[0]) for v in other.hash("cp:{0}:off").values())
    os.kill(s.redis.pid, signal.SIGCONT)
    ahead = s.read()
    old = s.pipe.redis()
    s.pipe.socket = replica.socket
    s.progress(500, 60)
    old("REPLICAOF", "127.0.0.1", proxy.target_port)
    lib.check("the old one was ahead of the replica", ahead > behind, (ahead, behind))
    return f"{s.end()}; {ahead - behind} records' work was lost and done again"


@row("R6", "Redis is out of memory (noeviction)", "scripts are refused whole, the input waits, nothing is lost")
def out_of_memory(s):
    s.begin(rate=800)
    s.progress(1000, 60)
    s.pipe.redis()("CONFIG", "SET", "maxmemory", "1mb")
    time.sleep(1)
    stuck = s.read()
    time.sleep(5)
    lib.check("nothing is applied meanwhile", s.read() == stuck, (stuck, s.read()))
    s.alive("out of memory")
    s.pipe.redis()("CONFIG", "SET", "maxmemory", "0")
    took = s.progress(200, 30)
    return f"{s.end()}; goes on after {took:.1f} s"


@row("R7a", "maxmemory-policy allkeys-lru at the start", "preflight refuses with a clear message")
def evicting(s):
    s.start_servers()
    s.install(1)
    s.pipe.redis()("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    s.start()
    status = s.daemon.wait(30)
    lib.check("it ends and says why", status not in (0, None) and "noeviction" in s.daemon.text(), s.daemon.text()[-500:])
    return f"ended with {status}"


@row("R7b", "maxmemory-policy changed to allkeys-lru while running", "refuses to go on")
def evicting_live(s):
    s.begin(rate=1000)
    s.pipe.redis()("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    status = s.daemon.wait(120)
    lib.check("it ends and says why", status not in (0, None) and "noeviction" in s.daemon.text(), s.daemon.text()[-500:])
    s.pipe.redis()("CONFIG", "SET", "maxmemory-policy", "noeviction")
    s.start()
    return f"ended with {status}; back with noeviction: {s.end()}"


@row("R8", "Redis refuses writes: MISCONF, NOREPLICAS", "waits with backoff, goes on afterwards")
def no_replicas(s):
    s.begin(rate=800, redis=("--aof", "everysec", "enable-protected-configs=local"))
    for name, bad, good in (("min-replicas-to-write", "1", "0"),):
        s.progress(500, 60)
        s.pipe.redis()("CONFIG", "SET", name, bad)
        time.sleep(5)
        s.alive(f"with {name} {bad}")
        s.pipe.redis()("CONFIG", "SET", name, good)
        s.progress(200, 30)
    s.pipe.redis()("CONFIG", "SET", "dir", "/proc/self/task")  # a snapshot cannot be written there
    s.pipe.redis()("CONFIG", "SET", "save", "1 1")
    lib.wait_until(lambda: b"rdb_last_bgsave_status:err" in s.pipe.redis()("INFO", "persistence"), 30, "a snapshot fails")
    time.sleep(3)
    s.alive("while Redis cannot save")
    s.pipe.redis()("CONFIG", "SET", "save", "")
    s.pipe.redis()("CONFIG", "SET", "dir", str(s.redis.dir))
    s.pipe.redis()("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
    took = s.progress(200, 30)
    return f"{s.end()}; goes on after {took:.1f} s"


@row("R9", "another client's script blocks Redis for 8 s (BUSY)", "waits; no storm of reconnections")
def busy(s):
    s.begin(rate=800)
    s.progress(500, 60)
    blocker = lib.Process(["redis-cli", "-s", s.redis.socket, "EVAL", "while true do end", "0"], log=s.pipe.dir / "blocker.log")
    time.sleep(8)
    s.alive("while Redis is busy")
    lib.run(["redis-cli", "-s", s.redis.socket, "SCRIPT", "KILL"])
    blocker.stop()
    took = s.progress(200, 30)
    connections = s.daemon.text().count("event=store_ready")
    lib.check("few reconnections", connections < 20, connections)
    return f"{s.end()}; goes on after {took:.1f} s, {connections} connections"


@row("R10", "SCRIPT FLUSH ten times a second for 15 s", "no hole; scripts are loaded again")
def script_flush(s):
    s.begin(rate=700)
    end = time.monotonic() + 15
    redis = s.pipe.redis()
    while time.monotonic() < end:
        redis("SCRIPT", "FLUSH")
        time.sleep(0.1)
    s.alive("after it")
    return s.end()


@row("R11", "Redis frozen for 15 s, the timeout of a command is 3 s", "its own timer fires, reconnects, goes on")
def frozen(s):
    s.begin(rate=700, sets=["redis.command_timeout=3s"])
    s.progress(500, 60)
    os.kill(s.redis.pid, signal.SIGSTOP)
    time.sleep(15)
    s.alive("while Redis is frozen")
    os.kill(s.redis.pid, signal.SIGCONT)
    took = s.progress(200, 30)
    lib.check("the timeout was seen", "event=store_down" in s.daemon.text())
    return f"{s.end()}; goes on after {took:.1f} s"


@row("R12", "connection refused at the start and later", "backoff with jitter; comes up when Redis does")
def refused(s):
    s.start_servers()
    s.install(4)
    s.redis.kill()
    s.start()
    time.sleep(5)
    s.alive("without Redis")
    attempts = s.daemon.text().count("event=store_down")
    lib.check("it says so, and does not storm", 1 <= attempts <= 40, attempts)
    s.redis.start()
    s.send(1500)
    s.progress(500, 30)
    return f"{s.end()}; {attempts} attempts in 5 s"


@row("R13", "connections cut twenty times a second (CLIENT KILL): requests sent, replies lost", "applied once")
def reply_lost(s):
    s.begin(rate=700)
    end, killed_n = time.monotonic() + 12, 0
    redis = s.pipe.redis()
    while time.monotonic() < end:
        killed_n += redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        time.sleep(s.chance.uniform(0.02, 0.1))
    s.alive("after it")
    return f"{s.end()}; {killed_n} connections cut"


@row("R14", "a key of the wrong type is planted; the outbox is trimmed by somebody", "halts, no partial write; the gap in the outbox is told")
def planted(s):
    s.begin(rate=700)
    s.progress(1000, 60)
    redis = s.pipe.redis()
    s.stop()
    off = s.pipe.offsets()
    pane = sorted(k for k in redis.keys("cp:{0}:pane:*:h:*"))
    for key in pane[-200:]:
        redis("DEL", key)
        redis("SET", key, "planted")
    s.start()
    s.says("event=partition_halted", 60)
    lib.check("why is told", "WRONGTYPE" in s.daemon.text() or "wrong" in s.daemon.text().lower(), s.daemon.text()[-800:])
    time.sleep(2)
    held = s.pipe.offsets()
    lib.check("no counter ran ahead of the offsets", all(int(v["read"]) == sum(int(v[c]) for c in ("applied", "duplicate", "late", "dead"))
                                                        for v in held.values()), (off, held))
    s.stop()
    return "halted, reason told"


@row("R15", "commands denied later; a cluster node that serves no slot", "a clear reason; goes on when allowed; the node is waited for, with its reason")
def denied(s):
    s.begin(rate=700)
    s.progress(500, 60)
    redis = s.pipe.redis()
    redis("ACL", "SETUSER", "admin", "on", "nopass", "~*", "&*", "+@all")
    redis("AUTH", "admin", "x")
    redis("ACL", "SETUSER", "default", "-evalsha", "-eval")
    time.sleep(4)
    s.alive("while commands are denied")
    lib.check("the reason is told", "NOPERM" in s.daemon.text() or "permission" in s.daemon.text().lower(), s.daemon.text()[-800:])
    redis("ACL", "SETUSER", "default", "+@all")
    if not s.daemon.alive():
        s.start()
    s.progress(200, 60)
    seen = s.end()
    cluster = lib.Server("redis", "--tcp", "cluster-enabled=yes", f"cluster-port={lib.free_port()}")
    s.pipe.socket = cluster.socket
    s.start()
    s.says("CLUSTERDOWN", 30)
    s.alive("while the cluster is down")
    s.stop()
    return f"{seen}; it waits for the cluster"
