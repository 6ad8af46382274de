"""Can the checks fail? Builds the daemon with one fault at a time and runs the suites that should see it, in order, until one goes red.

Each *.mutant here is a fault: lines `what:`, `file:`, `suites:`, then the text to find (`--- old`) and what stands in its place (`--- new`), once or, where
one line of defence stands behind another, for each of them. A text must occur exactly once: a mutant that no longer fits the source fails loudly. The tree is copied; nothing is built or changed in the tree itself.

Suites:  unit:NAME (Criterion program)   golden (cases and traps)   sim (the simulator, SIM_SEEDS seeds)   it:NAME (integration test on real servers)
"""
import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
HERE = REPO / "tests/mutants"
SIM_SEEDS = 600
DATA = os.environ.get("CRMPULSE_DATA") or str(REPO.parent / "shared/data")  # integration tests look beside their tree, which is a copy here
LIMIT_S = {"unit": 240, "golden": 300, "sim": 600, "it": 900}


class Mutant:
    def __init__(self, path):
        self.name = path.stem
        head, *rest = path.read_text().split("--- old\n")
        self.changes = [part.partition("--- new\n")[::2] for part in rest]
        keys = dict(line.split(": ", 1) for line in head.splitlines() if line.strip())
        self.what, self.file, self.suites = keys["what"], keys["file"], keys["suites"].split()

    def fault(self):
        """Why it does not fit the source, or None."""
        path = REPO / self.file
        text = path.read_text() if path.is_file() else ""
        found = [text.count(old) if old and old != new else 0 for old, new in self.changes]
        return None if found and set(found) == {1} else f"its text occurs {found} times in {self.file}"

    def put_into(self, text):
        for old, new in self.changes:
            text = text.replace(old, new)
        return text


def run(command, cwd, limit_s, log, **environment):
    """Exit status; None: too slow. Its own group, so that what it started ends with it."""
    with open(log, "ab") as out:
        child = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
                                 env={**os.environ, **environment})
        try:
            return child.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            return None


class Copy:
    """The tree somewhere else, with a build of its own."""

    def __init__(self, directory):
        self.tree, self.log = directory / "tree", directory / "log"
        names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=REPO, check=True, capture_output=True).stdout
        for name in names.decode().split("\0"):
            if name and (REPO / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPO / name, self.tree / name)
        self.has_sim = (self.tree / "tests/sim").is_dir()

    def build(self, targets):
        environment = {"CCACHE_BASEDIR": str(self.tree), "CCACHE_NOHASHDIR": "1"}
        if not (self.tree / "build/debug/build.ninja").exists() and run(["cmake", "--preset", "debug"], self.tree, 120, self.log, **environment) != 0:
            return False
        return run(["ninja", "-C", "build/debug", *targets], self.tree, 1800, self.log, **environment) == 0

    def targets(self, suite):
        kind, _, name = suite.partition(":")
        return {"unit": [name], "golden": ["crmpulse"], "sim": ["sim"], "it": ["crmpulse", "kafka_admin"]}[kind]

    def passes(self, suite):
        kind, _, name = suite.partition(":")
        command = {"unit": [f"build/debug/tests/unit/{name}", "--jobs=1"],
                   "golden": ["build/debug/crmpulse", "test", "--quiet", "tests/golden/kpi", "tests/golden/traps"],
                   "sim": ["build/debug/sim", "--seeds", f"1..{SIM_SEEDS}"],
                   "it": ["scripts/test", "--only", "integration", name]}[kind]
        return run(command, self.tree, LIMIT_S[kind], self.log, CRMPULSE_DATA=DATA) == 0


class Sound:
    """A suite that is red without a fault proves nothing. Each is run once on the tree as it is, when it is first needed."""

    def __init__(self, copy):
        self.copy, self.known = copy, {}

    def fault(self, suite):
        if suite not in self.known:
            self.known[suite] = self.copy.build(self.copy.targets(suite)) and self.copy.passes(suite)
        return "" if self.known[suite] else f"{suite} is red or not built without a fault"


def judge(copy, sound, mutant, kinds):
    """(the suite that went red or None, what else is wrong, how many suites were run)."""
    path = copy.tree / mutant.file
    original = path.read_text()
    tried = 0
    for suite in mutant.suites:
        if suite.partition(":")[0] not in kinds or (suite == "sim" and not copy.has_sim):
            continue
        if sound.fault(suite):
            return None, sound.fault(suite), tried
        try:
            path.write_text(mutant.put_into(original))
            if not copy.build(copy.targets(suite)):
                return None, "does not build", tried
            tried += 1
            if not copy.passes(suite):
                return suite, "", tried
        finally:
            path.write_text(original)
    return None, "", tried


def main():
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mutant", nargs="*", help="names; all if none is given")
    parser.add_argument("--list", action="store_true", help="names and what they do; fails if one does not fit the source")
    parser.add_argument("--suites", default="unit,golden,sim,it", help="kinds of suites to run (default: all)")
    parser.add_argument("--keep", action="store_true", help="keep the copy of the tree and its log")
    args = parser.parse_args()
    mutants = [m for m in map(Mutant, sorted(HERE.glob("*.mutant"))) if not args.mutant or m.name in args.mutant]
    unfit = [(m, m.fault()) for m in mutants if m.fault()]
    for m, why in unfit:
        print(f"not ok {m.name}: {why}", flush=True)
    if args.list:
        for m in mutants:
            print(f"{m.name:28} {m.what}")
        return 1 if unfit or not mutants else 0
    if not mutants:
        sys.exit("mutants: none of that name")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="crmpulse-mutants-"))
    kinds = set(args.suites.split(","))
    survived = 0
    try:
        copy = Copy(directory)
        sound = Sound(copy)
        for m in mutants:
            if m.fault():
                continue
            began = time.monotonic()
            by, wrong, tried = judge(copy, sound, m, kinds)
            survived += not by
            verdict = f"caught by {by}" if by else wrong or f"SURVIVED {tried} suites"
            print(f"{'ok' if by else 'not ok'} {m.name}: {verdict} ({time.monotonic() - began:.0f} s): {m.what}", flush=True)
    finally:
        if not args.keep:
            shutil.rmtree(directory, ignore_errors=True)
        else:
            print(f"kept: {directory}")
    survived += len(unfit)
    print(f"mutants: {len(mutants)} faults; {len(mutants) - survived} caught, {survived} not")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
