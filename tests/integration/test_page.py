#!/usr/bin/env python3
"""The live page in a headless Chromium over a running daemon on real Kafka and Redis: ranks move, an alert appears and resolves, the stream survives a
restart of the daemon, names that look like markup stay text, nothing is logged as an error, axe-core finds nothing; by keyboard, dark, small, in Chinese,
as a kiosk, and behind a token. SHOTS=DIRECTORY keeps screenshots (docs/page)."""
import json
import os
import subprocess
import time
from pathlib import Path

import http_client as http
import lib
import pipeline

CACHE = Path(os.environ.get("CACHE_DIR") or Path.home() / ".cache/crmpulse")
SHOTS = Path(os.environ["SHOTS"]) if "SHOTS" in os.environ else lib.new_dir()
EVIL = '<img src=x onerror="window.hacked=1">'
NAMES = ["Ann", "Bo", "张伟", EVIL, "Zoë & Sons"]
NOW = int(time.time() * 1000)
CONFIG = f"""
include: [{pipeline.EXAMPLES / 'scorecards.yaml'}]
orgs: {{acme: {{zone: UTC, currency: EUR, cycle: month}}}}
time: {{tick: 1s, out_of_orderness: 1s, idle_timeout: 1s}}
redis: {{flush_interval: 50ms}}
publish: {{snapshot_every: 2s}}
boards: {{sales: {{kpi: sales_amount, window: 7d, dim: rep, top: 12}}}}
rules: {{csat_low: {{kpi: csat, window: 30d, dims: [org], fire: "< 0.8", clear: ">= 0.85", min_samples: 3, level: warning}}}}
"""


