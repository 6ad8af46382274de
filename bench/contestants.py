"""How each contestant is run for one round, and what it answered. Each returns a row of figures for results.ndjson.

A peer says on standard output when the first record reached it and when it has read all, and waits with its answers until it is asked for
them; so CPU is that of the whole process, start included, and without the answers. Events per second are from the first record on."""
import json
import pathlib
import random
import subprocess
import threading
import time

import procs
from oracle import compare, read_answers
from oracle_w2 import SUBJECTS, differs, peer_differs

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent
PEERS = REPO / "build" / "bench-peers"
POLL_S = 0.02
QUERIED = 8  # windows asked for with `crmpulse query`, besides all cells read by hand
JAVA = ["java", "-Xmx4g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util", "time", "net", "util.concurrent"))]


class Failed(Exception):
    """The round of one contestant has no result; the text says why."""


def row(rig, what, first_s, end_s, cpu_s, figures, **more):
    n = rig.events
    return {"round": rig.round, "what": what, "events": n, "wall_s": round(end_s - first_s, 4), "events_per_s": round(n / (end_s - first_s)),
            "cpu_s": round(cpu_s, 4), "cpu_us_per_event": cpu_s * 1e6 / n, "redis_cpu_us_per_event": figures["redis_cpu_s"] * 1e6 / n,
            "broker_cpu_us_per_event": figures["broker_cpu_s"] * 1e6 / n, "steal": round(figures["steal"], 4),
            "foreign": round(figures["foreign"], 4), **more}


def drain(rig):
    meter = rig.meter()
    done = subprocess.run([rig.build / "bench" / "bench_drain", "--brokers", rig.brokers, "--topic", rig.topic, "--api", "callback"],
                          capture_output=True, timeout=rig.limit_s, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr.decode())
    told = json.loads(done.stdout)
    if told["events"] != rig.events:
        raise Failed(f"drain: {told['events']} of {rig.events} events")
    figures = meter.figures(told["cpu_s"])
    return row(rig, "drain", told["to_first_s"], told["wall_s"], told["cpu_s"], figures, start_s=told["to_first_s"],
               start_cpu_s=None, rss_peak_mb=None, answers=None)


class Watched:
    """A peer while it runs: its lines are read by a thread, so that a limit of time can be kept."""

    def __init__(self, argv, env, log):
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=env)
        self.begin_s = time.monotonic()
        self.settings = None
        self.at = {}  # mark -> (time, CPU s)
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if not line.startswith(b"{"):
                continue
            told = json.loads(line)
            with self.changed:
                self.settings = told.get("settings", self.settings)
                if "mark" in told:
                    self.at[told["mark"]] = (time.monotonic(), procs.cpu_s(self.process.pid))
                self.changed.notify_all()
        with self.changed:
            self.at.setdefault("closed", (time.monotonic(), 0))
            self.changed.notify_all()

    def wait_for_end(self, limit_s):
        with self.changed:
            self.changed.wait_for(lambda: "end" in self.at or "closed" in self.at, timeout=limit_s)
            return "end" in self.at

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def wrong_answers(rig, path):
    return compare(rig.oracle.cells, read_answers(path)) if rig.workload == "w1" else peer_differs(rig.oracle, path)


