"""Protobuf's wire format by hand, so that tests can write what no library would and read what the product wrote without its schema.

encode() and decode() know varints, fixed64 and length-delimited fields, which is all that event.proto and the output messages use.
The numbers below are those of proto/crmpulse/v1; nothing else of the product is known here.
"""
import struct

# Event: the envelope, and the bodies the tests use.
EVENT = {"event_id": 1, "org_id": 2, "occurred_at_ms": 3, "entity_seq": 4, "actor_id": 5, "owner_id": 6, "team_id": 7, "channel": 8,
         "product_id": 9, "region": 10, "campaign_id": 11, "segment": 12, "source": 13, "schema_version": 14, "currency": 15}
DEAL_CLOSED, LEAD_CREATED, SURVEY_ANSWERED, LOGIN = 109, 101, 126, 140

DEAD_LETTER = {1: "reason", 2: "detail", 3: "topic", 4: "partition", 5: "offset", 6: "payload", 7: "payload_bytes", 8: "payload_hash",
               9: "org", 10: "event_id", 11: "received_at_ms"}
LATE_EVENT = {**DEAD_LETTER, 11: "type", 12: "occurred_at_ms", 13: "watermark_ms", 14: "received_at_ms"}


def varint(n):
    """A negative number takes ten bytes, as int64 does."""
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, value):
    """One field: an int as varint, a float as fixed64, text or bytes length-delimited."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(*fields):
    """message((number, value), ...): fields in this order; a value None is left out."""
    return b"".join(field(n, v) for n, v in fields if v is not None)


def event(body, body_bytes, **envelope):
    """An Event: the envelope by name, the body's number and bytes. body None: no body."""
    return message(*((EVENT[k], v) for k, v in envelope.items())) + (field(body, body_bytes) if body else b"")


def read_varint(data, at):
    n = shift = 0
    while True:
        byte = data[at]
        at += 1
        n |= (byte & 0x7F) << shift
        if byte < 0x80:
            return n, at
        shift += 7


def decode(data):
    """[(number, value)] in wire order: varints as signed 64-bit int, fixed64 as 8 bytes, the rest as bytes."""
    at, found = 0, []
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
            value -= (value >> 63) << 64
        else:
            length, at = (8, at) if tag & 7 == 1 else read_varint(data, at)
            if tag & 7 not in (1, 2) or at + length > len(data):
                raise ValueError(f"wire type {tag & 7} at {at}")
            value, at = data[at:at + length], at + length
        found.append((tag >> 3, value))
    return found


def named(data, names):
    """A flat message as a dict by the names given; absent fields are "" (texts) or 0, as in proto3."""
    texts = ("reason", "detail", "topic", "payload_hash", "org", "event_id", "type")
    row = {name: "" if name in texts else b"" if name == "payload" else 0 for name in names.values()}
    for number, value in decode(data):
        name = names[number]
        row[name] = value.decode() if name in texts else value
    return row
