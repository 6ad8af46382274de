"""Redis in more than one process, on loopback: a cluster, a primary under Sentinels, a list of primaries. Each `store` says how the
daemon is told of it (`settings`), whom to ask about a shard (`of`), and what its processes are."""
import os
import secrets
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
import lib  # noqa: E402
from certs import certificates, secret_file, users_file  # noqa: E402


class Secured:
    """TLS for all that go between servers and to them, and the shipped user with a password. `settings` for the daemon."""

    def __init__(self):
        self.dir = lib.new_dir()
        certificates(self.dir)
        self.mark = "Canary" + secrets.token_hex(12)
        self.users, self.password = users_file(self.dir, self.mark), secret_file(self.dir / "password", self.mark)
        self.files = {"tls-cert-file": self.dir / "good.crt", "tls-key-file": self.dir / "good.key", "tls-ca-cert-file": self.dir / "ca.crt"}
        self.settings = ["redis.user=crmpulse", f"redis.password_file={self.password}", f"redis.tls_ca={self.dir}/ca.crt"]

    def server(self, port):
        """Settings of a server or a Sentinel that speaks nothing but TLS."""
        return {"port": 0, "tls-port": port, "tls-replication": "yes", "tls-auth-clients": "no", **self.files}


class Node:
    """A redis-server with a port; by TLS if `secured`. `server` starts and ends it."""

    def __init__(self, *settings, secured=None):
        if secured:
            self.port = lib.free_port()
            words = {**secured.server(self.port), "aclfile": secured.users}
            self.server = lib.Server("redis", *(f"{k}={v}" for k, v in words.items()), *settings)
        else:
            self.server = lib.Server("redis", "--tcp", *settings)
            self.port = int((self.server.dir / "port").read_text())
        self.address = f"127.0.0.1:{self.port}"

    def ask(self, *words, seconds=3):
        connection = lib.Redis(self.server.socket, seconds)
        try:
            return connection(*words)
        finally:
            connection.close()

    def alive(self):
        try:
            self.ask("PING")
            return True
        except (OSError, lib.RedisError):
            return False

    def kill(self):
        self.server.kill()

    def freeze(self):
        os.kill(self.server.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.server.pid, signal.SIGCONT)

    def back(self):
        self.server.start()

    def role(self):
        return self.ask("ROLE")[0].decode()


class Store:
    """What all three share: nodes, and the one that has a shard."""
    nodes = ()
    secured = None

    def url(self, port):
        return f"{'rediss' if self.secured else 'redis'}://127.0.0.1:{port}"

    def access(self):
        return self.secured.settings if self.secured else []

    def of(self, shard):
        """A connection to the server that has the shard now; LookupError while there is none."""
        return lib.Redis(self.node_of(shard).server.socket)


class List(Store):
    def __init__(self, n, *settings):
        self.nodes = [Node(*settings) for _ in range(n)]

    def settings(self, order=None):
        return ["redis.url=" + ",".join(f"redis://{n.address}" for n in order or self.nodes)]

    def node_of(self, shard):
        return self.nodes[shard % len(self.nodes)]


