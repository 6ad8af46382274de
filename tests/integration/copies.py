"""A long stream out of a short one: the events of a data set once for each of N organisations, told side by side in event time, and the
configuration that knows all of them. So a history of 15,000 events lasts for a run of an hour, and every copy must come out as the others.
Changes nothing but the org's name; the ids stay, for an id is one of its org.
"""
import gzip
import json

import lib
import pipeline


def name(org, copy):
    return f"{org}-{copy}" if copy else org


class Copies:
    """`events` (a file), `config`, `stream` events in all, `newest` ms. The first copy keeps the org's name; one copy is the data set itself."""

    def __init__(self, data_set, count):
        self.org, self.count = data_set, count
        self.events, self.config = pipeline.data_set(data_set)[0], pipeline.EXAMPLES / f"{data_set}.yaml"
        first = lib.load_ndjson(self.events)
        self.stream, self.newest = len(first) * count, max(e["occurred_at_ms"] for e in first)
        if count > 1:
            self.dir = lib.new_dir()
            self.events, self.config = self._write_events(first), self._write_config()

    def orgs(self):
        return [name(self.org, copy) for copy in range(self.count)]

    def _write_events(self, first):
        path = self.dir / "events.ndjson.gz"
        with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as out:
            for event in first:
                for org in self.orgs():
                    out.write(json.dumps({**event, "org_id": org}) + "\n")
        return path

    def _write_config(self):
        """The line of the org in the example once for each copy."""
        lines = []
        for line in self.config.read_text(encoding="utf-8").splitlines():
            known = line.startswith(f"  {self.org}: ")
            lines += [line.replace(self.org, org, 1) for org in self.orgs()] if known else [line]
        path = self.dir / "config.yaml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def rows_of(self, data, org):
        """The lines of one org, with the name of the first one."""
        mark, first = b'"org":"%s"' % org.encode(), b'"org":"%s"' % self.org.encode()
        subject, own = b'"subject":"%s"' % org.encode(), b'"subject":"%s"' % self.org.encode()
        return [line.replace(mark, first).replace(subject, own) for line in data.splitlines() if mark in line]
