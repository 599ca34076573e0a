"""Minutes or hours of a program under changing weather: whether memory, threads and descriptors stay flat, and whether
what was accepted was received, once.

    soak.py PROGRAM MINUTES CSV SVG

PROGRAM is load.c. Its lasting factory gets streamed edits without pause, and the failures of `WEATHER` in between, none
of which leaves open whether a post was taken: so each event has to arrive once, not once or twice. The last line is "N
passed, M failed"; shorter than `FLAT_FROM` minutes, memory is not judged, and all failures are as much shorter as it
takes for each to come.
"""

import collections
import concurrent.futures
import csv
import itertools
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import threading
import time

import chart
from support.emulated import Emulator, served
from support.flags import condition, everyone, flag, matcher

SAMPLES = 2.0
EDITS = 0.5
# Columns of a sample, after the minute.
RESIDENT, ALLOCATED, THREADS, DESCRIPTORS = 1, 2, 3, 4
# What the program needs has settled after this part of the run, if that takes minutes.
SETTLED = 0.2
FLAT_FROM = 30
# Of the rest as many parts have their lows: where memory is judged each is longer than a round of the weather.
PARTS = 6
# Growth that counts as none, in percent: of what is allocated, from there to the end; and of the most that was in
# memory, from the first half of the run to the second. Allocators keep what was needed at a time, for each thread that
# needed it: so this climbs to a mark that it takes a while to reach, and only a leak raises the mark for ever.
FLAT_PERCENT = 2.0
# Of the changes of a flag that were made, the part that has to be seen, and of those of definitions the part that has
# to come by the stream: it is away for half of the time, and polls bring only the last change of two seconds.
SEEN, STREAMED = 1 / 3, 1 / 5

# At first, for so long in proportion: what waits then grows as large as it may, and no later failure makes it grow.
FLOOD = 0.06
FLOODED = [{"endpoint": name, "status": 503} for name in ("events/bulk", "testImpressions/bulk", "keys/ss")]
# What happens for so many seconds, one after the other, with fair weather of `BETWEEN` seconds before each.
BETWEEN = 4
WEATHER = [
    ("503 for everything", 4, [{"status": 503}]),
    ("posts reset", 4, [{"endpoint": "events/bulk", "drop": "reset"}, {"url": "testImpressions", "drop": "reset"}]),
    ("streams dropped", 2, "drop"),
    ("429 for posts", 3, [{"url": "/bulk", "status": 429, "headers": {"Retry-After": "1"}}]),
    ("answers torn", 3, [{"endpoint": name, "truncate": True} for name in ("segmentChanges", "auth")]),
    ("fetches reset", 3, [{"endpoint": name, "drop": "reset"} for name in ("splitChanges", "segmentChanges")]),
    ("a third fails", 5, [{"status": 500, "probability": 0.33, "seed": 7}]),
    ("backend paused", 3, "pause"),
    ("streams reset", 2, "reset"),
]
# All of that, in seconds, and the part of a run that it may take.
ROUND, PART = sum(BETWEEN + seconds for _, seconds, _ in WEATHER), 0.7


def definitions(backend):
    members = matcher("IN_SEGMENT", userDefinedSegmentMatcherData={"segmentName": "members"})
    rule = matcher("IN_RULE_BASED_SEGMENT", userDefinedSegmentMatcherData={"segmentName": "germans"})
    germany = matcher("WHITELIST", "country", whitelistMatcherData={"whitelist": ["DE"]})
    backend.call("POST", "segments", {"name": "members", "keys": ["user-1"]})
    backend.post(
        "rbs",
        rbs={
            "name": "germans",
            "trafficTypeName": "user",
            "status": "ACTIVE",
            "excluded": {},
            "conditions": [condition("on", germany)],
        },
    )
    backend.put(
        served("steady"),
        served("moving"),
        served("silent", impressionsDisabled=True),
        flag("for_members", condition("on", members)),
        flag("by_rule", condition("on", rule)),
    )


def edit(backend, number):
    """The next change, announced on the stream; what "moving" serves from then on, if it is of that flag."""
    if number % 5 == 0:
        keys = [f"user-{number % 500}"]
        backend.post("segments/update", name="members", **{"added" if number % 10 else "removed": keys})
        return None
    if number % 7 == 0:
        backend.post("flags/kill", name="moving", treatment="off")
        return "off"
    treatment = ("on", "off", "blue")[number % 3]
    backend.put(served("moving", everyone(treatment)))
    return treatment


