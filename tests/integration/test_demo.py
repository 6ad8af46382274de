#!/usr/bin/env python3
"""crmpulse demo: the board appears and moves, KPIs are numbers, an alert fires, and nothing remains, however it ends.

Needs no Kafka and no Redis of the test's: the demo brings its own.
"""
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

from lib import BIN, Process, check, check_equal, finish, new_dir, run, wait_until
from processes import children, running

STAMP = re.compile(r"^\[ *([0-9.]+) s\] (\w+) ?(.*)$")
ENTRY = re.compile(r"^(\d+)\. (.+) (-?[0-9.]+) \(([+-]\d+)\)$")
ALERT = re.compile(r"^firing csat_low team:\w+ level=(warning|critical) value=([0-9.]+) n=(\d+)$")
PARTS = 4  # redis-server, feed, daemon, keeper

tmp = new_dir()


def start(log, *args):
    return Process([BIN, "demo", "--plain", "--seed", "7", *args], log=tmp / log, env={"TMPDIR": str(tmp)})


def directories():
    return [p.name for p in tmp.glob("crmpulse-demo-*")]


def lines(text, kind):
    found = []
    for line in text.splitlines():
        match = STAMP.match(line)
        if match and match[2] == kind:
            found.append((float(match[1]), match[3]))
    return found


def board(text):
    """[(rank, name, value)] of one board line."""
    rows = [ENTRY.match(part.strip()) for part in text.split(";")]
    return [(int(m[1]), m[2], float(m[3])) for m in rows if m] if all(rows) else []


def nothing_left(name, pids):
    """All processes and the directory are gone; what the demo left is removed here."""
    try:
        wait_until(lambda: not running(pids) and not directories(), 3, "everything gone")
    except TimeoutError:
        pass
    check_equal(f"{name}: no process remains", running(pids), [])
    check_equal(f"{name}: no directory remains", directories(), [])


def up(demo):
    """The descendants once the first numbers are shown."""
    wait_until(lambda: " kpi " in demo.text() or not demo.alive(), 20, "numbers")
    found = children(demo.pid)
    check_equal("redis-server, feed, daemon and keeper run", len(found), PARTS)
    check_equal("there is one private directory", len(directories()), 1)
    return list(found)


def test_whole_run():
    demo = start("whole.txt", "--seconds", "20")
    pids = up(demo)
    check_equal("exit status after --seconds", demo.wait(20), 0)
    nothing_left("--seconds", pids)
    text = demo.text()
    kpis, boards, alerts = lines(text, "kpi"), lines(text, "board"), lines(text, "alert")
    check("numbers within 8 seconds on a busy machine", kpis and kpis[0][0] < 8, text[:2000])
    if not check("numbers and the board every second", len(kpis) >= 8 and len(boards) >= 8, f"{len(kpis)} and {len(boards)} lines"):
        return
    check_kpis(dict(pair.split("=") for pair in kpis[-1][1].split()))
    check_boards([board(b) for _, b in boards], kpis)
    # The company is calm for its first eight seconds; what is told earlier may come from the history.
    firing = [ALERT.match(a) for t, a in alerts if t > 8 and ALERT.match(a)]
    check("csat_low fires", firing, "\n".join(a for _, a in alerts))
    check("below its threshold, with enough answers", all(float(m[2]) < 0.8 and int(m[3]) >= 30 for m in firing))


def check_kpis(last):
    names = {"sales_today", "sales_7d", "pipeline", "win_rate_30d", "deals_won_24h", "new_customers_7d", "leads_24h", "csat_30d",
             "first_response_p50_24h", "resolution_p50_7d", "backlog", "active_today"}
    check_equal("all tiles are told", set(last), names)
    wrong = {n: v for n, v in last.items() if not re.match(r"^-?\d+(\.\d+)?(e[+-]\d+)?$", v)}
    check_equal("every KPI is a number", wrong, {})
    if wrong:
        return
    check("shares lie between 0 and 1", all(0 < float(last[n]) < 1 for n in ("win_rate_30d", "csat_30d")), str(last))
    check("money, people and waiting times are positive",
          all(float(last[n]) > 0 for n in ("sales_7d", "pipeline", "active_today", "first_response_p50_24h")), str(last))


