#!/usr/bin/env python3
"""crmpulse notify beside a running daemon: real Kafka, real Redis, a real Alertmanager, and a webhook and a Slack of the test's own that fail in every way. Alerts
arrive with their labels, are kept alive, end; nothing is lost by a kill -9, by receivers that are down, by restarts; no secret is in any log."""
import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import certs
import lib
import pipeline
from told import Receiver

CANARY = "T0CANARY/B0CANARY/s3cr3tcanary"
RULES = """
orgs: {aurora: {zone: UTC, currency: EUR, cycle: month}}
time: {tick: 1s, out_of_orderness: 100ms, idle_timeout: 300ms}
redis: {flush_interval: 50ms}
publish: {snapshot_every: 0s}
rules:
  win_low: {kpi: win_rate, window: 30d, dims: [rep], fire: "< 0.40", clear: ">= 0.50", critical: "< 0.10", min_samples: 3, level: warning}
"""


class Alertmanager:
    def __init__(self):
        self.dir, self.port, self.process = lib.new_dir(), lib.free_port(), None
        (self.dir / "am.yml").write_text("global: {resolve_timeout: 2s}\nroute: {receiver: none}\nreceivers: [{name: none}]\n")

    def start(self):
        program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        assert program, "prometheus-alertmanager is missing: scripts/install-deps"
        self.process = lib.Process([program, f"--config.file={self.dir}/am.yml", f"--storage.path={self.dir}/data", "--cluster.listen-address=",
                                    f"--web.listen-address=127.0.0.1:{self.port}"], log=self.dir / "am.log")
        lib.wait_until(self.is_ready, 20, "Alertmanager")

    def is_ready(self):
        try:
            return self.get("/-/ready") is not None
        except (urllib.error.URLError, ConnectionError):
            return False

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read()

    def firing(self):
        """{subject: alert} of what fires there."""
        return {a["labels"]["subject"]: a for a in json.loads(self.get("/api/v2/alerts?active=true")) if a["status"]["state"] == "active"}


am, hook, slack, sour = Alertmanager(), Receiver(), Receiver(), Receiver()
home = lib.new_dir()
for name, text in (("slack", slack.url(f"/services/{CANARY}")), ("token", CANARY)):
    (home / name).write_text(text + "\n")
    (home / name).chmod(0o600)
(home / "c.yaml").write_text(RULES + f"""
notify:
  resend: 1s
  connect_timeout: 500ms
  timeout: 1s
  retry_min: 100ms
  retry_max: 400ms
  receivers:
    am: {{kind: alertmanager, url: "http://127.0.0.1:{am.port}/"}}
    hook: {{kind: webhook, url: "{hook.url('/hook')}", token_file: {home}/token}}
    team: {{kind: slack, url_file: {home}/slack}}
    sour: {{kind: webhook, url: "{sour.url('/')}", levels: [critical]}}
""")
it = pipeline.Installation(home / "c.yaml")
metrics, number, starts = home / "notify.prom", 0, 0


def deals(outcomes):
    """Deals closed now: {rep: [won, lost]}."""
    global number
    rows = []
    for rep, (won, lost) in outcomes.items():
        for outcome in ["won"] * won + ["lost"] * lost:
            number += 1
            rows.append({"type": "deal_closed", "event_id": f"e{number}", "org_id": "aurora", "occurred_at_ms": int(time.time() * 1000), "deal_id": f"d{number}",
                         "outcome": outcome, "amount_micros": 1_000_000, "currency": "EUR", "owner_id": rep})
    path = home / f"events{number}.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    it.send(path)


def notify(*words, sets=()):
    global starts
    starts += 1
    return lib.Process([lib.BIN, "notify", *it.options(["kafka.instance_id=one", *sets]), "--metrics-file", metrics, *words], log=it.dir / f"notify{starts}.log")


def told(subject, status="firing"):
    return [a for a in hook.alerts() if a["labels"]["subject"] == subject and a["status"] == status]


