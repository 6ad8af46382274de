"""Nothing is left out: each trap of the specification has a test of the program, each KPI has a golden case, docs/KPI.md is what the program says."""
import json
import os
import pathlib
import re
import subprocess
import unittest

BIN, REPO = os.environ["CRMPULSE_BIN"], pathlib.Path(__file__).resolve().parents[2]

TRAPS = 37


def numbers(pattern, names):
    return {int(m[1]) for name in names for m in [re.match(pattern, name, re.I)] if m}


def crmpulse(*args):
    return subprocess.run([BIN, *args], capture_output=True, check=True, timeout=60).stdout.decode()


def switch_choices():
    """What docs/KPI.md would say: name -> the value in force, and the words to choose from (None: a number or a list)."""
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.*?) \| (.*?) \|$", crmpulse("kpis", "--markdown").split("## Switches")[1])
    return {name: (value, None if choices in ("a number", "a list") else choices.split(", ")) for name, value, choices in rows}


def cases_by_switch():
    """(switch, value) -> the KPIs asked for by the golden cases that set it; board and card cases count for any KPI: "*"."""
    asked = {}
    for path in sorted([*(REPO / "tests/golden/kpi").glob("*.yaml"), *(REPO / "tests/golden/traps").glob("*.yaml")]):
        text = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#"))
        kpis = set(re.findall(r"(?m)^ *- \{kpi: (\w+)", text)) or {"*"}
        for block in re.findall(r"switches: \{((?:[^{}\[\]]|\[[^\]]*\])*)\}", text):
            for name, value in re.findall(r"(\w+): *(\[[^\]]*\]|[^,\[\]]+)", block):
                asked.setdefault((name, value.strip().strip("\"'")), set()).update(kpis)
    return asked


class Lists(unittest.TestCase):
    maxDiff = None

    def test_every_trap_has_a_test(self):
        """tests/golden/traps/tNN*.yaml, a Criterion test tNN_.. or a command test test_tNN_... The oracle's tests (tests/model) are of the oracle, not of the program."""
        cases = numbers(r"t(\d+)(?!\d)", [p.name for p in (REPO / "tests/golden/traps").glob("*.yaml")])
        text = "\n".join(p.read_text(encoding="utf-8") for p in (REPO / "tests/unit").glob("test_*.c"))
        unit = numbers(r"t(\d+)_", re.findall(r"(?m)^Test\(\w+, (\w+)", text))
        text = "\n".join(p.read_text(encoding="utf-8") for p in (REPO / "tests/command").glob("test_*.py"))
        command = numbers(r"test_t(\d+)_", re.findall(r"def (\w+)", text))
        missing = sorted(set(range(1, TRAPS + 1)) - cases - unit - command)
        self.assertEqual(missing, [], "traps of the specification without a test")

    def test_every_kpi_has_a_golden_case(self):
        folder = REPO / "tests/golden/kpi"
        cases = {p.name.split(".")[0] for p in folder.glob("*.yaml")}
        ids = {json.loads(line)["id"] for line in crmpulse("kpis", "--json").splitlines()}
        self.assertEqual(sorted(ids - cases), [], "KPIs without tests/golden/kpi/<id>.yaml")
        self.assertEqual(sorted(cases - ids), [], "golden cases of no KPI")

    def test_every_choice_of_every_switch_has_a_golden_case(self):
        """A case that sets it and asks for a KPI that it changes. The default is what the cases without switches show; of a number or list another one is due."""
        asked, missing = cases_by_switch(), []
        users = {}
        for row in map(json.loads, crmpulse("kpis", "--json").splitlines()):
            for name in row["switches"]:
                users.setdefault(name, set()).add(row["id"])
        for name, (default, choices) in switch_choices().items():
            def shown(value, name=name):
                kpis = asked.get((name, value), set())
                return bool(kpis) and (name not in users or bool(kpis & (users[name] | {"*"})))
            if choices:
                missing += [f"{name}: {value}" for value in choices if value != default and not shown(value)]
            elif not any(n == name and value != default and shown(value) for n, value in asked):
                missing.append(f"{name}: other than {default}")
        self.assertEqual(missing, [], "choices of switches that no golden case sets")

    def test_every_golden_case_is_about_its_kpi(self):
        for path in sorted((REPO / "tests/golden/kpi").glob("*.yaml")):
            with self.subTest(path.name):
                text = path.read_text(encoding="utf-8")
                self.assertRegex(text, rf"kpi: {path.name.split('.')[0]}(_|\b)")
                self.assertTrue(text.startswith("#"), "the hand calculation comes first")

    def test_the_page_of_kpis_is_fresh(self):
        page = crmpulse("kpis", "--markdown")
        same = (REPO / "docs/KPI.md").read_text(encoding="utf-8") == page
        self.assertTrue(same, "docs/KPI.md is stale: run scripts/kpi-doc")

    def test_the_page_of_keys_is_fresh_and_complete(self):
        """docs/CONFIG.md: runtime keys as the program prints them, and a sentence for each key that the loader of definitions takes."""
        done = subprocess.run([REPO / "scripts/config-doc", "--check"], capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def test_the_pictures_are_fresh(self):
        done = subprocess.run([REPO / "docs/pictures/draw.py", "--check"], capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def test_links_of_pages_lead_somewhere(self):
        pages = [*REPO.glob("*.md"), *(REPO / "docs").glob("*.md"), *(REPO / "bench").glob("*.md")]
        links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))]
        dead = [f"{page.name}: {link}" for page, link in links if "://" not in link and not (page.parent / link).exists()]
        self.assertGreater(len(links), 40)
        self.assertEqual(dead, [])

    def test_commands_named_in_pages_exist_with_their_options(self):
        helps, wrong, n = {}, [], 0
        pages = [page for page in [*REPO.glob("*.md"), *(REPO / "docs").glob("*.md")] if page.name != "CHANGELOG.md"]
        for page in pages:
            for command, rest in re.findall(r"(?m)(?:^|[`$|] ?|&& )crmpulse ([a-z]+)([^`\n|#]*)", page.read_text(encoding="utf-8")):
                if command not in helps:
                    done = subprocess.run([BIN, command, "--help"], capture_output=True, check=False, timeout=60)
                    helps[command] = done.stdout.decode() if done.returncode == 0 else None
                options = re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)
                n += 1 + len(options)
                known = helps[command] or ""
                wrong += [f"{page.name}: crmpulse {command} {o}" for o in options if o not in known] + ([] if known else [f"{page.name}: crmpulse {command}"])
        self.assertGreater(n, 100)
        self.assertEqual(sorted(set(wrong)), [])
