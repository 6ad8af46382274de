#!/usr/bin/env python3
"""docs/START.md, from its own Kafka and Redis to the leaderboard over HTTP: its commands print what stands there. It works in build/try of the repository, as its reader does."""
import os
import shutil
import subprocess
import sys

import lib

sys.path.insert(0, str(lib.REPO / "tests/tools"))
import console  # noqa: E402

folder = lib.new_dir()
(folder / "bin").mkdir()
(folder / "bin/crmpulse").symlink_to(os.path.abspath(lib.BIN))
scratch = lib.REPO / "build/try"
page = (lib.REPO / "docs/START.md").read_text(encoding="utf-8").replace("127.0.0.1:9464", f"127.0.0.1:{lib.free_port()}")
lib.check("nobody else is trying", not scratch.exists(), scratch)
try:
    steps = console.run(page, lib.REPO, {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"}, 300)
    lib.check("the page has commands", len(steps) > 20, len(steps))
    for command, expected, printed, fits in steps:
        lib.check(command.splitlines()[0][:100], fits, f"expected:\n{expected}printed:\n{printed}")
    lib.check("nothing is left", not scratch.exists(), scratch)
finally:
    for server in ("redis", "kafka"):
        if (scratch / server).exists():
            subprocess.run([lib.REPO / "scripts" / server, "stop", "--dir", scratch / server], check=False, timeout=60)
    shutil.rmtree(scratch, ignore_errors=True)
lib.finish()