# ---- it fires, is kept alive, and is known again after a restart -----------------------------------------------------------------------------------
am.start()
daemon = it.start()
talker = notify()
lib.wait_until(lambda: "notify_reading" in talker.text(), 30, "the topic is read")
deals({"ann": (1, 2), "cat": (3, 1)})
lib.wait_until(lambda: "ann" in am.firing(), 20, lambda: "Alertmanager has the alert\n" + talker.text() + daemon.text())
began = time.monotonic()
first = am.firing()["ann"]
lib.check_equal("its labels", first["labels"], {"alertname": "win_low", "org": "aurora", "dim": "rep", "subject": "ann", "severity": "warning", "kpi": "win_rate", "window": "30d"})
lib.check("what it says", first["annotations"]["summary"].startswith("win_rate 30d of rep ann (aurora) is 33.33 %") and first["annotations"]["evidence"].count("e") == 3, first)
lib.wait_until(lambda: told("ann"), 10, "the webhook has it")
lib.check_equal("the webhook's body", (hook.taken[0]["version"], hook.taken[0]["status"], hook.taken[0]["receiver"], hook.taken[0]["groupLabels"]),
                ("4", "firing", "hook", {"alertname": "win_low", "org": "aurora"}))
lib.check("with its token", hook.headers[0][1].get("Authorization") == f"Bearer {CANARY}")
lib.wait_until(slack.texts, 10, "Slack has it")
lib.check("Slack's text", slack.texts()[0].startswith("*FIRING* warning win_low: win_rate 30d of rep ann (aurora) is 33.33 %"), slack.texts()[0])
lib.check("Slack's secret address", slack.headers[0][0] == f"/services/{CANARY}")
lib.wait_until(lambda: time.monotonic() > began + 6, 10, "6 s")
lib.check("it fires on after three times resolve_timeout, and past its first end", am.firing().get("ann", {}).get("startsAt") == first["startsAt"], am.firing())
talker.kill()
am.process.stop()
shutil.rmtree(am.dir / "data")
am.start()
lib.check_equal("an Alertmanager that knows nothing", am.firing(), {})
talker = notify()
lib.wait_until(lambda: "ann" in am.firing(), 20, lambda: "what fires is told after a restart, without a transition\n" + talker.text())
lib.check_equal("as before", am.firing()["ann"]["labels"], first["labels"])
lib.check("since the same time", am.firing()["ann"]["startsAt"] == first["startsAt"], (am.firing()["ann"]["startsAt"], first["startsAt"]))
lib.check("with its evidence", am.firing()["ann"]["annotations"].get("evidence") == first["annotations"]["evidence"], am.firing())

# ---- another level, and the end --------------------------------------------------------------------------------------------------------------------
lib.wait_until(lambda: "notify_reading" in talker.text(), 30, "the topic is read")
deals({"ann": (0, 20)})
lib.wait_until(lambda: am.firing().get("ann", {}).get("labels", {}).get("severity") == "critical", 20, "it is critical")
lib.wait_until(lambda: len([a for a in json.loads(am.get("/api/v2/alerts")) if a["labels"]["subject"] == "ann"]) == 1, 20, "the warning is over")
deals({"ann": (30, 0)})
lib.wait_until(lambda: "ann" not in am.firing(), 20, "Alertmanager has its end")
lib.wait_until(lambda: told("ann", "resolved"), 20, "the webhook has its end")
end = told("ann", "resolved")[0]
lib.check("the end has the fingerprint of the beginning", end["fingerprint"] == told("ann")[-1]["fingerprint"] and end["endsAt"] >= end["startsAt"], end)
lib.wait_until(lambda: any("*RESOLVED* win_low" in text for text in slack.texts()), 20, "Slack has its end")

