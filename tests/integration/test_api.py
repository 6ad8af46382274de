#!/usr/bin/env python3
"""The API of a running daemon on real Kafka and Redis: every answer is what docs/openapi.yaml says, figures are those of `crmpulse query`, tags, tokens by
org, a stream that goes on where it was, Redis that is away."""
import json
import os
import socket
import sys
import time
from pathlib import Path

import http_client as http
import lib
import pipeline

cache = Path(os.environ.get("CACHE_DIR") or Path.home() / ".cache/crmpulse")
sys.path[1:1] = map(str, sorted(cache.glob("python-*"), reverse=True))
import jsonschema  # noqa: E402  of the cache
import openapi_spec_validator  # noqa: E402
import yaml  # noqa: E402

NAMES = ["Ann", "Bo", "张伟", "<b>Cy</b>", "Di|e:d%", "Eve", "Fay"]
NOW = int(time.time() * 1000)
CONFIG = f"""
include: [{pipeline.EXAMPLES / 'scorecards.yaml'}]
orgs:
  acme: {{zone: UTC, currency: EUR, cycle: month}}
  other: {{zone: UTC, currency: USD, cycle: month}}
time: {{tick: 1s, out_of_orderness: 1s, idle_timeout: 1s}}
publish: {{snapshot_every: 2s, history: "sales_amount, deals_won"}}
boards: {{sales: {{kpi: sales_amount, window: 7d, dim: rep}}}}
rules: {{csat_low: {{kpi: csat, window: 30d, dims: [org], fire: "< 0.8", clear: ">= 0.85", min_samples: 3, level: warning}}}}
"""


def secret(word):
    path = lib.new_dir() / "token"
    path.write_text(word + "\n")
    path.chmod(0o600)
    return path


def deal(i, name, thousands, org="acme"):
    return {"type": "deal_closed", "event_id": f"d{i}", "org_id": org, "occurred_at_ms": NOW - 60000 + i, "deal_id": f"D{i}", "outcome": "won",
            "amount_micros": thousands * 1_000_000_000, "currency": "EUR" if org == "acme" else "USD", "owner_id": name}


def survey(i):
    return {"type": "survey_answered", "event_id": f"s{i}", "org_id": "acme", "occurred_at_ms": NOW - 50000 + i, "response_id": f"s{i}", "kind": "csat",
            "score_milli": 1000, "scale_min": 1, "scale_max": 5, "about_user_id": "Ann"}


# Two users first active two days ago: one back the next day, the other today.
LOGINS = [{"type": "login", "event_id": f"l{i}", "org_id": "other", "occurred_at_ms": NOW - ago * 86400000, "user_id": user} for i, (user, ago) in enumerate((("Una", 2), ("Vic", 2), ("Una", 1), ("Vic", 0)))]


def send(name, rows):
    path = pipe.dir / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    pipe.send(path, "--key", "org")


config = lib.new_dir() / "api.yaml"
config.write_text(CONFIG)
port = lib.free_port()
redis = lib.Server("redis")
pipe = pipeline.Installation(config, 2, redis.socket, sets=[f"http.listen=127.0.0.1:{port}", f"http.token_file={secret('all')}",
                                                            'http.kpi_metrics="sales_amount/7d, win_rate/m, no_such/m"', f"http.orgs={{acme: {secret('ofacme')}, other: {secret('ofother')}}}"])
send("events.ndjson", [*[deal(i, name, 70 - 10 * i) for i, name in enumerate(NAMES)], deal(100, "Zed", 5, "other"), *map(survey, range(5)), *LOGINS])
daemon = pipe.start()
web, acme, other = http.Client(port, "all"), http.Client(port, "ofacme"), http.Client(port, "ofother")
lib.wait_until(lambda: web.status("/-/ready") == 200, 60, lambda: daemon.text()[-1500:])

# ---- every answer is what the description says ----------------------------------------------------------------------------------
SPEC = yaml.safe_load((lib.REPO / "docs/openapi.yaml").read_text())
openapi_spec_validator.validate(SPEC)
lib.check("docs/openapi.yaml is OpenAPI", True)


