"""N: the network, by a TCP proxy between the daemon and Kafka or Redis."""
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

from dns import Names
from registry import row
from scenario import lib
from certs import certificates, newest, secret_file, users_file  # after scenario, which says where it is
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


def in_own_namespace(s, name):
    """This row once more, in a network namespace whose name server is on its own loopback. What the other process saw; None in that process."""
    if os.environ.get("CHAOS_NETNS") == name:
        return None
    space = f"cp{os.getpid()}"
    lib.must(["ip", "netns", "add", space])
    files = Path("/etc/netns") / space
    try:
        lib.must(["ip", "netns", "exec", space, "ip", "link", "set", "lo", "up"])
        files.mkdir(parents=True)
        (files / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        done = subprocess.run(["ip", "netns", "exec", space, sys.executable, Path(__file__).with_name("one_row.py"), name, str(s.seed)],
                              env={**os.environ, "CHAOS_NETNS": name}, stdout=subprocess.PIPE, timeout=800, check=False)
    finally:
        (files / "resolv.conf").unlink(missing_ok=True)
        files.rmdir()
        lib.must(["ip", "netns", "del", space])
    lines = done.stdout.decode().splitlines()
    print("\n".join(line for line in lines if not line.startswith("seen: ")), flush=True)
    seen = [line[6:] for line in lines if line.startswith("seen: ")]
    lib.check("the namespace's run went through", done.returncode == 0 and seen)
    return seen[-1] if seen else "failed"


@row("N4", "names: not there at the start, a name server that says nothing while connections break and the daemon is told to stop, other addresses later",
     "says what it cannot resolve; the loop is never blocked: TERM ends it within 5 s; follows the name")
def names(s):
    seen = in_own_namespace(s, "N4")
    if seen is not None:
        return seen
    server = Names()
    s.start_servers(redis=("--tcp", "--aof", "everysec"))
    port = int((s.redis.dir / "port").read_text())
    first = Proxy(port, host="127.0.0.2")
    s.install(4, [f"redis.url=redis://redis.chaos.test:{first.port}", "redis.backoff_max=500ms"])
    kafka = lib.BOOTSTRAP.replace("127.0.0.1", "kafka.chaos.test")
    s.pipe.sets.append(f"kafka.brokers={kafka}")
    s.start()
    s.says("cannot resolve 'redis.chaos.test'", 30)
    server.address["redis.chaos.test"] = "127.0.0.2"
    s.send(600)
    s.says("event=booked", 30)
    s.says("event=kafka ", 30)  # the brokers' name is not there yet
    s.alive("without brokers")
    server.address["kafka.chaos.test"] = "127.0.0.1"
    s.progress(500, 60, "both names are there")
    server.silent = True
    first.cut()
    s.says("event=store_down", 10)
    time.sleep(1)
    began = time.monotonic()
    status = s.daemon.stop(30)
    took = time.monotonic() - began
    lib.check("TERM while a name is being looked up: exit status 0 within 5 s", status == 0 and took <= 5, f"{status} after {took:.1f} s")
    server.silent, server.delay_s = False, 2
    s.start()
    s.progress(500, 60, "with a slow name server")
    server.delay_s = 0
    second = Proxy(port, host="127.0.0.3", port=first.port)
    server.address["redis.chaos.test"] = "127.0.0.3"
    first.close()
    back = s.progress(300, 30, "at the other address")
    lib.check("it follows the name", second.cuts == 0 and s.daemon.alive())
    seen = s.end()
    return f"{seen}; TERM during a look-up took {took:.1f} s; at the other address after {back:.1f} s"


@row("N4k", "names: the broker moves to another address under its name while events flow", "daemon and sender follow the name; equal state")
def broker_moves(s):
    seen = in_own_namespace(s, "N4k")
    if seen is not None:
        return seen
    server, first = Names({"kafka.chaos.test": "127.0.0.2"}), Proxy(host="127.0.0.2")
    os.environ.update(KAFKA_ADVERTISED_HOST="kafka.chaos.test", KAFKA_ADVERTISED_PORT=str(first.port))
    s.start_servers()
    own = int(re.search(r"^listeners=PLAINTEXT://127.0.0.1:(\d+)", (s.kafka.dir / "server.properties").read_text(), re.M)[1])
    first.target_port = own
    lib.BOOTSTRAP = f"kafka.chaos.test:{first.port}"
    s.install(4)
    s.start()
    s.send(500)
    s.progress(500, 60)
    second = Proxy(own, host="127.0.0.3", port=first.port)
    server.address["kafka.chaos.test"] = "127.0.0.3"
    first.close()
    took = s.progress(600, 60, "at the other address")
    lib.check("it follows the name", second.cuts == 0 and s.daemon.alive())
    return f"{s.end()}; at the other address after {took:.1f} s"


def stands_still(s, reason, where, *sets):
    """A daemon whose server takes the connection and says nothing: it tells the reason and can be ended. Its log."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stalled = s.pipe.start(sets=[where.format(silent.getsockname()[1]), *sets])
        lib.wait_until(lambda: reason in stalled.text(), 60, lambda: f"a handshake that stands still is told\n{stalled.text()[-1500:]}")
        lib.check_equal("and it ends when told", stalled.stop(20), 0)
        return stalled.text()


@row("N5", "Kafka by TLS and SCRAM, and while events flow its certificate has expired, is for another host; its handshake stands still (Redis: N5r)",
     "refused with the reason; no secret in the log; goes on when the certificate is good again")
def tls_fails(s):
    folder, mark = lib.new_dir(), "Canary" + secrets.token_hex(12)
    certificates(folder)
    broker, password = folder / "kafka.pem", secret_file(folder / "password", mark)
    broker.write_bytes((folder / "good.pem").read_bytes())
    (folder / "kafka.users").write_text(f"crmpulse:{mark}\n")
    s.start_servers(kafka=("--secure", str(folder)))
    secure = (s.kafka.dir / "secure").read_text().strip()
    s.install(4)
    s.pipe.sets += [f"kafka.brokers={secure}", "kafka.security=sasl_ssl", "kafka.sasl_user=crmpulse", f"kafka.sasl_password_file={password}",
                    f"kafka.tls_ca={folder}/ca.crt"]
    s.start()
    s.send(400)
    s.progress(500, 60)
    for name, reason in (("expired", "certificate has expired|certificate verify failed"), ("other", "certificate verify failed|mismatch")):
        broker.write_bytes((folder / f"{name}.pem").read_bytes())
        s.kafka.stop()
        s.kafka.start()
        before = len(s.daemon.text())
        lib.wait_until(lambda: re.search(reason, s.daemon.text()[before:]), 60, lambda: f"{name}: the reason\n{s.daemon.text()[-1500:]}")
        held = s.read()
        time.sleep(3)
        lib.check(f"{name}: nothing is read over such a connection", s.read() == held)
        s.alive(f"with a certificate: {name}")
    broker.write_bytes((folder / "good.pem").read_bytes())
    s.kafka.stop()
    s.kafka.start()
    s.progress(300, 60, "the certificate is good again")
    logs = [s.daemon.text(), stands_still(s, "SSL_HANDSHAKE", "kafka.brokers=127.0.0.1:{}", "kafka.properties.socket.connection.setup.timeout.ms=2000")]
    seen = s.end()
    s.pipe.no_secret(mark, *logs)
    return seen


@row("N5r", "Redis by TLS, as the user that is shipped (newest hiredis): while events flow its certificate has expired, is for another host, the password is another; its handshake stands still",
     "refused with the reason; no secret in the log; nothing is read meanwhile; goes on when all is good again")
def redis_tls_fails(s):
    folder, mark = lib.new_dir(), "Canary" + secrets.token_hex(12)
    lib.BIN = newest()
    certificates(folder)
    password = secret_file(folder / "password", mark)
    port = lib.free_port()
    s.start_servers(redis=("--aof", "everysec", f"tls-port={port}", f"tls-cert-file={folder}/good.crt", f"tls-key-file={folder}/good.key", f"tls-ca-cert-file={folder}/ca.crt",
                           "tls-auth-clients=no", f"aclfile={users_file(folder, mark)}"))
    s.install(4, [f"redis.url=rediss://127.0.0.1:{port}", "redis.user=crmpulse", f"redis.password_file={password}", f"redis.tls_ca={folder}/ca.crt"])
    s.start()
    s.send(400)
    s.progress(500, 60)
    redis = s.pipe.redis()

    def cut(*what):
        redis(*what)
        before = len(s.daemon.text())
        redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        return before

    for name, reason, what in (("expired", "certificate has expired", certificate_of(folder, "expired")), ("other", "mismatch", certificate_of(folder, "other")),
                               ("another password", "WRONGPASS", ("ACL", "SETUSER", "crmpulse", "resetpass", ">else"))):
        before = cut(*what)
        lib.wait_until(lambda: re.search(reason, s.daemon.text()[before:]), 60, lambda: f"{name}: the reason\n{s.daemon.text()[-1500:]}")
        redis, held = s.pipe.redis(), s.read()
        time.sleep(3)
        lib.check(f"{name}: nothing is applied over such a connection", s.read() == held)
        s.alive(f"with: {name}")
        redis(*certificate_of(folder, "good"))
        redis("ACL", "SETUSER", "crmpulse", "resetpass", f">{mark}")
        s.progress(200, 60, f"all is good again after: {name}")
    logs = [s.daemon.text(), stands_still(s, "no answer from Redis", "redis.url=rediss://127.0.0.1:{}", "redis.connect_timeout=1s")]
    seen = s.end()
    s.pipe.no_secret(mark, *logs)
    return seen


def certificate_of(folder, name):
    return "CONFIG", "SET", "tls-cert-file", f"{folder}/{name}.crt", "tls-key-file", f"{folder}/{name}.key"