class Cluster(Store):
    """`primaries` nodes, and as many replicas if wanted."""

    def __init__(self, primaries=3, replicas=True, node_timeout_ms=2000, secured=None):
        n = primaries * (2 if replicas else 1)
        self.secured = secured
        self.nodes = [Node(*(["tls-cluster=yes"] if secured else []), "cluster-enabled=yes", f"cluster-node-timeout={node_timeout_ms}", f"cluster-port={lib.free_port()}",
                           # One primary without a successor must not stop the others.
                           "cluster-require-full-coverage=no", secured=secured) for _ in range(n)]
        self.must("create", *(node.address for node in self.nodes), "--cluster-replicas", 1 if replicas else 0)
        lib.wait_until(lambda: all(self.knows_all(node) for node in self.nodes), 30, "the cluster stands")
        if replicas:
            lib.wait_until(lambda: sum(self.synced(node) for node in self.nodes) == primaries, 30, "the replicas follow")

    def must(self, *words):
        tls = ["--tls", "--cacert", self.secured.dir / "ca.crt"] if self.secured else []
        return lib.must(["redis-cli", *tls, "--cluster", *words, "--cluster-yes"], 60)

    def knows_all(self, node):
        return b"cluster_state:ok" in node.ask("CLUSTER", "INFO") and len(node.ask("CLUSTER", "NODES").splitlines()) == len(self.nodes)

    @staticmethod
    def synced(node):
        info = node.ask("INFO", "replication")
        return b"role:slave" in info and b"master_link_status:up" in info

    def settings(self):
        """One node is enough to find the others; two are given so that either may be away at the start."""
        return ["redis.cluster=true", "redis.url=" + ",".join(self.url(n.port) for n in self.nodes[:2]), *self.access()]

    def node_of(self, shard):
        for node in self.nodes:
            try:
                node.ask("HLEN", f"cp:{{{shard}}}:off")
                return node
            except (OSError, lib.RedisError):
                continue
        raise LookupError(f"no node serves shard {shard}")

    def replica_of(self, node):
        """Its replica that follows; LookupError if there is none."""
        for other in self.nodes:
            if other is not node and other.alive() and f"master_port:{node.port}".encode() in other.ask("INFO", "replication"):
                return other
        raise LookupError(f"nobody follows {node.address}")

    def primaries(self):
        return [node for node in self.nodes if node.alive() and node.role() == "master"]

    def move(self, shard, to):
        """Moves the slot of a shard to another primary, key by key, as `redis-cli --cluster reshard` does. Keys moved."""
        slot, source, moved = slot_of(str(shard)), self.node_of(shard), 0
        ids = {node: node.ask("CLUSTER", "MYID").decode() for node in (source, to)}
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 20):
            source.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 10000, "KEYS", *keys, seconds=20)
            moved += len(keys)
        for node in (to, source, *(n for n in self.primaries() if n not in (to, source))):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[to])
        return moved


def slot_of(tag):
    """CRC16 (XMODEM) mod 16384, of the Redis Cluster specification."""
    crc = 0
    for byte in tag.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc % 16384


class Watched(Store):
    """A primary, a replica, and three Sentinels that watch them."""
    name = "crm"

    def __init__(self, down_after_ms=1500, secured=None):
        self.secured = secured
        first = Node(secured=secured)
        self.nodes = [first, Node(f"replicaof=127.0.0.1 {first.port}", secured=secured)]
        lib.wait_until(lambda: Cluster.synced(self.nodes[1]), 30, "the replica follows")
        self.sentinels = [Sentinel(self.name, first.port, down_after_ms, secured) for _ in range(3)]
        for sentinel in self.sentinels:
            lib.wait_until(lambda s=sentinel: s.sees(self.name, others=2, replicas=1), 30, "the Sentinels know each other")

    def settings(self):
        password = [f"redis.sentinel_password_file={self.secured.password}"] if self.secured else []
        return ["redis.sentinels=" + ",".join(self.url(s.port) for s in self.sentinels), f"redis.master={self.name}", *password, *self.access()]

    def node_of(self, shard):
        for node in self.nodes:
            if node.alive() and node.role() == "master":
                return node
        raise LookupError("no primary")


class Sentinel:
    def __init__(self, name, port, down_after_ms, secured=None):
        self.port, folder, self.password = lib.free_port(), lib.new_dir(), secured and secured.mark
        self.socket = folder / "sentinel.sock"
        words = {**secured.server(self.port), "requirepass": self.password, "sentinel sentinel-pass": self.password} if secured else {"port": self.port}
        (folder / "sentinel.conf").write_text("".join(f"{k} {v}\n" for k, v in words.items()) +
            f"bind 127.0.0.1\nunixsocket {self.socket}\ndir {folder}\nsentinel monitor {name} 127.0.0.1 {port} 2\n"
            f"sentinel down-after-milliseconds {name} {down_after_ms}\nsentinel failover-timeout {name} 6000\n")
        self.process = lib.Process(["redis-server", folder / "sentinel.conf", "--sentinel"], log=folder / "log")
        lib.wait_until(self.socket.exists, 20, "the Sentinel starts")

    def ask(self, *words):
        connection = lib.Redis(self.socket)
        if self.password:
            connection("AUTH", self.password)
        return connection(*words)

    def sees(self, name, others, replicas):
        flat = self.ask("SENTINEL", "MASTER", name)
        state = dict(zip(flat[::2], flat[1::2]))
        return int(state[b"num-other-sentinels"]) == others and int(state[b"num-slaves"]) == replicas