def plain(node):
    """OpenAPI 3.0 to JSON Schema: nullable."""
    if isinstance(node, list):
        return [plain(x) for x in node]
    if not isinstance(node, dict):
        return node
    node = {key: plain(value) for key, value in node.items()}
    if node.pop("nullable", False):
        node["type"] = [node["type"], "null"]
    return node


SCHEMA = plain(SPEC)


def described(path, answer):
    content = SCHEMA["paths"][path.split("?")[0]]["get"]["responses"][str(answer.status)]
    if "$ref" in content:
        content = SCHEMA["components"]["responses"][content["$ref"].rsplit("/", 1)[1]]
    kind = answer.headers["Content-Type"].split(";")[0]
    jsonschema.validate(json.loads(answer.body), {"$ref": content["content"][kind]["schema"]["$ref"], "components": SCHEMA["components"]}
                        if "$ref" in content["content"][kind]["schema"] else {**content["content"][kind]["schema"], "components": SCHEMA["components"]})
    return True


def get(path, client=web, status=200):
    answer = client.get(path)
    if answer.status != status:
        raise RuntimeError(f"{path}: {answer.status} {answer.body[:300]}")
    described(path, answer)
    return json.loads(answer.body)


ROWS, BOARD = "/api/v1/rows?org=acme&window=7d", "/api/v1/board?org=acme&board=sales"
lib.wait_until(lambda: len(get(BOARD)["entries"]) == 7, 60, lambda: f"seven on the board: {get(BOARD)} {daemon.text()[-900:]}")
lib.wait_until(lambda: get("/api/v1/alerts?org=acme"), 60, "an alert")
lib.wait_until(lambda: any(c["perspectives"] for c in get("/api/v1/scorecards?org=acme")), 60, "scorecards")
for path in ("/api/v1/orgs", "/api/v1/kpis", "/api/v1/boards", "/api/v1/health", ROWS, BOARD, "/api/v1/alerts?org=acme", "/api/v1/scorecards?org=acme"):
    lib.check(f"{path} answers as described, not empty", get(path))
for path, status in (("/api/v1/rows?org=acme", 400), (ROWS + "&limit=x", 400), (ROWS + "&what=1", 400), ("/api/v1/board?org=acme&board=none", 404), ("/api/v1/rows?window=7d", 400)):
    lib.check(f"{path}: refused with {status} as described", get(path, status=status)["error"])
lib.check_equal("every path of the API is described", {p for p in SPEC["paths"] if p.startswith("/api/")} - {"/api/v1/stream"},
                {f"/api/v1/{p}" for p in ("orgs", "kpis", "boards", "health", "rows", "history", "cohorts", "board", "alerts", "scorecards")})

COHORTS = "/api/v1/cohorts?org=other&window="
for path in (COHORTS, COHORTS + "q", COHORTS + "w&dim=rep&subject=Ann", COHORTS + "w&dim=team"):
    lib.check(f"{path}: refused", get(path, status=400)["error"])
lib.check_equal("cohorts by day", [(c["users"], c["back"]) for c in lib.wait_until(lambda: get(COHORTS + "d")["cohorts"], 20, "cohorts")], [(2, [1, 1])])
lib.check_equal("cohorts by week and month hold the same users", [sum(c["users"] for c in get(COHORTS + w)["cohorts"]) for w in "wm"], [2, 2])
lib.check_equal("cohorts of a team that nobody is in", get(COHORTS + "d&dim=team&subject=none"), {"window": "d", "kind": "recurring", "cohorts": []})
lib.check("cohorts of another org than the token's: refused", get(COHORTS + "d", acme, 403)["error"])

