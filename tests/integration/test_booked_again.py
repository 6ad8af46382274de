#!/usr/bin/env python3
"""What is booked is said again when Redis has lost it while a daemon runs (its newest writes went with a crash); else the next daemon would refuse to start."""
import lib
import pipeline

BOOKED = "cp:{0}:booked"

pipe = pipeline.Installation(pipeline.EXAMPLES / "golden.yaml", 1)
daemon = pipe.start()
redis = pipe.redis()
lib.wait_until(lambda: redis("EXISTS", BOOKED), 30, lambda: f"it is said at the start\n{daemon.text()[-800:]}")
before = redis.hash(BOOKED)
pipe.send(lib.REPO / "tests/golden/stream.ndjson")
lib.wait_until(lambda: pipe.offsets().get(0, {}).get("read") not in (None, "0"), 30, "something is read")
redis("DEL", BOOKED)
redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
lib.wait_until(lambda: redis("EXISTS", BOOKED), 30, lambda: f"it is said again\n{daemon.text()[-800:]}")
lib.check_equal("the same is said again", redis.hash(BOOKED), before)
lib.check_equal("the daemon ends well", daemon.stop(), 0)
lib.check("another one starts", pipe.settle(60))


# Nobody runs: it is not known by what the cells were booked.
redis("DEL", BOOKED)
done = lib.run([lib.BIN, "run", *pipe.options(), "--until-idle"], 30)
lib.check_equal("without a witness a daemon refuses", done.returncode, 78)
lib.finish()
