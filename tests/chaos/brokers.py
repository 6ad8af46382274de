"""Several Kafka brokers and a controller of their own on loopback, for rows in which leaders move: KRaft, small heaps, every topic on all brokers.

The jars are those of scripts/kafka. Each process ends with the test. Knows no topic of the product."""
import base64
import json
import os
import signal

from scenario import lib

HEAP_MB, READY_S = 256, 180
CONTROLLER = 100
COMMON = """controller.quorum.voters={controller}@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={dir}/data
auto.create.topics.enable=false
num.partitions=1
default.replication.factor={count}
offsets.topic.num.partitions=1
offsets.topic.replication.factor={count}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={count}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=4000
replica.lag.time.max.ms=10000
log.retention.ms=-1
log.cleaner.enable=false
num.network.threads=2
num.io.threads=2
"""


class Brokers:
    """`settings`: more lines of server.properties. Brokers are numbered from 1."""

    def __init__(self, count=3, version="3.9.1", settings=()):
        self.dir = lib.new_dir()
        self.count, self.process = count, {}
        self.libs = lib.must([lib.REPO / "scripts/kafka", "jars", "--version", version], 900).decode().strip().splitlines()[-1]
        self.ports = {n: lib.free_port() for n in [CONTROLLER, *range(1, count + 1)]}
        cluster = base64.urlsafe_b64encode(os.urandom(16)).decode()[:22].replace("-", "a").replace("_", "b")
        formats = [self._write(n, cluster, settings) for n in self.ports]
        for n in formats:
            if n.wait(READY_S):
                raise RuntimeError(n.text())
        for n in self.ports:
            self.start(n, wait=False)
        self.wait_for(count)

    @property
    def bootstrap(self):
        return ",".join(f"127.0.0.1:{self.ports[n]}" for n in range(1, self.count + 1))

    def _java(self, heap_mb, *words, log):
        return lib.Process(["java", f"-Xmx{heap_mb}m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
                            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{self.libs}/*", *words], log=log)

    def _write(self, n, cluster, settings):
        own = self.dir / str(n)
        own.mkdir()
        role, listener = ("controller", f"listeners=CONTROLLER://127.0.0.1:{self.ports[n]}") if n == CONTROLLER else (
            "broker", f"listeners=PLAINTEXT://127.0.0.1:{self.ports[n]}\nadvertised.listeners=PLAINTEXT://127.0.0.1:{self.ports[n]}")
        lines = [f"process.roles={role}", f"node.id={n}", listener,
                 *COMMON.format(controller=CONTROLLER, controller_port=self.ports[CONTROLLER], dir=own, count=self.count).splitlines()]
        own_words = {line.split("=", 1)[0] for line in settings}
        (own / "server.properties").write_text("\n".join([*(line for line in lines if line.split("=", 1)[0] not in own_words), *settings]) + "\n")
        return self._java(HEAP_MB, "kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", own / "server.properties", log=own / "format.log")

    # ---- one broker ----

    def start(self, n, wait=True):
        own = self.dir / str(n)
        self.process[n] = self._java(HEAP_MB, "kafka.Kafka", own / "server.properties", log=own / "broker.log")
        if wait:
            self.wait_for(sum(p.alive() for m, p in self.process.items() if m != CONTROLLER))

    def kill(self, n):
        self.process[n].kill()

    def freeze(self, n, on):
        self.process[n].signal(signal.SIGSTOP if on else signal.SIGCONT)

    # ---- what they say ----

    def metadata(self, topic=None):
        """As kcat prints it; None while no broker answers."""
        done = lib.run(["kcat", "-b", self.bootstrap, "-L", "-J", "-m", "3", "-X", "log_level=0", *(["-t", topic] if topic else [])], 30)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def wait_for(self, count):
        """Until so many brokers are in the cluster."""
        lib.wait_until(lambda: len((self.metadata() or {"brokers": ()})["brokers"]) >= count, READY_S, f"{count} brokers", 0.5)

    def leaders(self, topic):
        """{partition: number of its leader, -1 without}."""
        found = [t for t in (self.metadata(topic) or {"topics": []})["topics"] if t["topic"] == topic]
        return {p["partition"]: p["leader"] for t in found for p in t["partitions"]}

    def in_sync(self, topic):
        """{partition: numbers of the replicas that have everything}."""
        found = [t for t in (self.metadata(topic) or {"topics": []})["topics"] if t["topic"] == topic]
        return {p["partition"]: {r["id"] for r in p["isrs"]} for t in found for p in t["partitions"]}
