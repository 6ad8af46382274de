#!/usr/bin/env python3
"""Two `crmpulse notify` at once, of one group, on a topic with four partitions; real Kafka and Redis. Each transition is told exactly once while both run, and after one
has ended in good order; one that is killed is replaced by the other, which tells what it had not told; SIGHUP has the configuration read again. Secrets come as credentials, from a directory as systemd makes it."""
import json
import re
import signal
import time
from collections import Counter

import lib
import pipeline
from told import Receiver

TOKEN = "s3cr3tcanary"
hook, home = Receiver(), lib.new_dir()
credentials = lib.new_dir()
(credentials / "notify.token").write_text(TOKEN + "\n")
(credentials / "notify.token").chmod(0o400)
credentials.chmod(0o500)
(home / "c.yaml").write_text(f"""
orgs: {{aurora: {{zone: UTC, currency: EUR, cycle: month}}}}
time: {{tick: 1s, out_of_orderness: 100ms, idle_timeout: 300ms}}
redis: {{flush_interval: 50ms}}
publish: {{snapshot_every: 0s}}
rules:
  win_low: {{kpi: win_rate, window: 30d, dims: [rep], fire: "< 0.40", clear: ">= 0.50", min_samples: 3, level: warning}}
notify:
  retry_min: 100ms
  retry_max: 400ms
  receivers:
    hook: {{kind: webhook, url: "{hook.url('/hook')}", token_file: "credential:notify.token"}}
""")
it = pipeline.Installation(home / "c.yaml")
lib.add_partitions(it.topic("alerts"), 4)
number = 0


def notify(name):
    process = lib.Process([lib.BIN, "notify", *it.options([f"kafka.instance_id={name}", "kafka.session_timeout=6s"])], log=it.dir / f"{name}.{time.monotonic_ns()}.log",
                          env={"CREDENTIALS_DIRECTORY": str(credentials)})
    lib.wait_until(lambda: "notify_reading" in process.text(), 40, lambda: f"{name} reads\n{process.text()}")
    return process


def lost(reps):
    """Three lost deals for each: the rule fires for each of them."""
    global number
    rows = []
    for rep in reps:
        for _ in range(3):
            number += 1
            rows.append({"type": "deal_closed", "event_id": f"e{number}", "org_id": "aurora", "occurred_at_ms": int(time.time() * 1000), "deal_id": f"d{number}",
                         "outcome": "lost", "amount_micros": 1_000_000, "currency": "EUR", "owner_id": rep})
    path = home / f"events{number}.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    it.send(path)


def partitions(process):
    """How many partitions it reads, by its own word."""
    said = re.findall(r"(\d+) partitions of ", process.text())
    return int(said[-1]) if said else 0


def all_told(n, seconds=40):
    """Every transition of the topic has come; there are n."""
    lib.wait_until(lambda: len(set(hook.ids())) >= n, seconds, lambda: f"{len(set(hook.ids()))} of {n} came\n{one.text()[-1500:]}\n{two.text()[-1500:]}")
    time.sleep(1.5)  # what came twice would have come
    return Counter(hook.ids())


daemon = it.start()
one = notify("one")
two = notify("two")
lib.wait_until(lambda: (partitions(one), partitions(two)) == (2, 2), 40, lambda: f"they share the partitions\n{one.text()}\n{two.text()}")
lib.check("two processes of a group share the partitions", True)

# ---- both at work -----------------------------------------------------------------------------------------------------------------------------------
reps = [f"rep{i}" for i in range(80)]
lost(reps[:40])
came = all_told(40)
lib.check_equal("each is told exactly once", (len(came), set(came.values())), (40, {1}))
lib.check_equal("of everybody", {a["labels"]["subject"] for a in hook.alerts()}, set(reps[:40]))
lib.check_equal("the token of the credential came along", {headers.get("Authorization") for _, headers in hook.headers}, {f"Bearer {TOKEN}"})

# ---- one is killed ----------------------------------------------------------------------------------------------------------------------------------
one.kill()
lost(reps[40:60])
came = all_told(60, 60)
lib.check_equal("one is killed: the other tells what was not told", (len(came), partitions(two)), (60, 4))
lib.check_equal("and that once: what had been told was committed", set(came.values()), {1})

# ---- it comes back, and ends in good order ------------------------------------------------------------------------------------------------------------
one = notify("one")
lib.wait_until(lambda: (partitions(one), partitions(two)) == (2, 2), 40, "they share again")
lost(reps[60:70])
came = all_told(70)
lib.check_equal("both again: once", (len(came), set(came.values())), (70, {1}))
lib.check_equal("SIGTERM: exit code", one.stop(), 0)
lost(reps[70:])
came = all_told(80, 60)
lib.check_equal("after an orderly end the other goes on, and nothing comes twice", (len(came), set(came.values())), (80, {1}))

# ---- SIGHUP: another configuration -------------------------------------------------------------------------------------------------------------------
second = Receiver()
was = (home / "c.yaml").read_text()
(home / "c.yaml").write_text(was + f"""    second: {{kind: webhook, url: "{second.url('/')}"}}\n    bad: {{kind: webhook}}\n""")
two.signal(signal.SIGHUP)
lib.wait_until(lambda: "goes on with the former one" in two.text() and two.text().count("notify_reading") > two.text().count("notify_reload"), 40, lambda: f"refused\n{two.text()}")
lib.check("a configuration that is refused changes nothing", "needs url or url_file" in two.text() and two.alive(), two.text()[-800:])
(home / "c.yaml").write_text(was + f"""    second: {{kind: webhook, url: "{second.url('/')}"}}\n""")
readings = two.text().count("notify_reading")
two.signal(signal.SIGHUP)
lib.wait_until(lambda: two.text().count("notify_reading") > readings, 40, lambda: f"it reads on\n{two.text()}")
lost(["late0", "late1"])
came = all_told(82, 60)
lib.check_equal("with another receiver: both are told, nothing twice", (len(came), set(came.values()), Counter(second.ids())), (82, {1}, Counter({i: 1 for i in second.ids()})))
lib.check_equal("the new one of what is new", {a["labels"]["subject"] for a in second.alerts()}, {"late0", "late1"})
lib.check_equal("SIGTERM for the other", two.stop(), 0)
it.no_secret(TOKEN)

# ---- a credential that is not there -----------------------------------------------------------------------------------------------------------------
done = lib.run([lib.BIN, "notify", *it.options()], env={"CREDENTIALS_DIRECTORY": str(home)})
lib.check("a missing credential is refused, by name", done.returncode == 78 and b"credential:notify.token" in done.stderr, done.stderr)
lib.check_equal("the daemon ends", daemon.stop(), 0)
lib.finish()