class Browser:
    def __init__(self):
        found = sorted(CACHE.glob("browser-*"))
        if not found:
            raise FileNotFoundError(f"{CACHE}/browser-*: run scripts/install-deps")
        self.child = subprocess.Popen(["node", str(lib.REPO / "tests/page/browser.mjs"), str(found[-1])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      preexec_fn=lib._die_with_parent)

    def __call__(self, command, **more):
        self.child.stdin.write(json.dumps({"command": command, **more}) + "\n")
        self.child.stdin.flush()
        answer = json.loads(self.child.stdout.readline())
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']}")
        return answer["value"]

    def run(self, script):
        return self("run", script=script)

    def until(self, script, seconds, what):
        return lib.wait_until(lambda: self.run(script), seconds, lambda: f"{what}: {self.run('document.body.innerText')[-1500:]} {self('problems')}", 0.2)

    def end(self):
        self.child.stdin.close()
        self.child.wait(20)


count = 0


def event(type_, **fields):
    global count
    count += 1
    return {"type": type_, "event_id": f"e{count}", "org_id": "acme", "occurred_at_ms": int(time.time() * 1000), **fields}


def deal(name, thousands):
    return event("deal_closed", deal_id=f"d{count}", outcome="won", amount_micros=thousands * 1_000_000_000, currency="EUR", owner_id=name)


def survey(good):
    return event("survey_answered", response_id=f"s{count}", kind="csat", score_milli=5000 if good else 1000, scale_min=1, scale_max=5, about_user_id="Ann")


def send(*rows):
    path = pipe.dir / "page.ndjson"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    pipe.send(path, "--key", "org")


config = lib.new_dir() / "page.yaml"
config.write_text(CONFIG)
port = lib.free_port()
pipe = pipeline.Installation(config, 2, sets=[f"http.listen=127.0.0.1:{port}"])
url = f"http://127.0.0.1:{port}/"
ORDER = "[...document.querySelectorAll('#places tr')].map(r => r.dataset.key)"
LINK = "document.getElementById('link').className"

WEEK = 7 * 86400000


def login(user, weeks_ago):
    return {**event("login", user_id=user), "occurred_at_ms": NOW - weeks_ago * WEEK}


# Four users first active three weeks ago, three of whom come back, then two, then one; one user a week later, who comes back two weeks after that.
FOUR = [name for name in NAMES if name != EVIL]
LOGINS = [login(u, ago) for users, ago in ((FOUR, 3), (FOUR[:3], 2), (FOUR[:2], 1), (FOUR[:1], 0), ([EVIL], 2), ([EVIL], 0)) for u in users]
CURVES = {(4, (3, 2, 1)), (1, (0, 1))}

send(*[deal(name, 50 - 10 * i) for i, name in enumerate(NAMES)], *LOGINS)
daemon = pipe.start()
web = http.Client(port)
lib.wait_until(lambda: web.status("/-/ready") == 200, 60, lambda: daemon.text()[-1500:])
browser = Browser()
browser("fresh")
browser("goto", url=url)

# ---- it shows what there is, and names are text ---------------------------------------------------------------------------------
lib.check_equal("the board in order", browser.until(f"JSON.stringify({ORDER}) === {json.dumps(json.dumps(NAMES, ensure_ascii=False, separators=(',', ':')))} && {ORDER}", 30, "the board"), NAMES)
lib.check("a name that looks like markup is text", browser.run("!window.hacked && !document.querySelector('#places img') && document.querySelectorAll('#places td.name')[3].textContent") == EVIL)
lib.check_equal("the stream is live", browser.until(f"{LINK} === 'on' && {LINK}", 10, "live"), "on")
lib.check("tiles with a sparkline that says what it shows", browser.until("document.querySelector('#tiles li[data-kpi=sales_amount] svg')?.getAttribute('aria-label')", 20, "tiles").startswith("net sales, last"))
lib.check("health", browser.until("document.getElementById('health').innerText.includes('ready')", 20, "health"))

# ---- ranks move -----------------------------------------------------------------------------------------------------------------
send(deal(EVIL, 100))
lib.check_equal("the last but one leads", browser.until(f"{ORDER}[0] === {json.dumps(EVIL)} && {ORDER}", 20, "the new leader"), [EVIL, *[n for n in NAMES if n != EVIL]])
lib.check("it is said to a screen reader", browser.run("document.getElementById('news').textContent") == f"{EVIL} now leads")
lib.check("and still no markup", browser.run("!window.hacked && !document.querySelector('main img')"))

# ---- an alert appears and resolves ----------------------------------------------------------------------------------------------
send(*[survey(False) for _ in range(4)])
lib.check("an alert fires", browser.until("document.querySelector('#alerts li.firing')?.innerText.includes('csat_low')", 30, "the alert"))
lib.check("with its evidence", browser.run("document.querySelector('#alerts li.firing .ids').textContent.split('e').length") > 4)
send(*[survey(True) for _ in range(40)])
lib.check("it resolves", browser.until("!document.querySelector('#alerts li.firing') && document.querySelector('#alerts li.quiet')?.innerText.includes('csat_low')", 30, "the end of the alert"))
lib.check("scorecards with their parts", browser.until("document.querySelectorAll('#cards details li').length > 3", 40, "scorecards"))
lib.check_equal("no error so far", browser("problems"), [])

# ---- the retention curve of one cohort ------------------------------------------------------------------------------------------
CURVE = "[...document.querySelectorAll('#cohort-curve circle')].map(c => Math.round(110 - c.getAttribute('cy')) / 100)"
COHORTS = "[...document.querySelectorAll('#cohort option')].map(o => o.value)"


def cohorts():
    return json.loads(web.text("/api/v1/cohorts?org=acme&window=w"))["cohorts"]


def asked(cohort):
    """The same from `crmpulse query`, as of the last instant of the cohort's week."""
    row = next(r for r in pipeline.rows(pipe.query("--kpi", "user_cohort", "--window", "w", "--dim", "org", "--at", str(cohort["start_ms"] + WEEK - 1))))
    return row["value"], tuple(row[f"k{k}"] for k in range(1, len(cohort["back"]) + 1))


def shares(cohort):
    return [round(n / cohort["users"], 2) for n in (cohort["users"], *cohort["back"])]


lib.wait_until(lambda: {(c["users"], tuple(c["back"])) for c in cohorts()} == CURVES, 30, lambda: f"the cohorts: {cohorts()}")
one, four = cohorts()
lib.check_equal("cohorts are those of crmpulse query", [asked(c) for c in (one, four)], [(c["users"], tuple(c["back"])) for c in (one, four)])
lib.check_equal("the page lists the cohorts there are", browser.until(f"{COHORTS}.length === 2 && {COHORTS}", 30, "cohorts"), [one["label"], four["label"]])
lib.check_equal("the oldest one's curve", browser.until(f"{CURVE}.length === 4 && {CURVE}", 20, "a curve"), shares(four))
lib.check_equal("its last point is still running", browser.run("[...document.querySelectorAll('#cohort-curve circle')].map(c => c.getAttribute('class'))"), ["ended"] * 3 + ["running"])

# ---- everybody can use it -------------------------------------------------------------------------------------------------------
time.sleep(2)
lib.check_equal("axe-core, light", browser("axe"), [])
SHOTS.mkdir(parents=True, exist_ok=True)
browser("shot", path=str(SHOTS / "desk.png"), full=True)
browser.run("document.activeElement.blur()")
browser("press", key="Tab")
lib.check_equal("the first stop of the keyboard skips the controls", browser.run("document.activeElement.className"), "skip")
browser.run("document.querySelector('#windows input:checked').focus()")
before = browser.run("document.querySelector('#windows input:checked').value")
browser("press", key="ArrowRight")
lib.check("the window is switched by keyboard", browser.run("document.querySelector('#windows input:checked').value") != before)
lib.check("and the tiles follow", browser.until("document.querySelector('#tiles li[data-kpi]')", 20, "tiles of the other window") is not None)
browser.run("document.getElementById('cohort').focus()")
browser("press", key="ArrowUp")
lib.check_equal("another cohort, by keyboard", browser.until(f"{CURVE}.length === 3 && {CURVE}", 10, "the other curve"), shares(one))
lib.check_equal("the table says the same", browser.run("[...document.querySelectorAll('#cohort-curve tbody tr')].map(r => parseInt(r.cells[1].textContent.match(/\\d+/)[0]))"), [1, 0, 1])
lib.check_equal("and the words for who does not see it", browser.run("document.querySelector('#cohort-curve svg').getAttribute('aria-label').includes('1: 0%; 2: 100%')"), True)
send(login(EVIL, 1))
lib.check_equal("a late login moves the curve, and the choice stays", browser.until(f"{CURVE}[1] === 1 && {CURVE}", 40, "a moved curve"), [1, 1, 1])
browser.run("const s = document.getElementById('cohort-window'); s.value = 'm'; s.dispatchEvent(new Event('change'))")
lib.check("another interval has other cohorts", browser.until(f"{COHORTS}.length && {COHORTS}.every(name => /^\\d{{4}}-\\d{{2}}$/.test(name)) && {CURVE}[0] === 1", 20, "cohorts by month"))
for name, size, scheme, words, full in (("phone-dark-zh", (390, 844), "dark", "?lang=zh", True), ("kiosk", (1920, 1080), "dark", "?kiosk", False)):
    browser("fresh", width=size[0], height=size[1], scheme=scheme)
    browser("goto", url=url + words)
    browser.until(f"{ORDER}.length === 5 && document.querySelector('#tiles li[data-kpi]')", 20, name)
    time.sleep(1)
    lib.check_equal(f"axe-core, {name}", browser("axe"), [])
    lib.check(f"{name}: nothing is wider than the screen", browser.run("document.documentElement.scrollWidth <= innerWidth"))
    browser("shot", path=str(SHOTS / f"{name}.png"), full=full)

# ---- a restart of the daemon ----------------------------------------------------------------------------------------------------
browser("problems")
daemon.kill()
lib.check("the page says that it is not connected", browser.until(f"{LINK} === 'off'", 15, "off"))
daemon = pipe.start()
lib.wait_until(lambda: web.status("/-/ready") == 200, 60, lambda: daemon.text()[-1500:])
lib.check("it comes back by itself", browser.until(f"{LINK} === 'on'", 20, "live again"))
send(deal("Bo", 500))
lib.check_equal("and goes on", browser.until(f"{ORDER}[0] === 'Bo' && {ORDER}[0]", 30, "Bo leads"), "Bo")
lib.check_equal("no error but those of the network", [p for p in browser("problems") if "ERR_CONNECTION" not in p and "ERR_INCOMPLETE" not in p and "ERR_EMPTY" not in p], [])

# ---- many pages cost the way of the events nothing ------------------------------------------------------------------------------
import socket  # noqa: E402  only here


def reader():
    s = socket.create_connection(("127.0.0.1", port), timeout=10)
    s.sendall(b"GET /api/v1/stream?org=acme&topics=board/sales,rows/7d/org,alerts,scorecards,health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return s


def hashes_read(seconds=5):
    """Of Redis, by anybody: the daemon's scripts read some, too."""
    def calls():
        return int(next(line for line in redis("INFO", "commandstats").decode().splitlines() if line.startswith("cmdstat_hgetall")).split("calls=")[1].split(",")[0])
    before = calls()
    time.sleep(seconds)
    return calls() - before


redis = pipe.redis()
one = reader()
time.sleep(1)
with_one = hashes_read()
readers = [one, *[reader() for _ in range(199)]]
time.sleep(2)
send(deal("Ann", 900))
told = 0
deadline = time.monotonic() + 15
for s in readers:
    s.settimeout(max(0.1, deadline - time.monotonic()))
    got = b""
    try:
        while b'"subject":"Ann","rank":1,' not in got and (piece := s.recv(65536)):
            got += piece
        told += b'"subject":"Ann","rank":1,' in got
    except TimeoutError:
        pass
lib.check_equal("200 readers are told", told, 200)
with_all = hashes_read()
lib.check("200 cost Redis as much as one", with_all <= with_one * 1.15 + 10, (with_one, with_all))
for s in readers:
    s.close()

# ---- behind a token -------------------------------------------------------------------------------------------------------------
daemon.stop(10)
token = lib.new_dir() / "token"
token.write_text("opensesame\n")
token.chmod(0o600)
daemon = pipe.start(sets=[f"http.token_file={token}"])
lib.wait_until(lambda: web.status("/-/ready") == 200, 60, lambda: daemon.text()[-1500:])
browser("fresh")
browser("goto", url=url)
lib.check("the page asks for the token", browser.until("document.getElementById('ask').open", 15, "the question"))
browser("fill", selector="#token", text="opensesame")
browser("click", selector="#ask button")
lib.check("and shows the board then", browser.until(f"{ORDER}.length === 5", 20, "the board behind the token"))
browser.end()
lib.check_equal("the daemon ends with open pages", daemon.stop(10), 0)
lib.finish()
