"""Split's Python SDK and ours on one Redis, asked the same at the same time: the same answers, and the same records."""

import json

import pytest

from rig import records, seeds, subject

KEYS = ["alice", "bob", "carol", "eve", "root", "mallory", "anosmic", "tim", "日本語", "user with spaces", "a<b>&c"]
KEYS += [f"user-{number}" for number in range(10)]
ATTRIBUTES = [
    {},
    {"age": 20, "seats": 42, "locale": "de-CH", "version": "2.0.0", "groups": ["admins"]},
    {
        "age": 17,
        "seats": 1500,
        "email": "a@b.test",
        "version": "1.9.9-rc.1",
        "groups": ["read", "write"],
        "opt_in": True,
    },
    {
        "age": 18,
        "seats": -3,
        "code": "0xff",
        "name": "an odd name",
        "version": "nonsense",
        "groups": [],
        "signup": 1641680000,
    },
]
FLAGS = [
    record["key"].removeprefix("SPLITIO.split.") for record in seeds.fixture("keys.json") if ".split." in record["key"]
]


def grid(flags=FLAGS, keys=KEYS):
    for key in keys:
        for number, attributes in enumerate(ATTRIBUTES):
            if number % 2:
                for flag in flags:
                    yield {"method": "get_treatment_with_config", "key": key, "flag": flag, "attributes": attributes}
            else:
                yield {"method": "get_treatments_with_config", "key": key, "flags": flags, "attributes": attributes}


def mixed():
    """Calls of all kinds."""
    yield from grid()
    for key in KEYS:
        for name in ("backend", "web", "mobile", "ghosts"):
            yield {"method": "get_treatments_by_flag_set", "key": key, "flag_set": name, "attributes": ATTRIBUTES[1]}
        yield {"method": "get_treatments_by_flag_sets", "key": key, "flag_sets": ["backend", "checkout"]}
        yield {"method": "get_treatment", "key": key, "bucketing_key": "org-7", "flag": "search.rank.v3"}
        yield {
            "method": "get_treatment",
            "key": key,
            "flag": "stopped",
            "properties": {"plan": "pro", "n": 3, "x": None},
        }
        yield {"method": "get_treatment", "key": key, "flag": "nope"}
        for number, value in enumerate((None, 0, 1, -1.5, 1e300)):
            properties = [None, {}, {"plan": "ü<1>", "n": 1.5, "ok": False, "none": None}][number % 3]
            event = {"traffic_type": "User", "event_type": f"paid.{number}", "value": value, "properties": properties}
            yield {"method": "track", "key": key, **event}


@pytest.fixture
def pair():
    with subject.official() as official, subject.ours() as ours:
        yield official, ours


def asked(sdk, server, client, calls, config):
    """The answers of an SDK that lives for these calls, and what it leaves."""
    seeds.clear_pushed(client)
    sdk.new(**server.options, redisLocalCacheEnabled=False, **config)
    answers = sdk.calls(calls)
    sdk.destroy()
    lists = {name: client.lrange(f"SPLITIO.{name}", 0, -1) for name in ("impressions", "events", "uniquekeys")}
    return answers, lists, client.hgetall("SPLITIO.impressions.count")


def differences(calls, theirs, ours):
    return [(call, their, our) for call, their, our in zip(calls, theirs, ours) if their != our]


@pytest.mark.parametrize("mode", ["OPTIMIZED", "DEBUG", "NONE"])
def test_same_calls(mode, pair, server, synchronized):
    official, ours = pair
    calls = list(mixed())
    config = {"impressionsMode": mode, "machineName": "box-7", "machineIp": "10.1.2.3"}
    their_answers, theirs, their_counts = asked(official, server, synchronized, calls, config)
    our_answers, our_lists, our_counts = asked(ours, server, synchronized, calls, config)
    assert len(our_answers) == len(calls) > 700
    assert differences(calls, their_answers, our_answers) == []
    for name in ("impressions", "events"):
        expected = [records.masked(json.loads(text), named=True) for text in theirs[name]]
        got = [records.masked(json.loads(text), named=True) for text in our_lists[name]]
        assert len(expected) > 0 or (mode, name) == ("NONE", "impressions")
        assert sorted(got, key=str) == sorted(expected, key=str)
    assert our_counts == their_counts
    assert unique(our_lists["uniquekeys"]) == unique(theirs["uniquekeys"]) != {}
    left = records.Left(synchronized)
    left.check_lives()
    assert left.inits
    # Nothing is evaluated for a set that is not there.
    assert sum(left.measured().values()) == len(calls) - sum(answer == {} for answer in our_answers)


def unique(elements):
    found = {}
    for one in map(json.loads, elements):
        found.setdefault(one["f"], set()).update(one["ks"])
    return found


def referring(client, kind, segments):
    """What refers to one of the rule-based segments, by its definition's text."""
    found = []
    for key in client.keys(f"SPLITIO.{kind}.*"):
        text = client.get(key)
        if any(f'"segmentName":"{name}"' in text or f'{{"name":"{name}","type"' in text for name in segments):
            found.append(key.removeprefix(f"SPLITIO.{kind}."))
    return found


def test_after_each_update(pair, server, synchronized):
    """The Synchronizer's own updates, one after the other."""
    config = {**server.options, "redisLocalCacheEnabled": False}
    for sdk in pair:
        sdk.new(**config)
    gone = []
    for update in seeds.fixture("updates.json"):
        for record in update["changed"]:
            seeds.put(synchronized, record)
        for key in update["removed"]:
            synchronized.delete(key)
            gone += [key.removeprefix("SPLITIO.rbsegment.")] if ".rbsegment." in key else []
        # What refers to a rule-based segment that is gone raises there: control, no impression. Here nobody is in it.
        missing = referring(synchronized, "split", [*gone, *referring(synchronized, "rbsegment", gone)])
        calls = list(grid([name for name in FLAGS if name not in missing], KEYS[:13]))
        official, ours = (sdk.calls(calls) for sdk in pair)
        assert differences(calls, official, ours) == [], update["what"]
        for name in missing:
            assert pair[1].treatment("tim", name, attributes={"age": 20}) == "off"
        assert pair[1].call("split_names") == pair[0].call("split_names")
        assert pair[1].call("splits") == pair[0].call("splits")
    assert set(gone) == {"scented", "adults"}
    for sdk in pair:
        sdk.destroy()
