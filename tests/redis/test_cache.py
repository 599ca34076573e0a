"""The local cache of definitions: by name, for its time, and never of failures."""

import json
import time

import pytest

from rig import seeds
from rig.monitor import Monitor
from support.waiting import eventually


@pytest.fixture
def flags(client):
    seeds.put_flags(client, seeds.flag("one"), seeds.flag("two"))
    return client


def change(client, name, treatment):
    client.set(f"SPLITIO.split.{name}", json.dumps(seeds.flag(name, treatment)))


def test_old_before_its_time_and_new_after_it(server, flags, sdk):
    sdk.new(**server.options, redisLocalCacheTTL=2)
    began = time.monotonic()
    assert sdk.treatment("ann", "one") == "on"
    change(flags, "one", "new")
    assert sdk.treatment("ann", "one") == "on"
    assert sdk.treatment("bob", "one") == "on"
    assert sdk.call("get_treatments", key="ann", flags=["one"]) == {"one": "on"} or time.monotonic() - began > 2
    eventually(lambda: sdk.treatment("ann", "one") == "new", "the new treatment", 4)
    # The time counts from the fetch, not from the last use.
    assert 1.5 < time.monotonic() - began < 3


@pytest.mark.parametrize("config", [{"redisLocalCacheTTL": 0}, {"redisLocalCacheEnabled": False}])
def test_never_old_without_it(config, server, flags, sdk, official_only):
    if official_only and "redisLocalCacheTTL" in config:
        pytest.skip("it keeps them for a moment")
    sdk.new(**server.options, **config)
    for treatment in ("a", "b", "c"):
        change(flags, "one", treatment)
        assert sdk.treatment("ann", "one") == treatment
        assert sdk.call("get_treatments", key="ann", flags=["one", "two"]) == {"one": treatment, "two": "on"}


@pytest.mark.ours_alone("R9: it keeps sets of names")
def test_it_keeps_names(server, flags, sdk):
    """What one call fetched serves another that asks for more; what is absent is kept, too."""
    sdk.new(**server.options, redisLocalCacheTTL=60, impressionsMode="NONE")
    with Monitor(server) as monitor:
        assert sdk.treatment("ann", "one") == "on"
        assert [command for command in monitor.since() if command[0] == "MGET"] == [["MGET", "SPLITIO.split.one"]]
        assert sdk.call("get_treatments", key="ann", flags=["one", "two", "nope"])["two"] == "on"
        (asked,) = [command for command in monitor.since() if command[0] == "MGET"]
        assert sorted(asked[1:]) == ["SPLITIO.split.nope", "SPLITIO.split.two"]
        assert sdk.call("get_treatments", key="bob", flags=["nope", "two", "one"]) == {
            "nope": "control",
            "one": "on",
            "two": "on",
        }
        assert sdk.track("ann") is True
        assert ["GET", "SPLITIO.trafficType.user"] in monitor.since()
        assert sdk.track("bob") is True
        assert [command for command in monitor.since() if command[0] in ("MGET", "GET")] == []


@pytest.mark.ours_alone("it keeps failures")
def test_failures_are_not_kept(server, flags, sdk):
    sdk.new(**server.options, redisLocalCacheTTL=60)
    server.stop()
    try:
        assert sdk.treatment("ann", "one") == "control"
        assert sdk.track("ann") is True
    finally:
        server.start()
    eventually(lambda: sdk.treatment("ann", "one") == "on", "an answer")
    assert not [
        text
        for _, text in sdk.log()
        if "traffic type" in text and "user" in text and "not" in text and "fail" not in text
    ]


@pytest.mark.ours_alone("R9: rule-based segments it does not keep")
def test_segments_are_never_kept_and_rule_based_ones_are(server, synchronized, sdk):
    sdk.new(**server.options, redisLocalCacheTTL=60, impressionsMode="NONE")
    with Monitor(server) as monitor:
        for _ in range(2):
            assert sdk.treatment("tim", "adults_only", attributes={"age": 20}) == "on"
        asked = [command for command in monitor.since() if command[0] in ("MGET", "SISMEMBER")]
    member = ["SISMEMBER", "SPLITIO.segment.blocked", "tim"]
    assert asked == [["MGET", "SPLITIO.split.adults_only"], ["MGET", "SPLITIO.rbsegment.adults"], member, member]
    synchronized.sadd("SPLITIO.segment.blocked", "tim")
    assert sdk.treatment("tim", "adults_only", attributes={"age": 20}) == "off"


@pytest.mark.ours_alone("R9: 100 there")
def test_a_thousand_names(server, client, sdk):
    """The one that was not used for longest goes first."""
    names = [f"flag-{number:04}" for number in range(1100)]
    seeds.put_flags(client, *(seeds.flag(name) for name in names))
    sdk.new(**server.options, redisLocalCacheTTL=60, impressionsMode="NONE")
    with Monitor(server) as monitor:
        for name in names:
            assert sdk.treatment("ann", name) == "on"
        monitor.since()
        assert sdk.treatment("ann", names[-900]) == "on"
        assert [command for command in monitor.since() if command[0] == "MGET"] == []
        assert sdk.treatment("ann", names[0]) == "on"
        assert [command for command in monitor.since() if command[0] == "MGET"] == [
            ["MGET", f"SPLITIO.split.{names[0]}"]
        ]
