#!/usr/bin/env python3
"""Kafka with SASL_SSL (SCRAM) and Redis with ACL and TLS, for real: the whole worked stream under the least-privilege user that is shipped, what
that user may not do, what a wrong password or certificate leads to; and secrets with a mark in them that nothing we write may contain.

Two builds take part: the one of the distribution's libraries (hiredis 0.14 knows no TLS: Redis by its unix socket) and the one of the newest
(build/newest, -DCRMPULSE_LIBS=newest: Redis by rediss://).
"""
import hashlib
import json
import os
import re
import secrets
import socket
import subprocess
from pathlib import Path

import lib
import pipeline

CONFIG = pipeline.EXAMPLES / "golden.yaml"
STREAM = lib.REPO / "tests/golden/stream.ndjson"
NEWEST = os.environ.get("CRMPULSE_NEWEST_BIN") or str(lib.REPO / "build/newest/crmpulse")
BUILDS = {"system": lib.BIN, "newest": NEWEST}
SETS = ["publish.snapshot_every=1d", "time.idle_timeout=1s", "time.wall_clock=false"]
# Allowed, but not every run needs them: select with a database other than 0, hincrby with sums beyond 2^53; others depend on what is there before.
CLUSTER = {"cluster|slots"}  # asked where redis.cluster is set (test_cluster)
RARE = {"getrange", "zcard", "zcount", "zrangebyscore", "hincrby", "select", "exists", "persist", "zrem", "hdel", "del", "hscan", "scan", "xinfo|stream"}

D = lib.new_dir()
CANARY = "Canary" + secrets.token_hex(12)
told = []  # everything that our commands wrote: (what, bytes)


def openssl(*words):
    lib.must(["openssl", *words], 30)


def write_secret(name, text, mode=0o600):
    path = D / name
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


def certificate(name, ca, *days):
    """A key and a certificate for this machine, signed by `ca`."""
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", D / f"{name}.key",
            "-out", D / f"{name}.csr")
    (D / "san").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("x509", "-req", "-in", D / f"{name}.csr", "-CA", D / f"{ca}.crt", "-CAkey", D / f"{ca}.key", "-CAcreateserial", "-extfile", D / "san",
            "-days", *(days or ["2"]), "-out", D / f"{name}.crt")


for authority in ("ca", "stranger"):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={authority}",
            "-keyout", D / f"{authority}.key", "-out", D / f"{authority}.crt")
certificate("server", "ca")
certificate("client", "ca")
certificate("expired", "ca", "-1")
(D / "kafka.pem").write_text((D / "server.key").read_text() + (D / "server.crt").read_text())
PASSWORD = {name: f"{CANARY}-{name}" for name in ("redis", "kafka")}
FILE = {name: write_secret(f"{name}.password", text) for name, text in PASSWORD.items()}
ADMIN = secrets.token_hex(8)
(D / "kafka.users").write_text(f"crmpulse:{PASSWORD['kafka']}\n")

# ---- the servers ------------------------------------------------------------------------------------------------------------------


def sha256(text):
    return "#" + hashlib.sha256(text.encode()).hexdigest()


shipped = (lib.REPO / "config/redis-users.acl").read_text().splitlines()
lib.check("the shipped file: the default user is off, ours has no password yet", len(shipped) == 2 and shipped[0].startswith("user default off ")
          and "-@all" in shipped[0] and shipped[1].startswith("user crmpulse on ") and not re.search(r"nopass|[>#]", shipped[1]), shipped)
(D / "users.acl").write_text(f"{shipped[0]}\n{shipped[1]} {sha256(PASSWORD['redis'])}\nuser admin on {sha256(ADMIN)} ~* &* +@all\n")
with socket.socket() as held:
    held.bind(("127.0.0.1", 0))
    TLS_PORT = held.getsockname()[1]
redis_server = lib.Server("redis", f"tls-port={TLS_PORT}", f"tls-cert-file={D}/server.crt", f"tls-key-file={D}/server.key", f"tls-ca-cert-file={D}/ca.crt",
                          "tls-auth-clients=yes", f"aclfile={D}/users.acl", "rdbcompression=no")
kafka_server = lib.Server("kafka", "--secure", D)
lib.BOOTSTRAP = kafka_server.bootstrap
SECURE = (kafka_server.dir / "secure").read_text().strip()

KAFKA = {"brokers": SECURE, "security": "sasl_ssl", "sasl_user": "crmpulse", "sasl_password_file": FILE["kafka"], "tls_ca": D / "ca.crt"}
PLAIN_REDIS = {"url": f"unix://{redis_server.socket}", "user": "crmpulse", "password_file": FILE["redis"]}
TLS_REDIS = {**PLAIN_REDIS, "url": f"rediss://127.0.0.1:{TLS_PORT}", "tls_ca": D / "ca.crt", "tls_cert": D / "client.crt", "tls_key": D / "client.key"}


