"""The rows of the fault matrix: what is done to the system and what must come of it. One function a row, in the files *_rows.py; a
function takes a Scenario and returns, in a few words, what was seen. Its checks are lines `ok` / `not ok` (tests/integration/lib.py)."""
import collections

Row = collections.namedtuple("Row", "id fault expected run")
ROWS = {}


def row(name, fault, expected):
    """Decorator: enters a function into the matrix."""
    def enter(function):
        if name in ROWS:
            raise ValueError(f"row {name} is there twice")
        ROWS[name] = Row(name, fault, expected, function)
        return function
    return enter


def order(name):
    """K2 before K10, and the families as they stand in the matrix."""
    letters = name.rstrip("0123456789abcdefghijklmnopqrstuvwxyz")
    digits = "".join(c for c in name[len(letters):] if c.isdigit())
    return "KRPNT".find(letters), int(digits or 0), name