# ---- everything fails in turn, and kill -9 in the middle --------------------------------------------------------------------------------------------
am.process.kill()
hook.plan = [500, ("retry", 1), "hang", "close", 503, 502]
many = {f"rep{i}": (0, 3) for i in range(40)}
lib.produce(it.topic("alerts"), [b"\xff\xffno transition"])
deals(many)
lib.wait_until(lambda: len(hook.refused) >= 2, 20, "the webhook has refused")
time.sleep(0.7)  # longer than between commits
talker.kill()
hook_was, slack_was = len(set(hook.ids())), len(slack.times)
slack.plan = [200, ("retry", 2)]
talker = notify()
lib.wait_until(lambda: not hook.plan, 20, lambda: f"the webhook has failed in every way: {hook.plan}")
am.start()
transitions = set(it.ids("alerts")) - {None}
lib.wait_until(lambda: transitions <= set(hook.ids()), 30, lambda: f"{len(transitions - set(hook.ids()))} transitions of {len(transitions)} have not come")
transitions = set(it.ids("alerts")) - {None}
lib.check(f"each of the {len(transitions)} transitions came at least once", len(transitions) >= 43 and transitions <= set(hook.ids()), len(transitions))
lib.check("some only after the restart", hook_was < len(transitions))
lib.wait_until(lambda: set(am.firing()) == set(many), 30, lambda: f"Alertmanager knows all that fires: {len(am.firing())}")
lib.check("one that was down is said once, not with every repeat", 0 < sum(line.count("notify_receiver_down") for line in talker.text().splitlines() if "receiver am" in line) <= 2,
          talker.text())
lib.check("what is no transition is said, and passed over", any("notify_undecoded" in (it.dir / f"notify{i}.log").read_text() for i in (2, 3)))

# ---- Slack's limits ---------------------------------------------------------------------------------------------------------------------------------
lib.wait_until(lambda: sum(text.count("*FIRING*") + max(0, int(text.rsplit("and ", 1)[1].split()[0]) if "more" in text else 0) for text in slack.texts()) >= 42, 20, "Slack has all")
lib.check("many in one message", any("alerts: " in text and "more" in text for text in slack.texts()), slack.texts()[-1])
deals({"fay": (0, 3)})
lib.wait_until(lambda: any("rep fay" in text for text in slack.texts()), 20, "one more, after a Retry-After")
since = slack.times[slack_was:]  # of this process: each begins with a message that it may send at once
waits = [(b - a, step) for (a, step), (b, _) in zip(since, since[1:])]
lib.check("a message a second at most", len(waits) >= 2 and all(wait > 0.95 for wait, _ in waits), waits)
lib.check("Retry-After is waited for", [wait >= 1.95 for wait, step in waits if isinstance(step, tuple)] == [True], waits)

# ---- a refusal takes nothing along; commits hold; an orderly end -------------------------------------------------------------------------------------
lib.wait_until(lambda: sour.taken, 10, "the fourth has something")
sour.plan = [404]
deals({"dan": (0, 3)})
lib.wait_until(lambda: "notify_refused" in talker.text() and "dan" in am.firing(), 20, "a refusal is said, others go on")
lib.wait_until(lambda: told("dan"), 10, "the webhook, too")
time.sleep(1.2)  # commits are made every half second
before = len(hook.ids())
stopping = time.monotonic()
lib.check_equal("SIGTERM: exit code", talker.stop(), 0)
lib.check("within five seconds", time.monotonic() - stopping < 5, time.monotonic() - stopping)
lib.check("the last words are a summary", "notify_summary" in talker.text() and "receiver hook: told=" in talker.text(), talker.text()[-800:])
promtool = subprocess.run(["promtool", "check", "metrics"], input=metrics.read_bytes(), capture_output=True, check=False)
lib.check("promtool likes the metrics", promtool.returncode == 0 and b'crmpulse_notify_refused_total{receiver="sour"} 1' in metrics.read_bytes(), promtool.stderr + metrics.read_bytes())
metrics.unlink()
systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
systemd.bind(str(home / "systemd"))
systemd.settimeout(20)
under = [lib.REPO / "tests/tools/under_unit.py", lib.REPO / "systemd/crmpulse-notify.service"]  # what this machine can do of its sandbox
talker = lib.Process([*under, lib.BIN, "notify", *it.options(["kafka.instance_id=one"])], log=it.dir / "sandboxed.log",
                     env={"NOTIFY_SOCKET": str(home / "systemd"), "WATCHDOG_USEC": "2000000"})
