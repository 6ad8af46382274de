"""run_unittest.py DIRECTORY: runs its test_*.py with unittest, talk to standard error, and prints "PASSED FAILED". A skipped
test counts as failed: a missing part must be seen."""
import sys
import unittest


def main():
    suite = unittest.defaultTestLoader.discover(sys.argv[1], pattern="test_*.py")
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=1).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.skipped) + len(result.unexpectedSuccesses)
    if result.testsRun == 0 and failed == 0:
        sys.exit("no test found in " + sys.argv[1])
    passed = max(result.testsRun - failed, 0)
    print(f"unittest: {passed} passed, {failed} failed", file=sys.stderr)
    print(passed, failed)


main()
