"""What every contestant evaluates: an environment of feature flags, the same on every machine.

The flags that are measured, and fillers of about 2.5 KB that make up the number; segments of which the flag `segment`
looks at `half`. As definitions of an environment that has lived for a while they have lists of keys, rules on
attributes, rollouts to parts of the users, and configurations.
"""

import json
import pathlib
import random

# The keys that are asked for again and again.
KEYS = 1000
# The flags that are evaluated 20 at once, and those of the flag set `team`.
TEAM = [f"team_{number}" for number in range(20)]
SEED = 1462374925
# What is evaluated alone: every contestant finds these.
MEASURED = ["5050", "whitelist", "attr", "segment", "configured", "four", "probe", "member"]


def key(number):
    """What the contestants make as well."""
    return f"user-{number:015}"


def matcher(kind, attribute=None, **data):
    selector = {"trafficType": "user", "attribute": attribute}
    return {"matcherType": kind, "negate": False, "keySelector": selector, **data}


def listed(keys, attribute=None):
    return matcher("WHITELIST", attribute, whitelistMatcherData={"whitelist": list(keys)})


def condition(label, matchers, on, kind="ROLLOUT"):
    return {
        "conditionType": kind,
        "label": label,
        "matcherGroup": {"combiner": "AND", "matchers": matchers},
        "partitions": [{"treatment": "on", "size": on}, {"treatment": "off", "size": 100 - on}],
    }


def everyone(on):
    return condition("default rule", [matcher("ALL_KEYS")], on)


ADULT = matcher("GREATER_THAN_OR_EQUAL_TO", "age", unaryNumericMatcherData={"dataType": "NUMBER", "value": 18})
COUNTRIES = listed(["us", "de", "fr", "es", "it", "br", "ar", "jp"], "country")


def flag(name, *conditions, seed=SEED, sets=(), configurations=None):
    return {
        "name": name,
        "trafficTypeName": "user",
        "trafficAllocation": 100,
        "trafficAllocationSeed": 1,
        "seed": seed,
        "status": "ACTIVE",
        "killed": False,
        "defaultTreatment": "off",
        "changeNumber": 1,
        "algo": 2,
        "sets": list(sets),
        "configurations": configurations or {},
        "conditions": list(conditions),
    }


def probe(treatment):
    """The flag that is changed while it is looked at."""
    return flag("probe", everyone(100 if treatment == "on" else 0))


def measured():
    in_half = matcher("IN_SEGMENT", userDefinedSegmentMatcherData={"segmentName": "half"})
    # A tenth of the keys, and 400 that are never asked for.
    whitelist = [key(number * 10) for number in range(100)] + [f"stranger-{number:011}" for number in range(400)]
    four = [
        ADULT,
        COUNTRIES,
        listed(["pro", "team"], "plan"),
        matcher("EQUAL_TO_BOOLEAN", "beta", booleanMatcherData=True),
    ]
    return [
        flag("5050", everyone(50)),
        flag("whitelist", condition("whitelisted", [listed(whitelist)], 100, "WHITELIST"), everyone(50)),
        flag("attr", condition("adults of eight countries", [ADULT, COUNTRIES], 50), everyone(0)),
        flag("segment", condition("in segment half", [in_half], 50), everyone(0)),
        flag("configured", everyone(50), configurations={"on": json.dumps({"colour": "#3b7a57", "size": 13})}),
        flag("four", condition("four attributes", four, 50), everyone(0)),
        probe("off"),
        flag("member", condition("in segment half", [in_half], 100), everyone(0)),
        *(flag(name, everyone(50), seed=number + 1, sets=["team"]) for number, name in enumerate(TEAM)),
    ]


def filler(number, chance):
    testers = [f"tester-{chance.randrange(10**13):013}" for _ in range(16)]
    part = chance.randrange(1, 100)
    text = {"title": f"Flag {number}", "colour": f"#{chance.randrange(2**24):06x}", "text": "lorem ipsum " * 17}
    return flag(
        f"filler_flag_{number}",
        condition("whitelisted", [listed(testers)], 100, "WHITELIST"),
        condition("adults of eight countries", [COUNTRIES, ADULT], part),
        everyone(part),
        seed=chance.randrange(2**31),
        sets=[f"set_{number % 20}"],
        configurations={treatment: json.dumps(text) for treatment in ("on", "off")},
    )


def names(flags):
    """Of all flags."""
    known = MEASURED + TEAM
    return known + [f"filler_flag_{number}" for number in range(len(known), flags)]


def write(directory, flags, keys):
    """Writes flags.json, and the segment of so many keys, half of those that are asked for among them."""
    directory = pathlib.Path(directory)
    made = directory / "made"
    recipe = f"{flags} {keys}\n" + pathlib.Path(__file__).read_text()
    if made.exists() and made.read_text() == recipe:
        return directory
    chance = random.Random(7)
    definitions = measured()
    definitions += [filler(number, chance) for number in range(len(definitions), flags)]
    document = {"ff": {"s": -1, "t": 1, "d": definitions}, "rbs": {"s": -1, "t": -1, "d": []}}
    (directory / "segments").mkdir(parents=True, exist_ok=True)
    (directory / "flags.json").write_text(json.dumps(document, separators=(",", ":")))
    members = [key(number * 2) for number in range(keys)]
    segment = {"name": "half", "added": members, "removed": [], "since": -1, "till": 1}
    (directory / "segments" / "half.json").write_text(json.dumps(segment, separators=(",", ":")))
    made.write_text(recipe)
    return directory
