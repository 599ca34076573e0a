"""What is read for an evaluation, in how many round trips, and what comes of what is missing or broken."""

import json
import threading
import time

import pytest

import splitio
from rig import records, seeds, subject
from rig.monitor import Monitor
from rig.proxy import Proxy
from splitio.models.events import SdkEvent

AGE = seeds.matcher("GREATER_THAN_OR_EQUAL_TO", "age", unaryNumericMatcherData={"dataType": "NUMBER", "value": 18})


def in_segment(name, negate=False):
    return seeds.matcher("IN_SEGMENT", negate=negate, userDefinedSegmentMatcherData={"segmentName": name})


def in_rule_based(name, negate=False):
    return seeds.matcher("IN_RULE_BASED_SEGMENT", negate=negate, userDefinedSegmentMatcherData={"segmentName": name})


def depends(name, *treatments):
    return seeds.matcher("IN_SPLIT_TREATMENT", dependencyMatcherData={"split": name, "treatments": list(treatments)})


def chain():
    """flag -> prerequisite -> rule-based segment -> rule-based segment -> segment; and a treatment of another flag."""
    flags = [
        seeds.flag("top", prerequisites=[{"n": "middle", "ts": ["on"]}]),
        seeds.flag("middle", conditions=[seeds.rollout("on", "adult", in_rule_based("adults"))]),
        seeds.flag("by_treatment", conditions=[seeds.rollout("on", "with top", depends("top", "on"))]),
        seeds.flag("ping", prerequisites=[{"n": "pong", "ts": ["on"]}]),
        seeds.flag("pong", prerequisites=[{"n": "ping", "ts": ["on"]}]),
        seeds.flag("on_nothing", prerequisites=[{"n": "nowhere", "ts": ["on"]}]),
        seeds.flag("on_no_segment", conditions=[seeds.rollout("on", "in it", in_rule_based("nowhere"))]),
        seeds.flag("not_in_no_segment", conditions=[seeds.rollout("on", "not in it", in_rule_based("nowhere", True))]),
        seeds.flag(
            "by_segment",
            conditions=[seeds.rollout("on", "in a", in_segment("a")), seeds.rollout("on", "in b", in_segment("b"))],
        ),
        seeds.flag("plain"),
    ]  # fmt: skip
    segments = [
        seeds.rule_based("adults", AGE, excluded_segments=[{"name": "banned", "type": "rule-based"}]),
        seeds.rule_based("banned", in_segment("bad")),
    ]
    return flags, segments


@pytest.fixture
def chained(client):
    flags, segments = chain()
    seeds.put_flags(client, *flags)
    seeds.put_rule_based(client, *segments)
    client.sadd("SPLITIO.segment.bad", "eve")
    client.sadd("SPLITIO.segment.a", "ann")
    return client


def test_chain_of_dependencies(server, chained, sdk, official_only):
    sdk.new(**server.options, redisLocalCacheEnabled=False)
    answers = {}
    for key, age in (("ann", 20), ("kid", 10), ("eve", 20)):
        for flag in ("top", "middle", "by_treatment"):
            answers[key, flag] = sdk.treatment(key, flag, attributes={"age": age})
    assert answers == {
        ("ann", "top"): "on", ("ann", "middle"): "on", ("ann", "by_treatment"): "on",
        ("kid", "top"): "off", ("kid", "middle"): "off", ("kid", "by_treatment"): "off",
        ("eve", "top"): "off", ("eve", "middle"): "off", ("eve", "by_treatment"): "off",
    }  # fmt: skip
    assert sdk.treatment("ann", "on_nothing") == "off"
    if not official_only:
        assert sdk.treatment("ann", "on_no_segment") == "off"
        assert sdk.treatment("ann", "not_in_no_segment") == "on"
        # Two that want each other end: neither's prerequisite is met.
        assert sdk.treatment("ann", "ping") in ("off", "control")