class Backend(Emulator):
    """Streams each edit with its definition, keeps no requests, and knows how many records were different."""

    def __init__(self):
        super().__init__("--streaming", "--payload", "gzip", "--no-record", "--set", "distinct=true")

    def signal(self, number):
        self._process.send_signal(number)


class Weather:
    """Fair, with failures now and then."""

    def __init__(self, backend):
        self.backend = backend
        # Nobody talks to an emulator that is paused.
        self.lock = threading.Lock()

    def spell(self, seconds, what):
        backend = self.backend
        if what == "pause":
            with self.lock:
                backend.signal(signal.SIGSTOP)
                time.sleep(seconds)
                backend.signal(signal.SIGCONT)
            return
        with self.lock:
            if isinstance(what, str):
                backend.post("streams/drop", how="reset" if what == "reset" else "close")
            else:
                for fault in what:
                    backend.post("faults", **fault)
        time.sleep(seconds)
        self.clear()

    def clear(self):
        with self.lock:
            self.backend.call("DELETE", "faults")


class Program:
    """The program that is watched; for a `with`."""

    def __init__(self, *command):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        assert self._heard() == "running"
        return self

    def __exit__(self, *_raised):
        self._process.stdin.close()
        self._process.wait(10)

    def _heard(self):
        return self._process.stdout.readline().strip()

    def ask(self, word):
        print(word, file=self._process.stdin, flush=True)
        return self._heard()

    def sample(self):
        """KiB of it in memory, without files such as its code, KiB allocated, threads, descriptors."""
        directory = pathlib.Path(f"/proc/{self._process.pid}")
        allocated = int(self.ask("sample")) // 1024
        status = dict(line.split(":", 1) for line in (directory / "status").read_text().splitlines())
        return (
            int(status["RssAnon"].split()[0]),
            allocated,
            int(status["Threads"]),
            len(list((directory / "fd").iterdir())),
        )


