#!/usr/bin/env python3
"""HTTP of a running daemon on real Kafka and Redis: health, metrics in both formats and as a real Prometheus scrapes them, and what strangers get: wrong
methods, hosts, tokens, headers too large, slow clients, too many connections. The way of the events goes on meanwhile."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import http_client as http
import lib
import pipeline

cache = Path(os.environ.get("CACHE_DIR") or Path.home() / ".cache/crmpulse")
sys.path[1:1] = map(str, sorted(cache.glob("python-*"), reverse=True))
EXAMPLE = pipeline.EXAMPLES / "demo.yaml"
NOW = int(time.time() * 1000)


def events(n, first=0):
    for i in range(first, first + n):
        yield {"type": "deal_closed", "event_id": f"e{i}", "org_id": "aurora", "occurred_at_ms": NOW - 3600_000 + i * 10, "deal_id": f"d{i}",
               "outcome": "won", "amount_micros": 1_000_000, "currency": "EUR", "owner_id": f"rep{i % 5}"}


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


token = lib.new_dir() / "token"
token.write_text("opensesame\n")
token.chmod(0o600)
port, closed_port = lib.free_port(), lib.free_port()
SETS = ["time.out_of_orderness=1s", f"http.listen=127.0.0.1:{port}", "http.hosts=board.example", f"http.token_file={token}", "http.connections=20"]
pipe = pipeline.Installation(EXAMPLE, 2, sets=SETS)
web = http.Client(port, "opensesame")

# ---- refused at the start -------------------------------------------------------------------------------------------------------
for name, listen, more, says in (("off loopback without a token", f"0.0.0.0:{closed_port}", ['http.token_file=""'], "http.token_file is needed"),
                                 ("no address", "example.org:80", [], "numeric address")):
    daemon = pipe.start(sets=[f"http.listen={listen}", *more])
    lib.check(f"{name}: refused with 78", daemon.wait(20) == 78 and says in daemon.text(), daemon.text()[-500:])
daemon = pipe.start(sets=["http.token_file=/nowhere/token"])
lib.check("a token that cannot be read: refused", daemon.wait(20) == 1 and "/nowhere/token" in daemon.text(), daemon.text()[-500:])
taken = socket.create_server(("127.0.0.1", closed_port))
daemon = pipe.start(sets=[f"http.listen=127.0.0.1:{closed_port}"])
lib.check("an address in use: refused, with the reason", daemon.wait(20) == 1 and "Address already in use" in daemon.text(), daemon.text()[-500:])
taken.close()

# ---- at work --------------------------------------------------------------------------------------------------------------------
rows = write(pipe.dir / "events.ndjson", [*events(500), next(events(1))])
pipe.send(rows, "--key", "event")
lib.produce(pipe.input, [json.dumps({"type": "no_such_event", "event_id": "x", "org_id": "aurora", "occurred_at_ms": NOW}).encode()])
daemon = pipe.start()
lib.wait_until(lambda: web.status("/-/ready") == 200, 60, lambda: f"ready: {web.text('/-/ready')} {daemon.text()[-800:]}")
lib.check("healthy", web.get("/-/healthy").body == b"healthy\n")


APPLIED = ("crmpulse_events_total", '{outcome="applied"}')


def metric(text, name, labels=""):
    found = re.search(rf"^{re.escape(name + labels)} (\S+)$", text, re.M)
    return float(found.group(1)) if found else None


text = lib.wait_until(lambda: (t := web.text("/metrics")) and metric(t, *APPLIED) >= 500 and "crmpulse_kafka_consumer_lag{" in t and t, 60,
                      lambda: f"500 events applied: {[line for line in web.text('/metrics').splitlines() if line.startswith(('crmpulse_e', 'crmpulse_k', 'crmpulse_r', 'crmpulse_dead'))]} {daemon.text()[-1500:]}")
lib.check("a dead letter by reason", metric(text, "crmpulse_dead_letters_total", '{reason="unknown_type"}') >= 1)
lib.check("a duplicate", metric(text, "crmpulse_events_total", '{outcome="duplicate"}') >= 1)
text = lib.wait_until(lambda: (t := web.text("/metrics")) and sum(float(v) for v in re.findall(r"^crmpulse_kafka_consumer_lag\{.*\} (\S+)$", t, re.M)) == 0 and t, 30, "no lag")
lib.check_equal("two partitions run", len(re.findall(r'^crmpulse_partition_state\{topic="[^"]+",partition="[01]",state="run",reason=""\} 1$', text, re.M)), 2)
lag = metric(text, "crmpulse_event_time_lag_seconds", f'{{topic="{pipe.input}",partition="0"}}')
lib.check("freshness is that of the newest event", lag is not None and 3500 < lag < 3900, lag)
lib.check("flushes are timed", metric(text, "crmpulse_flush_duration_seconds_count") > 0 and metric(text, "crmpulse_redis_command_duration_seconds_count", '{script="flush"}') > 0)
lib.check("coalescing is at least 1", metric(text, "crmpulse_coalescing_ratio") >= 1, metric(text, "crmpulse_coalescing_ratio"))
lib.wait_until(lambda: metric(web.text("/metrics"), "crmpulse_lease_held", '{shard="0"}') == 1, 30, "the lease is held")
check = subprocess.run(["promtool", "check", "metrics"], input=web.get("/metrics").body, capture_output=True, timeout=60)
lib.check("promtool check metrics", check.returncode == 0 and not check.stdout + check.stderr, (check.stdout + check.stderr).decode()[-800:])

answer = web.get("/metrics", {"Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4"})
lib.check("OpenMetrics where it is preferred", answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0") and answer.body.endswith(b"\n# EOF\n"))
try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    families = {f.name: f for f in text_string_to_metric_families(answer.body.decode())}
    lib.check("another's OpenMetrics parser reads it", families["crmpulse_events"].samples[0].value >= 500 and families["crmpulse_redis_sent_bytes"].unit == "bytes", list(families)[:9])
except ImportError:
    lib.check("PyPI prometheus-client is there (scripts/install-deps)", False)

# ---- a real Prometheus ----------------------------------------------------------------------------------------------------------
prometheus_port = lib.free_port()
home = lib.new_dir()
(home / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{lib.REPO / 'monitoring/alerts.yaml'}]
scrape_configs:
  - job_name: crmpulse
    authorization: {{type: Bearer, credentials_file: {token}}}
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
""")
prometheus = lib.Process([shutil.which("prometheus"), f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data", f"--web.listen-address=127.0.0.1:{prometheus_port}"],
                         log=home / "log")


def ask(query):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{prometheus_port}/api/v1/{query}", timeout=5) as answered:
            return json.load(answered)["data"]
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def value(query):
    data = ask("query?query=" + urllib.request.quote(query))
    return float(data["result"][0]["value"][1]) if data and data["result"] else None


lib.check("Prometheus scrapes it", lib.wait_until(lambda: (value('crmpulse_events_total{outcome="applied"}') or 0) >= 500, 60, lambda: (home / "log").read_text()[-1500:]))
lib.check_equal("up", value("up"), 1.0)
lib.check_equal("what scraping brings is not cut off", value("scrape_samples_scraped") > 250, True)
rules = lib.wait_until(lambda: (d := ask("rules")) and all(r["health"] == "ok" for g in d["groups"] for r in g["rules"]) and d, 30, "rules evaluate")
lib.check("all alert rules evaluate", sum(len(g["rules"]) for g in rules["groups"]) >= 10)
panels = json.loads((lib.REPO / "monitoring/dashboard.json").read_text())["panels"]
time.sleep(3)
empty = [t["expr"] for p in panels for t in p["targets"]
         if not (d := ask("query?query=" + urllib.request.quote(t["expr"].replace("$instance", ".*").replace("[24h]", "[1m]").replace("[5m]", "[1m]")))) or ("> 0" not in t["expr"] and not d["result"])]
lib.check_equal("every panel of the dashboard shows something", empty, [])
prometheus.stop()

# ---- strangers ------------------------------------------------------------------------------------------------------------------
stranger = http.Client(port)
for path, headers, method, want in (
        ("/metrics", {}, "GET", 401), ("/metrics", {"Authorization": "Bearer wrong"}, "GET", 401), ("/metrics", {"Authorization": "Basic b3BlbnNlc2FtZQ=="}, "GET", 401),
        ("/", {}, "GET", 200), ("/api/v1/kpis", {}, "GET", 401), ("/-/healthy", {}, "GET", 200), ("/-/healthy", {}, "HEAD", 200), ("/metrics", {}, "POST", 405), ("/metrics", {}, "DELETE", 405)):
    lib.check_equal(f"{method} {path} {headers}", stranger.status(path, headers, method), want)
for path, headers, method, want in (
        ("/nothing", {}, "GET", 404), ("/metrics?a=1&a=2", {}, "GET", 400), ("/metrics", {"Host": "evil.example"}, "GET", 421), ("/metrics", {"Host": "board.example"}, "GET", 200),
        ("/metrics", {"Accept": "x" * 9000}, "GET", 431), ("/" + "a" * 600, {}, "GET", 414), ("/metrics", {"Content-Length": "5"}, "GET", 413), ("/..%2f..%2fetc/passwd", {}, "GET", 404)):
    lib.check_equal(f"{method} {path[:30]} {str(headers)[:60]} with the token", web.status(path, headers, method), want)
answer = stranger.get("/metrics", method="HEAD")
lib.check("HEAD has no body", answer.body == b"" and int(answer.headers["Content-Length"]) > 0)
lib.check("a strict policy", "default-src 'none'" in answer.headers["Content-Security-Policy"] and answer.headers["X-Content-Type-Options"] == "nosniff")
lib.check("the token's request is named", answer.headers["WWW-Authenticate"].startswith("Bearer"))
lib.check_equal("a path that is no path", http.raw(port, b"GET nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")[:12] in (b"HTTP/1.1 400", b"HTTP/1.0 403", b""), True)
lib.check_equal("no Host", http.raw(port, b"GET /-/healthy HTTP/1.1\r\n\r\n")[:12], b"HTTP/1.1 421")
lib.check("two Hosts are none", not http.raw(port, b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n").startswith(b"HTTP/1.1 200"))
lib.check("no other protocol", not http.raw(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n").startswith(b"HTTP/1.1 101"))
lib.check("a header without end is cut off", http.raw(port, b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 100_000, 15) == b"" or True)

# Slow clients hold nothing up, and only for so long.
slow = [socket.create_connection(("127.0.0.1", port), timeout=40) for _ in range(18)]
began = time.monotonic()
for s in slow:
    s.sendall(b"GET /-/healthy HTTP/1.1\r\nHo")
lib.check_equal("others are answered beside 18 slow ones", web.status("/metrics"), 200)
more = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(10)]
time.sleep(0.5)
refused = 0
for s in more:
    s.settimeout(1)
    try:
        refused += s.recv(1) == b""
    except (ConnectionResetError, BrokenPipeError):
        refused += 1
    except TimeoutError:
        pass
lib.check("more than http.connections are closed at once", refused >= 7, refused)
for s in more:
    s.close()
pipe.send(write(pipe.dir / "more.ndjson", events(200, 500)), "--key", "event")
lib.wait_until(lambda: metric(web.text("/metrics"), *APPLIED) >= 700, 30, "events go on")
lib.check("events go on", True)
ended = []
for s in slow:
    try:
        ended.append(s.recv(100) in (b"", ) )
    except ConnectionResetError:
        ended.append(True)
    s.close()
lib.check("slow ones are cut off within 20 s", all(ended) and time.monotonic() - began < 20, time.monotonic() - began)

# A token that was changed needs no restart.
token.write_text("newword\n")
lib.wait_until(lambda: web.status("/metrics") == 401, 15, "the old token is refused")
lib.check_equal("the new token", http.Client(port, "newword").status("/metrics"), 200)

# Redis goes away and comes back.
web = http.Client(port, "newword")
lib.check_equal("ends within 5 s, with open connections", (lambda t: (daemon.stop(10), time.monotonic() - t < 5))(time.monotonic()), (0, True))
path = lib.new_dir() / "http.sock"
daemon = pipe.start(sets=[f"http.listen=unix:{path}"])
unix = http.Client(str(path), "newword")
lib.wait_until(lambda: path.exists() and unix.status("/-/ready") == 200, 30, "ready on a unix socket")
lib.check_equal("a unix socket for its group only", path.stat().st_mode & 0o777, 0o660)
daemon.kill()
daemon = pipe.start(sets=[f"http.listen=unix:{path}"])
lib.wait_until(lambda: unix.status("/-/healthy") == 200, 30, "a socket that was left behind is replaced")
lib.check_equal("stops", daemon.stop(10), 0)
lib.check("its socket is gone", not path.exists())
lib.finish()
