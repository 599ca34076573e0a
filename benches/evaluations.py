"""What an evaluation costs: every contestant in turns, so that whatever else the machine does hits each."""

import time

from backend import backend
from contestants import Worker

# What is done; how many keys a call is made for before they repeat; evaluations in a call.
SCENARIOS = {
    "5050": "half of the keys are on",
    "whitelist": "a list of 500 keys, then half and half",
    "attr": "two matchers on attributes, then half and half",
    "segment": "members of a segment of 100,000 keys, then half and half",
    "hundred": "5050, but 100 keys instead of 1,000",
    "unique": "5050, each key for the first time",
    "twenty": "20 flags at once",
    "set": "20 flags by their flag set",
    "config": "with the configuration",
    "kept": "4 attributes, made once",
    "fresh": "4 attributes, made for each call",
    "json": "4 attributes as JSON text",
}
SHAPES = ["5050", "whitelist", "attr", "segment"]
# What is measured in each mode: scenarios, each with one thread; those with two.
PLAN = {
    "optimized": (list(SCENARIOS), [*SHAPES, "unique"]),
    "none": ([*SHAPES, "unique"], ["5050"]),
    "listener": (SHAPES, ["5050"]),
}
# Calls of a first look, by which the contestants must agree.
LOOK = 1000
# Seconds.
WARM_UP = 2


def answers(worker, scenario):
    """Whether it evaluates this: the bound has no rules, and does always the same."""
    return worker.contestant.sdk or scenario in ("5050", "hundred", "unique")


def agreed(workers, scenario, threads):
    """How long a call takes, by contestant, roughly; that all give the same answers."""
    costs, ons = {}, {}
    for worker in workers:
        name = worker.contestant.name
        answer = worker.ask(scenario, 1, LOOK)
        if answer is None:
            continue
        # What is compiled while it runs is given the time for that.
        if threads == 1 and worker.contestant.language in ("java", "node"):
            deadline = time.monotonic() + WARM_UP
            while time.monotonic() < deadline:
                worker.ask(scenario, 1, max(100, int(1e8 / answer[1])))
        costs[name] = max(worker.ask(scenario, 1, LOOK)[1], 1.0)
        if answers(worker, scenario):
            ons[name] = answer[2]
    # New keys are the same ones only until the first of them were measured.
    if len(set(ons.values())) > 1 and not (scenario == "unique" and threads > 1):
        raise SystemExit(f"{scenario}: they do not agree how many of {LOOK} answers are on: {ons}")
    return costs, int(next(iter(ons.values())))


def measure(workers, scenario, threads, rounds, seconds):
    costs, on = agreed(workers, scenario, threads)
    able = [worker for worker in workers if worker.contestant.name in costs]
    # A whole number of turns of the keys, unless that takes too long.
    calls = {}
    for name, cost in costs.items():
        wanted = int(seconds * 1e9 / cost)
        calls[name] = max(100, wanted if wanted < LOOK else wanted - wanted % LOOK)
        if scenario == "unique":
            calls[name] = min(calls[name], 200_000)
    rows = {name: {"cpu": [], "wall": [], "allocations": None} for name in costs}
    # One that is not kept: it ends what compilers and caches still do.
    for number in range(-1, rounds):
        for worker in able:
            name = worker.contestant.name
            answer = worker.ask(scenario, threads, calls[name])
            if answer is None:
                rows.pop(name, None)
                continue
            whole = scenario != "unique" and calls[name] % LOOK == 0
            if whole and answers(worker, scenario) and answer[2] != on * calls[name] / LOOK * threads:
                raise SystemExit(f"{scenario}: {name} answered otherwise than before")
            if number < 0:
                continue
            row = rows[name]
            row["cpu"].append(answer[0])
            row["wall"].append(answer[1])
            if answer[3] is not None:
                row["allocations"] = answer[3] / calls[name] / threads
    return [
        {"scenario": scenario, "threads": threads, "contestant": name, "on": on, **row} for name, row in rows.items()
    ]


def evaluations(everyone, emulator, environment, logs, rounds, seconds):
    """Rows for each mode, scenario, number of threads and contestant."""
    rows = []
    with backend(emulator, environment) as running:
        for mode, (alone, pairs) in PLAN.items():
            # A bound knows no modes.
            taking_part = [each for each in everyone if each.sdk or mode == "optimized"]
            workers = [Worker(each, running.url, mode, logs) for each in taking_part]
            print(f"\nevaluations, {mode}: ns per call", flush=True)
            for threads, scenarios in ((1, alone), (2, pairs)):
                for scenario in scenarios:
                    measured = measure(workers, scenario, threads, rounds, seconds)
                    for row in measured:
                        row["mode"] = mode
                    rows += measured
                    say(scenario, threads, measured)
            if mode == "optimized":
                rows += idle(workers, rounds)
            for worker in workers:
                worker.end()
    return rows


def idle(workers, rounds):
    """Plain arithmetic with one thread and with two: whether two CPUs were free."""
    control = next((worker for worker in workers if worker.contestant.name == "bound"), None)
    if control is None:
        return []
    rows = []
    for threads in (1, 2):
        answers = [control.ask("idle", threads, 2_000_000) for _ in range(rounds)]
        row = {"scenario": "idle", "threads": threads, "contestant": "bound", "mode": "optimized", "on": 0}
        rows.append(row | {"cpu": [each[0] for each in answers], "wall": [each[1] for each in answers]})
    return rows


def say(scenario, threads, rows):
    figure = "cpu" if threads == 1 else "wall"
    medians = [f"{row['contestant']} {sorted(row[figure])[len(row[figure]) // 2]:.0f}" for row in rows]
    print(f"{scenario}, {threads}: {', '.join(medians)}", flush=True)
