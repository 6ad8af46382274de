"""docs/RUNBOOK.md: each reason that the sources can give for a halt, a pause or a rewind, and each event that is logged as a warning or an error, has its entry.

A reason counts as told if the page has its text up to the first bracket or semicolon, with a word in the place of each figure."""
import pathlib
import re
import unittest

REPO = pathlib.Path(__file__).resolve().parents[2]
STRING = r'"(?:[^"\\]|\\.)*"'
LITERAL = rf"{STRING}(?:\s*{STRING})*"


def source(name):
    return (REPO / name).read_text(encoding="utf-8")


def c_files():
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((REPO / "daemon").glob("*.c"))}


def text_of(literal):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literal))


def said_to(function, argument):
    """Literals that are the given argument (counted from 0) of calls, and those that are put into `why` in files that call it with that."""
    found = set()
    before = r"[^,()]+(?:\([^()]*\))?,\s*" * argument
    for text in c_files().values():
        found |= {text_of(m[1]) for m in re.finditer(rf"\b{function}\(\s*{before}({LITERAL})", text)}
        if re.search(rf"\b{function}\(\s*{before}why\b", text) and function == "ingest_halt":
            found |= {text_of(m[1]) for m in re.finditer(rf"snprintf\(why, sizeof why,\s*({LITERAL})", text)}
    return found


def refused_by(script):
    """What a script answers with BROKEN, variables as %s."""
    found = set()
    for m in re.finditer(r"\{ BROKEN, (.*?)(?:, 0)? \}", source(f"daemon/redis/lua/{script}"), re.S):
        pieces = re.split(r"\s*\.\.\s*", m[1])
        found.add("".join(p[1:-1] if p.startswith("'") else "%s" for p in pieces))
    return found


def phases():
    body = re.search(r"const char \*status_phase\(.*?\n\}", source("daemon/status.c"), re.S)[0]
    return set(re.findall(r'return "(\w+)"', body)) - {"running"}


def loud_events():
    """Names of events that some line logs as a warning or an error."""
    found = set()
    for text in c_files().values():
        for m in re.finditer(r"log_line\((.*?);", text, re.S):
            level = m[1].split('"')[0]
            if "LOG_WARNING_" in level or "LOG_ERROR_" in level:
                names = re.match(r'[^"]*("\w+"(?:\s*:\s*"\w+")?)', m[1])
                found |= set(re.findall(r'"(\w+)"', names[1]))
    return found - {"shard_back"} # good news, in one line with shard_away


def pattern(reason):
    head = re.split(r" \(|;", reason)[0].replace("`", "")
    return re.compile(r"\S+".join(re.escape(p) for p in re.split(r"%\.?\*?[a-z]+", head)))


class Runbook(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.page = source("docs/RUNBOOK.md").replace("`", "")

    def all_told(self, reasons, at_least):
        self.assertGreaterEqual(len(reasons), at_least, f"the sources are read wrongly: {sorted(reasons)}")
        self.assertEqual(sorted(r for r in reasons if not pattern(r).search(self.page)), [], "not in docs/RUNBOOK.md")

    def test_every_halt(self):
        self.all_told(said_to("ingest_halt", 2) | said_to("ingest_halt_all", 1), 6)

    def test_every_refusal_of_a_flush(self):
        self.all_told(refused_by("flush.lua"), 8)

    def test_every_refusal_of_a_store(self):
        rows = re.findall(rf"PREFLIGHT_REFUSE,\s*({LITERAL})", source("daemon/redis/preflight.c"))
        self.all_told(refused_by("open.lua") | {text_of(r) for r in rows}, 7)

    def test_every_pause(self):
        self.all_told({f"{phase}: " for phase in phases()}, 4)

    def test_every_rewind(self):
        self.all_told(said_to("ingest_rewind", 1), 8)

    def test_every_warning_and_error(self):
        self.all_told({f"event={name}" for name in loud_events()}, 15)