said = b""
while b"READY=1" not in said or b"WATCHDOG=1" not in said:
    said += systemd.recv(4096)
lib.check("under its unit's sandbox it is ready, and alive", b"STATUS=4 receivers" in said, said)
deals({"eve": (0, 3)})
lib.wait_until(lambda: told("eve"), 20, "it goes on")
lib.check_equal("after an orderly end nothing comes twice", len(hook.ids()), before + 1)
lib.check_equal("SIGTERM again", talker.stop(), 0)
lib.check("nothing was denied", "not permitted" not in talker.text() and "level=error" not in talker.text(), talker.text())
daemon.stop()

systemd.close()

# ---- a group of its own: all from the beginning, one receiver dead, one behind a certificate, one behind a false one --------------------------------------
certs.certificates(home)
quick, safe, forged = Receiver(), Receiver(home / "good.pem"), Receiver(home / "other.pem")
(home / "d.yaml").write_text(RULES + f"""
notify:
  group: {it.tag}.second
  from_beginning: true
  queue: 10
  give_up: 3s
  retry_min: 100ms
  retry_max: 400ms
  receivers:
    dead: {{kind: webhook, url: "http://127.0.0.1:{lib.free_port()}/"}}
    quick: {{kind: webhook, url: "{quick.url('/')}"}}
    safe: {{kind: webhook, url: "https://127.0.0.1:{safe.port}/", ca_file: {home}/ca.crt, user: u, password_file: {home}/token}}
    strange: {{kind: webhook, url: "https://127.0.0.1:{safe.port}/"}}
    forged: {{kind: webhook, url: "https://127.0.0.1:{forged.port}/", ca_file: {home}/ca.crt}}
""")
it.config = home / "d.yaml"
transitions = set(it.ids("alerts")) - {None}
talker = notify()
lib.wait_until(lambda: transitions <= set(quick.ids()) & set(safe.ids()), 40, lambda: f"{len(quick.ids())}, {len(safe.ids())} of {len(transitions)} came\n{talker.text()[-2000:]}")
lib.check("a dead one holds the others up for notify.give_up only, and says so", all(f"event=notify_{word}" in talker.text() for word in ("paused", "given_up", "resumed")),
          talker.text())
lib.check("basic authentication", safe.headers[0][1].get("Authorization") == "Basic " + base64.b64encode(f"u:{CANARY}".encode()).decode(), safe.headers[0])
lib.check("nobody is told whose certificate is not known, or is another's", not forged.taken and len(safe.ids()) == len(quick.ids()) and
          "receiver strange: " in talker.text() and "receiver forged: " in talker.text(), (len(safe.ids()), len(quick.ids())))
lib.check_equal("it ends while some are down", talker.stop(), 0)

# ---- a new group at the end of the topic, with a configuration that lists no orgs -----------------------------------------------------------------------
am.process.stop()
shutil.rmtree(am.dir / "data")
am.start()
(home / "e.yaml").write_text(RULES.replace("orgs:", "#orgs:") + f"""
notify: {{group: {it.tag}.third, resend: 1s, receivers: {{am: {{kind: alertmanager, url: "http://127.0.0.1:{am.port}"}}}}}}
""")
it.config = home / "e.yaml"
talker = notify()
lib.wait_until(lambda: set(am.firing()) == {*many, "dan", "eve", "fay"}, 20, lambda: f"what fires is found in Redis all the same: {len(am.firing())}\n{talker.text()}")
lib.check_equal("it ends, too", talker.stop(), 0)
it.config = home / "c.yaml"

# ---- what is refused at once --------------------------------------------------------------------------------------------------------------------------
(home / "token").chmod(0o644)
done = lib.run([lib.BIN, "notify", *it.options()])
lib.check("a secret that everybody may read", done.returncode == 78 and b"everybody may use it" in done.stderr, done.stderr)
lib.check_equal("nobody to tell", lib.run([lib.BIN, "notify", *it.options(), "--set", "notify.receivers={}"]).returncode, 78)
it.no_secret("s3cr3tcanary", done.stderr.decode())
am.process.stop()
lib.finish()
