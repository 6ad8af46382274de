#!/usr/bin/env python3
"""One row of the fault matrix: one_row.py ROW SEED [KAFKA_VERSION]. Prints its checks, and last `seen: ...`. CHAOS_KEEP=DIR: what there is to look at
after a failure goes below it."""
import os
import sys

import broker_rows  # noqa: F401  (each enters its rows)
import kafka_rows  # noqa: F401
import network_rows  # noqa: F401
import process_rows  # noqa: F401
import redis_rows  # noqa: F401
import time_rows  # noqa: F401
from registry import ROWS
from scenario import Scenario, lib
import row_run  # after scenario, which says where it is


def run(name, seed, version):
    scenario, whole = Scenario(seed, version), False
    try:
        seen = ROWS[name].run(scenario)
        whole = not lib.failures()
        return seen
    finally:
        if not whole and os.environ.get("CHAOS_KEEP"):
            scenario.keep(f"{os.environ['CHAOS_KEEP']}/{name}.{seed}")


def main():
    name, seed = sys.argv[1], int(sys.argv[2])
    row_run.here(name, lambda: run(name, seed, sys.argv[3] if len(sys.argv) > 3 else None))


if __name__ == "__main__":
    main()
