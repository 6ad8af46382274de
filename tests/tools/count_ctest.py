"""count_ctest.py JUNIT_FILE: prints "PASSED FAILED". A Criterion program counts by its cases, any other CTest test as one."""
import re
import sys
import xml.etree.ElementTree as tree

SYNTHESIS = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+)")


def count(case):
    passed_as_a_whole = case.get("status") == "run"
    found = SYNTHESIS.search("".join(case.itertext()))
    if not found:
        return int(passed_as_a_whole), int(not passed_as_a_whole)
    tested, passing = map(int, found.groups())
    failing = tested - passing
    if tested == 0 or (not passed_as_a_whole and failing == 0):
        failing += 1
    return passing, failing


def main():
    sums = [count(case) for case in tree.parse(sys.argv[1]).getroot().iter("testcase")]
    if not sums:
        sys.exit("no test in " + sys.argv[1])
    print(sum(p for p, _ in sums), sum(f for _, f in sums))


main()
