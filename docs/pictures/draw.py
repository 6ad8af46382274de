#!/usr/bin/env python3
"""Draws the pictures of docs/CONCEPTS.md as SVG beside this file: plain shapes and text, colours by the reader's light or dark scheme, no fonts from elsewhere.
--check changes nothing and fails if a picture is stale."""
import html
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
STYLE = """
text { font: 14px sans-serif; fill: #1b1f24; }
.small { font-size: 12px; } .dim { fill: #57606a; } .strong { font-weight: bold; } .mid { text-anchor: middle; } .end { text-anchor: end; }
.ground { fill: #ffffff; }
.box { fill: #f3f5f8; stroke: #8c959f; } .core { fill: #e1efff; stroke: #3b7dd8; } .store { fill: #e6f6e8; stroke: #3a8f4b; }
.bad { fill: #ffe9e6; stroke: #cf4a3c; } .line { stroke: #57606a; stroke-width: 1.5; fill: none; } .good { stroke: #3a8f4b; stroke-width: 2; fill: none; }
.cut { stroke: #cf4a3c; stroke-width: 2; stroke-dasharray: 6 4; fill: none; } .tip { fill: #57606a; } .red { fill: #b3261e; } .green { fill: #22702f; }
@media (prefers-color-scheme: dark) {
 text { fill: #e6edf3; } .dim { fill: #9aa5b1; } .ground { fill: #0d1117; }
 .box { fill: #1c232c; stroke: #768390; } .core { fill: #12294a; stroke: #5b9bf0; } .store { fill: #12301a; stroke: #56b368; } .bad { fill: #43191a; stroke: #e5695c; }
 .line { stroke: #9aa5b1; } .tip { fill: #9aa5b1; } .red { fill: #ff8f84; } .green { fill: #7ad38a; } }
"""


class Picture:
    def __init__(self, name, width, height, title):
        self.name, self.width, self.height, self.title, self.parts = name, width, height, title, []

    def add(self, tag, text=None, **attributes):
        words = "".join(f' {k.rstrip("_").replace("_", "-")}="{v}"' for k, v in attributes.items())
        self.parts.append(f"<{tag}{words}/>" if text is None else f"<{tag}{words}>{html.escape(text)}</{tag}>")

    def text(self, x, y, text, kind=""):
        self.add("text", text, x=x, y=y, class_=kind or "plain")

    def box(self, x, y, w, h, lines, kind="box"):
        """The first line is strong, the others small."""
        self.add("rect", x=x, y=y, width=w, height=h, rx=6, class_=kind)
        top = y + h / 2 - 8 * (len(lines) - 1) + 5
        for i, line in enumerate(lines):
            self.text(x + w / 2, top + 17 * i, line, "mid strong" if i == 0 else "mid small")

    def line(self, *points, kind="line", tip=True):
        self.add("polyline", points=" ".join(f"{x},{y}" for x, y in points), class_=kind)
        if tip:
            (x0, y0), (x, y) = points[-2:]
            dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
            side = f"{x - 8 * dx - 4 * dy},{y - 8 * dy - 4 * dx} {x - 8 * dx + 4 * dy},{y - 8 * dy + 4 * dx}"
            self.add("polygon", points=f"{x},{y} {side}", class_="tip")

    def svg(self):
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" role="img">'
        ground = f'<rect class="ground" width="{self.width}" height="{self.height}"/>'
        return "\n".join([head, f"<title>{html.escape(self.title)}</title>", f"<style>{STYLE}</style>", ground, *self.parts, "</svg>", ""])


