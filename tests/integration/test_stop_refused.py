#!/usr/bin/env python3
"""A flush is refused while the daemon is being stopped, with the next batch applied behind it: neither may be lost. What goes into the batch behind was
counted on top of the refused one, so it must not be written without it.

A gate between the daemon and Redis holds a flush back, and lets all before it pass; once the daemon was told to stop, the gate answers the flush as
Redis does that is out of memory for a moment. The batch held is of one user, the one behind it of another, so that no record is in both; both users were
met before, so that the second batch needs nothing of Redis but what is asked for before the flush."""
import json
import socket
import threading
import time

import lib
import pipeline

BATCH = 50
BEGIN_MS = 1_700_000_000_000


class Gate:
    """A proxy that knows where a command ends. Once `armed` the next flush is kept, `held` tells; refuse() answers it and lets the rest follow."""

    def __init__(self, path):
        self.path, self.armed, self.held, self.answered = path, False, threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def refuse(self):
        self.answered.set()

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.path)
            threading.Thread(target=self._commands, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()

    def _commands(self, client, server):
        file = client.makefile("rb")
        try:
            while head := file.readline():
                words, raw = [], head
                for _ in range(int(head[1:])):
                    size = file.readline()
                    words.append(file.read(int(size[1:]) + 2))
                    raw += size + words[-1]
                flush = words[0][:7] == b"EVALSHA" and words[2][:-2] == b"5" and words[7][:-2] == b"cp:{0}:panes"
                if flush and self.armed:
                    self.armed = False
                    self.held.set()
                    self.answered.wait()
                    client.sendall(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n")
                else:
                    server.sendall(raw)
        except OSError:
            pass
        server.close()

    @staticmethod
    def _answers(server, client):
        try:
            while data := server.recv(65536):
                client.sendall(data)
        except OSError:
            pass


redis = lib.Server("redis")
directory = lib.new_dir()
config = directory / "one.yaml"
config.write_text("orgs: {acme: {zone: UTC, currency: USD, cycle: month}}\ntime: {retention: 1830d, wall_clock: false}\n")


def logins(name, user_ids):
    """A file of logins, one for each id, all within the same minute."""
    path = directory / f"{name}.ndjson"
    path.write_text("".join(json.dumps({"event_id": f"{name}{i}", "type": "login", "org_id": "acme", "occurred_at_ms": BEGIN_MS + i, "user_id": user}) + "\n"
                            for i, user in enumerate(user_ids)))
    return path


first, more = logins("first", ("ann", "bob")), logins("more", ["ann"] * BATCH + ["bob"] * BATCH)
count = 2 + 2 * BATCH
pipe = pipeline.Installation(config, 1, redis.socket, [f"kafka.batch_messages={BATCH}", "time.idle_timeout=60s"])
pipe.send(first)
gate = Gate(redis.socket)
daemon = pipe.start(sets=[f"redis.url=redis://127.0.0.1:{gate.port}"])
lib.wait_until(lambda: pipe.total("read") == 2, 30, "both users are known")
time.sleep(0.3)  # a flush is due as soon as there is something
gate.armed = True
pipe.send(more)
lib.check("a flush is held", gate.held.wait(30), daemon.text()[-1500:])
time.sleep(1)  # the batch behind it is applied
daemon.signal(15)
lib.wait_until(lambda: "event=stopping" in daemon.text(), 10, "it was told to stop")
gate.refuse()
lib.check_equal("exit status 0", daemon.wait(10), 0)
lib.check("a batch was applied behind it", f"applied={count}" in daemon.text(), daemon.text()[-1500:])
lib.check_equal("and is not written without it", pipe.total("read"), 2)
pipe.settle(60)
lib.check_equal("counters add up", pipe.counters_add_up(), [])
lib.check_equal("applied", pipe.total("applied"), count)
both = directory / "both.ndjson"
both.write_bytes(first.read_bytes() + more.read_bytes())
got, want = pipe.query(), pipeline.replay(both, config, sets=pipe.sets)
lib.check("rows equal those of a replay", got == want, pipeline.first_difference(got, want))
lib.finish()
