"""The data of the start-up bench: many flags, some of which look at a large segment. The same on every machine.

Usage: generate.py DIRECTORY FLAGS KEYS

Writes DIRECTORY/flags.json and DIRECTORY/segments/everybody.json; 10,000 flags are about 25 MB. Every flag has a list
of keys, a rule on attributes, a rollout to a part of the users, and a configuration for each treatment, as flags that
have lived for a while do; each hundredth also lets in the members of the segment.
"""

import json
import pathlib
import random
import sys

SEGMENT = "everybody"


def key(number):
    """As long as a UUID, and as alike."""
    return f"{number * 2654435761 % 2**32:08x}-cafe-4bad-8888-{number:012x}"


def rule(kind, label, matchers, partitions):
    return {
        "conditionType": kind,
        "label": label,
        "matcherGroup": {"combiner": "AND", "matchers": matchers},
        "partitions": [{"treatment": treatment, "size": size} for treatment, size in partitions],
    }


def matcher(kind, attribute=None, **data):
    selector = {"trafficType": "user", "attribute": attribute}
    return {"matcherType": kind, "negate": False, "keySelector": selector, **data}


def flag(number, chance):
    listed = [key(chance.randrange(10**6)) for _ in range(16)]
    part = chance.randrange(1, 100)
    conditions = [
        rule(
            "WHITELIST",
            "whitelisted",
            [matcher("WHITELIST", whitelistMatcherData={"whitelist": listed})],
            [("on", 100)],
        ),
        rule(
            "ROLLOUT",
            "country in list [DE, FR, NL] AND age >= 18",
            [
                matcher("WHITELIST", "country", whitelistMatcherData={"whitelist": ["DE", "FR", "NL"]}),
                matcher("GREATER_THAN_OR_EQUAL_TO", "age", unaryNumericMatcherData={"dataType": "NUMBER", "value": 18}),
            ],
            [("on", part), ("off", 100 - part)],
        ),
        rule("ROLLOUT", "default rule", [matcher("ALL_KEYS")], [("on", part), ("off", 100 - part)]),
    ]
    if number % 100 == 0:
        data = {"userDefinedSegmentMatcherData": {"segmentName": SEGMENT}}
        conditions.insert(1, rule("ROLLOUT", "in segment everybody", [matcher("IN_SEGMENT", **data)], [("on", 100)]))
    return {
        "name": f"flag_{number:05d}",
        "trafficTypeName": "user",
        "trafficAllocation": 100,
        "trafficAllocationSeed": chance.randrange(2**31),
        "seed": chance.randrange(2**31),
        "status": "ACTIVE",
        "killed": False,
        "defaultTreatment": "off",
        "changeNumber": 1_700_000_000_000 + number,
        "algo": 2,
        "sets": [f"team_{number % 20}"],
        "configurations": {
            treatment: json.dumps(
                {"title": f"Flag {number}", "colour": f"#{chance.randrange(2**24):06x}", "text": "lorem ipsum " * 17}
            )
            for treatment in ("on", "off")
        },
        "conditions": conditions,
    }


def main():
    directory, flags, keys = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(7)
    definitions = [flag(number, chance) for number in range(flags)]
    document = {"ff": {"s": -1, "t": 1_700_000_000_000 + flags, "d": definitions}, "rbs": {"s": -1, "t": -1, "d": []}}
    (directory / "segments").mkdir(parents=True, exist_ok=True)
    (directory / "flags.json").write_text(json.dumps(document, separators=(",", ":")))
    segment = {"name": SEGMENT, "added": [key(number) for number in range(keys)], "removed": [], "since": -1, "till": 1}
    (directory / "segments" / f"{SEGMENT}.json").write_text(json.dumps(segment, separators=(",", ":")))


main()
