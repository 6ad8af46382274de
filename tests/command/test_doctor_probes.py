"""The doctor tries every command that config/redis-users.acl allows, and no other: what it calls well is what the daemon needs."""
import re
import unittest
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


class DoctorProbes(unittest.TestCase):
    def test_probes_are_the_rights(self):
        user = next(line for line in (REPO / "config/redis-users.acl").read_text().splitlines() if line.startswith("user crmpulse "))
        allowed = {word[1:].split("|")[0] for word in user.split() if word.startswith("+")}
        source = (REPO / "daemon/cli/doctor_redis.c").read_text()
        table = source[source.index("probes[]"):source.index("};", source.index("probes[]"))]
        probed = {name.lower() for name in re.findall(r'\{ "([A-Z]+)"', table)}
        self.assertEqual(sorted(probed), sorted(allowed))


if __name__ == "__main__":
    unittest.main()
