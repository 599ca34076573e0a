#!/usr/bin/env python3
"""Asks every language the same, and shows in one table how often each gave the expected answer.

The cases are the evaluation fixtures of tests/fixtures. Emulators of Split's back end serve their definitions, for
localhost mode would repair them, and a program per language evaluates them through its own binding:

    conform.py EMULATOR DIRECTORY [LANGUAGE COMMAND ...] ...

A command is one shell word list; it reads the file of questions that is its last argument and prints one answer a line.
The last line is "N passed, M failed".

Both files are fields between tabs, with %XX for what is not plain ASCII, and "-" for nothing:

    factory  URL  FALLBACKS                                   a new factory, with these fallbackTreatments (JSON)
    case     NUMBER  FLAG  KEY  BUCKETING_KEY  ATTRIBUTES     attributes are JSON
    NUMBER   TREATMENT  CONFIG  LABEL  CHANGE_NUMBER          an answer
"""

import contextlib
import json
import pathlib
import shlex
import subprocess
import sys
import urllib.parse

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
# How many cases a file has, so that one that is not read is noticed.
MATCHERS = {
    "matcher_general": 34,
    "matcher_numeric": 154,
    "matcher_datetime": 179,
    "matcher_boolean": 60,
    "matcher_string": 128,
    "matcher_set": 100,
    "matcher_regex": 73,
    "matcher_semver": 102,
}
PICKS, ALLOCATIONS, SCENARIO_CASES = 120, 76, 158


class Case:
    def __init__(self, fixture, flag, record, treatment, **expected):
        self.fixture = fixture
        self.flag = flag
        self.key = record["key"]
        self.bucketing_key = record.get("bucketing_key")
        self.attributes = record.get("attributes")
        # The official SDKs disagree on these: all of ours only have to agree with each other.
        self.is_open = record.get("tier") == "exotic"
        self.expected = {"treatment": treatment, **expected}
        # Hashes are of any text; but no SDK takes a key of blanks, nor the C API one with a NUL in it.
        if not self.key.strip() or "\0" in self.key:
            self.expected = {"treatment": "control"}


class World:
    """Definitions that one emulator serves, and what is asked about them."""

    def __init__(self, flags=(), rule_based_segments=(), segments=None, fallback=None):
        self.flags = list(flags)
        self.rule_based_segments = list(rule_based_segments)
        self.segments = dict(segments or {})
        self.fallback = fallback
        self.cases = []

    def write(self, directory):
        members = directory / "segments"
        members.mkdir(parents=True)
        document = {
            "ff": {"d": self.flags, "s": -1, "t": 1000},
            "rbs": {"d": self.rule_based_segments, "s": -1, "t": 1000},
        }
        (directory / "flags.json").write_text(json.dumps(document))
        for name, keys in self.segments.items():
            (members / f"{name}.json").write_text(json.dumps({"name": name, "added": keys, "till": 1}))
        return ["--file", directory / "flags.json", "--segments", members]


def fixture(name, count):
    records = json.loads((FIXTURES / f"{name}.json").read_text())
    if len(records) != count:
        sys.exit(f"{name}: {len(records)} records, not {count}")
    return records


def flag(name, number, conditions, **more):
    return {
        "name": name,
        "trafficTypeName": "user",
        "status": "ACTIVE",
        "killed": False,
        "changeNumber": number,
        "defaultTreatment": "off",
        "algo": 2,
        "seed": 1,
        "trafficAllocation": 100,
        "trafficAllocationSeed": 1,
        "conditions": conditions,
        **more,
    }


def condition(matchers, partitions, label):
    group = {"combiner": "AND", "matchers": matchers}
    return {"conditionType": "ROLLOUT", "label": label, "matcherGroup": group, "partitions": partitions}


ON = [{"treatment": "on", "size": 100}]


def single_rules():
    """A flag for each record that is about one matcher, one bucket or one allocation."""
    world = World()
    number = 1000
    for name, count in MATCHERS.items():
        for index, record in enumerate(fixture(name, count)):
            number += 1
            matcher = json.loads(json.dumps(record["matcher"]))
            for segment, keys in record.get("segments", {}).items():
                own = f"{name}_{index}_{segment}"
                world.segments[own] = keys
                matcher["userDefinedSegmentMatcherData"]["segmentName"] = own
            world.flags.append(flag(f"{name}_{index}", number, [condition([matcher], ON, "it matches")]))
            treatment, label = ("on", "it matches") if record["expected"] else ("off", "default rule")
            world.cases.append(
                Case(name, f"{name}_{index}", record, treatment, config=None, label=label, change_number=number)
            )
    for index, record in enumerate(fixture("treatment_pick", PICKS)):
        number += 1
        rule = condition([{"matcherType": "ALL_KEYS"}], record["partitions"], "pick")
        name = f"treatment_pick_{index}"
        world.flags.append(flag(name, number, [rule], seed=record["seed"], algo=record["algo"]))
        world.cases.append(Case("treatment_pick", name, record, record["treatment"], config=None, label="pick"))
    for index, record in enumerate(fixture("traffic_allocation", ALLOCATIONS)):
        number += 1
        own = {name: record[name] for name in ("algo", "trafficAllocation", "trafficAllocationSeed")}
        name = f"traffic_allocation_{index}"
        world.flags.append(flag(name, number, [condition([{"matcherType": "ALL_KEYS"}], ON, "c")], **own))
        treatment, label = record["treatment"], record["label"]
        world.cases.append(Case("traffic_allocation", name, record, treatment, config=None, label=label))
    return world


