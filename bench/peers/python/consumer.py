"""Workload W1 as a Python service: confluent-kafka in batches, protobuf's generated classes, cells coalesced in memory, then one MULTI in Redis
that holds the increments and the offsets, so that a crash repeats or loses nothing. After a restart the ids of the newest messages are read
again, for duplicates come at most a few thousand messages later. It ends at the end offsets that it finds at its start."""
import argparse
import json
import sys
from collections import deque

import redis
from confluent_kafka import Consumer, TopicPartition
from crmpulse.v1 import event_pb2

BATCH = 5000  # messages a call of consume()
CELLS_MAX = 20000  # cells that are written at once
IDS_KEPT = 20000  # newest event ids of a partition
OFFSETS = "bench:offsets"
SETTINGS = f"one process, consume({BATCH}), protobuf upb, a MULTI of at most {CELLS_MAX} cells with the offsets, hiredis parser, unix socket"


def mark(what):
    print(json.dumps({"mark": what}), flush=True)


class Ids:
    """The newest ids of one partition."""

    def __init__(self):
        self.known = set()
        self.order = deque()

    def is_new(self, name):
        if name in self.known:
            return False
        self.known.add(name)
        self.order.append(name)
        if len(self.order) > IDS_KEPT:
            self.known.discard(self.order.popleft())
        return True


class Service:
    def __init__(self, options):
        self.window_ms = options.window_ms
        self.topic = options.topic
        self.store = redis.Redis(unix_socket_path=options.redis)
        self.consumer = Consumer({"bootstrap.servers": options.brokers, "group.id": options.group, "enable.auto.commit": False,
                                  "isolation.level": "read_committed", "queued.min.messages": 1000000})
        self.cells = {}
        self.ids = {}
        self.next = {}
        self.stored = {}
        self.ends = {}

    def assign(self):
        stored = {int(p): int(at) for p, at in self.store.hgetall(OFFSETS).items()}
        start = []
        for p in self.consumer.list_topics(self.topic, timeout=20).topics[self.topic].partitions:
            first, self.ends[p] = self.consumer.get_watermark_offsets(TopicPartition(self.topic, p), timeout=20)
            self.stored[p] = stored.get(p, first)
            self.next[p] = max(first, self.stored[p] - IDS_KEPT)
            self.ids[p] = Ids()
            start.append(TopicPartition(self.topic, p, self.next[p]))
        self.consumer.assign(start)

    def take(self, message):
        p, at = message.partition(), message.offset()
        self.next[p] = at + 1
        event = event_pb2.Event.FromString(message.value())
        org = event.org_id
        if not self.ids[p].is_new((org, event.event_id)) or at < self.stored[p]:
            return
        at_ms = event.occurred_at_ms
        amount = event.deal_closed.amount_micros
        start = at_ms - at_ms % self.window_ms
        cells = self.cells
        for subject in (f"org:{org}", f"team:{event.team_id}", f"rep:{event.owner_id}"):
            key = start, org, subject
            cell = cells.get(key)
            if cell is None:
                cells[key] = [1, amount]
            else:
                cell[0] += 1
                cell[1] += amount

    def flush(self):
        pipe = self.store.pipeline(transaction=True)
        for (start, org, subject), (count, total) in self.cells.items():
            pane = f"bench:pane:{org}:{start}"
            pipe.hincrby(pane, f"{subject}|count", count)
            pipe.hincrby(pane, f"{subject}|sum", total)
        pipe.hset(OFFSETS, mapping=self.next)
        pipe.execute()
        self.cells = {}

    def run(self):
        self.assign()
        first = True
        while any(self.next[p] < end for p, end in self.ends.items()):
            messages = self.consumer.consume(BATCH, timeout=0.5)
            if messages and first:
                mark("first")
                first = False
            for message in messages:
                if message.error():
                    raise RuntimeError(message.error())
                self.take(message)
            if len(self.cells) >= CELLS_MAX:
                self.flush()
        self.flush()

    def write(self, path):
        with open(path, "w", encoding="utf-8") as out:
            for pane in self.store.scan_iter("bench:pane:*", count=1000):
                _, _, org, start = pane.decode().split(":")
                row = self.store.hgetall(pane)
                for field, value in row.items():
                    name, what = field.decode().rsplit("|", 1)
                    if what == "count":
                        dim, subject = name.split(":", 1)
                        total = row[f"{name}|sum".encode()].decode()
                        out.write(f"{start}\t{org}\t{dim}\t{subject}\t{value.decode()}\t{total}\n")


def main():
    parser = argparse.ArgumentParser()
    for name in ("brokers", "topic", "group", "redis", "answers"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--window-ms", type=int, required=True)
    options = parser.parse_args()
    print(json.dumps({"settings": SETTINGS}), flush=True)
    service = Service(options)
    service.run()
    mark("end")
    sys.stdin.readline()
    service.write(options.answers)
    service.consumer.close()


main()