# ---- figures --------------------------------------------------------------------------------------------------------------------
board = get(BOARD)
lib.check_equal("the board", [(e["subject"], e["rank"], e["value"]) for e in board["entries"]], [(name, i + 1, (70 - 10 * i) * 1_000_000_000) for i, name in enumerate(NAMES)])
lib.check_equal("its top", [e["subject"] for e in get(BOARD + "&top=2")["entries"]], NAMES[:2])
lib.check_equal("around somebody", [e["subject"] for e in get(BOARD + "&around=%3Cb%3ECy%3C%2Fb%3E&reach=1")["entries"]], NAMES[2:5])
lib.check_equal("around nobody", get(BOARD + "&around=nobody")["entries"], [])
row = get(ROWS + "&dim=rep&kpi=sales_amount&subject=Di%7Ce%3Ad%25")
lib.check_equal("a row of an odd name", [(r["subject"], r["value"]) for r in row], [("Di|e:d%", 30_000_000_000)])
lib.check_equal("a limit", len(get(ROWS + "&limit=3")), 3)
asked = {(r["dim"], r["subject"]): r["value"] for r in pipeline.rows(pipe.query("--kpi", "sales_amount", "--window", "7d"))}
shown = {(r["dim"], r["subject"]): r["value"] for r in get(ROWS + "&kpi=sales_amount")}
lib.check_equal("rows are those of crmpulse query", {key: asked.get(key) for key in shown}, shown)
PAST = "/api/v1/history?org=acme&kpi=sales_amount&window=7d&dim=org&subject=acme"
points = lib.wait_until(lambda: get(PAST), 30, "a history")
lib.check_equal("the newest point is what is shown", points[-1]["value"], next(r["value"] for r in get(ROWS + "&dim=org&kpi=sales_amount")))
lib.check("points lie on snapshot ticks, in order", all((p["at_ms"] + 1) % 2000 == 0 or p["at_ms"] % 2000 == 0 for p in points) and points == sorted(points, key=lambda p: p["at_ms"]), points)
lib.check_equal("nothing before that", get(PAST + f"&from_ms=0&to_ms={points[0]['at_ms'] - 1}") if points[0]["at_ms"] < 62 * 86400000 else get(PAST + f"&from_ms={points[0]['at_ms'] - 10**9}&to_ms={points[0]['at_ms'] - 1}"), [])
lib.check("a KPI without history: refused", "publish.history" in get(PAST.replace("sales_amount", "win_rate"), status=400)["error"])
held = [k for k in pipe.redis()("KEYS", "cp:{*}:hist:*")]
lib.check("its keys end", held and all(pipe.redis()("PTTL", k) > 0 for k in held), held)
lib.check("no rep is in it", not [f for k in held for f in pipe.redis().hash(k) if "|rep:" in f])
pipe.redis()("HSET", "cp:{0}:alert:acme", "a_gone|org:acme", "firing level=warning value=1 n=1 since=1 id=x")
time.sleep(1.5)  # what is kept of the hash is a second old at most
lib.check_equal("an alert of a rule that is gone is left out", [a["rule"] for a in get("/api/v1/alerts?org=acme")], ["csat_low"])
pipe.redis()("HDEL", "cp:{0}:alert:acme", "a_gone|org:acme")
alert = get("/api/v1/alerts?org=acme")[0]
lib.check_equal("the alert, with what it rests on", (alert["rule"], alert["state"], alert["samples"], sorted(alert["evidence"])), ("csat_low", "firing", 5, [f"s{i}" for i in range(5)]))
lib.check("it is counted in the metrics, by rule and state, without a name of anybody", 'crmpulse_alerts{rule="csat_low",state="firing"} 1\n' in web.text("/metrics"))
card = next(c for c in get("/api/v1/scorecards?org=acme") if c["scorecard"] == "sales" and c["subject"] == "Ann")
lib.check("a scorecard names its items", {"quota_attainment", "win_rate"} <= {i["kpi"] for p in card["perspectives"] for i in p["items"]}, card)

text = web.text("/metrics")
lib.check("KPI values that are asked for are metrics", 'crmpulse_kpi{org="acme",kpi="sales_amount",window="7d",unit="micros"} 280000000000\n' in text
          and 'crmpulse_kpi{org="other",kpi="sales_amount"' in text and "rep" not in [line for line in text.splitlines() if line.startswith("crmpulse_kpi")][0], text[-900:])