@pytest.mark.ours_alone("it asks for segments one by one")
@pytest.mark.parametrize(
    ("flag", "trips"),
    [
        ("plain", 1),
        ("by_segment", 2),
        ("on_no_segment", 2),
        ("on_nothing", 2),
        ("ping", 2),
        # middle, adults, banned, and the segment.
        ("top", 5),
    ],
)
def test_round_trips(flag, trips, server, chained, sdk):
    with Proxy(server) as proxy:
        sdk.new(**proxy.options, redisLocalCacheEnabled=False, impressionsMode="NONE")
        before = proxy.trips
        sdk.treatment("ann", flag, attributes={"age": 20})
        assert proxy.trips - before == trips


@pytest.mark.ours_alone("a time for each command")
def test_many_slow_answers_have_an_end(server, chained, sdk):
    """Each in its time, but five of them are more than an evaluation may take."""
    timeout = 0.5
    with Proxy(server) as proxy:
        sdk.new(**proxy.options, redisLocalCacheEnabled=False, redisSocketTimeout=timeout, impressionsMode="NONE")
        proxy.held = 0.7 * timeout
        assert sdk.treatment("ann", "plain") == "on"
        assert sdk.treatment("ann", "top", attributes={"age": 20}) in ("off", "control")
        assert sdk.seconds < 2 * timeout + 0.2


def failures(stat):
    return stat.get("failed_calls", 0) + stat.get("rejected_calls", 0)


@pytest.mark.ours_alone("R7")
def test_no_mget_without_names(server, chained, sdk):
    sdk.new(**server.options, redisLocalCacheEnabled=False)
    chained.config_resetstat()
    with Monitor(server) as monitor:
        for flag in ("plain", "top", "middle", "by_treatment", "on_no_segment", "nope"):
            sdk.treatment("ann", flag, attributes={"age": 20})
        sdk.call("get_treatments_by_flag_set", key="ann", flag_set="ghosts")
        asked = monitor.since()
    assert [command for command in asked if command == ["MGET"]] == []
    assert {command[0] for command in asked} & {"MULTI", "EXEC"} == set()
    stats = chained.info("commandstats")
    assert [
        name for name in ("mget", "sismember", "smembers", "rpush") if failures(stats.get(f"cmdstat_{name}", {}))
    ] == []


BROKEN = {
    "no JSON": "{",
    "not an object": "[1]",
    "empty": "",
    "a number for a name": json.dumps({**seeds.flag("x"), "name": 5}),
    "without a name": json.dumps({name: value for name, value in seeds.flag("x").items() if name != "name"}),
    "text for conditions": json.dumps({**seeds.flag("x"), "conditions": "none"}),
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "a list": ["of", "texts"],
}


@pytest.mark.ours_alone("it raises, or all three are unknown")
@pytest.mark.parametrize("kind", BROKEN)
def test_one_of_three_flags_is_broken(kind, server, client, sdk):
    seeds.put_flags(client, seeds.flag("one", sets=["s"]), seeds.flag("three", sets=["s"]))
    if isinstance(BROKEN[kind], list):
        client.rpush("SPLITIO.split.two", *BROKEN[kind])
    else:
        client.set("SPLITIO.split.two", BROKEN[kind])
    client.sadd("SPLITIO.flagSet.s", "two")
    sdk.new(**server.options, impressionsMode="DEBUG")
    assert sdk.call("get_treatments", key="ann", flags=["one", "two", "three"]) == {
        "one": "on",
        "two": "control",
        "three": "on",
    }
    by_set = sdk.call("get_treatments_by_flag_set", key="ann", flag_set="s")
    assert (by_set["one"], by_set["three"], by_set.get("two", "control")) == ("on", "on", "control")
    assert [view["name"] for view in sdk.call("splits")] == ["one", "three"]
    assert sdk.call("split", name="two") is None
    sdk.destroy()
    assert {one["i"]["f"] for one in records.Left(client).impressions} == {"one", "three"}