def life():
    p = Picture("life", 900, 330, "The life of an event, from the Kafka record to the board")
    row = [("box", ["Kafka record", "bytes, offset"]), ("core", ["event", "deal_closed D1"]), ("core", ["record", "what D1's events say"]),
           ("core", ["facts", "what D1 contributes"]), ("core", ["deltas", "what has changed"])]
    for i, (kind, lines) in enumerate(row):
        p.box(20 + 176 * i, 46, 150, 60, lines, kind)
        if i:
            p.line((20 + 176 * i - 26, 76), (20 + 176 * i - 2, 76))
    for i, word in enumerate(["decode", "remember", "track", "difference"]):
        p.text(20 + 176 * (i + 1) - 13, 40, word, "mid small dim")
    p.line((799, 106), (799, 148))
    p.text(788, 130, "one script: all or nothing", "end small dim")
    p.box(500, 150, 380, 60, ["Redis: cells in panes, records, offset, feed", "org:acme|txn_amount, 3 March 09:00Z: +60 000"], "store")
    p.line((500, 180), (446, 180))
    p.text(473, 172, "judge", "mid small dim")
    p.box(232, 150, 212, 60, ["windows and KPIs", "sums of panes, formulas"], "core")
    p.line((232, 180), (178, 180))
    p.box(20, 150, 156, 60, ["views, outbox", "one fenced commit"], "store")
    p.line((98, 210), (98, 238))
    p.box(20, 240, 156, 60, ["Kafka topics", "alerts, boards, cards"])
    p.line((176, 196), (204, 196), (204, 270), (230, 270))
    p.box(232, 240, 212, 60, ["page, API, redis-cli", "what people read"])
    p.text(470, 266, "From the bytes to the deltas, and in the judge: pure functions.", "small dim")
    p.text(470, 284, "The same events give the same bytes, in replay and the daemon.", "small dim")
    p.text(20, 20, "One direction, no way back", "strong")
    return p


def clock():
    p = Picture("time", 900, 230, "Event time, watermark and a late event")
    p.text(20, 24, "event time", "strong")
    p.line((20, 120), (880, 120))
    for x, name in ((90, "e1"), (250, "e2"), (420, "e3"), (560, "e4"), (700, "e5")):
        p.add("circle", cx=x, cy=120, r=6, class_="core")
        p.text(x, 144, name, "mid small")
    p.line((700, 58), (700, 112))
    p.text(700, 50, "newest event of the slowest partition", "mid small")
    p.line((590, 70), (590, 170), kind="cut", tip=False)
    p.text(586, 66, "watermark", "end strong red")
    p.line((698, 84), (592, 84))
    p.text(645, 99, "out_of_orderness", "mid small dim")
    p.line((330, 196), (330, 128), kind="good")
    p.text(330, 212, "late event, comes now: counted where it happened", "mid small green")
    p.text(20, 176, "judged: alerts, snapshots up to here", "small dim")
    p.line((20, 160), (588, 160))
    p.text(880, 176, "live views hold everything", "end small dim")
    return p


def correction():
    p = Picture("correction", 900, 300, "A correction withdraws from the pane where it was counted")
    p.text(20, 24, "panes of event time, sales won by ann", "strong")
    names = ["Mon 3 March", "Tue 4", "Wed 5", "..", "Mon 10 March"]
    for i, name in enumerate(names):
        p.add("rect", x=20 + 172 * i, y=120, width=172, height=54, class_="store" if i == 0 else "box")
        p.text(106 + 172 * i, 192, name, "mid small")
    p.text(106, 144, "60 000 - 20 000", "mid small")
    p.text(106, 162, "40 000", "mid strong")
    for i in (1, 2, 4):
        p.text(106 + 172 * i, 152, "0", "mid")
    p.line((106, 70), (106, 118), kind="good")
    p.text(106, 60, "e1: D1 won, 60 000", "mid")
    p.line((794, 70), (794, 96), (150, 96), (150, 118), kind="cut")
    p.text(794, 60, "e6: D1 was 40 000", "mid")
    p.text(470, 88, "the difference of what D1 contributes: -20 000, into the pane of 3 March", "mid small red")
    p.line((20, 216), (780, 216), tip=False)
    p.line((20, 212), (20, 220), tip=False)
    p.line((780, 212), (780, 220), tip=False)
    p.text(400, 236, "judged at an instant up to here: 60 000, for the correction had not happened", "mid small")
    p.line((796, 216), (880, 216), tip=False)
    p.text(880, 236, "from here: 40 000", "end small")
    p.text(20, 270, "Pane: when it counts (3 March). Cause: the event that made the delta (10 March). The live view adds all deltas;", "small dim")
    p.text(20, 288, "a view judged at T holds those with cause before T. So replay judges the past as the daemon did.", "small dim")
    return p


