"""Command line of the oracle: rows, alerts, board. Prints one JSON object a line."""
import argparse
import json
import sys
from collections import defaultdict
from datetime import date

from . import alerts, boards, compare
from .calendar import Calendar, parse_hours, parse_instant
from .events import load
from .facts import Facts
from .kpis import TABLE, evaluate
from .measures import switches


def _common(parser):
    parser.add_argument("file")
    parser.add_argument("--tz", default="UTC")
    parser.add_argument("--week-start", default="monday")
    parser.add_argument("--fiscal-shift", type=int, default=0)
    parser.add_argument("--cycle", default="m", choices=list("mqhy"))
    parser.add_argument("--go-live", metavar="DATE")
    parser.add_argument("--currency", help="org currency; without it that of the earliest event with money")
    parser.add_argument("--hours", help="mon=09:00-18:00,..; default Mon-Fri 09:00-18:00")
    parser.add_argument("--holiday", action="append", default=[], metavar="DATE")
    parser.add_argument("--switch", action="append", default=[], metavar="NAME=VALUE")


def _parser():
    parser = argparse.ArgumentParser(prog="oracle")
    commands = parser.add_subparsers(dest="command", required=True)
    rows = commands.add_parser("rows")
    _common(rows)
    for name in ("at", "kpi", "window", "dim", "subject"):
        rows.add_argument("--" + name, action="append", default=[])
    rows.add_argument("--all", action="store_true")
    judge = commands.add_parser("alerts")
    _common(judge)
    judge.add_argument("--rules", required=True)
    judge.add_argument("--out-of-orderness", type=int, default=None, metavar="MS",
                       help="judge in order of arrival with this watermark delay; "
                            "without it every event counts from its occurrence on")
    check = commands.add_parser("compare", help="rows printed by another program, by line")
    _common(check)
    check.add_argument("rows", help="NDJSON of KPI rows")
    check.add_argument("--at", help="instant of rows that carry none")
    check.add_argument("--quantile-error", type=float, default=0.01)
    board = commands.add_parser("board")
    _common(board)
    board.add_argument("--at")
    board.add_argument("--kpi", default="sales_amount")
    board.add_argument("--window", default="m")
    board.add_argument("--dim", default="rep")
    return parser


def _orgs(args):
    events, rejects, duplicates = load(args.file)
    if rejects:
        print("rejected %d events" % len(rejects), file=sys.stderr)
    if duplicates:
        print("ignored %d duplicates" % duplicates, file=sys.stderr)
    groups = defaultdict(list)
    for event in events:
        groups[event["org_id"]].append(event)
    return groups


def _calendar(args):
    return Calendar(args.tz, args.week_start, args.fiscal_shift, args.cycle,
                    parse_hours(args.hours) if args.hours else None, map(date.fromisoformat, args.holiday), args.go_live)


def _rows(args, given):
    sw = switches(given)
    for org, events in sorted(_orgs(args).items()):
        facts = Facts(events, _calendar(args), args.currency)
        ats = [parse_instant(t) for t in args.at] or [max(e["occurred_at_ms"] for e in events)]
        for kpi in args.kpi or TABLE:
            _, known_windows, known_dims = TABLE[kpi]
            windows = args.window or known_windows
            dims = args.dim or (known_dims if args.all or args.subject else ["org"])
            for dim in dims:
                names = args.subject or boards.subjects(facts, dim)
                for name in names:
                    for window in windows:
                        for at in ats:
                            row = evaluate(facts, kpi, window, at, dim, name, sw)
                            yield {"org": org, "kpi": kpi, "window": window, "dim": dim,
                                   "subject": name, "at": at, **row}


def _alerts(args, given):
    with open(args.rules, encoding="utf-8") as stream:
        rules = json.load(stream)
    rules = rules.get("rules", rules) if isinstance(rules, dict) else rules
    for org, events in sorted(_orgs(args).items()):
        yield from alerts.judge(events, rules, _calendar(args), given, args.currency,
                                args.out_of_orderness)


def _compare(args, given):
    facts = {org: Facts(events, _calendar(args), args.currency)
             for org, events in _orgs(args).items()}
    with open(args.rows, encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream if line.strip()]
    tally = compare.Tally()
    yield from compare.differences(facts, rows, args.at, given, args.quantile_error, tally)
    yield {"compared": tally.compared, "different": tally.different, "unknown": tally.unknown}
    args.failed = tally.different > 0 or tally.compared == 0


def _board(args, given):
    for org, events in sorted(_orgs(args).items()):
        facts = Facts(events, _calendar(args), args.currency)
        at = parse_instant(args.at) if args.at else max(e["occurred_at_ms"] for e in events)
        for row in boards.rank(facts, args.kpi, args.window, at, args.dim, given):
            yield {"org": org, "kpi": args.kpi, "window": args.window, "dim": args.dim, **row}


def main():
    args = _parser().parse_args()
    given = dict(item.split("=", 1) for item in args.switch)
    args.failed = False
    command = {"rows": _rows, "alerts": _alerts, "board": _board,
               "compare": _compare}[args.command]
    for row in command(args, given):
        print(json.dumps(row, ensure_ascii=False))
    return 1 if args.failed else 0


if __name__ == "__main__":
    sys.exit(main())
