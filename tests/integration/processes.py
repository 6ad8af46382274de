"""Processes of this machine by /proc: who descends from whom, who still runs. Starts and ends none."""
import re
from pathlib import Path


def children(pid):
    """All descendants by /proc: {pid: command}."""
    parents, names = {}, {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = re.match(r"\d+ \((.*)\) . (\d+)", entry.read_text()).groups()
        except (OSError, AttributeError):
            continue
        parents[int(entry.parent.name)], names[int(entry.parent.name)] = int(rest), name
    found, more = {}, [pid]
    while more:
        parent = more.pop()
        for child, its_parent in parents.items():
            if its_parent == parent:
                found[child] = names[child]
                more.append(child)
    return found


def running(pids):
    """Those of the processes that exist and are no zombies."""
    left = []
    for pid in pids:
        try:
            if not re.search(r"^State:\s*Z", Path(f"/proc/{pid}/status").read_text(), re.M):
                left.append(pid)
        except OSError:
            pass
    return left