def test_null_absent_and_empty_are_the_same(server, client, sdk, official_only):
    names = []
    for kind, change in {
        "null": {"configurations": None, "sets": None, "prerequisites": None, "impressionsDisabled": None},
        "empty": {"configurations": {}, "sets": [], "prerequisites": []},
        "absent": {},
    }.items():
        one = seeds.flag(f"with_{kind}", conditions=[seeds.rollout("on", "in it", in_rule_based(f"rbs_{kind}"))])
        if kind == "absent":
            for member in ("configurations", "sets", "prerequisites", "impressionsDisabled"):
                del one[member]
            client.set(f"SPLITIO.split.{one['name']}", json.dumps(one))
        else:
            if official_only:
                change.pop("impressionsDisabled", None)
            seeds.put_flags(client, {**one, **change})
        excluded = {"null": (None, None), "empty": ([], []), "absent": (None, None)}[kind]
        segment = seeds.rule_based(f"rbs_{kind}", AGE, excluded_keys=excluded[0], excluded_segments=excluded[1])
        if kind == "absent" and not official_only:
            del segment["excluded"]
        seeds.put_rule_based(client, segment)
        names.append(one["name"])
    sdk.new(**server.options)
    for age, treatment in ((20, "on"), (10, "off")):
        answers = sdk.call("get_treatments_with_config", key="ann", flags=names, attributes={"age": age})
        assert answers == {name: [treatment, None] for name in names}
    assert sdk.call("get_treatment", key="ann", flag="with_null", attributes={"age": 20}) == "on"
    assert [(view["sets"], view["prerequisites"], view["configs"]) for view in sdk.call("splits")] == [([], [], {})] * 3


@pytest.mark.ours_alone("a defect there")
def test_null_conditions_of_a_rule_based_segment(server, client, sdk):
    seeds.put_flags(client, seeds.flag("f", conditions=[seeds.rollout("on", "in it", in_rule_based("nobody"))]))
    seeds.put_rule_based(client, seeds.rule_based("nobody"))
    sdk.new(**server.options)
    assert sdk.treatment("ann", "f") == "off"


def test_set_names_a_flag_that_is_gone(server, client, sdk):
    seeds.put_flags(client, seeds.flag("here", sets=["s"]))
    client.sadd("SPLITIO.flagSet.s", "gone")
    sdk.new(**server.options, impressionsMode="DEBUG")
    answers = sdk.call("get_treatments_by_flag_set", key="ann", flag_set="s")
    assert answers["here"] == "on"
    assert answers.get("gone", "control") == "control"
    sdk.destroy()
    assert client.llen("SPLITIO.impressions") == 1


@pytest.mark.ours_alone("it raises")
def test_keys_of_another_type(server, client, sdk):
    seeds.put_flags(client, seeds.flag("one", segment="s"))
    for key in ("SPLITIO.segment.s", "SPLITIO.flagSet.s", "SPLITIO.impressions.count"):
        client.set(key, "a text")
    sdk.new(**server.options)
    for _ in range(2):
        assert sdk.treatment("ann", "one") == "off"
    assert sdk.call("get_treatments_by_flag_set", key="ann", flag_set="s") == {}
    sdk.destroy()
    assert client.llen("SPLITIO.impressions") == 1


def test_much_of_everything(server, client, sdk):
    """A definition of megabytes, and thousands of flags in one call."""
    listed = seeds.matcher("WHITELIST", whitelistMatcherData={"whitelist": [f"user-{n:07}" for n in range(200_000)]})
    names = [f"flag-{number:04}" for number in range(3000)]
    seeds.put_flags(client, seeds.flag("big", conditions=[seeds.rollout("on", "listed", listed)]))
    seeds.put_flags(client, *(seeds.flag(name, name, sets=["all"]) for name in names))
    sdk.new(**server.options, impressionsMode="DEBUG", redisLocalCacheEnabled=False)
    assert sdk.call("get_treatments", key="user-0199999", flags=["big"]) == {"big": "on"}
    assert sdk.treatment("user-0200000", "big") == "off"
    assert sdk.call("get_treatments_by_flag_set", key="ann", flag_set="all") == {name: name for name in names}
    assert sdk.call("get_treatments", key="bob", flags=names) == {name: name for name in names}
    sdk.destroy()
    assert client.llen("SPLITIO.impressions") == 6002