def once():
    p = Picture("once", 900, 330, "Exactly once: what a crash between two steps leaves")
    p.text(20, 24, "a crash between any two steps", "strong")
    steps = [("box", ["read", "offsets 100-199"]), ("core", ["apply", "in memory"]), ("store", ["one script", "Redis, atomic"]),
             ("box", ["answer", "next batch"]), ("box", ["commit to group", "for displays only"])]
    after = [("nothing has happened:", "read again at 100"), ("memory is gone:", "read again at 100"), ("the store says 200:", "go on at 200"),
             ("the store says 200:", "go on at 200")]
    for i, (kind, lines) in enumerate(steps):
        p.box(20 + 176 * i, 50, 150, 60, lines, kind)
        if i:
            x = 20 + 176 * i - 13
            p.line((x - 13, 80), (x + 11, 80))
            p.line((x, 96), (x, 136), kind="cut", tip=False)
            p.text(x, 156, after[i - 1][0], "mid small red")
            p.text(x, 172, after[i - 1][1], "mid small")
    p.box(20, 200, 854, 74, ["flush.lua: first compare, then write",
                             "of each partition: epoch and next offset that it must hold (100)  ·  of each record: its version",
                             "if all fit: cells += deltas, records, offset = 200, feed entry.  If not: nothing, and the daemon reads the store again"], "store")
    p.text(20, 300, "The offset lies beside the figures and changes with them. Restored, failed over or rolled back, both go back together,", "small dim")
    p.text(20, 318, "and the same records are read again. An answer that never came is settled by reading, never by trying again.", "small dim")
    return p


def windows():
    p = Picture("windows", 900, 250, "Windows are sums of panes")
    p.text(20, 24, "one row of hour panes, any number of windows", "strong")
    for i, n in enumerate([2, 0, 1, 3, 0, 0, 1, 2, 4, 0, 1, 1, 0, 2, 1, 3, 0, 1]):
        p.add("rect", x=20 + 47 * i, y=44, width=47, height=40, class_="store")
        p.text(43 + 47 * i, 69, str(n), "mid")
    for y, first, last, name in ((110, 12, 18, "rolling, the last hours: 7"), (146, 6, 18, "rolling, a longer one: 16"),
                                 (182, 0, 12, "civil: the day of the org's zone: 15"), (218, 12, 18, "to date: the running day so far: 7")):
        x0, x1 = 21 + 47 * first, 19 + 47 * last
        p.line((x0, y - 8), (x0, y), (x1, y), (x1, y - 8), tip=False)
        p.text((x0 + x1) / 2, y + 16, name, "mid small")
    p.text(20, 114, "An event touches one pane of each measure,", "small dim")
    p.text(20, 132, "however many windows there are.", "small dim")
    return p


def daemons():
    p = Picture("daemons", 900, 330, "Partitions, daemons, shards and leases")
    p.text(20, 24, "topic crm.events", "strong")
    for i in range(4):
        p.box(20, 40 + 62 * i, 120, 46, [f"partition {i}"])
    p.text(360, 24, "daemons of one group", "mid strong")
    p.box(280, 62, 160, 70, ["daemon A", "reads 0, 1"], "core")
    p.box(280, 186, 160, 70, ["daemon B", "reads 2, 3"], "core")
    for i in range(4):
        p.line((140, 63 + 62 * i), (278, (90, 110, 210, 230)[i]))
    p.text(700, 24, "Redis", "mid strong")
    p.box(600, 46, 280, 96, ["shard 0", "acme, globex: panes, records, offsets", "lease: A, epoch 7"], "store")
    p.box(600, 176, 280, 96, ["shard 1", "initech: panes, records, offsets", "lease: B, epoch 4"], "store")
    for y in (90, 215):
        p.line((440, y), (598, y))
    p.line((440, 112), (598, 200))
    p.line((440, 200), (598, 118))
    p.text(519, 82, "flush, judge", "mid small dim")
    p.text(519, 234, "flush, judge", "mid small dim")
    p.text(540, 150, "flush", "small dim")
    p.text(20, 300, "Each partition has one reader: its epoch is compared by every flush. Each shard has one judge: the epoch of its lease is compared by every", "small dim")
    p.text(20, 318, "commit. A daemon that stood still and comes back finds another epoch; what it still wanted to write is refused.", "small dim")
    return p


def main(args):
    if args not in ([], ["--check"]):
        sys.exit("usage: docs/pictures/draw.py [--check]")
    for picture in (life(), clock(), correction(), once(), windows(), daemons()):
        path = FOLDER / f"{picture.name}.svg"
        if not args:
            path.write_text(picture.svg(), encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != picture.svg():
            sys.exit(f"{path.name} is stale: run docs/pictures/draw.py")


main(sys.argv[1:])