def check_boards(boards, kpis):
    check("every board line can be read", boards and all(boards))
    last = boards[-1]
    check_equal("twelve reps are ranked", len(last), 12)
    check("ranks follow the values", [v for _, _, v in last] == sorted((v for _, _, v in last), reverse=True) and last[0][0] == 1, str(last))
    check("names of all scripts arrive as they were sent", {"王小明", "Zoë Müller", "Liam O'Brien"} <= {n for _, n, _ in last}, str(last))
    # The first line may show a part of the history: from the third on, everything new is live.
    check("the board moves", boards[2] != last, str(last))
    sales = [float(re.search(r"sales_7d=([0-9.]+)", k)[1]) for _, k in kpis]
    check("sales rise", sales[-1] > sales[2], str(sales))


def test_interrupted(name, number, screen_ready):
    demo = start(f"{name}.txt")
    pids = up(demo) if screen_ready else wait_until(lambda: list(children(demo.pid)), 5, "children")
    os.kill(demo.pid, number)
    check_equal(f"{name}: exit status", demo.wait(15), 0)
    nothing_left(name, pids)


def test_killed():
    """SIGKILL cannot be caught: the kernel ends the others, the keeper removes the directory."""
    demo = start("killed.txt")
    pids = up(demo)
    demo.kill()
    nothing_left("SIGKILL", pids)


def test_part_dies():
    demo = start("part.txt")
    pids = up(demo)
    redis = [pid for pid, name in children(demo.pid).items() if name == "redis-server"]
    os.kill(redis[0], signal.SIGKILL)
    check_equal("a part that ends: exit status", demo.wait(15), 1)
    check("it is named", "redis-server ended unexpectedly" in demo.text(), demo.text()[-500:])
    nothing_left("a part that ends", pids)


def test_no_redis():
    demo = run([BIN, "demo", "--plain", "--seconds", "5"], 20, env={"PATH": "/nonexistent", "TMPDIR": str(tmp)})
    check_equal("without redis-server: exit status", demo.returncode, 1)
    check("without redis-server: the reason", b"redis-server cannot be started" in demo.stderr, demo.stderr.decode(errors="replace"))
    nothing_left("without redis-server", [])


def test_usage():
    for args in (["--rate", "0"], ["--seconds", "x"], ["--nonsense"], ["surplus"]):
        check_equal(f"usage: {' '.join(args)}", run([BIN, "demo", *args], 10).returncode, 64)


def test_screen():
    """On a terminal: the alternate screen, left again; no line wider than the terminal."""
    main, terminal = pty.openpty()
    columns = 70
    subprocess.run(["stty", "cols", str(columns), "rows", "30"], stdin=terminal, check=True)
    child = subprocess.Popen([BIN, "demo", "--seconds", "8", "--seed", "7"], stdin=terminal, stdout=terminal, stderr=terminal,
                             env={**os.environ, "TMPDIR": str(tmp)})
    os.close(terminal)
    data, deadline = b"", time.monotonic() + 25
    while time.monotonic() < deadline:
        try:
            more = os.read(main, 65536)
        except OSError:
            break
        if not more:
            break
        data += more
    check_equal("screen: exit status", child.wait(10), 0)
    os.close(main)
    check("screen: the alternate screen is entered and left", data.startswith(b"\x1b[?1049h") and data.endswith(b"\x1b[?1049l"))
    frame = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", data.split(b"\x1b[H")[-1].decode()).replace("\r", "")
    check("screen: tiles and board", "CSAT 30 days" in frame and "王小明" in frame, frame)
    wide = [line for line in frame.split("\n") if width(line) > columns]
    check_equal("screen: no line is too wide", wide, [])
    check_equal("screen: as many lines as the terminal has, at most", frame.count("\n") < 30, True)
    nothing_left("screen", [])


def width(line):
    import unicodedata
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


test_usage()
test_whole_run()
test_interrupted("SIGINT in the middle", signal.SIGINT, True)
test_interrupted("SIGTERM while starting", signal.SIGTERM, False)
test_interrupted("SIGHUP in the middle", signal.SIGHUP, True)
test_killed()
test_part_dies()
test_no_redis()
test_screen()
finish()