def test_empty_redis_is_no_error(server, client, sdk):
    sdk.new(**server.options)
    assert sdk.treatment("ann", "one") == "control"
    assert sdk.call("split_names") == sdk.call("splits") == []
    assert sdk.call("get_treatments_by_flag_set", key="ann", flag_set="s") == {}


def test_filter_of_flag_sets_is_dropped(server, synchronized, sdk):
    sdk.new(**server.options, flagSetsFilter=["backend"])
    assert sdk.treatment("tim", "adults_only", attributes={"age": 20}) == "on"
    assert [
        text
        for level, text in sdk.log()
        if level in ("WARNING", "ERROR") and "flag" in text.lower() and "filter" in text.lower()
    ]


def test_many_flags_at_the_manager(server, client, sdk):
    """More than one answer of SCAN and one MGET hold; a name is given once."""
    names = [f"flag-{number:04}" for number in range(2600)]
    seeds.put_flags(client, *(seeds.flag(name) for name in names))
    client.mset({f"other.{number}": "x" for number in range(3000)})
    sdk.new(**server.options)
    assert sdk.call("split_names") == names
    assert [view["name"] for view in sdk.call("splits")] == names


@pytest.mark.ours_alone("R1")
def test_lives_are_set_once(server, client):
    """Only the push that made a key sets its time; afterwards it is never touched."""
    seeds.put_flags(client, seeds.flag("plain"), seeds.flag("counted", impressionsDisabled=True))
    kinds = {"impressions", "events", "uniquekeys", "impressions.count", "telemetry.latencies"}

    def use(number):
        with subject.ours() as one:
            one.new(**server.options)
            for _ in range(3):
                assert one.treatment(f"key-{number}", "plain") == "on"
            assert one.treatment(f"key-{number}", "counted") == "on"
            assert one.track(f"key-{number}") is True
            one.destroy()

    use(1)
    left = records.Left(client)
    left.check_lives()
    assert kinds <= set(left.present)
    for kind in kinds:
        assert client.persist(f"SPLITIO.{kind}")
    use(2)
    assert {kind: client.ttl(f"SPLITIO.{kind}") for kind in kinds} == dict.fromkeys(kinds, -1)
    for kind in kinds:
        client.delete(f"SPLITIO.{kind}")
    use(3)
    records.Left(client).check_lives()


@pytest.mark.ours_alone("it has no second life")
def test_unique_keys_in_pushes_of_5000(server, client, sdk):
    seeds.put_flags(
        client, seeds.flag("counted", impressionsDisabled=True), seeds.flag("other", impressionsDisabled=True)
    )
    sdk.new(**server.options, redisLocalCacheTTL=60)
    calls = [
        {"method": "get_treatments", "key": f"key-{number}", "flags": ["counted", "other"]} for number in range(6500)
    ]
    with Monitor(server) as monitor:
        sdk.calls(calls)
        sdk.destroy()
        pushes = [command[2:] for command in monitor.since() if command[:2] == ["RPUSH", "SPLITIO.uniquekeys"]]
    sizes = [sum(len(records.unique_keys(one)["ks"]) for one in push) for push in pushes]
    assert sum(sizes) == 13_000
    assert max(sizes) <= records.MOST_KEYS
    # Pieces of 5000 and 1500 for each flag, no two of which fit together in this order.
    assert len(sizes) <= 4
    found = {}
    for push in pushes:
        for one in map(records.unique_keys, push):
            found.setdefault(one["f"], []).extend(one["ks"])
    expected = sorted(f"key-{number}" for number in range(6500))
    assert {flag: sorted(keys) for flag, keys in found.items()} == {"counted": expected, "other": expected}


