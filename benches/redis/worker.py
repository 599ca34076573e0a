"""One SDK for Python on Redis under measurement: does rounds of calls when it is told to.

Usage: worker.py PORT

Reads lines `CALL/THREADS` and answers each with calls per second.
"""

import logging
import sys
import threading
import time

import splitio

# Every user comes again and again, as in a server: where the call is not about impressions, there is one an hour.
KEYS = [f"user-{number}" for number in range(1000)]
LIST = [f"plain_{number}" for number in range(10)]
# Seconds that a round should take.
ROUND = 0.3
LONG = 3600


def factory(port, **config):
    return splitio.get_factory("a-key", config={"redisHost": "127.0.0.1", "redisPort": port, **config})


def calls(port):
    cached = factory(port, redisLocalCacheTTL=LONG).client()
    uncached = factory(port, redisLocalCacheEnabled=False).client()
    shown = factory(port, redisLocalCacheTTL=LONG, impressionsMode="DEBUG").client()
    return {
        "warm cache": lambda key: cached.get_treatment(key, "plain_0"),
        "warm cache, 10 flags": lambda key: cached.get_treatments(key, LIST),
        "warm cache, a segment": lambda key: cached.get_treatment(key, "for_members"),
        "no cache": lambda key: uncached.get_treatment(key, "plain_0"),
        "no cache, 10 flags": lambda key: uncached.get_treatments(key, LIST),
        "no cache, a segment": lambda key: uncached.get_treatment(key, "for_members"),
        "each with an impression": lambda key: shown.get_treatment(key, "plain_0"),
        "track": lambda key: shown.track(key, "user", "clicked"),
    }


def timed(call, threads, count):
    """Calls per second of the whole process, all threads together."""
    each = max(1, count // threads)
    ready, go = threading.Barrier(threads + 1), threading.Event()

    def work(offset):
        ready.wait()
        go.wait()
        for number in range(each):
            call(KEYS[(number + offset) % len(KEYS)])

    workers = [threading.Thread(target=work, args=[250 * number]) for number in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    began = time.perf_counter()
    go.set()
    for worker in workers:
        worker.join()
    return threads * each / (time.perf_counter() - began)


def main():
    logging.getLogger("splitio").setLevel(logging.ERROR)
    by_name = calls(int(sys.argv[1]))
    counts = {}
    for name, call in by_name.items():
        for key in KEYS:
            call(key)
        counts[name] = max(100, int(ROUND * timed(call, 1, 500)))
    print("ready", flush=True)
    for line in sys.stdin:
        name, threads = line.strip().rsplit("/", 1)
        print(timed(by_name[name], int(threads), counts[name]), flush=True)


main()
