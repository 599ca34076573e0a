"""What is put into Redis before a test: what a real Synchronizer wrote, and flags made here."""

import functools
import json
import pathlib

# What SDKs write, and the Synchronizer reads.
PUSHED = [
    "impressions", "events", "uniquekeys", "impressions.count", "telemetry.latencies", "telemetry.exceptions",
    "telemetry.init",
]  # fmt: skip
FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures" / "redis"


@functools.lru_cache(maxsize=None)
def fixture(name):
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def put(client, record, before=""):
    """One key of keys.json or updates.json, behind a prefix that has its dot already."""
    key, value = before + record["key"], record["value"]
    client.delete(key)
    if record["type"] == "set":
        client.sadd(key, *value)
    elif record["type"] == "hash":
        client.hset(key, mapping=value)
    else:
        client.set(key, value)


def synchronized(client, before=""):
    """All that the Synchronizer wrote."""
    client.flushall()
    for record in fixture("keys.json"):
        put(client, record, before)


def clear_pushed(client, before=""):
    """Takes away what SDKs push."""
    for name in PUSHED:
        client.delete(f"{before}SPLITIO.{name}")


def flag(name, treatment="on", label="default rule", segment=None, **members):
    """A flag that gives everybody, or who is in a segment, a treatment, as the Synchronizer writes it."""
    matcher = {"matcherType": "ALL_KEYS", "negate": False, "keySelector": {"trafficType": "user", "attribute": None}}
    if segment:
        matcher.update(matcherType="IN_SEGMENT", userDefinedSegmentMatcherData={"segmentName": segment})
    return {
        "name": name, "trafficTypeName": "user", "status": "ACTIVE", "killed": False, "algo": 2, "seed": 1,
        "trafficAllocation": 100, "trafficAllocationSeed": 1, "defaultTreatment": "off", "changeNumber": 1,
        "configurations": None, "sets": None, "impressionsDisabled": False, "prerequisites": None,
        "conditions": [rollout(treatment, label, matcher)],
        **members,
    }  # fmt: skip


def rollout(treatment, label, *matchers):
    return {
        "conditionType": "ROLLOUT",
        "label": label,
        "partitions": [{"treatment": treatment, "size": 100}],
        "matcherGroup": {"combiner": "AND", "matchers": list(matchers)},
    }


def rule_based(name, *matchers, excluded_keys=None, excluded_segments=None):
    """A rule-based segment; without matchers nobody is in it."""
    conditions = [
        {"conditionType": "ROLLOUT", "matcherGroup": {"combiner": "AND", "matchers": [each]}} for each in matchers
    ]
    return {
        "name": name, "trafficTypeName": "user", "status": "ACTIVE", "changeNumber": 1,
        "excluded": {"keys": excluded_keys, "segments": excluded_segments},
        "conditions": conditions or None,
    }  # fmt: skip


def matcher(kind, attribute=None, negate=False, **data):
    return {
        "matcherType": kind,
        "negate": negate,
        "keySelector": {"trafficType": "user", "attribute": attribute},
        **data,
    }


def put_flags(client, *flags, before=""):
    """The flags, their sets and their traffic type."""
    for each in flags:
        client.set(f"{before}SPLITIO.split.{each['name']}", json.dumps(each))
        for name in each["sets"] or []:
            client.sadd(f"{before}SPLITIO.flagSet.{name}", each["name"])
    client.incrby(f"{before}SPLITIO.trafficType.user", len(flags))


def put_rule_based(client, *segments, before=""):
    for each in segments:
        client.set(f"{before}SPLITIO.rbsegment.{each['name']}", json.dumps(each))
