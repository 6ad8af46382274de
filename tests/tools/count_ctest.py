"""count_ctest.py JUNIT_FILE: prints "PASSED FAILED". A Criterion program, a run of `crmpulse test` and one of
run_unittest.py count by their cases, any other CTest test as one."""
import re
import sys
import xml.etree.ElementTree as tree

CASES = re.compile(r"(?:cases|unittest): (\d+) passed, (\d+) failed(?:, (\d+) bad;)?")
SYNTHESIS = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+)")


def count(case):
    passed_as_a_whole = case.get("status") == "run"
    text = "".join(case.itertext())
    found, cases = SYNTHESIS.search(text), CASES.search(text)
    if cases:
        passing, failed, bad = (int(n or 0) for n in cases.groups())
        tested, failing = passing + failed + bad, failed + bad
    elif found:
        tested, passing = map(int, found.groups())
        failing = tested - passing
    else:
        return int(passed_as_a_whole), int(not passed_as_a_whole)
    if tested == 0 or (not passed_as_a_whole and failing == 0):
        failing += 1
    return passing, failing


def main():
    sums = [count(case) for case in tree.parse(sys.argv[1]).getroot().iter("testcase")]
    if not sums:
        sys.exit("no test in " + sys.argv[1])
    print(sum(p for p, _ in sums), sum(f for _, f in sums))


main()
