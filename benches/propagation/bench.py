"""From a change in the backend to an evaluation that answers differently, by the stream and without a fetch.

Usage: bench.py EMULATOR PROPAGATION WORK [CHANGES]

EMULATOR and PROPAGATION are programs, WORK a directory for the data.
"""

import json
import pathlib
import subprocess
import sys
from urllib.parse import urlsplit

SIZES = [1000, 10000]
SEGMENTS = 20


def flag(number):
    """One of an environment where flags have sets, a segment in common, and rules."""
    member = {
        "matcherType": "IN_SEGMENT",
        "userDefinedSegmentMatcherData": {"segmentName": f"segment_{number % SEGMENTS}"},
    }
    return {
        "name": f"flag_{number:05}",
        "trafficTypeName": "user",
        "status": "ACTIVE",
        "killed": False,
        "defaultTreatment": "off",
        "changeNumber": 1,
        "seed": number,
        "algo": 2,
        "sets": [f"set_{number % 50}", "web"],
        "conditions": [
            {
                "conditionType": "ROLLOUT",
                "label": "members",
                "matcherGroup": {"combiner": "AND", "matchers": [member]},
                "partitions": [{"treatment": "on", "size": 50}, {"treatment": "off", "size": 50}],
            }
        ],
    }


def main():
    emulator, propagation, work = sys.argv[1:4]
    changes = sys.argv[4] if len(sys.argv) > 4 else "1000"
    print(f"\nFrom a change in the backend to the evaluation: {changes} updates by the stream, in microseconds")
    print(f"{'':28} {'median':>9} {'p99':>9} {'most':>9} {'fetches':>9}")
    for size in SIZES:
        file = pathlib.Path(work) / f"propagation-{size}.json"
        file.write_text(json.dumps({"ff": {"d": [flag(number) for number in range(size)], "t": 1}}))
        segments = pathlib.Path(work) / "propagation-segments"
        segments.mkdir(exist_ok=True)
        for number in range(SEGMENTS):
            document = {"name": f"segment_{number}", "added": ["ann"], "till": 1}
            (segments / f"segment_{number}.json").write_text(json.dumps(document))
        options = ["--port", "0", "--file", file, "--segments", segments, "--streaming"]
        options += ["--payload", "zlib", "--no-record"]
        process = subprocess.Popen([emulator, *options], stdout=subprocess.PIPE, text=True)
        try:
            url = urlsplit(process.stdout.readline().split()[-1])
            command = [propagation, url.hostname, str(url.port), changes]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if done.returncode != 0:
                sys.exit(f"FAILED: changes were missed or fetched: {done.stdout}")
            median, p99, most, fetches = done.stdout.split()
            print(f"{f'{size} flags':28} {median:>9} {p99:>9} {most:>9} {fetches:>9}", flush=True)
            if float(median) > 1000:
                sys.exit("FAILED: half of the changes took longer than a millisecond")
        finally:
            process.terminate()
            process.wait()


main()
