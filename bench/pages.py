#!/usr/bin/env python3
"""What open pages cost the way of the events: the daemon reads one topic again and again, with nobody and with N readers of its stream, in turn; events per second of
processor time of the thread that reads them (the main thread; HTTP has one of its own). Started by scripts/bench-pages. Kafka and Redis are asked, not measured.
With --instructions the daemon runs under callgrind, and the instructions of that thread are counted: slow, but neighbours on the machine do not change the figure."""
import argparse
import json
import multiprocessing
import os
import re
import selectors
import socket
import statistics
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/integration"))
import lib  # noqa: E402
import pipeline  # noqa: E402

TOPICS = "board/sales_day,rows/24h/org,rows/24h/team,rows/24h/rep,alerts,scorecards,health"
LIMIT_S = 300
# What a flush holds is said by counts, not by the clock: the same work in every run.
STEADY = ["redis.flush_interval=30s", "redis.flush_cells_max=20000", "redis.flush_records_max=500"]


def thread_s(pid, tid):
    """Processor time of one thread, user and system, from its stat; in ticks of 10 ms."""
    fields = Path(f"/proc/{pid}/task/{tid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def other_threads_s(pid):
    return sum(thread_s(pid, tid) for tid in os.listdir(f"/proc/{pid}/task") if int(tid) != pid)


def read_all(port, n, pipe):
    """N readers of the stream in a process of their own, until the pipe says so; then how many bytes and boards each was sent."""
    chosen, got = selectors.DefaultSelector(), {}
    for _ in range(n):
        s = socket.create_connection(("127.0.0.1", port), timeout=30)
        s.sendall(f"GET /api/v1/stream?org=org0&topics={TOPICS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        s.setblocking(False)
        got[s] = [0, 0]
        chosen.register(s, selectors.EVENT_READ)
    pipe.send("open")
    while not pipe.poll():
        for key, _ in chosen.select(0.2):
            data = key.fileobj.recv(262144)
            got[key.fileobj][0] += len(data)
            got[key.fileobj][1] += data.count(b"event: board/")
            if not data:
                chosen.unregister(key.fileobj)
    pipe.send([tuple(v) for v in got.values()])


class Readers:
    def __init__(self, port, n):
        self.pipe, theirs = multiprocessing.Pipe()
        self.child = multiprocessing.Process(target=read_all, args=(port, n, theirs), daemon=True)
        self.child.start()
        self.pipe.recv()

    def end(self):
        self.pipe.send("end")
        rows = self.pipe.recv()
        self.child.join(20)
        return rows


def idle(daemon, rest_s):
    """What is read is judged, too, before it is counted: until the thread rests for a second."""
    before = thread_s(daemon.pid, daemon.pid)
    for _ in range(120):
        time.sleep(1)
        now = thread_s(daemon.pid, daemon.pid)
        if now - before <= rest_s:
            return
        before = now


def counted(folder):
    """Instructions of the main thread: callgrind numbers threads from 1."""
    return next(int(line.split()[1]) for line in (folder / "count-01").read_text(encoding="ascii", errors="replace").splitlines() if line.startswith(("totals:", "summary:")))


def one(it, options, number, readers):
    port = lib.free_port()
    redis = it.redis()
    redis("FLUSHALL")
    folder = lib.new_dir()
    daemon = it.start(sets=[f"kafka.group={it.tag}-{number}", f"http.listen=127.0.0.1:{port}", *(STEADY if options.instructions else [])],
                      program=under_callgrind(folder) if options.instructions else None)
    lib.wait_until(lambda: "event=assigned" in daemon.text() or '"assigned"' in daemon.text(), LIMIT_S, daemon.text)
    open_pages = Readers(port, readers) if readers else None
    begin_s = time.monotonic()
    lib.wait_until(lambda: sum(int(n) for n in re.findall(r"\bread=(\d+)", " ".join(redis.hash("cp:{0}:off").values()))) >= options.events, LIMIT_S, daemon.text, 0.2)
    wall_s = time.monotonic() - begin_s
    idle(daemon, 0.3 if options.instructions else 0.05)
    ingest_s, others_s = thread_s(daemon.pid, daemon.pid), other_threads_s(daemon.pid)
    told = open_pages.end() if open_pages else []
    redis.close()
    lib.check_equal("the daemon ends", daemon.stop(60), 0)
    more = {"instructions_per_event": round(counted(folder) / options.events)} if options.instructions else {}
    return {"readers": readers, **more, "ingest_cpu_s": round(ingest_s, 2), "events_per_cpu_s": round(options.events / ingest_s), "other_threads_cpu_s": round(others_s, 2),
            "wall_s": round(wall_s, 1), "told": sum(boards > 0 for _, boards in told), "mb_sent": round(sum(n for n, _ in told) / 1e6, 1)}


def under_callgrind(folder):
    path = folder / "program"
    path.write_text(f"#!/bin/sh\nexec valgrind -q --tool=callgrind --separate-threads=yes --callgrind-out-file={folder}/count {lib.BIN} \"$@\"\n", encoding="utf-8")
    path.chmod(0o700)
    return path


def configuration(folder):
    path = folder / "pages.yaml"
    text = (HERE / "workloads/w1.yaml").read_text(encoding="utf-8").replace("@window@", "24h")
    path.write_text(text + "\nboards: {sales_day: {kpi: closed_sum, window: 24h, dim: rep, top: 100}}\ntime: {wall_clock: false}\n", encoding="utf-8")
    return path


def report(rows, options):
    figure = "instructions_per_event" if options.instructions else "events_per_cpu_s"
    print(f"\n| readers | {figure.replace('_', ' ')} of the ingest thread: rounds | median | CPU-s of the other threads, median | readers told, MB sent |\n|---|---|---|---|---|")
    for n in (0, options.readers):
        of = [r for r in rows if r["readers"] == n]
        print(f"| {n} | {', '.join(format(r[figure], ',') for r in of)} | {statistics.median(r[figure] for r in of):,.0f} | {statistics.median(r['other_threads_cpu_s'] for r in of):.2f} "
              f"| {min(r['told'] for r in of)}, {statistics.median(r['mb_sent'] for r in of)} |")
    pairs = [b[figure] / a[figure] for a, b in zip(*([r for r in rows if r["readers"] == n] for n in (0, options.readers)))]
    print(f"\nwith / without, round by round: {', '.join(f'{p:.3f}' for p in pairs)}; median {statistics.median(pairs):.3f}")


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("events", 400000), ("readers", 200), ("rounds", 3), ("seed", 42)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--instructions", action="store_true")
    options = parser.parse_args()
    it = pipeline.Installation(configuration(lib.new_dir()), 4)
    lib.must([Path(lib.BIN).parent / "bench/bench_fill", "--brokers", lib.BOOTSTRAP, "--topic", it.input, "--events", options.events, "--seed", options.seed, "--codec", "lz4",
              "--step", 100000], LIMIT_S)
    rows = []
    if not options.instructions:
        one(it, options, 0, 0)  # the first reads the topic from the disk
    for number in range(1, options.rounds + 1):
        for readers in (0, options.readers)[::1 if number % 2 else -1]:
            rows.append(one(it, options, f"{number}.{readers}", readers))
            print(json.dumps({"round": number, **rows[-1]}), flush=True)
            if readers:
                lib.check_equal("all readers are told", rows[-1]["told"], readers)
    report(rows, options)
    lib.finish()


if __name__ == "__main__":
    main()
