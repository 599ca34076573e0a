"""Attributes of every type against every sort of matcher."""

from values import ANY
from world import flags

from splitio import Key

flag, condition, matcher = flags.flag, flags.condition, flags.matcher


def text(value):
    return {"stringMatcherData": value}


def number(value, kind="NUMBER"):
    return {"unaryNumericMatcherData": {"dataType": kind, "value": value}}


def between(start, end, kind="NUMBER"):
    return {"betweenMatcherData": {"dataType": kind, "start": start, "end": end}}


def listed(*values):
    return {"whitelistMatcherData": {"whitelist": list(values)}}


DATE = 1_700_000_000_000
MATCHERS = {
    "whitelist": ("WHITELIST", listed("a", "5", "true", "True", '["a"]', "a thing")),
    "starts with": ("STARTS_WITH", listed("a", "5", "[", "{")),
    "starts with nothing": ("STARTS_WITH", listed("")),
    "ends with": ("ENDS_WITH", listed("a", "5", "]")),
    "contains": ("CONTAINS_STRING", listed("a", "5", "ru")),
    "pattern": ("MATCHES_STRING", text("^[a-z0-9]+$")),
    "equal": ("EQUAL_TO", number(5)),
    "at least": ("GREATER_THAN_OR_EQUAL_TO", number(5)),
    "at most": ("LESS_THAN_OR_EQUAL_TO", number(5)),
    "between": ("BETWEEN", between(0, 6)),
    "on the day": ("EQUAL_TO", number(DATE, "DATETIME")),
    "since": ("GREATER_THAN_OR_EQUAL_TO", number(DATE, "DATETIME")),
    "until": ("LESS_THAN_OR_EQUAL_TO", number(DATE, "DATETIME")),
    "between dates": ("BETWEEN", between(DATE - 86_400_000, DATE + 86_400_000, "DATETIME")),
    "true": ("EQUAL_TO_BOOLEAN", {"booleanMatcherData": True}),
    "all of set": ("CONTAINS_ALL_OF_SET", listed("a")),
    "any of set": ("CONTAINS_ANY_OF_SET", listed("a", "5")),
    "equal to set": ("EQUAL_TO_SET", listed("a", "b")),
    "part of set": ("PART_OF_SET", listed("a", "b", "c")),
    "semver": ("EQUAL_TO_SEMVER", text("1.2.3")),
    "semver at least": ("GREATER_THAN_OR_EQUAL_TO_SEMVER", text("1.0.0")),
    "semver in": ("IN_LIST_SEMVER", listed("1.2.3", "2.0.0")),
    "segment": ("IN_SEGMENT", {"userDefinedSegmentMatcherData": {"segmentName": "staff"}}),
    "all": ("ALL_KEYS", {}),
}
SECONDS = {
    "a date in seconds": DATE // 1000,
    "a date in milliseconds": DATE,
    "the day before": DATE // 1000 - 86_400,
    "text of a date": str(DATE // 1000),
}


def run(world, results):
    made = []
    for name, (kind, data) in MATCHERS.items():
        made.append(flag(name, condition("yes", matcher(kind, "v", **data))))
        made.append(flag(f"not {name}", condition("yes", matcher(kind, "v", negate=True, **data))))
        made.append(flag(f"key {name}", condition("yes", matcher(kind, None, **data))))
    world.begin(made)
    world.backend.post("segments", name="staff", keys=["zoe", "a"])
    factory = world.ready()
    client = factory.client()
    for name in MATCHERS:
        for what, value in {**ANY, **SECONDS}.items():
            results.of(f"matcher/{name}/{what}", client.get_treatment, "zoe", name, {"v": value})
            results.of(f"matcher/not {name}/{what}", client.get_treatment, "zoe", f"not {name}", {"v": value})
        for attributes in (None, {}, {"w": 1}):
            results.of(f"matcher/{name}/absent from {attributes}", client.get_treatment, "zoe", name, attributes)
            results.of(
                f"matcher/not {name}/absent from {attributes}", client.get_treatment, "z", f"not {name}", attributes
            )
        for key in ("a", "5", "1.2.3", "true", str(DATE // 1000), "[", 5, 5.5, Key("a", "b")):
            shown = f"{key.matching_key}+{key.bucketing_key}" if isinstance(key, Key) else repr(key)
            results.of(f"matcher/key {name}/{shown}", client.get_treatment, key, f"key {name}")
    world.destroy(factory)