def sets_of(redis, kafka=None):
    return [*(f"redis.{k}={v}" for k, v in redis.items()), *(f"kafka.{k}={v}" for k, v in (kafka or KAFKA).items())]


class Secured(pipeline.Installation):
    def __init__(self, build, redis, partitions=2, sets=()):
        self.bin = BUILDS[build]
        super().__init__(CONFIG, partitions=partitions, socket=redis_server.socket, sets=[*SETS, *sets_of(redis), *sets])
        self.file = self.dir / "secure.yaml"
        self.file.write_text(self.yaml())

    def redis(self):
        client = lib.Redis(self.socket)
        client("AUTH", "admin", ADMIN)
        return client

    def yaml(self):
        """The settings as a file, for commands without --set."""
        whole = {"include": [str(self.config)]}
        for pair in self.options()[3::2]:
            path, value = pair.split("=", 1)
            at = whole
            *sections, name = path.split(".")
            for section in sections:
                at = at.setdefault(section, {})
            at[name] = [self.input] if name == "input" else value.strip('"')
        return json.dumps(whole, indent=1)

    def run(self, what, *words, seconds=60):
        done = lib.run([self.bin, *words], seconds)
        told.append((what, done.stdout + done.stderr))
        return done


def secrets_in(data):
    found = [f"{name}'s password" for name, text in PASSWORD.items() if text.encode() in data]
    key = (D / "client.key").read_text().splitlines()[1].encode()
    return found + (["the private key"] if key in data else []) + (["the mark"] if CANARY.encode() in data and not found else [])


def process_shows(pid):
    """Arguments and environment of a process, as far as others see them."""
    files = [Path(f"/proc/{pid}/{name}") for name in ("cmdline", "environ")]
    return b"".join(f.read_bytes() for f in files if os.access(f, os.R_OK))


# ---- the worked stream ----------------------------------------------------------------------------------------------------------------

want = None


def golden(build, redis):
    global want
    name = f"{build}, Redis by {redis['url'].split(':')[0]}"
    pipe = Secured(build, redis)
    pipe.redis()("CONFIG", "RESETSTAT")
    sent = pipe.run("send", "send", STREAM, "--config", pipe.file, "--key", "entity")
    lib.check_equal(f"{name}: events sent by SASL_SSL", sent.returncode, 0) or print(sent.stderr.decode()[-500:])
    daemon = lib.Process([pipe.bin, "run", *pipe.options(), "--until-idle"], log=pipe.dir / "run.log")
    shown = process_shows(daemon.pid)
    status = daemon.wait(120)
    told.append(("run", daemon.text().encode()))
    told.append(("arguments and environment", shown))
    lib.check_equal(f"{name}: the daemon ends well", status, 0) or print(daemon.text()[-2000:])
    lib.check_equal(f"{name}: everything was read, and the counters add up", (pipe.total("read"), pipe.counters_add_up()), (54, []))
    want = want or pipeline.replay(STREAM, CONFIG, sets=SETS)
    got = pipe.run("query", "query", *pipe.options(), "--json").stdout
    lib.check(f"{name}: query equals replay, byte for byte", got == want, pipeline.first_difference(got, want))
    tapped = pipe.run("tap", "tap", "--config", pipe.file, "--topic", pipe.topic("alerts"), "--until-end")
    lib.check_equal(f"{name}: the alert is read by SASL_SSL", [json.loads(line)["rule"] for line in tapped.stdout.splitlines()], ["csat_low"])
    pipe.run("check", "check", "--json", pipe.file)
    return pipe


pipe = golden("system", PLAIN_REDIS)

# ---- no more than needed ----------------------------------------------------------------------------------------------------------------

allowed = {word[1:] for word in shipped[1].split() if word.startswith("+")}
stats = pipe.redis()("INFO", "commandstats").decode()
used = {m[1] for m in re.finditer(r"cmdstat_([^:]+):calls=([1-9]\d*)", stats)}
lib.check_equal("every command that the user may run was needed", sorted(allowed - used - RARE - CLUSTER), [])
lib.check("and nothing is left to chance: few are rare", len(RARE & allowed - used) <= 6, sorted(RARE & allowed - used))

user = lib.Redis(redis_server.socket)


def answer(*words):
    try:
        return user(*words)
    except lib.RedisError as error:
        return str(error)


