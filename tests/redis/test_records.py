"""The checker of records itself: what the Synchronizer drops, it refuses."""

import json

import pytest

from rig import records, seeds

M = {"s": "rust-1.0.0", "n": "ip-10-0-0-7", "i": "10.0.0.7"}
SHOWN = {"k": "ann", "b": None, "f": "f", "t": "on", "r": None, "c": 1, "m": 2}
DONE = {
    "key": "ann",
    "trafficTypeName": "user",
    "eventTypeId": "paid",
    "value": None,
    "timestamp": 1,
    "properties": None,
}


def impression(**members):
    return json.dumps({"m": M, "i": {**SHOWN, **members}})


def event(**members):
    return json.dumps({"m": M, "e": {**DONE, **members}})


GOOD = [
    (records.impression, [impression()]),
    (records.impression, [impression(pt=5, properties='{"a":1}', b="bucket", r="label")]),
    (records.impression, [impression(properties=None)]),
    (records.event, [event()]),
    (records.event, [event(value=4.5, properties={"a": None})]),
    (records.unique_keys, ['{"f":"f","ks":["ann"]}']),
    (records.count, ["f::3600000", "4"]),
    (records.latency, ["rust-1.0.0/a/b/treatmentsWithConfigByFlagSets/22", "1"]),
    (records.exception, ["rust-1.0.0/a/b/track", "1"]),
    (records.init, ["rust-1.0.0/a/b", '{"oM":1,"st":"redis","aF":1,"rF":0,"t":[]}']),
]
BAD = [
    (records.impression, ["{"]),
    (records.impression, [json.dumps({"i": SHOWN})]),
    (records.impression, [json.dumps({"m": {"s": "rust-1.0.0", "n": "a"}, "i": SHOWN})]),
    (records.impression, [json.dumps({"m": {**M, "n": "a/b"}, "i": SHOWN})]),
    (records.impression, [impression(k=5)]),
    (records.impression, [impression(m=2.0)]),
    (records.impression, [impression(c="1")]),
    (records.impression, [impression(pt=None)]),
    (records.impression, [impression(m=1e3)]),
    (records.impression, [impression(properties={"a": 1})]),
    (records.impression, [impression(properties="no JSON")]),
    (records.impression, [impression().replace('"t"', '"f"')]),
    (records.event, [event(timestamp=1.5)]),
    (records.event, [event(timestamp="1")]),
    (records.event, [event(properties="{}")]),
    (records.event, [event(value="1")]),
    (records.event, [event(value=True)]),
    (records.event, [event(value=float("nan"))]),
    (records.unique_keys, ['{"f":"f","ks":[]}']),
    (records.unique_keys, ['{"f":"f","ks":[1]}']),
    (records.unique_keys, ['{"ks":["ann"]}']),
    (records.unique_keys, ['{"f":"f","ks":["ann","ann"]}']),
    (records.count, ["f::g::3600000", "1"]),
    (records.count, ["f", "1"]),
    (records.count, ["f::3600001", "1"]),
    (records.count, ["f::3600000", "1.5"]),
    (records.latency, ["rust-1.0.0/a/b/treatment/23", "1"]),
    (records.latency, ["rust-1.0.0/a/b/treatment_with_config/1", "1"]),
    (records.latency, ["rust-1.0.0/a/b/treatmentWithConfigByFlagSet/1", "1"]),
    (records.latency, ["rust-1.0.0/a/x/b/treatment/1", "1"]),
    (records.latency, ["rust-1.0.0/a/b/treatment", "1"]),
    (records.exception, ["rust-1.0.0/a/b/getTreatment", "1"]),
    (records.exception, ["rust-1.0.0/a/b/treatment/0", "1"]),
    (records.init, ["rust-1.0.0/a", '{"oM":1,"st":"redis","aF":1,"rF":0,"t":[]}']),
    (records.init, ["rust-1.0.0/a/b", '{"oM":1,"st":"redis","aF":1,"rF":0}']),
    (records.init, ["rust-1.0.0/a/b", '{"oM":1.0,"st":"redis","aF":1,"rF":0,"t":[]}']),
]


@pytest.mark.parametrize(("check", "arguments"), GOOD)
def test_what_is_taken(check, arguments):
    check(*arguments)


@pytest.mark.parametrize(("check", "arguments"), BAD)
def test_what_is_dropped(check, arguments):
    with pytest.raises(records.Bad):
        check(*arguments)


def test_what_split_pushes_is_taken():
    """But for the departures: names of methods and the init record."""
    for session in seeds.fixture("pushed.json"):
        for key in session["after"]:
            name = key["key"].rsplit("SPLITIO.", 1)[1]
            for one in key["value"] if key["type"] == "list" else ():
                text = one.replace('"<ms>"', "1").replace("<sdk>", "python-10.7.0")
                {"impressions": records.impression, "events": records.event, "uniquekeys": records.unique_keys}[name](
                    text
                )
