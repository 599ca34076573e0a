"""What an SDK costs besides its evaluations: the start with much data, what it keeps in memory, and changes."""

import gzip
import statistics
import time
import urllib.request

import environment
from backend import backend
from cdn import cdn
from contestants import PATIENCE, MissedError, Worker

# Flags and keys of the segment.
SIZES = [(1_000, 100_000), (10_000, 100_000), (10_000, 1_000_000)]
# Flags among which one changes, with a segment that weighs nothing: whether the cost of a change grows with them.
NUMBERS = [1_000, 10_000, 100_000]
FEW_KEYS = 2_000
# Seconds after which an SDK has put away what it needed for its start.
SETTLED = 1
FLAG_CHANGES = 200
SEGMENT_CHANGES = 10
WARM_UP = 10


def fetch_only(url):
    """The floor of a start: fetching and unpacking what an SDK fetches, and nothing else. Milliseconds."""
    begun = time.monotonic()
    for what in ["splitChanges?s=1.3&since=-1&rbSince=-1", "segmentChanges/half?since=-1"]:
        headers = {"Authorization": "Bearer bench-key", "Accept-Encoding": "gzip"}
        with urllib.request.urlopen(urllib.request.Request(f"{url}/api/{what}", headers=headers)) as answer:
            gzip.decompress(answer.read())
    return (time.monotonic() - begun) * 1000


def start(everyone, emulator, work, logs, rounds):
    """Rows for each size and contestant: ms until it is ready, MiB a moment later, MiB at most."""
    rows = []
    for flags, keys in SIZES:
        definitions = environment.write(work / f"environment-{flags}-{keys}", flags, keys)
        measured = {each.name: {"ready": [], "rss": [], "peak": []} for each in everyone}
        floor = []
        with backend(emulator, definitions) as running, cdn(running.url) as url:
            fetch_only(url)  # from now on it is kept
            for _ in range(rounds):
                floor.append(fetch_only(url))
                for each in everyone:
                    worker = Worker(each, url, "optimized", logs)
                    time.sleep(SETTLED)
                    row = measured[each.name]
                    row["ready"].append(worker.ready_ms)
                    row["rss"].append(worker.memory("VmRSS"))
                    row["peak"].append(worker.memory("VmHWM"))
                    if worker.ask("member", 1, 1000)[2] != 500:
                        raise SystemExit(f"{each.name} was ready without the segment")
                    worker.end()
        print(f"\nstart with {flags} flags and a segment of {keys} keys: ms until ready, MiB", flush=True)
        print(f"fetching and unpacking alone: {statistics.median(floor):.0f} ms")
        for name, row in measured.items():
            ready, rss = statistics.median(row["ready"]), statistics.median(row["rss"])
            print(f"{name}: {ready:.0f} ms, {rss:.0f} MiB", flush=True)
            rows.append({"flags": flags, "keys": keys, "contestant": name, **row})
        rows.append({"flags": flags, "keys": keys, "contestant": "fetching and unpacking", "ready": floor})
    return rows


def until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise MissedError(f"{what} did not arrive")
        time.sleep(0.02)


def toggled(running, number):
    """Changes the flag `probe`; its treatment now."""
    treatment = "on" if number % 2 == 0 else "off"
    running.control("POST", "flags", {"flag": {**environment.probe(treatment), "changeNumber": 0}})
    return treatment == "on"


def changed(running, number):
    """The first key leaves the segment or comes back, and another key comes; whether the first is a member now."""
    member = number % 2 == 1
    change = {"name": "half", "added": [f"visitor-{number}"], "removed": []}
    change["added" if member else "removed"].append(environment.key(0))
    running.control("POST", "segments/update", change)
    return member


def cpu_of(worker, do):
    """CPU ms that it took meanwhile, without what it takes to do nothing for that long."""
    before, begun = worker.cpu_ms(), time.monotonic()
    do()
    used, took = worker.cpu_ms() - before, time.monotonic() - begun
    before = worker.cpu_ms()
    time.sleep(took)
    return max(0.0, used - (worker.cpu_ms() - before))


