"""One SDK for Python under measurement: does rounds of evaluations when it is told to.

Usage: worker.py EMULATOR-URL [released]

Reads lines `CALL THREADS` and answers each with nanoseconds for an evaluation. With `released` our own package gives up
the interpreter lock in evaluations, as it does for storages that have to be waited for.
"""

import sys
import threading
import time

import splitio

# Every user comes again and again, as in a server.
KEYS = [f"user-{number}" for number in range(1000)]
ATTRIBUTES = {"age": 30, "plan": "pro", "country": "AR", "beta": True}
LIST = ["plain", "by_attributes", "rollout", "killed", "plain_2", "plain_3", "plain_4", "plain_5", "plain_6", "plain_7"]
# Seconds that a round should take.
ROUND = 0.25


def calls(client):
    return {
        "get_treatment": lambda key: client.get_treatment(key, "rollout"),
        "with 4 attributes": lambda key: client.get_treatment(key, "by_attributes", ATTRIBUTES),
        "get_treatment_with_config": lambda key: client.get_treatment_with_config(key, "plain"),
        "get_treatments of 10 flags": lambda key: client.get_treatments(key, LIST),
        "not a flag": lambda key: client.get_treatment(key, "unknown"),
    }


def loops(call, count):
    """`count` evaluations, in loops over the keys."""
    for _ in range(max(1, count // len(KEYS))):
        for key in KEYS:
            call(key)


def timed(call, threads, count):
    """Nanoseconds for an evaluation: of the whole process, all threads together."""
    ready, go = threading.Barrier(threads + 1), threading.Event()

    def work():
        ready.wait()
        go.wait()
        loops(call, count)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    began = time.perf_counter_ns()
    go.set()
    for worker in workers:
        worker.join()
    return (time.perf_counter_ns() - began) / (threads * max(1, count // len(KEYS)) * len(KEYS))


def main():
    url = sys.argv[1]
    import logging

    # An unknown flag is a warning in each evaluation: nobody measures with that on the screen.
    logging.getLogger("splitio").setLevel(logging.ERROR)
    services = {f"{service}_api_base_url": f"{url}/api" for service in ("sdk", "events", "auth", "telemetry")}
    factory = splitio.get_factory("a-key", config={"streamingEnabled": False}, **services)
    factory.block_until_ready(10)
    if "released" in sys.argv:
        factory._keeps_lock = False
    evaluations = calls(factory.client())
    counts = {}
    for name, call in evaluations.items():
        loops(call, 1000)
        counts[name] = max(1000, int(ROUND * 1e9 / timed(call, 1, 2000)))
    print("ready", flush=True)
    for line in sys.stdin:
        name, threads = line.rsplit(maxsplit=1)
        threads = int(threads)
        print(timed(evaluations[name], threads, counts[name] // threads), flush=True)


main()