def peer(rig, what, argv, env=None):
    answers = rig.work / f"answers-{what}.tsv"
    answers.unlink(missing_ok=True)
    with open(rig.out / f"{what}-{rig.round}.log", "wb") as log:
        meter = rig.meter()
        watched = Watched([*argv, "--answers", answers], env, log)
        try:
            if not watched.wait_for_end(rig.limit_s):
                raise Failed(f"{what}: not at the end within {rig.limit_s} s; see build/bench-out/{what}-{rig.round}.log")
            (first_s, start_cpu_s), (end_s, cpu_s) = watched.at["first"], watched.at["end"]
            figures = meter.figures(cpu_s)
            rss = procs.rss_peak(watched.process.pid)
            watched.process.communicate(b"\n", timeout=rig.limit_s)
        finally:
            watched.stop()
    if watched.process.returncode != 0:
        raise Failed(f"{what}: exit code {watched.process.returncode}")
    return row(rig, what, first_s, end_s, cpu_s, figures, start_s=round(first_s - watched.begin_s, 3), start_cpu_s=round(start_cpu_s, 3),
               rss_peak_mb=rss // 1000000, settings=watched.settings, answers=wrong_answers(rig, answers) or "equal")


def common(rig, what):
    return ["--brokers", rig.brokers, "--topic", rig.topic, "--group", f"bench-{what}-{rig.round}-{rig.nonce}", "--window-ms", rig.window_ms]


def java(rig, what, main, *more):
    state = rig.fresh_dir(f"state-{what}")
    home = PEERS / what
    return peer(rig, what, [*JAVA, "-cp", f"{home}/classes:{home}/jars/*", main, *common(rig, what), "--state", state, *more])


def flink(rig):
    if rig.workload == "w2":
        return java(rig, "flink", "FlinkKpis")
    return java(rig, "flink", "FlinkPeer", "--lateness-ms", 600000)


def streams(rig):
    try:
        if rig.workload == "w2":
            return java(rig, "streams", "StreamsKpis")
        return java(rig, "streams", "StreamsPeer", "--grace-ms", 86400000)
    finally:
        rig.drop_topics(f"bench-streams-{rig.round}-{rig.nonce}-")


def python(rig):
    home = PEERS / "python"
    rig.redis.flushall()
    return peer(rig, "python", [home / "env" / "bin" / "python", HERE / "peers" / "python" / "consumer.py", *common(rig, "python"),
                                "--redis", rig.socket], env={**rig.env, "PYTHONPATH": str(home / "proto")})


# ---- The daemon: everything that knows it stands below this line. -------------------------------------------------------------


OUTPUTS = ("alerts", "boards", "scorecards", "kpis", "dead_letter", "late")


def daemon_config(rig):
    """The workload's definitions, and where Kafka and Redis are."""
    text = (HERE / "workloads" / f"{rig.workload}.yaml").read_text(encoding="utf-8").replace("@window@", rig.window)
    fine = "" if rig.workload != "w1" or rig.window_ms % 60000 == 0 else f", fine_pane: {rig.window_ms // 1000}s"
    topics = ", ".join([f"input: [{rig.topic}]", *(f'{name}: "{rig.outputs.get(name, "")}"' for name in OUTPUTS)])
    path = rig.work / "bench.yaml"
    path.write_text(text + f"""
kafka: {{brokers: "{rig.brokers}", group: "bench-crmpulse-{rig.round}-{rig.nonce}", topics: {{{topics}}}}}
redis: {{url: "unix://{rig.socket}"}}
time: {{wall_clock: false{fine}}}
""", encoding="utf-8")
    return path


def counter(rig, name):
    """Sum over partitions, from `next=.. epoch=.. read=.. applied=.. dead=..`. Keys are known, so nothing is scanned."""
    return sum(int(part.partition(b"=")[2]) for value in rig.redis.hvals("cp:{0}:off") for part in value.split() if part.startswith(name + b"="))


def log_has(path, text):
    with open(path, "rb") as file:
        return text in file.read()


def wait_until(rig, process, what, condition):
    until_s = time.monotonic() + rig.limit_s
    while not condition():
        if process.poll() is not None:
            raise Failed(f"crmpulse ended with {process.returncode} before it had {what}; see build/bench-out/crmpulse-{rig.round}.log")
        if time.monotonic() > until_s:
            raise Failed(f"crmpulse had not {what} within {rig.limit_s} s; see build/bench-out/crmpulse-{rig.round}.log")
        time.sleep(POLL_S)
    return time.monotonic()


def wait_until_idle(rig, process):
    """The judge may be behind the flushes: what it still does belongs to the events. At most 30 s."""
    before, calm = procs.cpu_s(process.pid), 0
    for _ in range(60):
        time.sleep(0.5)
        now = procs.cpu_s(process.pid)
        calm = calm + 1 if now - before <= 0.02 else 0
        before = now
        if calm == 2:
            break


def crmpulse(rig):
    rig.redis.flushall()
    config = daemon_config(rig)
    log = rig.out / f"crmpulse-{rig.round}.log"
    commands = rig.redis.info("stats")["total_commands_processed"]
    with open(log, "wb") as file:
        meter = rig.meter()
        begin_s = time.monotonic()
        process = subprocess.Popen([rig.build / "crmpulse", "run", "--config", config, *rig.settings], stdin=subprocess.DEVNULL, stdout=file,
                                   stderr=file)
        try:
            # From its assignment on, which comes before the first record: so the rate is rather too low than too high.
            first_s = wait_until(rig, process, "an assignment", lambda: log_has(log, b"event=assigned"))
            start_cpu_s = procs.cpu_s(process.pid)
            end_s = wait_until(rig, process, "read all", lambda: counter(rig, b"read") >= rig.events)
            wait_until_idle(rig, process)
            cpu_s, rss = procs.cpu_s(process.pid), procs.rss_peak(process.pid)
            figures = meter.figures(cpu_s)
            process.terminate()
            process.wait(timeout=30)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return row(rig, "crmpulse", first_s, end_s, cpu_s, figures, start_s=round(first_s - begin_s, 3), start_cpu_s=round(start_cpu_s, 3),
               rss_peak_mb=rss // 1000000, redis_mb=rig.redis.info("memory")["used_memory"] // 1000000,
               redis_commands_per_event=(rig.redis.info("stats")["total_commands_processed"] - commands) / rig.events,
               answers=refused(rig) or CHECKS[rig.workload](rig, config))


def cells_in_redis(rig):
    """All answers of W1, from the panes: two measures of one pane or several make a window."""
    got = {}
    for key in rig.redis.scan_iter("cp:{0}:pane:*:m:*", count=2000):
        org, _, start = key.decode().split(":")[3:6]
        start = int(start) - int(start) % rig.window_ms
        for field, value in rig.redis.hgetall(key).items():
            who, measure = field.decode().split("|")
            dim, subject = who.split(":", 1)
            cell = got.setdefault((start, org, dim, subject), [0, 0])
            cell[measure == "closed_amount"] += int(value)
    return {key: tuple(cell) for key, cell in got.items() if cell != [0, 0]}


def queried(rig, config, starts):
    """The answers for the windows that begin at `starts`, by `crmpulse query`: asked for at its last ms, a rolling window is the tumbling one."""
    got = {}
    command = [rig.build / "crmpulse", "query", "--config", config, "--json", "--quiet"]
    for start in starts:
        command += ["--at", str(start + rig.window_ms - 1)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            if b'"value":0,' in line:
                continue
            told = json.loads(line)
            cell = got.setdefault((told["window_start_ms"], told["org"], told["dim"], told["subject"]), [0, 0])
            cell[told["kpi"] == "closed_sum"] = told["value"]
    if process.returncode != 0:
        raise Failed(f"crmpulse query: exit code {process.returncode}")
    return {key: tuple(cell) for key, cell in got.items()}


def refused(rig):
    late, dead = counter(rig, b"late"), counter(rig, b"dead")
    return f"{late} events were late, {dead} refused" if late or dead else None


def check_w1(rig, config):
    wrong = compare(rig.oracle.cells, cells_in_redis(rig))
    if wrong:
        return "cells: " + wrong
    starts = sorted({key[0] for key in rig.oracle.cells})
    some = sorted(random.Random(rig.round).sample(starts, min(QUERIED, len(starts))))
    want = {key: cell for key, cell in rig.oracle.cells.items() if key[0] in set(some)}
    wrong = compare(want, queried(rig, config, some))
    return "query: " + wrong if wrong else "equal"


def check_w2(rig, config):
    command = [rig.build / "crmpulse", "query", "--config", config, "--json", "--quiet", "--at", str(rig.oracle.newest_ms)]
    for subject in SUBJECTS:
        command += ["--subject", subject]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        wrong = differs(rig.want, map(json.loads, process.stdout))
    if process.returncode != 0:
        raise Failed(f"crmpulse query: exit code {process.returncode}")
    return wrong or "equal"


CHECKS = {"w1": check_w1, "w2": check_w2}
ALL = {"drain": drain, "crmpulse": crmpulse, "flink": flink, "streams": streams, "python": python}
