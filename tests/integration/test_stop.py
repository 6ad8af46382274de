#!/usr/bin/env python3
"""SIGTERM at any time: exit status 0 within five seconds, also while Redis hangs or is gone and while no broker answers; and nothing is lost
or done twice by it."""
import os
import random
import signal
import time

import lib
import pipeline

SET = "ravenstack"
SETS = ["publish.snapshot_every=30d", "time.out_of_orderness=1d", "time.idle_timeout=60s"]
LIMIT_S = 5.0


def stop(name, daemon):
    began = time.monotonic()
    status = daemon.stop(20)
    took = time.monotonic() - began
    lib.check(f"{name}: exit status 0 within 5 s", status == 0 and took <= LIMIT_S, f"status {status} after {took:.1f} s: {daemon.text()[-800:]}")
    return took


chance = random.Random(5)
events, _ = pipeline.data_set(SET)
redis = lib.Server("redis")
pipe = pipeline.Installation(pipeline.EXAMPLES / f"{SET}.yaml", 4, redis.socket, SETS)
pipe.send(events, "--key", "event", "--shuffle-ms", "86400000")

longest = 0.0
for i in range(10):
    daemon = pipe.start()
    # Before main() nothing can hold a signal back.
    lib.wait_until(lambda d=daemon: d.text() or not d.alive(), 30, "its first line", 0.01)
    time.sleep(chance.choice((0.0, 0.05, 0.2, 0.5, 1.0, 2.0, 3.0)) + chance.uniform(0, 0.3))
    longest = max(longest, stop(f"TERM {i + 1} of 10, at work", daemon))
print(f"# longest {longest:.2f} s; read so far: {pipe.total('read')}")
lib.check("a lease is given up at the end", int(pipe.redis().hash("cp:{0}:lease")["until"]) <= time.time() * 1000, pipe.redis().hash("cp:{0}:lease"))

daemon = pipe.start()
time.sleep(1)
os.kill(redis.pid, signal.SIGSTOP)
time.sleep(0.3)
stop("while Redis hangs", daemon)
os.kill(redis.pid, signal.SIGCONT)

daemon = pipe.start()
time.sleep(1)
redis.kill()
time.sleep(0.5)
stop("while Redis is gone", daemon)
daemon = pipe.start()
time.sleep(0.5)
stop("before Redis was ever there", daemon)
redis = lib.Server("redis")

other = pipeline.Installation(pipeline.EXAMPLES / f"{SET}.yaml", 4, redis.socket, [*SETS, "kafka.brokers=127.0.0.1:1"])
daemon = other.start()
time.sleep(1)
stop("while no broker answers", daemon)

# What was cut short is done again, once. Redis lost everything above, so this one begins anew and is stopped in between.
pipe = pipeline.Installation(pipeline.EXAMPLES / f"{SET}.yaml", 4, redis.socket, SETS)
pipe.send(events, "--key", "event", "--shuffle-ms", "86400000")
for _ in range(3):
    daemon = pipe.start()
    time.sleep(chance.uniform(0.5, 3))
    stop("on the way", daemon)
pipe.settle(150)
lib.check_equal("counters add up", pipe.counters_add_up(), [])
got, want = pipe.query(), pipeline.replay(events, pipe.config, sets=SETS)
lib.check("rows equal those of a replay", got == want, pipeline.first_difference(got, want))
lib.finish()
