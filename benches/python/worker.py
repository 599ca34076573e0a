"""An SDK for Python as a contestant of the bench: this project's, or Split's own, which have the same interface.

Usage: worker.py URL MODE

See run.py for the lines that it reads and writes.
"""

import itertools
import os
import sys
import threading
import time

import splitio

KEYS = [f"user-{number:015}" for number in range(1000)]
TWO = {"age": 30, "country": "us"}
FOUR = {"age": 30, "country": "us", "plan": "pro", "beta": True}
TEAM = [f"team_{number}" for number in range(20)]
unique = itertools.count()


class Listener:
    """Hears impressions."""

    heard = 0

    def log_impression(self, data):
        self.heard += 1


def started(url, mode):
    config = {
        "streamingEnabled": mode == "streaming",
        "impressionsMode": "NONE" if mode == "none" else "OPTIMIZED",
        # In milliseconds: not what is measured here may fail.
        "connectionTimeout": 120_000,
        "readTimeout": 120_000,
    }
    if mode == "listener":
        from splitio.client.listener import ImpressionListener

        config["impressionListener"] = type("Heard", (Listener, ImpressionListener), {})()
    services = {f"{service}_api_base_url": f"{url}/api" for service in ("sdk", "events", "auth", "telemetry")}
    factory = splitio.get_factory("bench-key", config=config, streaming_api_base_url=url, **services)
    factory.block_until_ready(300)
    return factory.client()


def ons(answers):
    return sum(answer == "on" for answer in answers.values())


def scenarios(client):
    """What is done with a key; how many answers are "on"."""

    def config(key):
        treatment, text = client.get_treatment_with_config(key, "configured")
        return treatment == "on" and text is not None

    return {
        "attr": lambda key: client.get_treatment(key, "attr", TWO) == "on",
        "kept": lambda key: client.get_treatment(key, "four", FOUR) == "on",
        "fresh": lambda key: (
            client.get_treatment(key, "four", {"age": 30, "country": "us", "plan": "pro", "beta": True}) == "on"
        ),
        "config": config,
        "twenty": lambda key: ons(client.get_treatments(key, TEAM)),
        "set": lambda key: ons(client.get_treatments_by_flag_set(key, "team")),
        **{
            flag: lambda key, flag=flag: client.get_treatment(key, flag) == "on"
            for flag in ("5050", "whitelist", "segment", "probe", "member")
        },
    }


class Part:
    """What one thread does."""

    def __init__(self, call, keys, calls):
        self.call, self.keys, self.calls = call, keys, calls

    def run(self):
        call, on = self.call, 0
        begun = time.thread_time_ns()
        for key in itertools.islice(itertools.cycle(self.keys), self.calls):
            on += call(key)
        self.used, self.on = time.thread_time_ns() - begun, on


def part(calls, scenario, count):
    keys = KEYS
    if scenario == "unique":
        keys = [f"new-{next(unique):016}" for _ in range(count)]
    elif scenario == "hundred":
        keys = KEYS[:100]
    return Part(calls["5050" if scenario in ("unique", "hundred") else scenario], keys, count)


def run_together(parts):
    """Nanoseconds on the wall."""
    together = threading.Barrier(len(parts) + 1)

    def work(part, cpu):
        os.sched_setaffinity(0, {cpu})
        together.wait()
        part.run()
        together.wait()

    cpus = sorted(os.sched_getaffinity(0))
    threads = [threading.Thread(target=work, args=pair) for pair in zip(parts, cpus, strict=False)]
    for thread in threads:
        thread.start()
    together.wait()
    begun = time.perf_counter_ns()
    together.wait()
    took = time.perf_counter_ns() - begun
    for thread in threads:
        thread.join()
    return took


def wait_for_a_change(probe):
    """The time of the clock on the wall in nanoseconds when the answer is another one."""
    before = probe(KEYS[0])
    print("waiting", flush=True)
    while probe(KEYS[0]) == before:
        time.sleep(0)  # lets go of the interpreter lock
    return time.time_ns()


def main():
    begun = time.perf_counter_ns()
    client = started(*sys.argv[1:3])
    calls = scenarios(client)
    print(f"ready {(time.perf_counter_ns() - begun) / 1e6:.3f}", flush=True)
    for line in sys.stdin:
        scenario, threads, count = line.split()
        threads, count = int(threads), int(count)
        if scenario == "await":
            print(wait_for_a_change(calls["probe"]), flush=True)
            continue
        if scenario == "json":
            print("-", flush=True)
            continue
        parts = [part(calls, scenario, count) for _ in range(threads)]
        begun = time.perf_counter_ns()
        if threads == 1:
            parts[0].run()
            took = time.perf_counter_ns() - begun
        else:
            took = run_together(parts)
        used, on = sum(part.used for part in parts), sum(part.on for part in parts)
        print(f"{used / count / threads:.1f} {took / count / threads:.1f} {on} -", flush=True)
    # Nothing is left to be sent, and Split's threads take their time.
    os._exit(0)


main()
