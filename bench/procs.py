"""Processor time and memory of a process with all its descendants, and of the machine, out of /proc. In seconds and bytes."""
import os
import time

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count()


def stat_of(pid):
    """Fields of /proc/PID/stat behind the name, which may hold anything: [0] is the state, [1] the parent. None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def tree(pid):
    """pid and its descendants that live: {pid: fields}."""
    stats = {int(name): stat_of(name) for name in os.listdir("/proc") if name.isdigit()}
    children = {}
    for child, fields in stats.items():
        if fields:
            children.setdefault(int(fields[1]), []).append(child)
    found, todo = {}, [pid]
    while todo:
        one = todo.pop()
        if stats.get(one):
            found[one] = stats[one]
            todo += children.get(one, [])
    return found


def cpu_s(pid):
    """User and system time of the tree, with that of children that ended and were waited for."""
    return sum(int(value) for fields in tree(pid).values() for value in fields[11:15]) * TICK_S


def rss_peak(pid):
    """Largest resident memory of the process so far; for a tree the sum of the largest of each, which may be too much."""
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/status", encoding="ascii", errors="replace") as file:
                total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def machine_s():
    """(busy, stolen) seconds of all cores since the start of the machine."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal = (int(value) for value in file.readline().split()[1:9])
    return (user + nice + system + irq + softirq) * TICK_S, steal * TICK_S


class Meter:
    """What a span of time cost: of Redis, of the broker, of the machine. `own_cpu_s` is what the measured tree took."""

    def __init__(self, redis_pid, broker_pid):
        self.pids = {"redis": redis_pid, "broker": broker_pid}
        self.begin_s = time.monotonic()
        self.begin = self.look()

    def look(self):
        busy, steal = machine_s()
        return {"busy": busy, "steal": steal, "self": time.process_time(), **{name: cpu_s(pid) for name, pid in self.pids.items()}}

    def figures(self, own_cpu_s):
        wall_s = time.monotonic() - self.begin_s
        now = self.look()
        took = {name: now[name] - self.begin[name] for name in now}
        foreign = took["busy"] - own_cpu_s - took["redis"] - took["broker"] - took["self"]
        return {"span_s": wall_s, "redis_cpu_s": took["redis"], "broker_cpu_s": took["broker"],
                "steal": max(0.0, took["steal"] / (wall_s * CORES)), "foreign": max(0.0, foreign / (wall_s * CORES))}