lib.check("without a password nothing is answered", str(answer("GET", "cp:{0}:meta")).startswith("NOAUTH"))
lib.check("a wrong password is refused", str(answer("AUTH", "crmpulse", "wrong")).startswith("WRONGPASS"))
user("AUTH", "crmpulse", PASSWORD["redis"])
lib.check_equal("its own keys are there", answer("TYPE", "cp:{0}:meta"), b"hash")
for words in (["FLUSHALL"], ["FLUSHDB"], ["KEYS", "*"], ["CONFIG", "GET", "*"], ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
              ["ACL", "LIST"], ["ACL", "WHOAMI"], ["DEBUG", "SLEEP", "0"], ["MODULE", "LIST"], ["SCRIPT", "FLUSH"], ["EVAL", "return 1", "0"],
              ["FUNCTION", "LIST"], ["SHUTDOWN", "NOSAVE"], ["MONITOR"], ["SLAVEOF", "NO", "ONE"], ["RESTORE", "cp:{0}:x", "0", ""], ["SAVE"],
              ["RENAME", "cp:{0}:meta", "cp:{0}:x"], ["GET", "cp:{0}:x"], ["SUBSCRIBE", "x"], ["CLIENT", "LIST"], ["DUMP", "cp:{0}:meta"]):
    lib.check(f"denied: {' '.join(words[:2])}", str(answer(*words)).startswith("NOPERM"), answer(*words))
for words in (["SET", "other", "1"], ["DEL", "other"], ["MGET", "cp:{0}:meta", "other"], ["HGETALL", "session:1"], ["XADD", "cp", "*", "a", "b"],
              ["TYPE", "cp:meta"]):
    lib.check(f"denied: the key of {' '.join(words)}", str(answer(*words)).startswith("NOPERM"), answer(*words))

# ---- the same with TLS -----------------------------------------------------------------------------------------------------------------

lib.check("build/newest is there (cmake --preset newest)", Path(NEWEST).exists())
versions = {name: dict(line.rsplit(" ", 1) for line in lib.must([path, "version"]).decode().splitlines()) for name, path in BUILDS.items()}
print(f"# {versions}")
lib.check("the two builds run on different libraries", versions["system"]["hiredis"] != versions["newest"]["hiredis"]
          and versions["system"]["librdkafka"] != versions["newest"]["librdkafka"], versions)
pipe = golden("newest", TLS_REDIS)

# ---- what does not fit is refused, with the reason ------------------------------------------------------------------------------------------


def fails(what, status, reason, redis=None, kafka=None, build="newest", words=("query", "--json")):
    words, options = list(words), ["--config", CONFIG]
    for pair in [*SETS, f"kafka.topics.input=[{pipe.input}]", *sets_of(redis or TLS_REDIS, kafka)]:
        options += ["--set", pair]
    done = subprocess.run([BUILDS[build], words[0], *map(str, options), *words[1:]], capture_output=True, timeout=30, check=False)
    told.append((what, done.stdout + done.stderr))
    lib.check(what, done.returncode == status and re.search(reason, done.stderr.decode()), f"exit {done.returncode}: {done.stderr.decode()[-600:]}")


fails("rediss:// without TLS in hiredis: exit 78", 78, "rediss:// needs hiredis 1.0", build="system") if versions["system"]["hiredis"].startswith("0.") \
    else print("# the distribution's hiredis knows TLS")
fails("a certificate for another name is not accepted", 1, "hostname mismatch", {**TLS_REDIS, "tls_name": "redis.example"})
fails("a certificate of a stranger is not accepted", 1, "certificate", {**TLS_REDIS, "tls_ca": D / "stranger.crt"})
fails("no certificate of our own: Redis refuses", 1, "certificate required|reset by peer", {k: v for k, v in TLS_REDIS.items() if k not in ("tls_cert", "tls_key")})
fails("a file that is not there", 1, "cannot use redis.tls_ca", {**TLS_REDIS, "tls_ca": D / "nothing"})
fails("plain text to a port with TLS", 1, "crmpulse query: ", {**PLAIN_REDIS, "url": f"redis://127.0.0.1:{TLS_PORT}"})
with socket.socket() as silent:
    silent.bind(("127.0.0.1", 0))
    silent.listen(8)
    fails("a handshake that stands still is given up", 1, "no answer from Redis for 300 ms",
          {**TLS_REDIS, "url": f"rediss://127.0.0.1:{silent.getsockname()[1]}", "connect_timeout": "300ms"})
