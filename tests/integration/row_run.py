"""A row of a suite (tests/chaos, tests/scale) in a process of its own: its checks are lines `ok` and `not ok`, its last words `seen: ...`."""
import os
import re
import subprocess
import time
import traceback

import lib


def here(name, function):
    """In this process: runs it, says what was seen, exits."""
    try:
        print(f"seen: {function()}", flush=True)
    except Exception:  # pylint: disable=broad-except
        lib.check(f"{name} went through", False, traceback.format_exc())
    lib.finish()


def apart(title, command, log, limit_s, env=None):
    """In another one, its words in the file `log`; prints a line. {"passed", "checks" (how many were good), "seen"}"""
    began = time.monotonic()
    with open(log, "wb") as out:
        try:
            status = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, timeout=limit_s, check=False, env={**os.environ, **(env or {})}).returncode
        except subprocess.TimeoutExpired:
            status = -1
    text = log.read_text(errors="replace")
    good, bad = (re.findall(rf"^{word} (.*)", text, re.M) for word in ("ok", "not ok"))
    seen = re.findall(r"^seen: (.*)", text, re.M)
    passed = bool(status == 0 and good and not bad and seen)
    if not passed:
        print("\n".join(text.splitlines()[-25:]))
        seen = [f"FAILED: {'; '.join(bad) or f'exit status {status}'}"]
    print(f"{'ok' if passed else 'not ok'} {title} ({len(good)} checks, {time.monotonic() - began:.0f} s): {seen[-1]}", flush=True)
    return {"passed": passed, "checks": len(good), "seen": seen[-1]}
