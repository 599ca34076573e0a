"""Evaluations in Python: our package beside Split's own SDK, in one run.

Usage: bench.py EMULATOR WORK OURS OFFICIAL [ROUNDS]

OURS and OFFICIAL are interpreters that have the one and the other. Rounds of all alternate, so that whatever else the
machine does hits each; the medians are compared.
"""

import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "bindings" / "python" / "tests"))

from support import flags
from support.flags import condition, everyone, flag, keys, matcher

THREADS = (1, 4)
CALLS = [
    "get_treatment",
    "with 4 attributes",
    "get_treatment_with_config",
    "get_treatments of 10 flags",
    "not a flag",
]


def definitions():
    adults = matcher("GREATER_THAN_OR_EQUAL_TO", "age", unaryNumericMatcherData={"dataType": "NUMBER", "value": 18})
    plans = matcher("WHITELIST", "plan", whitelistMatcherData={"whitelist": ["pro", "team"]})
    countries = matcher("WHITELIST", "country", whitelistMatcherData={"whitelist": ["AR", "UY"]})
    beta = matcher("EQUAL_TO_BOOLEAN", "beta", booleanMatcherData=True)
    return flags.document(
        flag("rollout", keys("on", "somebody"), everyone({"on": 50, "off": 50})),
        flag("by_attributes", condition("on", adults, plans, countries, beta), everyone("off")),
        flag("plain", everyone("on"), configurations={"on": json.dumps({"color": "red"})}),
        flag("killed", everyone("on"), killed=True),
        *(flag(f"plain_{number}", everyone("on")) for number in range(2, 8)),
    )


class Worker:
    def __init__(self, python, *arguments):
        self.process = subprocess.Popen(
            [python, str(HERE / "worker.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ready(self):
        if self.process.stdout.readline() != "ready\n":
            sys.exit("a worker did not start")
        return self

    def round(self, call, threads):
        self.process.stdin.write(f"{call} {threads}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()


def main():
    emulator, work, ours, official = sys.argv[1:5]
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 7
    file = pathlib.Path(work) / "python-flags.json"
    file.write_text(definitions())
    backend = subprocess.Popen(
        [emulator, "--port", "0", "--file", str(file), "--no-record"], stdout=subprocess.PIPE, text=True
    )
    url = backend.stdout.readline().split()[-1]
    # One after the other: each measures itself first, to know how much a round is.
    workers = {
        "splitio-native": Worker(ours, url).ready(),
        "lock given up": Worker(ours, url, "released").ready(),
        "splitio_client": Worker(official, url).ready(),
    }
    print("Python, ns per evaluation (medians of interleaved rounds; 4 threads: of the process)")
    print(f"{'':28} {'threads':>7} " + " ".join(f"{name:>15}" for name in workers) + f" {'times':>7}")
    for call in CALLS:
        for threads in THREADS:
            seen = {name: [] for name in workers}
            for _ in range(rounds):
                for name, worker in workers.items():
                    seen[name].append(worker.round(call, threads))
            medians = {name: statistics.median(figures) for name, figures in seen.items()}
            times = medians["splitio_client"] / medians["splitio-native"]
            print(
                f"{call:28} {threads:>7} " + " ".join(f"{medians[name]:15.0f}" for name in workers) + f" {times:7.1f}",
                flush=True,
            )
    for worker in workers.values():
        worker.end()
    backend.terminate()
    backend.wait()


main()
