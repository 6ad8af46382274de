"""Blocks marked `console` of a Markdown page: lines with `$ ` are run by one bash, what follows is what it has to print. A line `..` stands for any number of lines, `..` inside
a line for any text. Imported by tests of pages; runs nothing by itself."""
import re
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
            else:
                found[-1][1].append(line)
    return found


def pattern(lines):
    words = [".*\n" if line == ".." else ".*".join(re.escape(p) for p in line.split(" ..")) + "\n" for line in lines]
    return re.compile("".join(f"(?:{w})*" if line == ".." else w for line, w in zip(lines, words)))


def run(page, cwd, env, timeout):
    """[(command, expected text, printed text, does it fit)]; what a command says on standard error counts as printed after the rest, as on a terminal. Commands share a
    shell, so `cd` and `export` last."""
    todo = steps(page)
    with tempfile.NamedTemporaryFile() as errors:
        script = "".join(f"{{ {command}\n}} 2>'{errors.name}'; cat '{errors.name}'; echo '{MARK}'\n" for command, _ in todo)
        done = subprocess.run(["bash"], input=script.encode(), stdout=subprocess.PIPE, cwd=cwd, env=env, timeout=timeout, check=False)
    printed = done.stdout.decode().split(MARK + "\n")[:-1]
    printed += ["(never run)"] * (len(todo) - len(printed))
    return [(command, "".join(line + "\n" for line in lines), text, bool(pattern(lines).fullmatch(text))) for (command, lines), text in zip(todo, printed)]
