"""N: the network, by a TCP proxy between the daemon and Kafka or Redis."""
import os
import re
import time

from registry import row
from scenario import lib
from proxy import Proxy


def begin(s, which, rate=700):
    """Everything runs; what is said to Redis, or to Kafka (by everybody), goes through a proxy."""
    proxy = Proxy()
    if which == "kafka":
        os.environ["KAFKA_ADVERTISED_PORT"] = str(proxy.port)
    try:
        s.start_servers(redis=("--tcp", "--aof", "everysec"))
    finally:
        os.environ.pop("KAFKA_ADVERTISED_PORT", None)
    own = re.search(r"^listeners=PLAINTEXT://127.0.0.1:(\d+)", (s.kafka.dir / "server.properties").read_text(), re.M)
    proxy.target_port = int(own[1] if which == "kafka" else (s.redis.dir / "port").read_text())
    if which == "kafka":
        lib.BOOTSTRAP = f"127.0.0.1:{proxy.port}"
    s.install(4, ["redis.command_timeout=3s"])
    if which == "redis":
        s.pipe.sets.append(f"redis.url=redis://127.0.0.1:{proxy.port}")
    s.start()
    s.send(rate)
    s.progress(500, 60)
    return proxy


def blackhole(s, which, seconds):
    proxy = begin(s, which)
    proxy.hole(True)
    time.sleep(seconds)
    s.alive("without an answer")
    proxy.hole(False)
    proxy.cut()
    took = s.progress(200, 60)
    lib.check("back within 10 s", took <= 10, took)
    return f"{s.end()}; goes on after {took:.1f} s"


@row("N1r", "Redis answers nothing for 20 s (packets vanish)", "bounded; back within 10 s")
def hole_redis(s):
    return blackhole(s, "redis", 20)


@row("N1k", "Kafka answers nothing for 20 s (packets vanish)", "bounded; back within 10 s")
def hole_kafka(s):
    return blackhole(s, "kafka", 20)


def resets(s, which, times, longest_s):
    proxy = begin(s, which)
    for _ in range(times):
        time.sleep(s.chance.uniform(0.05, longest_s))
        proxy.cut()
    s.progress(200, 60)
    return f"{s.end()}; {proxy.cuts} connections reset"


@row("N2k", "connections to Kafka reset twenty times", "reconnects, nothing is lost")
def reset_kafka(s):
    return resets(s, "kafka", 20, 0.8)


@row("N2r", "connections to Redis reset thirty times", "reconnects, nothing is lost")
def reset_redis(s):
    return resets(s, "redis", 30, 0.6)


def slow_line(s, which, delay_s, piece, rate=700):
    proxy = begin(s, which, rate)
    proxy.delay_s, proxy.piece = delay_s, piece
    time.sleep(15)
    s.alive("on a slow line")
    lib.check("no false halt", "partition_halted" not in s.daemon.text())
    proxy.delay_s, proxy.piece = 0, 65536
    return s.end()


@row("N3k", "slow line to Kafka: 50 ms each way, small pieces", "no false halt; equal state")
def slow_kafka(s):
    return slow_line(s, "kafka", 0.05, 1400)


@row("N3r", "slow line to Redis: 100 ms each way, small pieces", "no false halt; equal state")
def slow_redis(s):
    return slow_line(s, "redis", 0.1, 700, rate=2000)


@row("N3c", "the proxy cuts the answer of Redis after a random number of bytes, again and again", "a lost reply is applied once")
def cut_replies(s):
    proxy = begin(s, "redis")
    end = time.monotonic() + 12
    while time.monotonic() < end:
        proxy.cut_after = s.chance.randrange(1, 6000)
        time.sleep(s.chance.uniform(0.1, 0.5))
    proxy.cut_after = None
    s.progress(200, 60)
    return f"{s.end()}; {proxy.cuts} answers cut"
