"""What the long test of zombies (tests/chaos/zombies.py) calls a foreign write: it must see one."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "chaos"))
from aof import Writers, commands  # noqa: E402  pylint: disable=wrong-import-position

OFF, LEASE, STATE, OUTBOX = (f"cp:{{0}}:{name}" for name in ("off", "lease", "state", "outbox"))
REST = "last=1 crc=0 max=1 idle=0 read=1 applied=1 duplicate=0 late=0 dead=0"


def part(n, next_offset, epoch):
    return ["HSET", OFF, f"in/{n}", f"next={next_offset} epoch={epoch} {REST}"]


SOUND = [["SELECT", "0"], part(0, -1, 1), part(0, 5, 1), part(1, 3, 1), ["HSET", LEASE, "owner", "a", "epoch", "1", "until", "9"],
         ["HSET", STATE, "/tick", "60000", "acme/alert|r|org|acme", "ok 0 0 0"], ["XADD", OUTBOX, "1-0", "topic", "alerts", "key", "acme", "id", "x1"],
         part(0, 5, 2), part(0, 9, 2), part(1, 3, 2), ["HSET", LEASE, "owner", "b", "epoch", "2", "until", "9"], ["HSET", STATE, "/tick", "60000"]]


class ForeignWrites(unittest.TestCase):
    def seen(self, *more):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "appendonlydir").mkdir()
            with open(path / "appendonlydir/appendonly.aof.1.incr.aof", "wb") as out:
                for words in [*SOUND, *more]:
                    out.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words))
            writers = Writers()
            for command in commands(path):
                writers.see(command)
            return writers

    def test_a_sound_history_has_none(self):
        writers = self.seen()
        self.assertEqual(writers.foreign, [])
        self.assertEqual([writers.flushes, writers.claims, writers.leases, writers.commits], [2, 4, 2, 2])

    def test_the_former_owner_of_a_partition(self):
        self.assertEqual(len(self.seen(part(0, 10, 1)).foreign), 1)

    def test_an_offset_that_goes_back(self):
        self.assertEqual(len(self.seen(part(0, 8, 2)).foreign), 1)

    def test_the_former_holder_of_the_lease(self):
        self.assertEqual(len(self.seen(["HSET", LEASE, "owner", "a", "epoch", "1", "until", "9"]).foreign), 1)

    def test_a_judged_tick_that_goes_back(self):
        self.assertEqual(len(self.seen(["HSET", STATE, "/tick", "59000"]).foreign), 1)

    def test_an_alert_that_enters_the_outbox_twice(self):
        self.assertEqual(len(self.seen(["XADD", OUTBOX, "2-0", "topic", "alerts", "key", "acme", "id", "x1"]).foreign), 1)
