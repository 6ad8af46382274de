"""The user that is shipped for Redis (config/redis-users.acl) may run what the program sends and what its scripts call, and nothing else."""
import re
import unittest
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


class RedisUsers(unittest.TestCase):
    def allowed(self):
        user = next(line for line in (REPO / "config/redis-users.acl").read_text().splitlines() if line.startswith("user crmpulse "))
        return {word[1:].split("|")[0] for word in user.split() if word.startswith("+")}

    def used(self):
        scripts = "".join(p.read_text() for p in (REPO / "daemon/redis/lua").glob("*.lua"))
        sources = "".join(p.read_text() for p in (REPO / "daemon/redis").glob("*.c"))
        called = set(re.findall(r"redis\.p?call\('([A-Z]+)'", scripts))
        # commit.lua runs what its table names.
        called |= set(re.findall(r"^    ([A-Z]+) = \{ needs", scripts, re.M))
        # Words behind a command, what needs no right, and what goes to Sentinels only.
        sent = set(re.findall(r'redis_argv_text\([^,]+, "([A-Z]{3,})"\)', sources)) - {"LOAD", "COUNT", "SLOTS", "AUTH", "SENTINEL"}
        return {name.lower() for name in called | sent}

    def test_every_command_is_allowed_and_no_other(self):
        self.assertGreater(len(self.used()), 25)
        self.assertEqual(sorted(self.allowed() - self.used()), [])
        self.assertEqual(sorted(self.used() - self.allowed()), [])


if __name__ == "__main__":
    unittest.main()