pipe.redis()("CONFIG", "SET", "tls-cert-file", D / "expired.crt", "tls-key-file", D / "expired.key")
fails("an expired certificate is not accepted", 1, "certificate has expired")
pipe.redis()("CONFIG", "SET", "tls-cert-file", D / "server.crt", "tls-key-file", D / "server.key")
wrong = write_secret("wrong.password", CANARY + "-wrong")
fails("a wrong password for Redis", 1, "WRONGPASS", {**TLS_REDIS, "password_file": wrong})
fails("a password file that everybody can read", 1, "everybody may use it", {**TLS_REDIS, "password_file": write_secret("open.password", CANARY, 0o644)})
fails("a password in the configuration: exit 78", 78, "is a secret", kafka={**KAFKA, "properties": f"{{sasl.password: {CANARY}}}"})
fails("a password in the address: exit 78", 78, "must not hold a user or password", {"url": f"redis://crmpulse:{CANARY}@127.0.0.1"})
tap = ("tap", "--topic", pipe.topic("alerts"), "--until-end")
for build in BUILDS:
    refused = D / f"refused.{build}.yaml"
    refused.write_text(pipe.file.read_text().replace(str(FILE["kafka"]), str(wrong)) if build == "newest" else
                       json.dumps({"kafka": {k: str(v) for k, v in {**KAFKA, "sasl_password_file": wrong}.items()}}))
    done = lib.run([BUILDS[build], *tap, "--config", refused], 30)
    told.append(("a wrong password for Kafka", done.stdout + done.stderr))
    lib.check(f"a wrong password for Kafka ({build})", done.returncode == 1 and not done.stdout, done.stderr.decode()[-500:])

# A daemon that Kafka does not let in says why, and goes on asking.
daemon = lib.Process([NEWEST, "run", *pipe.options(sets=[f"kafka.sasl_password_file={wrong}"])], log=pipe.dir / "refused.log")
try:
    lib.wait_until(lambda: "authentication" in daemon.text().lower(), 20, "a word about the authentication")
    lib.check("the daemon says that Kafka does not let it in", True)
except TimeoutError:
    lib.check("the daemon says that Kafka does not let it in", False, daemon.text()[-1500:])
lib.check_equal("and ends when it is told to", daemon.stop(), 0)
told.append(("refused by Kafka", daemon.text().encode()))

# ---- too many subjects ---------------------------------------------------------------------------------------------------------------
# One partition: the order is that of the file, so replay draws the line between the same subjects.

full = Secured("system", PLAIN_REDIS, partitions=1, sets=["limits.subjects=2"])
full.run("send", "send", STREAM, "--config", full.file)
done = full.run("run", "run", *full.options(), "--until-idle", seconds=120)
lib.check_equal("a dimension that is full is no fault", done.returncode, 0) or print(done.stderr.decode()[-1000:])
lib.check("but the log says so, and where", re.search(r"event=bound .*subjects_capped \d+ \(\+\d+\) newest in acme/\w+", done.stderr.decode()), done.stderr[-800:])
want_full = pipeline.replay(STREAM, CONFIG, sets=[*SETS, "limits.subjects=2"])
got = full.run("query", "query", *full.options(), "--json").stdout
lib.check("query equals replay, with the others under one name", got == want_full and b'"subject":"__other__"' in got, pipeline.first_difference(got, want_full))
redis = full.redis()
room = [k for k in redis.keys("cp:{0}:ent:subjects:acme:*")]
own = [k for k in redis.keys("cp:{0}:ent:subject:acme:rep/*")]
lib.check_equal("two reps have figures of their own", len(own), 2)
lib.check("what was admitted stays: these records do not expire", room and {redis("PTTL", k) for k in room + own} == {-1}, [redis("PTTL", k) for k in room + own])
org = [r for r in pipeline.rows(got) if r["dim"] == "org"]
lib.check("the org's own rows are what they are without a limit", org and org == [r for r in pipeline.rows(want) if r["dim"] == "org"])

# ---- no secret anywhere ----------------------------------------------------------------------------------------------------------------

lib.check_equal("the search finds what is there", secrets_in(FILE["redis"].read_bytes()), ["redis's password"])
for what, data in told:
    if secrets_in(data):
        lib.check(f"no secret in: {what}", False, secrets_in(data))
lib.check("something was said", sum(len(data) for _, data in told) > 10000, sum(len(data) for _, data in told))
pipe.redis()("SAVE")
dump = (redis_server.dir / "dump.rdb").read_bytes()
lib.check("no secret in Redis", b"acme" in dump and not secrets_in(dump), secrets_in(dump))
segments = [p for p in (kafka_server.dir / "data").rglob("*.log") if "__cluster_metadata" not in str(p)]
lib.check("no secret in any topic", segments and not any(secrets_in(p.read_bytes()) for p in segments))
logs = [p for p in (*pipe.dir.iterdir(), redis_server.dir / "redis.log", kafka_server.dir / "broker.log") if p.is_file()]
lib.check("no secret in any log or file we wrote", not [p for p in logs if secrets_in(p.read_bytes())], [str(p) for p in logs if secrets_in(p.read_bytes())])
lib.check("no secret in what our commands wrote", not any(secrets_in(data) for _, data in told))
lib.finish()