def test_flag_with_colons_is_not_counted(server, client, sdk, official_only):
    """Its field would be in three parts, and the Synchronizer drops it."""
    seeds.put_flags(client, seeds.flag("a::b"), seeds.flag("plain"))
    sdk.new(**server.options)
    for _ in range(3):
        assert sdk.call("get_treatments", key="ann", flags=["a::b", "plain"]) == {"a::b": "on", "plain": "on"}
    sdk.destroy()
    if not official_only:
        left = records.Left(client)
        assert left.counted() == {"plain": 2}
        assert sorted(one["i"]["f"] for one in left.impressions) == ["a::b", "plain"]


@pytest.mark.ours_alone("R2, R5, R10")
def test_what_is_pushed(server, client, sdk):
    """All kinds of records of one session, looked at one by one."""
    seeds.put_flags(client, seeds.flag("plain"), seeds.flag("counted", impressionsDisabled=True))
    before = time.time() * 1000
    sdk.new(**server.options, impressionsMode="DEBUG", machineName="box-7", machineIp="10.1.2.3")
    for _ in range(2):
        assert sdk.treatment("ann", "plain") == "on"
    assert sdk.treatment("ann", "plain", properties={"plan": "pro"}) == "on"
    assert sdk.call("get_treatments_with_config", key="ann", flags=["plain"], bucketing_key="b") == {
        "plain": ["on", None]
    }
    assert sdk.treatment("ann", "counted") == "on"
    assert sdk.track("ann", value=42.5, properties={"a": 1, "b": None, "c": "x"}) is True
    sdk.destroy()
    left = records.Left(client)
    left.check_lives()
    after = time.time() * 1000
    first, second, third, fourth = [one["i"] for one in left.impressions]
    assert "pt" not in first
    assert second["pt"] == first["m"]
    assert "pt" not in third
    assert json.loads(third["properties"]) == {"plan": "pro"}
    assert fourth["b"] == "b"
    assert all(before - 1 <= one["m"] <= after for one in (first, second, third, fourth))
    (event,) = left.events
    assert event["e"]["properties"] == {"a": 1, "b": None, "c": "x"}
    assert before - 1 <= event["e"]["timestamp"] <= after
    assert event["m"]["n"] == "box-7"
    assert left.unique() == {"counted": {"ann"}}
    assert left.counted() == {"counted": 1}
    assert left.measured() == {"treatment": 4, "treatmentsWithConfig": 1, "track": 1}
    # Of a socket: no call of a hundred microseconds is in the last bucket, none of more in the first.
    assert {one["bucket"] for one in left.latencies} <= set(range(15))
    assert left.inits == [
        {"identity": [event["m"]["s"], "box-7", "10.1.2.3"], "oM": 1, "st": "redis", "aF": 1, "rF": 0, "t": []}
    ]


@pytest.mark.ours_alone("R5")
def test_factories_are_counted(server, client, factory_of):
    """The init record says how many SDK keys there are, and how many factories too many; a later one of the same
    machine replaces it."""
    told = []
    for _ in range(3):
        factory_of(server)
        (init,) = records.Left(client).inits
        told.append((init["aF"], init["rF"]))
    assert [(active - told[0][0], redundant - told[0][1]) for active, redundant in told] == [(0, 0), (0, 1), (0, 2)]


@pytest.mark.ours_alone("R14: never called")
def test_ready_is_told(server, client):
    factory = splitio.get_factory("an-sdk-key", config=server.options)
    assert factory.ready
    factory.block_until_ready(0.001)
    called = threading.Event()
    factory.client().on(SdkEvent.SDK_READY, lambda _metadata: called.set())
    assert called.wait(5)
    done = threading.Event()
    factory.destroy(done)
    assert done.wait(20)
