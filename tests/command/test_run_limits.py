"""What `crmpulse run` refuses at the start: a limit of open files that librdkafka cannot work with (a low soft limit is raised), Kafka settings that it does not take."""
import resource
import subprocess
import unittest

from command import BIN, RUNTIME, Case, RedisCase


class Limits(Case):
    def run_limited(self, soft, hard):
        """(exit code, log) of a daemon whose Redis is not there; it is told to end after a moment."""
        run = subprocess.Popen([BIN, "run", "--set", f"redis.url=unix://{self.dir}/none.sock", "--set", "kafka.brokers=127.0.0.1:1", "--set",
                                "kafka.topics.input=[in]"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
        try:
            _, log = run.communicate(timeout=1.5)
        except subprocess.TimeoutExpired:
            run.terminate()
            _, log = run.communicate(timeout=10)
        return run.returncode, log.decode()

    def test_too_few_are_refused(self):
        code, log = self.run_limited(32, 32)
        self.assertEqual(code, RUNTIME, log)
        self.assertIn("at most 32 files may be open", log)
        self.assertIn("needs 65", log)

    def test_a_soft_limit_is_raised(self):
        code, log = self.run_limited(32, 256)
        self.assertEqual(code, 0, log)
        self.assertNotIn("may be open", log)


class Clients(RedisCase):
    def test_a_client_that_cannot_be_made(self):
        code, _, err = self.run_command("run", "--set", f"redis.url=unix://{self.path}", "--set", "kafka.brokers=127.0.0.1:1", "--set",
                                        "kafka.topics.input=[in]", "--set", "kafka.security=ssl", "--set",
                                        f"kafka.properties.ssl.ca.location={self.dir}/none.pem")
        self.assertEqual(code, RUNTIME, err)
        self.assertIn("ssl.ca.location failed", err)
        self.assertIn("exit code 1", err)



if __name__ == "__main__":
    unittest.main()
