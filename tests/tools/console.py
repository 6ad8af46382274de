"""Blocks marked `console` of a Markdown page: lines with `$ ` are run by one bash, `> ` goes on with such a line, what follows is what it has to print. A line `..` stands for any
number of lines, `..` inside a line for any text. Imported by tests of pages; runs nothing by itself."""
import contextlib
import os
import re
import signal
import subprocess
import tempfile

MARK = "--- end of a command ---"


def steps(page):
    """[(command, expected lines)] of all console blocks, in order."""
    found = []
    for block in re.findall(r"(?ms)^```console\n(.*?)^```", page):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.startswith("> ") and not found[-1][1]:
                found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
            else:
                found[-1][1].append(line)
    return found


def pattern(lines):
    words = [".*\n" if line == ".." else ".*".join(re.escape(p) for p in line.split("..")) + "\n" for line in lines]
    return re.compile("".join(f"(?:{w})*" if line == ".." else w for line, w in zip(lines, words)))


def run(page, cwd, env, timeout):
    """[(command, expected text, printed text, does it fit)]; what a command says on standard error counts as printed after the rest, as on a terminal. Commands share a
    shell, so `cd` and `export` last."""
    todo = steps(page)
    with tempfile.NamedTemporaryFile() as errors:
        script = "".join(f"{{ {command}\n}} 2>'{errors.name}'; cat '{errors.name}'; echo '{MARK}'\n" for command, _ in todo)
        shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd, env=env, start_new_session=True)
        try:
            text = shell.communicate(script.encode(), timeout=timeout)[0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)  # what it may have left in the background
            shell.wait()
    printed = text.decode().split(MARK + "\n")[:-1]
    printed += ["(never run)"] * (len(todo) - len(printed))
    return [(command, "".join(line + "\n" for line in lines), text, bool(pattern(lines).fullmatch(text))) for (command, lines), text in zip(todo, printed)]