# ---- tags -----------------------------------------------------------------------------------------------------------------------
tag = web.get(BOARD).headers["ETag"]
again = web.get(BOARD, {"If-None-Match": tag})
lib.check_equal("unchanged: 304 without a body", (again.status, again.body), (304, b""))
lib.check_equal("another tag: 200", web.status(BOARD, {"If-None-Match": '"x"'}), 200)

# ---- tokens by org --------------------------------------------------------------------------------------------------------------
lib.check_equal("a token of an org sees that org", [o["id"] for o in get("/api/v1/orgs", acme)], ["acme"])
lib.check("its board", get(BOARD, acme)["entries"])
for path in (BOARD, ROWS, "/api/v1/alerts?org=acme", "/api/v1/scorecards?org=acme", "/api/v1/stream?org=acme&topics=alerts"):
    lib.check_equal(f"another org's {path.split('?')[0]}: refused", other.status(path), 403)
lib.check_equal("metrics are everybody's: refused", acme.status("/metrics"), 403)
lib.check_equal("none: refused", http.Client(port).status(BOARD), 401)
lib.check("its own", get("/api/v1/board?org=other&board=sales", other)["entries"][0]["subject"] == "Zed")


# ---- the stream -----------------------------------------------------------------------------------------------------------------
def stream(last=None, seconds=3.0, topics="board/sales,alerts"):
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        s.sendall(f"GET /api/v1/stream?org=acme&topics={topics} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ofacme\r\n".encode() +
                  (f"Last-Event-ID: {last}\r\n" if last else "").encode() + b"\r\n")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            s.settimeout(max(0.05, end - time.monotonic()))
            try:
                if not (piece := s.recv(65536)):
                    break
            except TimeoutError:
                break
            got += piece
    return [dict(line.split(": ", 1) for line in block.split("\n") if ": " in line) for block in got.decode().split("\r\n\r\n", 1)[-1].split("\n\n") if block.startswith("id:")]


quiet = socket.create_connection(("127.0.0.1", port), timeout=20)  # of a topic that stands still
quiet.sendall(b"GET /api/v1/stream?org=other&topics=alerts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer all\r\n\r\n")
first = stream()
lib.check_equal("both topics, whole", sorted(e["event"] for e in first[:2]), ["alerts", "board/sales"])
for e in first[:2]:
    jsonschema.validate(json.loads(e["data"]), {"components": SCHEMA["components"], **({"$ref": "#/components/schemas/Board"} if e["event"].startswith("board") else {})})
keep = socket.create_connection(("127.0.0.1", port), timeout=5)  # somebody stays, so that the topics live on
keep.sendall(b"GET /api/v1/stream?org=acme&topics=board/sales,alerts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer all\r\n\r\n")
time.sleep(1)
last = stream()[-1]["id"]
lib.check_equal("back with the last id: nothing again", stream(last), [])
send("more.ndjson", [deal(200, "Fay", 500)])
lib.wait_until(lambda: get(BOARD)["entries"][0]["subject"] == "Fay", 30, "Fay leads")
since = stream(last)
lib.check_equal("back after a change: only what changed", sorted({e["event"] for e in since}), ["board/sales"])
lib.check_equal("an id of another life: everything", sorted({e["event"] for e in stream("0000000000000001-99999")}), ["alerts", "board/sales"])
keep.close()
heard = b""
while b"\n: still here\n\n" not in heard and (piece := quiet.recv(65536)):
    heard += piece
lib.check("a stream with nothing to say says that it is there", b"\n: still here\n\n" in heard, heard[-300:])
quiet.close()

# ---- Redis is away --------------------------------------------------------------------------------------------------------------
redis.kill()
lib.check("Redis away: 503 within 10 s", lib.wait_until(lambda: web.status("/api/v1/board?org=acme&board=sales&top=3") == 503, 20, "503"))
lib.check_equal("the rest answers", (web.status("/metrics"), web.status("/-/healthy")), (200, 200))
lib.check("not ready", lib.wait_until(lambda: web.status("/-/ready") == 503, 15, "not ready"))
lib.check("and says why", "redis: shard 0 is not connected" in web.text("/-/ready"), web.text("/-/ready"))
lib.check_equal("stops", daemon.stop(10), 0)
lib.finish()
