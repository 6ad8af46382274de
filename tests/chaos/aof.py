"""What Redis wrote, in order, out of its append-only file: the whole history of a shard, nothing sampled. For servers started with
auto-aof-rewrite-percentage=0 and never restarted, so that one incremental file holds everything."""


def commands(directory):
    """Each command as a list of bytes, from the incremental file below `directory`."""
    path, = (directory / "appendonlydir").glob("*.incr.aof")
    with open(path, "rb") as f:
        while line := f.readline():
            if line[:1] == b"*":
                yield [f.read(int(f.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
            elif line[:1] != b"#":
                raise ValueError(f"{path}: {line[:60]!r} at {f.tell()}")


class Writers:
    """Who wrote, as the commands tell it: partitions by epoch and next offset, leases and judged ticks, alerts by id. `foreign` are writes of
    somebody who was not the owner any more: an epoch, an offset or a judged tick went back, or an alert entered the outbox twice (a board may:
    who judges next tells it again under its id)."""

    def __init__(self):
        self.flushes = self.claims = self.leases = self.commits = 0
        self.foreign = []
        self._parts, self._lease, self._tick, self._ids = {}, 0, None, set()

    def see(self, command):
        if len(command) > 3 and command[1].endswith(b":off"):
            for part, text in zip(command[2::2], command[3::2]):
                self._part(part, text)
        elif len(command) > 3 and command[1].endswith(b":lease"):
            self._hold(dict(zip(command[2::2], command[3::2])))
        elif len(command) > 3 and command[1].endswith(b":state") and command[0].upper() == b"HSET":
            self._judge(dict(zip(command[2::2], command[3::2])))
        elif command[0].upper() == b"XADD" and command[1].endswith(b":outbox"):
            self._out(dict(zip(command[3::2], command[4::2])))

    def _part(self, part, text):
        row = dict(pair.split("=", 1) for pair in text.decode().split())
        epoch, following = int(row["epoch"]), int(row["next"])
        had_epoch, had_next = self._parts.get(part, (0, -1))
        if epoch > had_epoch:
            self.claims += 1
        else:
            self.flushes += 1
        if epoch < had_epoch or following < had_next:
            self.foreign.append(f"{part.decode()}: next={following} epoch={epoch} after next={had_next} epoch={had_epoch}")
        self._parts[part] = epoch, following

    def _hold(self, row):
        epoch = int(row[b"epoch"])
        self.leases += epoch > self._lease
        if epoch < self._lease:
            self.foreign.append(f"lease: epoch {epoch} after {self._lease}")
        self._lease = epoch

    def _judge(self, row):
        tick = row.get(b"/tick")
        if tick is None:
            return
        self.commits += 1
        if self._tick is not None and int(tick) < self._tick:
            self.foreign.append(f"judged tick {int(tick)} after {self._tick}")
        self._tick = int(tick)

    def _out(self, row):
        if row[b"topic"] == b"alerts":
            if row[b"id"] in self._ids:
                self.foreign.append(f"outbox: alert {row[b'id'].decode()} a second time")
            self._ids.add(row[b"id"])