def flag_changes(worker, running):
    """CPU ms of one among many, and how many definitions were fetched for it."""

    def all_of_them():
        for number in range(FLAG_CHANGES):
            on = toggled(running, number)
            time.sleep(0.005)
        until("a flag", lambda: (worker.ask("probe")[2] == 1) == on)

    for number in range(WARM_UP):
        on = toggled(running, number)
        until("a flag", lambda on=on: (worker.ask("probe")[2] == 1) == on)
    fetched = running.fetches()
    cost = cpu_of(worker, all_of_them) / FLAG_CHANGES
    return cost, running.fetches() - fetched


def segment_changes(worker, running, first):
    """CPU ms of one, and how many MiB memory has grown."""

    def all_of_them():
        for number in range(first, first + SEGMENT_CHANGES):
            member = changed(running, number)
            # Of one call, which is for the first key.
            until("a segment", lambda member=member: (worker.ask("member")[2] == 1) == member)

    before = worker.memory("VmRSS")
    cost = cpu_of(worker, all_of_them) / SEGMENT_CHANGES
    return cost, worker.memory("VmRSS") - before


def propagation(worker, running, changes, times):
    """Adds the microseconds from sending a change to the back end to an evaluation that answers otherwise."""
    for number in range(changes):
        worker.wait_for_a_change()
        begun = time.time_ns()
        toggled(running, number)
        times.append((worker.answer(PATIENCE)[0] - begun) / 1000)


def settle(running):
    """Waits until a contestant follows the stream, and for nothing but changes."""
    until("a stream", lambda: running.control("GET", "streams"))
    time.sleep(SETTLED)


def growth(contestant, emulator, work, logs, rounds):
    """Rows for each number of flags: CPU ms of a change of one of them."""
    rows = []
    for flags in NUMBERS:
        definitions = environment.write(work / f"environment-{flags}-{FEW_KEYS}", flags, FEW_KEYS)
        with backend(emulator, definitions, streaming=True) as running:
            worker = Worker(contestant, running.url, "streaming", logs)
            settle(running)
            costs = [flag_changes(worker, running)[0] for _ in range(rounds)]
            worker.end()
        rows.append({"flags": flags, "flag_cpu_ms": costs})
        print(f"{contestant.name}: CPU ms of a flag among {flags:,} {middle(costs, 3)}", flush=True)
    return rows


def follow(worker, running, row, rounds, propagations):
    """Fills in what is measured of changes."""
    settle(running)
    for number in range(rounds):
        cost, row["fetches"] = flag_changes(worker, running)
        row["flag_cpu_ms"].append(cost)
        cost, grown = segment_changes(worker, running, number * SEGMENT_CHANGES)
        row["segment_cpu_ms"].append(cost)
        row["segment_mib"].append(grown)
    propagation(worker, running, propagations, row["propagation_us"])


def changes(everyone, emulator, work, logs, rounds, propagations):
    """Rows for each contestant, with the largest environment and streaming."""
    flags, keys = SIZES[-1]
    definitions = environment.write(work / f"environment-{flags}-{keys}", flags, keys)
    rows = []
    print(f"\nchanges among {flags} flags, and of a segment of {keys} keys, by the stream", flush=True)
    for each in everyone:
        row = {
            "contestant": each.name,
            "flag_cpu_ms": [],
            "segment_cpu_ms": [],
            "segment_mib": [],
            "propagation_us": [],
        }
        row |= {"fetches": None, "missed": None}
        with backend(emulator, definitions, streaming=True) as running:
            worker = Worker(each, running.url, "streaming", logs)
            try:
                follow(worker, running, row, rounds, propagations)
                worker.end()
            except MissedError as missed:
                worker.kill()
                if not each.official:
                    raise SystemExit(f"{each.name}: {missed}") from missed
                row["missed"] = str(missed)
        rows.append(row)
        print(
            f"{each.name}: CPU ms of a flag {middle(row['flag_cpu_ms'], 3)}, of a segment's change "
            f"{middle(row['segment_cpu_ms'], 2)}, MiB grown {sum(row['segment_mib']):.1f}, us until it is seen "
            f"{middle(row['propagation_us'], 0)}, fetches {row['fetches']}; {row['missed'] or 'none was missed'}",
            flush=True,
        )
    return rows


def middle(values, digits):
    return f"{statistics.median(values):.{digits}f}" if values else "-"
