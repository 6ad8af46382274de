"""The expected answers of workload W1, from an own reading of the topic: own wire reader, plain dictionaries, nothing shared with any contestant.
Those of W2 are in oracle_w2.py.

Answers are {(window start ms, org, dim, subject): (count, sum in micro-units)}; files of them have one a line, separated by tabs. It does not
know how a contestant is asked."""


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of each field of a message: bytes, or the number of a varint. Other wire types do not occur in the topic."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {tag & 7}")
        yield tag >> 3, value


EVENT_ID, ORG, AT_MS, OWNER, TEAM, DEAL_CLOSED = 1, 2, 3, 6, 7, 109
OUTCOME, AMOUNT, CUSTOMER, OPENED_MS = 2, 3, 8, 10  # of the deal


class Reader:
    """Takes messages in any order; hands each event to `count` once."""

    def __init__(self):
        self.seen = set()
        self.newest_ms = 0
        self.messages = 0

    def take(self, data):
        event = dict(fields(data))
        self.messages += 1
        org = event[ORG].decode()
        if (org, event[EVENT_ID]) in self.seen:
            return
        self.seen.add((org, event[EVENT_ID]))
        self.newest_ms = max(self.newest_ms, event[AT_MS])
        subjects = ("org", org), ("team", event[TEAM].decode()), ("rep", event[OWNER].decode())
        self.count(event[AT_MS], org, subjects, dict(fields(event[DEAL_CLOSED])))

    def count(self, at_ms, org, subjects, deal):
        raise NotImplementedError


class Oracle(Reader):
    """W1: cells of tumbling windows."""

    def __init__(self, window_ms):
        super().__init__()
        self.window_ms = window_ms
        self.cells = {}

    def count(self, at_ms, org, subjects, deal):
        start = at_ms - at_ms % self.window_ms
        for dim, subject in subjects:
            count, total = self.cells.get((start, org, dim, subject), (0, 0))
            self.cells[start, org, dim, subject] = (count + 1, total + deal[AMOUNT])


def read_topic(brokers, topic, take):
    """Hands every message of the topic to `take`."""
    from confluent_kafka import Consumer, KafkaError, TopicPartition

    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "bench-oracle", "enable.auto.commit": False, "enable.partition.eof": True})
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    ended = set()
    while len(ended) < len(partitions):
        for message in consumer.consume(10000, timeout=1):
            if not message.error():
                take(message.value())
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            else:
                raise RuntimeError(message.error())
    consumer.close()


def read_all(brokers, topic, reader):
    read_topic(brokers, topic, reader.take)
    return reader


def read_answers(path):
    answers = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            start, org, dim, subject, count, total = line.rstrip("\n").split("\t")
            key = int(start), org, dim, subject
            if key in answers:
                raise ValueError(f"{path}: {key} is answered twice")
            answers[key] = int(count), int(total)
    return answers


def compare(want, got):
    """None if they are equal, else a sentence that says how they differ."""
    if want == got:
        return None
    missing = [key for key in want if key not in got]
    beyond = [key for key in got if key not in want]
    other = [key for key in want if key in got and want[key] != got[key]]
    example = (other or missing or beyond)[0]
    return (f"{len(missing)} of {len(want)} answers are missing, {len(beyond)} are too many, {len(other)} differ; "
            f"{example}: {got.get(example)} instead of {want.get(example)}")
