"""Runs the bench: see scripts/bench.

Usage: run.py TARGET OUT [--rounds N] [--seconds S] [WORD...]

TARGET is cargo's directory, OUT that of the programs in C. Words are languages and sections that are wanted; without
any, all are measured, and docs/benchmarks.json, docs/benchmarks.md and the pictures beside it are written.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess

import environment
import report
from contestants import contestants
from evaluations import SHAPES, evaluations
from lives import changes, growth, start

SECTIONS = ["evaluations", "start", "changes"]
LANGUAGES = ["c", "cpp", "go", "ruby", "python", "node", "java"]
DOCS = pathlib.Path(__file__).parent.parent / "docs"


def output(*command):
    """The first line that a command says, or nothing where it is not."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.splitlines()[0] if done.stdout else None


def machine():
    """Of what kind it is: no names, no addresses."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    models = {line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")}
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) / 2**20
    return {
        "cpu": ", ".join(sorted(models)) or platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "virtual": " hypervisor" in info,
        "rustc": output("rustc", "--version"),
        "cc": output("cc", "--version"),
        "go": output("go", "version"),
        "python": platform.python_version(),
        "ruby": output("ruby", "--version"),
        "node": output("node", "--version"),
        "java": output("java", "-version"),
    }


def keep(results, directory):
    (directory / "benchmarks.json").write_text(json.dumps(results, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.05, help="of a contestant in a round")
    parser.add_argument("words", nargs="*")
    options = parser.parse_intermixed_args()
    unknown = set(options.words) - {*SECTIONS, *LANGUAGES}
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: known are {', '.join([*SECTIONS, *LANGUAGES])}")
    sections = [word for word in options.words if word in SECTIONS] or SECTIONS
    languages = {word for word in options.words if word in LANGUAGES} or set(LANGUAGES)
    # Whoever looks at one language wants to see it beside the bound and C.
    everyone = contestants(options.target, options.out)
    everyone = [each for each in everyone if each.language in languages | {"bound", "c"}]
    sdks = [each for each in everyone if each.sdk]

    emulator = options.target / "release" / "splitio-emulator"
    work = options.target / "bench"
    logs = work / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    results = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "load_before": os.getloadavg()[0],
        "rounds": options.rounds,
        "seconds": options.seconds,
    }
    rounds = options.rounds
    if "evaluations" in sections:
        small = environment.write(work / "environment-1000-100000", 1_000, 100_000)
        results["evaluations"] = evaluations(everyone, emulator, small, logs, rounds, options.seconds)
        keep(results, work)
    if "start" in sections:
        results["start"] = start(sdks, emulator, work, logs, max(1, rounds // 4))
        keep(results, work)
    if "changes" in sections:
        results["changes"] = changes(sdks, emulator, work, logs, max(1, rounds // 6), rounds * 10)
        in_c = next(each for each in sdks if each.language == "c")
        results["growth"] = growth(in_c, emulator, work, logs, max(1, rounds // 4))
        keep(results, work)
    results["load_after"] = os.getloadavg()[0]

    keep(results, work)
    if not options.words:
        keep(results, DOCS)
        report.write(results, DOCS)
    made = allocations(results)
    if made:
        raise SystemExit(f"FAILED: allocations where there must be none: {made}")


def allocations(results):
    """Of warm evaluations in C and C++: there are none."""
    return [
        f"{row['contestant']}, {row['scenario']}: {row['allocations']:.4f} per call"
        for row in results.get("evaluations", [])
        if row["contestant"] in ("C", "C++")
        and row["mode"] == "optimized"
        and row["threads"] == 1
        and row["scenario"] in [*SHAPES, "kept", "config"]
        and row["allocations"] > 0.001
    ]


if __name__ == "__main__":
    main()
