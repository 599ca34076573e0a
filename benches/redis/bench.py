"""Evaluations on Redis in Python: our package beside Split's own SDK, on one server, in one run.

Usage: bench.py OURS OFFICIAL [ROUNDS]

OURS and OFFICIAL are interpreters that have the one and the other. Rounds of both alternate, so that whatever else the
machine does hits each; the medians are compared. PYTHONPATH leads to the rig of tests/redis and its support.
"""

import pathlib
import statistics
import subprocess
import sys

from rig import seeds
from rig.servers import Server

HERE = pathlib.Path(__file__).parent
CALLS = [
    "warm cache",
    "warm cache, 10 flags",
    "warm cache, a segment",
    "no cache",
    "no cache, 10 flags",
    "no cache, a segment",
    "each with an impression",
    "track",
]
THREADS = (1, 4)


def seed(client):
    seeds.put_flags(
        client,
        seeds.flag("for_members", segment="members"),
        *(seeds.flag(f"plain_{number}") for number in range(10)),
    )
    client.sadd("SPLITIO.segment.members", *(f"user-{number}" for number in range(0, 1000, 2)))


class Worker:
    def __init__(self, python, port):
        self.process = subprocess.Popen(
            [python, str(HERE / "worker.py"), str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self.process.stdout.readline() != "ready\n":
            sys.exit("a worker did not start")

    def round(self, call, threads):
        self.process.stdin.write(f"{call}/{threads}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()


def main():
    ours, official = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with Server("appendonly no") as server, server.client() as client:
        seed(client)
        # One after the other: each measures itself first, to know how much a round is.
        workers = {"splitio-native": Worker(ours, server.port), "splitio_client": Worker(official, server.port)}
        print("Python on Redis, calls per second of the process (medians of interleaved rounds)")
        print(f"{'':28} {'threads':>7} " + " ".join(f"{name:>15}" for name in workers) + f" {'times':>7}")
        for call in CALLS:
            for threads in THREADS:
                seen = {name: [] for name in workers}
                for _ in range(rounds):
                    for name, worker in workers.items():
                        seen[name].append(worker.round(call, threads))
                    # What was pushed would only fill the memory.
                    seeds.clear_pushed(client)
                medians = {name: statistics.median(figures) for name, figures in seen.items()}
                times = medians["splitio-native"] / medians["splitio_client"]
                figures = " ".join(f"{medians[name]:15.0f}" for name in workers)
                print(f"{call:28} {threads:>7} {figures} {times:7.1f}", flush=True)
        for worker in workers.values():
            worker.end()


main()