def scenarios():
    """The whole evaluations; each has definitions of its own."""
    for record in fixture("evaluation_scenarios", 66):
        fallback = record.get("fallback")
        if fallback:
            fallback = {"global": fallback.get("global"), "byFlag": fallback.get("by_flag")}
            fallback = {name: value for name, value in fallback.items() if value}
        world = World(record["flags"], record.get("rule_based_segments", ()), record.get("segments"), fallback)
        for case in record["cases"]:
            expected = dict(case["expected"])
            # Whoever learns of labels from a listener learns of none without an impression.
            if not expected.pop("impression"):
                del expected["label"], expected["change_number"]
            elif expected["change_number"] is None:
                expected["change_number"] = -1
            world.cases.append(Case("evaluation_scenarios", case["flag"], case, **expected))
        yield world


def encoded(value):
    if value is None:
        return "-"
    return "%2D" if value == "-" else urllib.parse.quote(str(value), safe="")


def decoded(field):
    return None if field == "-" else urllib.parse.unquote(field)


def questions(worlds, urls):
    number = 0
    for world, url in zip(worlds, urls, strict=True):
        yield "factory", url, encoded(world.fallback and json.dumps(world.fallback))
        for case in world.cases:
            attributes = None if case.attributes is None else json.dumps(case.attributes)
            texts = (case.flag, case.key, case.bucketing_key, attributes)
            yield "case", str(number), *map(encoded, texts)
            number += 1


def answers(command, file, count):
    """What a program says to each case; none where it says nothing."""
    given = [None] * count
    done = subprocess.run([*command, file], stdout=subprocess.PIPE, text=True, timeout=300)
    if done.returncode != 0:
        print(f"{command[0]} ended with {done.returncode}")
    for line in done.stdout.splitlines():
        if line.count("\t") != 4:
            print(f"{command[0]} says {line}")
            continue
        number, treatment, config, label, change_number = line.split("\t")
        given[int(number)] = {
            "treatment": decoded(treatment),
            "config": decoded(config),
            "label": decoded(label),
            "change_number": int(change_number) if change_number != "-" else None,
        }
    return given


def check(cases, given, first, language):
    """How many answers of each fixture are as expected."""
    right = {}
    for case, answer, agreed in zip(cases, given, first, strict=True):
        wanted = agreed if case.is_open else case.expected
        good = answer is not None and wanted is not None and all(answer[name] == wanted[name] for name in wanted)
        right[case.fixture] = right.get(case.fixture, 0) + good
        if not good:
            print(f"{language}, {case.fixture}, {case.flag} for {case.key!r} with {case.attributes}:")
            print(f"    {answer}\n    not {wanted}")
    return right


def show(cases, columns):
    sizes = {}
    for case in cases:
        sizes[case.fixture] = sizes.get(case.fixture, 0) + 1
    print(f"{'':24}{'cases':>8}" + "".join(f"{language:>8}" for language in columns))
    for name, size in sizes.items():
        print(f"{name:24}{size:8}" + "".join(f"{right[name]:8}" for right in columns.values()))
    totals = {language: sum(right.values()) for language, right in columns.items()}
    print(f"{'all':24}{len(cases):8}" + "".join(f"{total:8}" for total in totals.values()))
    return sum(totals.values())


def main(emulator, directory, *programs):
    worlds = [single_rules(), *scenarios()]
    cases = [case for world in worlds for case in world.cases]
    if len(cases) != sum(MATCHERS.values()) + PICKS + ALLOCATIONS + SCENARIO_CASES:
        sys.exit(f"{len(cases)} cases")
    directory = pathlib.Path(directory)
    with contextlib.ExitStack() as running:
        urls = []
        for index, world in enumerate(worlds):
            command = [emulator, "--port", "0", *world.write(directory / str(index))]
            process = running.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            running.callback(process.terminate)
            urls.append(process.stdout.readline().split()[-1])
        file = directory / "questions"
        file.write_text("".join("\t".join(line) + "\n" for line in questions(worlds, urls)))
        given = {
            language: answers(shlex.split(command), file, len(cases))
            for language, command in zip(programs[::2], programs[1::2], strict=True)
        }
    first = next(iter(given.values()))
    columns = {language: check(cases, answer, first, language) for language, answer in given.items()}
    good = show(cases, columns)
    bad = len(cases) * len(columns) - good
    print(f"\n{good} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
