#!/usr/bin/env python3
"""Prints an output topic as JSON lines: read_topic.py BROKERS TOPIC FILE.proto MESSAGE. Shows that kcat and twenty lines are enough."""
import json, re, struct, subprocess, sys
brokers, topic, proto, top = sys.argv[1:]
source = re.sub(r"//.*", "", open(proto, encoding="utf-8").read())
schema = {name: {int(n): (kind, field, repeated) for repeated, kind, field, n in re.findall(r"(repeated )?(\w+) (\w+) = (\d+);", body)}
          for name, body in re.findall(r"message (\w+) \{(.*?)\n\}", source, re.S)}
def varint(data, at, n=0, shift=0):
    byte, n = data[at], n | (data[at] & 127) << shift
    return varint(data, at + 1, n, shift + 7) if byte > 127 else (n, at + 1)
def message(data, name, at=0):
    row = {}
    while at < len(data):
        tag, at = varint(data, at)
        kind, field, repeated = schema[name][tag >> 3]
        value, at = (struct.unpack_from("<d", data, at)[0], at + 8) if tag & 7 == 1 else varint(data, at)
        if tag & 7 == 2:
            part, at = data[at:at + value], at + value
            value = message(part, kind) if kind in schema else part.hex() if kind == "bytes" else part.decode()
        value = value - (value >> 63 << 64) if tag & 7 == 0 else value
        row[field] = [*row.get(field, []), value] if repeated else value
    return row
data, at = subprocess.run(["kcat", "-C", "-b", brokers, "-t", topic, "-o", "beginning", "-eq", "-f", "%S %s"], stdout=-1, check=True).stdout, 0
while at < len(data):
    start = data.index(b" ", at) + 1
    at, end = start + int(data[at:start]), start
    print(json.dumps(message(data[end:at], top), ensure_ascii=False))