class Soak:
    """One run: the program, what is done to it, and what was seen."""

    def __init__(self, program, seconds):
        self._program, self._seconds = program, seconds
        self._pace = min(1.0, PART * seconds / ROUND)
        self.samples = []
        self.spells = collections.Counter()
        # Changes of what "moving" serves, and changes of definitions.
        self.moves = self.puts = 0

    def run(self):
        with Backend() as backend, Backend() as visited:
            for each in (backend, visited):
                definitions(each)
            with Program(self._program, backend.url, visited.url) as program:
                self._live(program, backend)
                self.done = json.loads(program.ask("end"))
            self.counters = backend.call("GET", "counters")
            self.visited = visited.call("GET", "counters")
            self.usage = backend.requests("metrics/usage")[-1]["body"]

    def _live(self, program, backend):
        weather = Weather(backend)
        over = threading.Event()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            others = [pool.submit(work, weather, over) for work in (self._bad_weather, self._edits)]
            try:
                self._watch(program, others)
                assert program.ask("stop") == "stopped"
            finally:
                over.set()
        for each in others:
            # What went wrong there is wrong here.
            each.result()
        weather.clear()
        # Kept from here on: the last report.
        backend.post("options", record=True)

    def _watch(self, program, others):
        pause = min(SAMPLES, self._seconds / 200)
        begun = time.monotonic()
        # The others only end early when they break.
        while time.monotonic() < begun + self._seconds and not any(each.done() for each in others):
            self.samples.append(((time.monotonic() - begun) / 60, *program.sample()))
            time.sleep(pause)

    def _bad_weather(self, weather, over):
        weather.spell(FLOOD * self._seconds, FLOODED)
        for name, seconds, what in itertools.cycle(WEATHER):
            if over.wait(BETWEEN * self._pace):
                return
            weather.spell(seconds * self._pace, what)
            self.spells[name] += 1

    def _edits(self, weather, over):
        moving = "on"
        for number in itertools.count():
            if over.wait(EDITS):
                return
            with weather.lock:
                treatment = edit(weather.backend, number)
            if treatment is not None:
                self.puts += 1
                self.moves += treatment != moving
                moving = treatment

    def settled(self, column):
        """The values of a column after the program settled, and how much they grow in that time: what the weather takes
        comes and goes with it, so by a line through the least in each of its parts."""
        points = [(row[0], row[column]) for row in self.samples[int(len(self.samples) * SETTLED) :]]
        ends = [len(points) * part // PARTS for part in range(PARTS + 1)]
        lows = [min(points[first:end], key=lambda point: point[1]) for first, end in itertools.pairwise(ends)]
        slope = statistics.linear_regression(*zip(*lows, strict=True)).slope
        return [value for _, value in points], slope * (points[-1][0] - points[0][0])


def checks(soak, minutes):
    """(what, whether it holds, figures)"""
    done, counters, visited, usage = soak.done, soak.counters, soak.visited, soak.usage
    events, visits = counters["events/bulk"], visited["events/bulk"]
    impressions, counts = counters["testImpressions/bulk"], counters["testImpressions/count"]
    yield (
        "every accepted event arrived, once",
        events["items"] == events["distinct"] == done["accepted"] > 0,
        f"{done['accepted']} accepted, {events['items']} received, {events['distinct']} different",
    )
    yield (
        "so did those of factories that came and went",
        visits["items"] == visits["distinct"] == done["visitors_accepted"] == done["visits"] > 0,
        f"{done['visits']} factories, {done['visitors_accepted']} accepted, {visits['items']} received",
    )
    accounted = usage["iQ"] + usage["iDe"] + usage["iDr"]
    yield (
        "every impression arrived, was counted, or is known to be dropped",
        accounted == done["evaluations"] and impressions["items"] == usage["iQ"] and counts["items"] >= usage["iDe"],
        f"{done['evaluations']} evaluations; {impressions['items']} impressions received, {counts['items']} counted, "
        f"{usage['iDr']} dropped",
    )
    yield (
        "no evaluation was control, and every factory ended well",
        done["controls"] == done["visitors_failed"] == 0 and done["sent"],
        f"{done['controls']} control, {done['visitors_failed']} visits failed",
    )
    streamed = usage["ufs"]["sp"]
    yield (
        "streamed edits were seen, and nothing that was none",
        SEEN * soak.moves <= done["moves"] <= soak.moves and STREAMED * soak.puts <= streamed <= soak.puts,
        f"{soak.moves} changes of a treatment, {done['moves']} seen; {soak.puts} of definitions, {streamed} streamed",
    )
    yield (
        "every sort of bad weather came",
        all(soak.spells[name] for name, _, _ in WEATHER),
        ", ".join(f"{soak.spells[name]} x {name}" for name, _, _ in WEATHER),
    )
    for name, column, slack in (("threads", THREADS, 0.5), ("descriptors", DESCRIPTORS, 1.0)):
        values, grown = soak.settled(column)
        yield f"{name} are flat", grown <= slack, f"{min(values)} to {max(values)}, growth {grown:+.2f}"
    if minutes < FLAT_FROM:
        return
    values, grown = soak.settled(ALLOCATED)
    percent = 100 * grown / statistics.mean(values)
    yield "what is allocated is flat", percent <= FLAT_PERCENT, f"{mebibytes(values)}, growth {percent:+.2f} %"
    values = [row[RESIDENT] for row in soak.samples]
    before, after = max(values[: len(values) // 2]), max(values[len(values) // 2 :])
    percent = 100 * (after - before) / before
    yield "so is the most in memory", percent <= FLAT_PERCENT, f"{mebibytes([before, after])}, growth {percent:+.2f} %"


def mebibytes(values):
    return f"{min(values) / 1024:.1f} to {max(values) / 1024:.1f} MiB"


def main():
    program, minutes, table, picture = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4]
    soak = Soak(program, minutes * 60)
    soak.run()
    with open(table, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["minute", "resident_kib", "allocated_kib", "threads", "descriptors"])
        writer.writerows([f"{row[0]:.3f}", *row[1:]] for row in soak.samples)
    columns = list(zip(*soak.samples, strict=True))
    resident, allocated = ([kib / 1024 for kib in columns[column]] for column in (RESIDENT, ALLOCATED))
    spells = soak.spells.total()
    pathlib.Path(picture).write_text(
        chart.lines(
            f"{minutes:g} minutes of evaluations, events, edits and failures",
            f"8 threads, {soak.done['visits']} more factories made and destroyed, {spells} spells of failure",
            columns[0],
            [
                ("memory, MiB", resident),
                ("allocated, MiB", allocated),
                ("threads", columns[THREADS]),
                ("descriptors", columns[DESCRIPTORS]),
            ],
        )
    )
    passed = failed = 0
    for what, holds, figures in checks(soak, minutes):
        print(f"{'ok    ' if holds else 'FAILED'} {what}: {figures}")
        passed, failed = passed + holds, failed + (not holds)
    print(f"\n{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
